#pragma once

namespace diffusion::nn {

template <class T>
class tape;

/// What a tape does with the operations that run on it.
struct tape_mode {
    bool recording = true;  ///< off: no value needs a gradient, and none is kept for one
    bool keeping = true;    ///< off: values know whether they need a gradient, but the adjoints are
                            ///< thrown away, as by whoever will compute them again
    bool collecting = true;  ///< off: parameters count as constants
};

/// Puts a tape into another mode for the rest of a scope.
template <class T>
class scoped_mode {
public:
    scoped_mode(tape<T>& t, const tape_mode& mode) : tape_(t), before_(t.mode()) { t.mode(mode); }
    scoped_mode(const scoped_mode&) = delete;
    scoped_mode& operator=(const scoped_mode&) = delete;
    ~scoped_mode() { tape_.mode(before_); }

private:
    tape<T>& tape_;
    tape_mode before_;
};

/// Switches recording off for the rest of a scope.
template <class T>
class without_recording {
public:
    explicit without_recording(tape<T>& t)
        : scope_(t, {false, t.mode().keeping, t.mode().collecting}) {}

private:
    scoped_mode<T> scope_;
};

template <class T>
without_recording(tape<T>&) -> without_recording<T>;

}  // namespace diffusion::nn
