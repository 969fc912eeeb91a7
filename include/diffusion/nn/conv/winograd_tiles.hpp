#pragma once

#include <algorithm>
#include <cstddef>
#include <diffusion/detail/inline.hpp>
#include <diffusion/nn/conv/shape.hpp>
#include <diffusion/nn/conv/simd.hpp>
#include <diffusion/nn/conv/winograd_transform.hpp>
#include <span>

/// From images to the transformed tiles of Winograd's convolution and back.
namespace diffusion::nn::winograd {

/// The tiles of some rows of all images of a batch, counted image by image, row by row.
struct tiling {
    std::size_t height, width;             // of the images
    std::size_t first_row, last_row;       // the rows that are wanted
    std::size_t first_tile, down, across;  // rows of tiles that cover them, tiles in a row
    std::size_t count;

    tiling(const conv_shape& s, row_range rows)
        : height(s.height),
          width(s.width),
          first_row(rows.within(s.height).first),
          last_row(rows.within(s.height).last),
          first_tile(first_row / tile),
          down(last_row > first_row ? (last_row + tile - 1) / tile - first_tile : 0),
          across((s.width + tile - 1) / tile),
          count(s.batch * down * across) {}

    /// Image, first row and first column of a tile's outputs.
    struct place {
        std::size_t image, row, col;
    };
    place operator[](std::size_t index) const {
        const std::size_t line = index / across;
        return {line / down, (line % down + first_tile) * tile, index % across * tile};
    }

    /// The pixels of images that are smaller by the factor `half`, each way, from the row of tiles
    /// that holds tile `first` to the one that holds `last`, or to the end of the wanted rows.
    template <class T>
    std::span<const T> pixels(const T* images, std::size_t channels, std::size_t half,
                              std::size_t first, std::size_t last) const {
        const auto start = [&](std::size_t index) {
            const place at = (*this)[std::min(index, count - 1)];
            const std::size_t row = index < count ? at.row : last_row;
            return images + (at.image * (height / half) + (row + half - 1) / half) *
                                (width / half) * channels;
        };
        return {start(first), start(last)};
    }
};

/// Size x Size pixels of an image from (row0, col0) on, which may lie beyond its borders (row0 or
/// col0 may be -1). Beyond them lie zeros, of which `zeros` has Size pixels.
template <class T, std::size_t Size>
class window {
public:
    window(const T* image, std::size_t height, std::size_t width, std::size_t channels,
           std::size_t row0, std::size_t col0, const T* zeros)
        : channels_(channels), first_(col0 + 1 == 0 ? 1 : 0), last_(std::min(width - col0, Size)) {
        for (std::size_t i = 0; i < Size; ++i) {
            const std::size_t row = row0 + i;
            row_[i] = row < height ? image + (row * width + col0 + first_) * channels : zeros;
        }
    }

    /// Asks for the pixels that the next tile to the right is the first to see.
    void prefetch_next() const {
        for (std::size_t i = 2; i < Size; ++i)
            detail::prefetch<detail::cache::first>(row_[i] + (Size - first_) * channels_,
                                                   (Size - 2) * channels_);
    }

    /// Vector c of the pixels in column `col`.
    template <class V>
    DIFFUSION_INLINE void read(std::size_t col, std::size_t c, V (&column)[Size]) const {
        if (col == 0 ? first_ != 0 : col >= last_) {
            for (V& v : column) v = V{};
            return;
        }
        const std::size_t offset = (col - first_) * channels_ + c;
        detail::unrolled<Size>(
            [&](auto i) DIFFUSION_INLINE { column[i] = detail::load(row_[i] + offset); });
    }

private:
    std::size_t channels_, first_, last_;
    const T* row_[Size];
};

/// v[plane][t] = the transformed data of tiles [first, first + count), where x has tiles of
/// `Kind::window` - 2 pixels, each way.
template <class Kind, class T>
void transform_inputs(const tiling& tiles, std::size_t first, std::size_t count,
                      std::size_t channels, const T* x, const T* zeros, T* v, std::size_t plane) {
    using V = detail::vec<T>;
    constexpr std::size_t half = tile / (Kind::window - 2);
    const std::size_t height = tiles.height / half, width = tiles.width / half;
    for (std::size_t t = 0; t < count; ++t) {
        const auto [image, row, col] = tiles[first + t];
        const window<T, Kind::window> from(x + image * height * width * channels, height, width,
                                           channels, row / half - 1, col / half - 1, zeros);
        from.prefetch_next();
        for (const std::size_t c : detail::vector_offsets<T>(channels)) {
            T* to = v + t * channels + c;
            transform_tile<Kind::window, Kind::data, V>(
                [](const auto& d, auto& w) DIFFUSION_INLINE { Kind::template input<T>(d, w); },
                [&](std::size_t j, V(&column)[Kind::window])
                    DIFFUSION_INLINE { from.read(j, c, column); },
                [&](std::size_t, std::size_t, V w) DIFFUSION_INLINE {
                    detail::store(to, w);
                    to += plane;
                });
        }
    }
}

/// Column `col` of the planes, each at the same place.
template <class T, class V, std::size_t Points>
DIFFUSION_INLINE inline void read_planes(const T* from, std::size_t plane, std::size_t col,
                                         V (&column)[Points]) {
    detail::unrolled<Points>([&](auto row) DIFFUSION_INLINE {
        column[row] = detail::load(from + (row * Points + col) * plane);
    });
}

/// y = the outputs of the products m, + bias, for tiles [first, first + count), where they cover
/// wanted rows; y has `Kind::outputs` pixels of a tile, each way.
template <class Kind, class T>
void transform_outputs(const tiling& tiles, std::size_t first, std::size_t count,
                       std::size_t channels, const T* m, std::size_t plane, std::size_t stride,
                       const T* bias, T* y) {
    using V = detail::vec<T>;
    constexpr std::size_t size = Kind::outputs, half = tile / size;
    const std::size_t height = tiles.height / half, width = tiles.width / half;
    for (std::size_t t = 0; t < count; ++t) {
        const auto [image, row0, col0] = tiles[first + t];
        T* pixel[size][size];  // null where nothing is wanted
        for (std::size_t i = 0; i < size; ++i)
            for (std::size_t j = 0; j < size; ++j) {
                const std::size_t row = row0 / half + i, col = col0 / half + j;
                pixel[i][j] = nullptr;
                if (row * half < tiles.first_row || row * half >= tiles.last_row || col >= width)
                    continue;
                pixel[i][j] = y + ((image * height + row) * width + col) * channels;
                detail::prefetch<detail::cache::first>(pixel[i][j], channels);
            }
        for (const std::size_t c : detail::vector_offsets<T>(channels)) {
            const V add = bias ? detail::load(bias + c) : V{};
            transform_tile<Kind::points, size, V>(
                [](const auto& w, auto& z) DIFFUSION_INLINE { Kind::template output<T>(w, z); },
                [&](std::size_t j, V(&column)[Kind::points])
                    DIFFUSION_INLINE { read_planes(m + t * stride + c, plane, j, column); },
                [&](std::size_t i, std::size_t j, V z) DIFFUSION_INLINE {
                    if (pixel[i][j]) detail::store(pixel[i][j] + c, V(z + add));
                });
        }
    }
}

/// m[plane][t] = the transformed dy of tiles [first, first + count), for the gradient of the
/// weights.
template <class Kind, class T>
void transform_output_gradients(const tiling& tiles, std::size_t first, std::size_t count,
                                std::size_t channels, const T* dy, const T* zeros, T* m,
                                std::size_t plane, std::size_t stride) {
    using V = detail::vec<T>;
    for (std::size_t t = 0; t < count; ++t) {
        const auto [image, row, col] = tiles[first + t];
        const window<T, tile> from(dy + image * tiles.height * tiles.width * channels, tiles.height,
                                   tiles.width, channels, row, col, zeros);
        for (const std::size_t c : detail::vector_offsets<T>(channels)) {
            T* to = m + t * stride + c;
            transform_tile<tile, Kind::points, V>(
                [](const auto& z, auto& w)
                    DIFFUSION_INLINE { Kind::template output_gradient<T>(z, w); },
                [&](std::size_t j, V(&column)[tile]) DIFFUSION_INLINE { from.read(j, c, column); },
                [&](std::size_t, std::size_t, V w) DIFFUSION_INLINE {
                    detail::store(to, w);
                    to += plane;
                });
        }
    }
}

}  // namespace diffusion::nn::winograd
