#pragma once
// Counts what a program takes from the heap, by replacing the global operator new. Exactly one
// source file of a program includes this.

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace examples {

namespace detail {

inline std::atomic<std::size_t> heap_requests{0};

inline void* from_heap(std::size_t size, std::size_t alignment) {
    heap_requests.fetch_add(1, std::memory_order_relaxed);
    const std::size_t whole = (size + alignment - 1) / alignment * alignment;
    if (void* memory = std::aligned_alloc(alignment, whole > 0 ? whole : alignment)) return memory;
    throw std::bad_alloc();
}

// Out of line: a compiler that sees free behind operator delete calls it a mismatch.
[[gnu::noinline]] inline void to_heap(void* memory) noexcept { std::free(memory); }

}  // namespace detail

/// How often operator new was called since the program started.
inline std::size_t heap_requests() { return detail::heap_requests.load(); }

}  // namespace examples

void* operator new(std::size_t size) {
    return examples::detail::from_heap(size, __STDCPP_DEFAULT_NEW_ALIGNMENT__);
}
void* operator new[](std::size_t size) { return operator new(size); }
void* operator new(std::size_t size, std::align_val_t alignment) {
    return examples::detail::from_heap(size, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
    return operator new(size, alignment);
}
void operator delete(void* memory) noexcept { examples::detail::to_heap(memory); }
void operator delete[](void* memory) noexcept { examples::detail::to_heap(memory); }
void operator delete(void* memory, std::size_t) noexcept { examples::detail::to_heap(memory); }
void operator delete[](void* memory, std::size_t) noexcept { examples::detail::to_heap(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { examples::detail::to_heap(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept {
    examples::detail::to_heap(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
    examples::detail::to_heap(memory);
}
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept {
    examples::detail::to_heap(memory);
}
