#pragma once

#include <cstddef>
#include <memory>
#include <new>

namespace diffusion::nn {

/// Scratch memory that a convolution may overwrite: grows to the largest request and stays.
///
/// One workspace belongs to one thread. After the first pass over a network it has the size of the
/// hungriest layer, and nothing allocates any more.
class workspace {
  public:
    /// Room for `count` numbers of type T on a 64-byte boundary. What an earlier call returned is
    /// no longer valid.
    template <class T>
    T* take(std::size_t count) {
        const std::size_t bytes = count * sizeof(T);
        if (bytes > bytes_) {
            memory_.reset();
            bytes_ = 0;
            memory_.reset(::operator new(bytes, alignment));
            bytes_ = bytes;
        }
        return static_cast<T*>(memory_.get());
    }

    /// Bytes that are held now.
    std::size_t size() const { return bytes_; }

  private:
    static constexpr std::align_val_t alignment{64};
    struct release {
        void operator()(void* memory) const { ::operator delete(memory, alignment); }
    };

    std::unique_ptr<void, release> memory_;
    std::size_t bytes_ = 0;
};

}  // namespace diffusion::nn
