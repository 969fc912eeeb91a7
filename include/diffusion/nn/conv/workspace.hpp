#pragma once

#include <cstddef>
#include <diffusion/nn/pages.hpp>

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
        return static_cast<T*>(at_least(count * sizeof(T), work_));
    }

    /// A second such room, for prepared weights: valid until the next `keep`.
    template <class T>
    T* keep(std::size_t count) {
        return static_cast<T*>(at_least(count * sizeof(T), kept_));
    }

    /// Bytes that are held now.
    std::size_t size() const { return work_.size() + kept_.size(); }

private:
    static void* at_least(std::size_t bytes, detail::pages& room) {
        if (bytes > room.size()) {
            room = detail::pages();  // free the old room before the new one is taken
            room = detail::pages(bytes);
        }
        return room.at(0);
    }

    detail::pages work_, kept_;
};

}  // namespace diffusion::nn
