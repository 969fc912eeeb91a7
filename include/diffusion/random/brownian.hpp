#pragma once
// L0: the noise of one Brownian path: however the steps of a stochastic solver are chosen, they see
// the same randomness.
//
// With independent noise in every step, 20 steps and 40 steps make different pictures from the same
// seed. If the noise of a step t -> s is the increment W(s) - W(t) of a path that is fixed by the
// seed, both approximate the same solution of the same stochastic differential equation, and an
// adaptive solver may reject a step without biasing the noise.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

#include <diffusion/detail/require.hpp>
#include <diffusion/random/fill.hpp>
#include <diffusion/random/noise_source.hpp>
#include <diffusion/tensor/traits.hpp>

namespace diffusion {

/// z = (W(sigma_s) - W(sigma_t)) / sqrt|sigma_s - sigma_t| for a step from `sigma_t` to `sigma_s`,
/// where each element has its own Brownian path W on [sigma_min, sigma_max], a pure function of
/// (seed, element, sigma). Each z is standard normal; those of disjoint intervals are independent;
/// and the increments z sqrt|sigma_s - sigma_t| of intervals that make up a longer one add up to
/// its, to rounding.
///
/// W is a virtual Brownian tree: W = 0 at sigma_min, a normal number at sigma_max, and in the
/// middle m of an interval of length h between known values, W(m) = (W_left + W_right)/2 +
/// sqrt(h)/2 z, with z the normal number of that node (`fill_normal`; its address is the node).
/// Bisection goes down to intervals not longer than tolerance (sigma_max - sigma_min); in the last
/// one, a share f of it from its left end, W = (1 - f) W_left + f W_right + sqrt(f (1 - f) h) z,
/// which is a Brownian bridge seen at one point. Hence the joint law is exact for any points of
/// which no two lie in the same last interval. Nothing is stored and nothing grows; a draw costs
/// 2 log2(1/tolerance) + 4 normal numbers an element, 44 by default.
/// Gaines and Lyons (1997), section 4; Li, Wong, Chen and Duvenaud (2020), algorithm 3.
///
/// This is the noise of steps; draws for other purposes (`noise_stream::start`, ...) are those of
/// `gaussian_noise{seed}`. Samplers give sigma / alpha for sigma, a level that is comparable among
/// all schedules; the range must be given in it as well. Step number and sub_draw do not matter:
/// two draws over one interval are the same. A draw between equal levels, or to a level below
/// sigma_min, throws: sigma_min is the last level that noise is added at, which is 0 if that is not
/// known.
class brownian_noise {
    std::uint64_t seed_;
    double sigma_min_, range_;
    int depth_ = 0;

    static constexpr std::size_t chunk_ = 4 * detail::group_elements;

    /// The last interval around a point, and where the point lies in it, 0 <= share <= 1.
    struct place {
        std::uint64_t leaf;
        double share;
    };

    place find(double sigma) const {
        const double leaves = std::ldexp(1.0, depth_);
        const double position = (sigma - sigma_min_) / range_ * leaves;
        const double leaf = position < leaves ? std::floor(position) : leaves - 1;
        return {static_cast<std::uint64_t>(leaf), position - leaf};
    }

    /// z of a node: 0 is the whole range, 1 its middle, 2 n and 2 n + 1 the middles of n's halves.
    template <class T>
    void node(std::uint64_t n, std::uint64_t first_element, std::span<T> z) const {
        constexpr std::uint32_t tree = 0x74726565u;  // apart from the sub_draws of steps
        fill_normal(z, seed_, {.step = n, .sub_draw = tree}, first_element);
    }

    /// W for at most chunk_ elements, in units in which the whole range is 1 long. The normal
    /// numbers are of type T, the sums are double.
    template <class T>
    void walk(place at, std::uint64_t first_element, std::span<double> w) const {
        T numbers[chunk_];
        double right[chunk_];
        const std::span<T> z(numbers, w.size());
        node(0, first_element, z);
        for (std::size_t e = 0; e < w.size(); ++e) {
            w[e] = 0;
            right[e] = static_cast<double>(z[e]);
        }
        double h = 1;
        for (int level = 0; level < depth_; ++level, h /= 2) {
            const std::uint64_t n = std::uint64_t{1} << level | at.leaf >> (depth_ - level);
            const bool goes_right = (at.leaf >> (depth_ - level - 1) & 1) != 0;
            const double std = std::sqrt(h) / 2;
            node(n, first_element, z);
            double* moved = goes_right ? w.data() : right;
            for (std::size_t e = 0; e < w.size(); ++e)
                moved[e] = 0.5 * (w[e] + right[e]) + std * static_cast<double>(z[e]);
        }
        const double f = at.share, std = std::sqrt(f * (1 - f) * h);
        node(std::uint64_t{1} << depth_ | at.leaf, first_element, z);
        for (std::size_t e = 0; e < w.size(); ++e)
            w[e] += f * (right[e] - w[e]) + std * static_cast<double>(z[e]);
    }

    void check(double sigma) const {
        detail::require(sigma >= sigma_min_ && sigma - sigma_min_ <= range_,
                        "diffusion::brownian_noise",
                        "a step must lie within [sigma_min, sigma_max] of the path; sigma", sigma);
    }

public:
    /// The path of a seed. Throws std::invalid_argument unless 0 <= sigma_min < sigma_max < inf and
    /// 2^-48 <= tolerance <= 1/2.
    brownian_noise(std::uint64_t seed, double sigma_min, double sigma_max, double tolerance = 1e-6)
        : seed_(seed), sigma_min_(sigma_min), range_(sigma_max - sigma_min) {
        constexpr const char* name = "diffusion::brownian_noise";
        detail::require(sigma_min >= 0, name, "sigma_min must not be negative", sigma_min);
        detail::require(sigma_max > sigma_min && std::isfinite(sigma_max), name,
                        "sigma_max must be finite and greater than sigma_min", sigma_max);
        detail::require(tolerance >= 0x1p-48 && tolerance <= 0.5, name,
                        "tolerance must be between 2^-48 and 1/2", tolerance);
        while (std::ldexp(1.0, -depth_) > tolerance) ++depth_;
    }

    /// W(sigma) of the elements first_element, first_element + 1, ...; W(sigma_min) = 0. Throws
    /// std::invalid_argument outside of [sigma_min, sigma_max].
    template <class T>
    void fill_path(std::span<T> w, double sigma, std::uint64_t first_element = 0) const {
        check(sigma);
        const place at = find(sigma);
        const double scale = std::sqrt(range_);
        double path[chunk_];
        for (std::size_t first = 0; first < w.size(); first += chunk_) {
            const std::size_t n = detail::smaller(chunk_, w.size() - first);
            walk<T>(at, first_element + first, {path, n});
            for (std::size_t e = 0; e < n; ++e) w[first + e] = static_cast<T>(scale * path[e]);
        }
    }

    /// Throws std::invalid_argument outside of [sigma_min, sigma_max], and for a step so short that
    /// both ends lie in one last interval of the tree.
    template <tensor X>
    void operator()(X& z, const noise_address& where) const {
        using T = scalar_t<X>;
        if (where.stream != noise_stream::step) return fill_normal(elements(z), seed_, where);
        check(where.sigma_t);
        check(where.sigma_s);
        const place t = find(where.sigma_t), s = find(where.sigma_s);
        detail::require(t.leaf != s.leaf, "diffusion::brownian_noise",
                        "a step must be longer than tolerance (sigma_max - sigma_min); its length",
                        std::abs(where.sigma_t - where.sigma_s));
        const double scale = 1 / std::sqrt(std::abs(where.sigma_s - where.sigma_t) / range_);
        const std::span<T> out = elements(z);
        double at_t[chunk_], at_s[chunk_];
        for (std::size_t first = 0; first < out.size(); first += chunk_) {
            const std::size_t n = detail::smaller(chunk_, out.size() - first);
            walk<T>(t, first, {at_t, n});
            walk<T>(s, first, {at_s, n});
            for (std::size_t e = 0; e < n; ++e)
                out[first + e] = static_cast<T>(scale * (at_s[e] - at_t[e]));
        }
    }
};

}  // namespace diffusion
