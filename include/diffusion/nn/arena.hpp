#pragma once

#include <algorithm>
#include <cstddef>
#include <diffusion/nn/pages.hpp>
#include <limits>
#include <list>
#include <new>
#include <unordered_map>
#include <utility>
#include <vector>

namespace diffusion::nn {

/// The allocator of `aligned_vector`.
template <class T>
struct aligned_allocator {
    using value_type = T;

    aligned_allocator() = default;
    template <class U>
    aligned_allocator(const aligned_allocator<U>&) {}

    T* allocate(std::size_t count) { return static_cast<T*>(detail::allocate(count * sizeof(T))); }
    void deallocate(T* p, std::size_t count) noexcept { detail::deallocate(p, count * sizeof(T)); }
    friend bool operator==(const aligned_allocator&, const aligned_allocator&) { return true; }
};

/// A std::vector whose first element lies on a cache line.
template <class T>
using aligned_vector = std::vector<T, aligned_allocator<T>>;

/// Memory for the intermediate values of a network, with one list of free blocks for each exact
/// size.
///
/// A network asks for the same sizes in every step, so that after the first step each request finds
/// a block of its size and the heap is never called again. New blocks are cut from slabs, each
/// twice as large as the one before until they fill large pages. Blocks start on a cache line and
/// are not initialised; without NDEBUG a returned block is filled with NaN, so that an adjoint that
/// reads a value which was freed too early is noticed. Under AddressSanitizer each block is a slab
/// of its own, so that it sees where a block ends.
template <class T>
class arena {
public:
    arena() = default;
    arena(const arena&) = delete;
    arena& operator=(const arena&) = delete;

    /// A block of `count` elements, uninitialised.
    T* take(std::size_t count) {
        free_list& list = lists_[count];
        header* block = list.first;
        if (block != nullptr) {
            list.first = block->next;
        } else {
            list.count = count;
            block = cut(sizeof(header) + count * sizeof(T));
            block->list = &list;
        }
        ++block->home->blocks_in_use;
        bytes_in_use_ += count * sizeof(T);
        peak_bytes_ = std::max(peak_bytes_, bytes_in_use_);
        return reinterpret_cast<T*>(block + 1);
    }

    /// Takes back a block that `take` gave.
    void give(T* elements) noexcept {
        header* block = reinterpret_cast<header*>(elements) - 1;
        free_list& list = *block->list;
        bytes_in_use_ -= list.count * sizeof(T);
        --block->home->blocks_in_use;
#ifndef NDEBUG
        std::fill_n(elements, list.count, std::numeric_limits<T>::quiet_NaN());
#endif
        block->next = list.first;
        list.first = block;
    }

    /// Returns all slabs to the heap of which no block is in use.
    void release() noexcept {
        for (auto& [count, list] : lists_)
            for (header** link = &list.first; *link != nullptr;) {
                if ((*link)->home->blocks_in_use == 0) *link = (*link)->next;
                else link = &(*link)->next;
            }
        slabs_.remove_if([](const slab& s) { return s.blocks_in_use == 0; });
    }

    /// Bytes taken from the heap, in use or free.
    std::size_t bytes_held() const {
        std::size_t sum = 0;
        for (const slab& s : slabs_) sum += s.memory.size();
        return sum;
    }

    /// Bytes handed out now.
    std::size_t bytes_in_use() const { return bytes_in_use_; }

    /// The most bytes that were ever handed out at once.
    std::size_t peak_bytes() const { return peak_bytes_; }

private:
    struct slab {
        explicit slab(std::size_t bytes) : memory(bytes) {}
        std::size_t left() const { return memory.size() - used; }

        detail::pages memory;
        std::size_t used = 0, blocks_in_use = 0;
    };
    struct free_list;
    struct alignas(alignment) header {  // stands before each block
        slab* home = nullptr;
        free_list* list = nullptr;
        header* next = nullptr;
    };
    struct free_list {
        header* first = nullptr;
        std::size_t count = 0;
    };

    /// A new block: from the slab that it fills best, or from a new one.
    header* cut(std::size_t bytes) {
        bytes = (bytes + alignment - 1) / alignment * alignment;
        slab* home = nullptr;
        for (slab& s : slabs_)
            if (s.left() >= bytes && (home == nullptr || s.left() < home->left())) home = &s;
        if (home == nullptr) {
            home = &slabs_.emplace_back(std::max(bytes, next_slab_));
            next_slab_ = std::min(2 * next_slab_, detail::largest_slab);
        }
        auto* block = new (home->memory.at(home->used)) header{home};
        home->used += bytes;
        return block;
    }

    std::unordered_map<std::size_t, free_list> lists_;  // its elements never move
    std::list<slab> slabs_;                             // nor do its
    std::size_t next_slab_ = detail::first_slab;
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
