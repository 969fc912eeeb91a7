#pragma once

#include <atomic>
#include <csignal>

namespace examples {

namespace detail {

inline std::atomic<bool> interrupt_seen{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler may touch nothing else");

}  // namespace detail

/// Ctrl-C as a polite request, as long as this object lives: the first one only sets a flag, so
/// that the step in hand can be finished and the work saved; the second one ends the program as
/// usual.
class interrupt {
public:
    interrupt() : before_(std::signal(SIGINT, &interrupt::on_signal)) {
        detail::interrupt_seen.store(false);
    }
    ~interrupt() { std::signal(SIGINT, before_); }
    interrupt(const interrupt&) = delete;
    interrupt& operator=(const interrupt&) = delete;

    /// Whether Ctrl-C was pressed.
    bool requested() const { return detail::interrupt_seen.load(); }

private:
    using handler = void (*)(int);

    // Only what POSIX allows inside a handler: a lock-free store and signal().
    static void on_signal(int) {
        detail::interrupt_seen.store(true);
        std::signal(SIGINT, SIG_DFL);
    }

    handler before_;
};

}  // namespace examples
