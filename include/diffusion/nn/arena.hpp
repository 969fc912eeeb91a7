#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <new>
#include <unordered_map>
#include <utility>
#include <vector>

namespace diffusion::nn {

/// Alignment in bytes of everything that the networks' inner loops touch: a cache line, which is
/// also the widest vector register.
inline constexpr std::size_t alignment = 64;

/// The allocator of `aligned_vector`.
template <class T>
struct aligned_allocator {
    using value_type = T;

    aligned_allocator() = default;
    template <class U>
    aligned_allocator(const aligned_allocator<U>&) {}

    T* allocate(std::size_t count) {
        return static_cast<T*>(::operator new (count * sizeof(T), std::align_val_t{alignment}));
    }
    void deallocate(T* p, std::size_t) noexcept {
        ::operator delete (p, std::align_val_t{alignment});
    }
    friend bool operator==(const aligned_allocator&, const aligned_allocator&) { return true; }
};

/// A std::vector whose first element lies on a cache line.
template <class T>
using aligned_vector = std::vector<T, aligned_allocator<T>>;

/// Memory for the intermediate values of a network, with one list of free blocks for each exact
/// size.
///
/// A network asks for the same sizes in every step, so that after the first step each request finds
/// a block of its size and the heap is never called again. Blocks start on a cache line and are not
/// initialised; without NDEBUG a returned block is filled with NaN, so that an adjoint that reads a
/// value which was freed too early is noticed.
template <class T>
class arena {
public:
    arena() = default;
    arena(const arena&) = delete;
    arena& operator=(const arena&) = delete;
    ~arena() { release(); }

    /// A block of `count` elements, uninitialised.
    T* take(std::size_t count) {
        free_list& list = lists_[count];
        header* block = list.first;
        if (block != nullptr) {
            list.first = block->next;
        } else {
            void* memory =
                ::operator new (sizeof(header) + count * sizeof(T), std::align_val_t{alignment});
            block = new (memory) header{};
            block->home = &list;
            list.count = count;
            bytes_held_ += count * sizeof(T);
        }
        bytes_in_use_ += count * sizeof(T);
        peak_bytes_ = std::max(peak_bytes_, bytes_in_use_);
        return reinterpret_cast<T*>(block + 1);
    }

    /// Takes back a block that `take` gave.
    void give(T* elements) noexcept {
        header* block = reinterpret_cast<header*>(elements) - 1;
        free_list& list = *block->home;
        bytes_in_use_ -= list.count * sizeof(T);
#ifndef NDEBUG
        std::fill_n(elements, list.count, std::numeric_limits<T>::quiet_NaN());
#endif
        block->next = list.first;
        list.first = block;
    }

    /// Returns all free blocks to the heap; blocks in use are not touched.
    void release() noexcept {
        for (auto& [count, list] : lists_) {
            while (list.first != nullptr) {
                header* block = list.first;
                list.first = block->next;
                bytes_held_ -= count * sizeof(T);
                ::operator delete (block, std::align_val_t{alignment});
            }
        }
    }

    /// Bytes taken from the heap, in use or free.
    std::size_t bytes_held() const { return bytes_held_; }

    /// Bytes handed out now.
    std::size_t bytes_in_use() const { return bytes_in_use_; }

    /// The most bytes that were ever handed out at once.
    std::size_t peak_bytes() const { return peak_bytes_; }

private:
    struct free_list;
    struct alignas(alignment) header {  // stands before each block
        free_list* home = nullptr;
        header* next = nullptr;
    };
    struct free_list {
        header* first = nullptr;
        std::size_t count = 0;
    };

    std::unordered_map<std::size_t, free_list> lists_;  // its elements never move
    std::size_t bytes_held_ = 0;
    std::size_t bytes_in_use_ = 0;
    std::size_t peak_bytes_ = 0;
};

/// A block of an arena that returns when the object dies: scratch, or what an operation keeps for
/// its adjoint.
template <class T>
class arena_block {
public:
    arena_block() = default;
    arena_block(arena<T>& home, std::size_t count)
        : home_(&home), data_(home.take(count)), size_(count) {}
    arena_block(arena_block&& other) noexcept
        : home_(other.home_), data_(other.data_), size_(other.size_) {
        other.data_ = nullptr;
    }
    arena_block& operator=(arena_block&& other) noexcept {
        std::swap(home_, other.home_);
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        return *this;
    }
    ~arena_block() {
        if (data_ != nullptr) home_->give(data_);
    }

    T* data() { return data_; }
    const T* data() const { return data_; }
    std::size_t size() const { return size_; }
    T& operator[](std::size_t i) { return data_[i]; }
    const T& operator[](std::size_t i) const { return data_[i]; }

private:
    arena<T>* home_ = nullptr;
    T* data_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace diffusion::nn
