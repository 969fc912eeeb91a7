#pragma once
// Steps of a single bit, as numbers: the binomial kernels of Sohl-Dickstein et al. (2015), table
// App.1, where B(x; p) means that x = 1 with probability p.

#include <array>
#include <cstddef>
#include <iosfwd>
#include <limits>

#include <diffusion/detail/require.hpp>

namespace diffusion {

namespace detail {

/// What is no probability is refused, NaN too.
inline void require_probability(double p, const char* function) {
    require(p >= 0 && p <= 1, function, "a probability must lie in [0, 1]", p);
}

}  // namespace detail

/// A step of one bit, given by the probability that it is 1 afterwards, where it was 0 and where it
/// was 1. A value, and a `categorical_kernel` of two states.
struct binomial_kernel {
    double one_after_0, one_after_1;

    static constexpr std::size_t categories() { return 2; }

    /// q(x_t = j | x_s = i).
    constexpr double operator()(std::size_t i, std::size_t j) const {
        const double one = i == 0 ? one_after_0 : one_after_1;
        return j == 0 ? 1 - one : one;
    }

    /// The probability of a 1 afterwards if it was p before.
    constexpr double one(double p) const { return (1 - p) * one_after_0 + p * one_after_1; }

    /// The kernel of two steps, this one first.
    constexpr binomial_kernel then(const binomial_kernel& next) const {
        return {next.one(one_after_0), next.one(one_after_1)};
    }

    friend constexpr bool operator==(const binomial_kernel&, const binomial_kernel&) = default;
};

template <class Char, class Traits>
std::basic_ostream<Char, Traits>& operator<<(std::basic_ostream<Char, Traits>& os,
                                             const binomial_kernel& kernel) {
    return os << "B(1 - x) " << kernel.one_after_0 << ", B(x) " << kernel.one_after_1;
}

/// The forward kernel: the bit is kept with probability `keep`, else drawn anew from a fair coin,
///
///     B(x_t; x_s keep + (1 - keep)/2),
///
/// with keep = 1 - beta_t from t-1 to t, and the product of these over longer ways. Throws
/// std::invalid_argument unless keep lies in [0, 1].
inline binomial_kernel binomial_forward(double keep) {
    detail::require_probability(keep, "diffusion::binomial_forward");
    return {0.5 - 0.5 * keep, 0.5 + 0.5 * keep};
}

/// The reverse kernel of a network that says with which probability the bit flips, which is the
/// same whether it is 0 or 1: B(x_s; x_t (1 - flip) + (1 - x_t) flip). Throws
/// std::invalid_argument unless flip lies in [0, 1].
inline binomial_kernel binomial_flip(double flip) {
    detail::require_probability(flip, "diffusion::binomial_flip");
    return {flip, 1 - flip};
}

/// q(x_s | x_t, x_0) for a bit, and what it becomes where the network has an estimate of x_0.
struct binomial_posterior {
    std::array<std::array<double, 2>, 2> one;  ///< P(x_s = 1) where x_t and x_0 are [x_t][x_0]

    /// P(x_s = 1) where x_0 is 1 with probability p: the mixture of both posteriors, as x_s depends
    /// on nothing else. With what is known of x_0 from all bits of x_t this is exactly q(x_s | x_t)
    /// of one bit, the best that a reverse kernel with independent bits can be.
    constexpr double operator()(std::size_t x_t, double p) const {
        return (1 - p) * one[x_t][0] + p * one[x_t][1];
    }

    /// p_theta(x_s | x_t) with the network's estimate of P(x_0 = 1). Throws std::invalid_argument
    /// unless that lies in [0, 1].
    binomial_kernel given(double p) const {
        detail::require_probability(p, "diffusion::binomial_posterior::given");
        return {(*this)(0, p), (*this)(1, p)};
    }

    friend constexpr bool operator==(const binomial_posterior&,
                                     const binomial_posterior&) = default;
};

/// The posterior by Bayes' rule, q(x_t | x_s) q(x_s | x_0) / q(x_t | x_0), of a way from x_0 to x_s
/// and a step on to x_t. Where x_t cannot come from x_0 (nothing was erased, yet they differ), it
/// is q(x_s | x_0).
constexpr binomial_posterior posterior(const binomial_kernel& to_s, const binomial_kernel& step) {
    binomial_posterior q{};
    for (std::size_t x_t = 0; x_t < 2; ++x_t) {
        for (std::size_t x_0 = 0; x_0 < 2; ++x_0) {
            const double with_0 = to_s(x_0, 0) * step(0, x_t), with_1 = to_s(x_0, 1) * step(1, x_t);
            q.one[x_t][x_0] = with_0 + with_1 > 0 ? with_1 / (with_0 + with_1) : to_s(x_0, 1);
        }
    }
    return q;
}

}  // namespace diffusion
