#pragma once
// Counts the calls of operator new in the whole program. Exactly one source file of an executable
// defines SUPPORT_COUNTING_NEW_IMPLEMENTATION before it includes this.

#include <cstddef>

namespace support {

/// How often memory was asked for since the program started, by operator new in any of its forms.
std::size_t allocations();

/// For libraries that call malloc themselves and can say so (see backends/eigen.hpp).
void count_allocation();

}  // namespace support

#ifdef SUPPORT_COUNTING_NEW_IMPLEMENTATION

#include <atomic>
#include <cstdlib>
#include <new>

namespace support {
namespace {

std::atomic<std::size_t> allocation_count{0};

void* counted(std::size_t size) noexcept {
    count_allocation();
    return std::malloc(size > 0 ? size : 1);
}

void* counted(std::size_t size, std::align_val_t alignment) noexcept {
    count_allocation();
    const std::size_t unit = static_cast<std::size_t>(alignment);
    return std::aligned_alloc(unit, (size + unit - 1) / unit * unit);
}

// Out of line: a compiler that sees free behind operator delete calls it a mismatch.
[[gnu::noinline]] void give_back(void* memory) noexcept { std::free(memory); }

}  // namespace

std::size_t allocations() { return allocation_count.load(); }
void count_allocation() { ++allocation_count; }

}  // namespace support

void* operator new(std::size_t size) {
    if (void* memory = support::counted(size)) return memory;
    throw std::bad_alloc();
}
void* operator new[](std::size_t size) { return operator new(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    return support::counted(size);
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
    return support::counted(size);
}
void* operator new(std::size_t size, std::align_val_t alignment) {
    if (void* memory = support::counted(size, alignment)) return memory;
    throw std::bad_alloc();
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
    return operator new(size, alignment);
}
void operator delete(void* memory) noexcept { support::give_back(memory); }
void operator delete[](void* memory) noexcept { support::give_back(memory); }
void operator delete(void* memory, std::size_t) noexcept { support::give_back(memory); }
void operator delete[](void* memory, std::size_t) noexcept { support::give_back(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { support::give_back(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { support::give_back(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
    support::give_back(memory);
}
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept {
    support::give_back(memory);
}

#endif
