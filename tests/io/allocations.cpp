// In a file of its own: where g++ sees malloc through new, but not free through delete, it warns.

#include "allocations.hpp"

#include <algorithm>
#include <cstdlib>
#include <new>

void* operator new(std::size_t size) {
    io_test::largest_allocation = std::max(io_test::largest_allocation, size);
    if (void* memory = std::malloc(size != 0 ? size : 1)) return memory;
    throw std::bad_alloc();
}

void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
