#pragma once

#include <cstddef>
#include <memory>
#include <new>

namespace diffusion::nn {

/// Scratch memory that a kernel may overwrite: grows to the largest request and stays.
///
/// One workspace belongs to one thread. After the first pass over a network it has the size that
/// the hungriest layer needs, and nothing allocates any more.
class workspace {
public:
    /// Room for `count` numbers of type T on a 64-byte boundary, valid until the next `take`.
    template <class T>
    T* take(std::size_t count) {
        return static_cast<T*>(work_.at_least(count * sizeof(T)));
    }

    /// A second such room, for prepared weights: valid until the next `keep`.
    template <class T>
    T* keep(std::size_t count) {
        return static_cast<T*>(kept_.at_least(count * sizeof(T)));
    }

    /// Bytes that are held now.
    std::size_t size() const { return work_.bytes + kept_.bytes; }

private:
    static constexpr std::align_val_t alignment{64};
    struct release {
        void operator()(void* memory) const { ::operator delete(memory, alignment); }
    };
    struct room {
        std::unique_ptr<void, release> memory;
        std::size_t bytes = 0;

        void* at_least(std::size_t wanted) {
            if (wanted > bytes) {
                memory.reset();  // free the old room before the new one is taken
                bytes = 0;
                memory.reset(::operator new(wanted, alignment));
                bytes = wanted;
            }
            return memory.get();
        }
    };

    room work_, kept_;
};

}  // namespace diffusion::nn
