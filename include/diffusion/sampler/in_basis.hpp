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
#include <diffusion/tensor/std.hpp>
#include <diffusion/tensor/traits.hpp>

namespace diffusion {

/// A reflection in the channels of pictures, y = (I - 2 w w^T/w^T w) x at every pixel, that turns
/// the axis of gray u = (1, ..., 1)/sqrt(C) into the first channel: w = u - e_1. So y_1 = u^T x =
/// sqrt(C) times the mean of the channels, and the others hold the colour. It is its own inverse
/// and keeps lengths, hence the normal distribution of noise.
///
/// The channels of a pixel lie side by side, as in `nn/`. One channel is gray itself and stays.
/// Throws std::invalid_argument where the channels do not divide the number of elements.
struct gray_axis {
    std::size_t channels = 3;

    template <tensor X>
    void operator()(X& x) const {
        const std::span<scalar_t<X>> all = elements(x);
        detail::require(channels > 0 && all.size() % channels == 0, "diffusion::gray_axis",
                        "the number of channels must divide the number of elements", channels);
        const double gray = 1 / std::sqrt(static_cast<double>(channels));
        const auto w = [gray](std::size_t c) { return c == 0 ? gray - 1 : gray; };
        for (std::size_t first = 0; channels > 1 && first < all.size(); first += channels) {
            const std::span<scalar_t<X>> pixel = all.subspan(first, channels);
            double along = 0;  // w^T x; and w^T w = 2 (1 - u_1)
            for (std::size_t c = 0; c < channels; ++c)
                along += w(c) * static_cast<double>(pixel[c]);
            for (std::size_t c = 0; c < channels; ++c)
                pixel[c] -= static_cast<scalar_t<X>>(along / (1 - gray) * w(c));
        }
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
    auto init(const X& x) const { return project.init(x); }

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
///     sample(x, projected(plan, colourisation(gray)), D, noise);
///
/// `gray` has a number for each pixel, which will be the mean of its channels. Throws
/// std::invalid_argument for no channels.
template <class T>
auto colourisation(std::span<const T> gray, std::size_t channels = 3) {
    detail::require(channels > 0, "diffusion::colourisation",
                    "a picture needs at least one channel", channels);
    const T length = static_cast<T>(std::sqrt(static_cast<double>(channels)));
    std::vector<T> known(gray.size() * channels), mask(known.size());
    for (std::size_t p = 0; p < gray.size(); ++p) {
        known[p * channels] = length * gray[p];
        mask[p * channels] = 1;
    }
    return in_basis{keep_known(std::move(known), std::move(mask)), gray_axis{channels}};
}

}  // namespace diffusion
