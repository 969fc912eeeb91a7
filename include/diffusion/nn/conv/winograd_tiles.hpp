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

/// The most tiles that are transformed and multiplied together: few enough that their planes stay
/// in the second level cache between the three stages, enough to read the weights seldom. The
/// gradient of the weights reads and writes all its sums for each strip, and wants longer ones.
inline constexpr std::size_t strip_tiles = 32, strip_tiles_of_gradient = 48;

/// Tiles of a strip where `count` are cut into as few strips of nearly equal length as possible.
constexpr std::size_t strip_length(std::size_t count, std::size_t most) {
    const std::size_t strips = (count + most - 1) / most;
    return strips > 0 ? (count + strips - 1) / strips : 0;
}

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

    /// The tile that is counted after `at`.
    place after(place at) const {
        if ((at.col += tile) < width) return at;
        at.col = 0;
        if ((at.row += tile) < last_row) return at;
        return {at.image + 1, first_tile * tile, 0};
    }

    /// Whether a tile reaches beyond the lower border of its image, or the right one.
    bool below(const place& at) const { return at.row + tile > height; }
    bool right(const place& at) const { return at.col + tile > width; }

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

/// Whether the last tile of `size` pixels has a d_4 that no wanted output sees
/// (winograd_transform.hpp).
template <class Kind>
constexpr bool continued(std::size_t size) {
    return Kind::continued && (size % tile == 1 || size % tile == 2);
}

/// Whether the last tile of `size` pixels does without the product at this point.
template <class Kind>
constexpr bool unused(std::size_t point, std::size_t size) {
    return (point == 0 && continued<Kind>(size)) || (point + 1 == Kind::points && size % tile != 0);
}

/// Some tiles, in an order in which those that want a product lie side by side: first the tiles
/// that reach beyond the lower border, then those that reach beyond none, the right one, both.
class tile_strip {
public:
    explicit tile_strip(const tiling& tiles) : tiles_(tiles) {}

    /// Takes the tiles [first, first + count).
    void take(std::size_t first, std::size_t count) {
        std::fill_n(first_, 5, std::size_t(0));
        tiling::place at = tiles_[first];
        for (std::size_t t = 0; t < count; ++t, at = tiles_.after(at)) ++first_[order(at) + 1];
        for (std::size_t o = 0; o < 4; ++o) first_[o + 1] += first_[o];
        std::size_t next[4];
        std::copy_n(first_, 4, next);
        at = tiles_[first];
        for (std::size_t t = 0; t < count; ++t, at = tiles_.after(at))
            places_[next[order(at)]++] = at;
    }

    std::size_t count() const { return first_[4]; }
    const tiling::place& operator[](std::size_t t) const { return places_[t]; }

    /// The tiles that want product p: first, first + 1, ..., last - 1.
    struct range {
        std::size_t first, last;
    };
    template <class Kind>
    range wanting(std::size_t p) const {
        if (first_[2] - first_[1] == count()) return {0, count()};  // mostly
        const bool below = !unused<Kind>(p / Kind::points, tiles_.height);
        const bool right = !unused<Kind>(p % Kind::points, tiles_.width);
        return {first_[below ? 0 : 1], first_[!right ? 2 : below ? 4 : 3]};
    }

private:
    std::size_t order(const tiling::place& at) const {
        const bool below = tiles_.below(at);
        return tiles_.right(at) ? 2 + below : 1 - below;
    }

    const tiling& tiles_;
    std::size_t first_[5] = {};  // of each part of the order
    tiling::place places_[std::max(strip_tiles, strip_tiles_of_gradient)];
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

/// v[plane][t] = the transformed data of the tiles of a strip, where x has tiles of
/// `Kind::window` - 2 pixels, each way.
template <class Kind, class T>
void transform_inputs(const tiling& tiles, const tile_strip& strip, std::size_t channels,
                      const T* x, const T* zeros, T* v, std::size_t plane) {
    using V = detail::vec<T>;
    constexpr std::size_t half = tile / (Kind::window - 2);
    const std::size_t height = tiles.height / half, width = tiles.width / half;
    for (std::size_t t = 0; t < strip.count(); ++t) {
        const auto [image, row, col] = strip[t];
        const bool below = continued<Kind>(tiles.height) && tiles.below(strip[t]);
        const bool right = continued<Kind>(tiles.width) && tiles.right(strip[t]);
        const window<T, Kind::window> from(x + image * height * width * channels, height, width,
                                           channels, row / half - 1, col / half - 1, zeros);
        from.prefetch_next();
        for (const std::size_t c : detail::vector_offsets<T>(channels)) {
            T* to = v + t * channels + c;
            transform_tile<Kind::window, Kind::data, V>(
                [](const auto& d, auto& w) DIFFUSION_INLINE { Kind::template input<T>(d, w); },
                [&](std::size_t j, V(&column)[Kind::window]) DIFFUSION_INLINE {
                    from.read(j, c, column);
                    if constexpr (Kind::continued) {
                        if (j == 4 && right) {
                            V d0[Kind::window], d2[Kind::window];
                            from.read(0, c, d0);
                            from.read(2, c, d2);
                            for (std::size_t i = 0; i < Kind::window; ++i)
                                column[i] = Kind::template beyond<T>(d0[i], d2[i]);
                        }
                        if (below) column[4] = Kind::template beyond<T>(column[0], column[2]);
                    }
                },
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

/// y = the outputs of the products m, + bias, for the tiles of a strip, where they cover wanted
/// rows; y has `Kind::outputs` pixels of a tile, each way.
template <class Kind, class T>
void transform_outputs(const tiling& tiles, const tile_strip& strip, std::size_t channels,
                       const T* m, std::size_t plane, std::size_t stride, const T* bias, T* y) {
    using V = detail::vec<T>;
    constexpr std::size_t size = Kind::outputs, half = tile / size;
    const std::size_t height = tiles.height / half, width = tiles.width / half;
    for (std::size_t t = 0; t < strip.count(); ++t) {
        const auto [image, row0, col0] = strip[t];
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

/// m[plane][t] = the transformed dy of the tiles of a strip, for the gradient of the weights.
template <class Kind, class T>
void transform_output_gradients(const tiling& tiles, const tile_strip& strip, std::size_t channels,
                                const T* dy, const T* zeros, T* m, std::size_t plane,
                                std::size_t stride) {
    using V = detail::vec<T>;
    for (std::size_t t = 0; t < strip.count(); ++t) {
        const auto [image, row, col] = strip[t];
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
