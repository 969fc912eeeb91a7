#pragma once
// L5: what is known is not always an element of the state: projections in another basis, and
// colourisation.

#include <cmath>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include <diffusion/detail/require.hpp>
#include <diffusion/grid/time_grid.hpp>
#include <diffusion/sampler/projected.hpp>
#include <diffusion/tensor/batch.hpp>
#include <diffusion/tensor/std.hpp>
#include <diffusion/tensor/traits.hpp>

namespace diffusion {

/// A reflection in the channels of pictures, y = (I - 2 w w^T/w^T w) x at every pixel, that turns
/// the axis of gray u = (1, ..., 1)/sqrt(C) into the first channel: w = u - e_1. So y_1 = u^T x =
/// sqrt(C) times the mean of the channels, and the others hold the colour. It is its own inverse
/// and keeps lengths, hence the normal distribution of noise.
///
/// The layout is (items, channels, pixels). One channel is gray itself and stays. Throws
/// std::invalid_argument where items or channels is 0 or does not divide the number of elements.
struct gray_axis {
    std::size_t channels = 3, items = 1;

    template <tensor X>
    void operator()(X& x) const {
        const double gray = 1 / std::sqrt(static_cast<double>(channels));
        for_each_item(x, items, [&](std::size_t, std::span<scalar_t<X>> picture) {
            const std::size_t pixels = item_size(picture.size(), channels);
            for (std::size_t p = 0; p < pixels && channels > 1; ++p) {
                double along = 0;  // w^T x; w^T w = 2 (1 - u_1)
                for (std::size_t c = 0; c < channels; ++c)
                    along +=
                        (c == 0 ? gray - 1 : gray) * static_cast<double>(picture[c * pixels + p]);
                for (std::size_t c = 0; c < channels; ++c)
                    picture[c * pixels + p] -=
                        static_cast<scalar_t<X>>(along / (1 - gray) * (c == 0 ? gray - 1 : gray));
            }
        });
    }
};

/// A projection of `projected` in another orthonormal basis: x <- B project(B x), for a B that is
/// its own inverse, called in place as basis(x). Noise that the projection draws is noise in any
/// such basis.
template <class Project, class Basis>
struct in_basis {
    Project project;
    Basis basis;

    template <tensor X>
        requires requires(const Project& p, const X& x) { p.init(x); }
    auto init(const X& x) const {
        X probe = x;  // refuses a layout that does not fit
        basis(probe);
        return project.init(x);
    }

    template <tensor X, class Z, class Memory>
    void operator()(X& x, const node& at, std::size_t k, Z&& noise, Memory& memory) const {
        basis(x);
        project(x, at, k, noise, memory);
        basis(x);
    }
};
template <class Project, class Basis>
in_basis(Project, Basis) -> in_basis<Project, Basis>;

/// Colourisation of gray pictures by a sampler of coloured ones (Song et al. 2021, section 5 and
/// appendix I.3): gray is one axis of an orthonormal basis of colour, along which the state is
/// known as in `keep_known`, and the colours are sampled.
///
///     sample(x, projected(plan, colourisation(gray, {.channels = 3, .items = 8})), D, noise);
///
/// `gray` has the layout (items, pixels), and is the mean of the channels of every result. Throws
/// std::invalid_argument where items does not divide it.
template <class T>
auto colourisation(std::span<const T> gray, const gray_axis& axis) {
    const std::size_t pixels = item_size(gray.size(), axis.items);
    detail::require(axis.channels > 0, "diffusion::colourisation",
                    "a picture needs at least one channel", axis.channels);
    const T length = static_cast<T>(std::sqrt(static_cast<double>(axis.channels)));
    std::vector<T> known(gray.size() * axis.channels), mask(known.size());
    for (std::size_t i = 0; i < axis.items; ++i)
        for (std::size_t p = 0; p < pixels; ++p) {
            const std::size_t at = i * axis.channels * pixels + p;
            known[at] = length * gray[i * pixels + p];
            mask[at] = 1;
        }
    return in_basis{keep_known(std::move(known), std::move(mask)), axis};
}

}  // namespace diffusion
