#pragma once
// Densities say nothing of data on levels, such as 8-bit pictures: a density may be as high as one
// likes at each level. Uniform noise within the levels makes them comparable.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <diffusion/detail/require.hpp>
#include <diffusion/kernel/bits.hpp>
#include <diffusion/random/fill.hpp>
#include <diffusion/random/noise_source.hpp>
#include <diffusion/tensor/traits.hpp>

namespace diffusion {

/// Uniform dequantisation (Theis et al. 2016, section 3.1; Song et al. 2021, section 4.3): level n
/// of 0 .. levels-1 becomes a number uniform in its part of [low, high],
///
///     y = low + (n + u) w,     w = (high - low)/levels,     u ~ U(0, 1).
///
/// By Jensen's inequality E log p(y) + d log w <= log P(n), the model's probability of the levels:
/// densities of y, with d log w added, are lower bounds of what discrete models report.
struct uniform_dequantisation {
    std::size_t levels = 256;
    double low = -1, high = 1;

    double width() const {
        constexpr const char* function = "diffusion::uniform_dequantisation";
        detail::require(levels > 0, function, "there must be at least one level", levels);
        detail::require(low < high && std::isfinite(high - low), function,
                        "low must be below high, and both finite; high is", high);
        return (high - low) / static_cast<double>(levels);
    }

    /// Replaces each level in x by a number from its part: a pure function of (seed, draw). Throws
    /// std::invalid_argument for what is no level.
    template <tensor X>
    void operator()(X& x, std::uint64_t seed, std::uint64_t draw = 0) const {
        using T = scalar_t<X>;
        const double w = width();
        const auto values = elements(x);
        for (const T n : values)
            detail::require(n >= 0 && n < static_cast<T>(levels) && n == std::floor(n),
                            "diffusion::uniform_dequantisation",
                            "data must be levels 0 .. levels-1", n);
        std::vector<T> u(values.size());
        fill_uniform<T>(u, seed, {noise_stream::data, draw, 2});
        for (std::size_t e = 0; e < u.size(); ++e)
            values[e] = static_cast<T>(
                low + (static_cast<double>(values[e]) + static_cast<double>(u[e])) * w);
    }

    /// Bits per dimension of the levels, from log p(y) in nats of data of d dimensions:
    /// -log2 p(y)/d - log2 w. With 256 levels in [-1, 1] the second term is 7.
    double bits_per_dim(double log_density, std::size_t dimensions) const {
        return diffusion::bits_per_dim(log_density, dimensions) - std::log2(width());
    }
};

}  // namespace diffusion
