#pragma once

#include <cstddef>
#include <new>
#include <utility>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace diffusion::nn {

/// Alignment in bytes of everything that the networks' inner loops touch: a cache line, which is
/// also the widest vector register.
inline constexpr std::size_t alignment = 64;

namespace detail {

/// A step of training goes through a hundred megabytes. In pages of 4 KB each of them has to be
/// looked up in tables, twice in a virtual machine; this is the size of the next larger ones.
inline constexpr std::size_t large_page = std::size_t(2) << 20;

constexpr std::align_val_t alignment_of(std::size_t bytes) {
    return std::align_val_t{bytes >= large_page ? large_page : alignment};
}

/// Uninitialised memory for many numbers, in large pages where there is enough of it and the
/// system has them.
inline void* allocate(std::size_t bytes) {
    void* memory = ::operator new(bytes, alignment_of(bytes));
#if defined(__linux__)
    if (bytes >= large_page) ::madvise(memory, bytes, MADV_HUGEPAGE);  // a wish: no matter if not
#endif
    return memory;
}

inline void deallocate(void* memory, std::size_t bytes) noexcept {
    ::operator delete(memory, alignment_of(bytes));
}

/// A piece of such memory that is given back when the object dies.
class pages {
public:
    pages() = default;
    explicit pages(std::size_t bytes) : memory_(allocate(bytes)), bytes_(bytes) {}
    pages(pages&& other) noexcept
        : memory_(std::exchange(other.memory_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
    pages& operator=(pages other) noexcept {
        std::swap(memory_, other.memory_);
        std::swap(bytes_, other.bytes_);
        return *this;
    }
    ~pages() {
        if (memory_ != nullptr) deallocate(memory_, bytes_);
    }

    void* at(std::size_t offset) const { return static_cast<std::byte*>(memory_) + offset; }
    std::size_t size() const { return bytes_; }

private:
    void* memory_ = nullptr;
    std::size_t bytes_ = 0;
};

// AddressSanitizer sees the end of what comes from the heap, and is given each block from there.
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define DIFFUSION_NN_EACH_FROM_THE_HEAP
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define DIFFUSION_NN_EACH_FROM_THE_HEAP
#endif
#if defined(DIFFUSION_NN_EACH_FROM_THE_HEAP)
#undef DIFFUSION_NN_EACH_FROM_THE_HEAP
inline constexpr std::size_t first_slab = 0, largest_slab = 0;
#else
inline constexpr std::size_t first_slab = std::size_t(64) << 10, largest_slab = 2 * large_page;
#endif

}  // namespace detail
}  // namespace diffusion::nn
