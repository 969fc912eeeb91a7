#pragma once
// Steps between categories: what a kernel over 0 .. K-1 is, and the two products that all formulas
// are made of.
//
// Times are those of the papers: x_0 is the data, x_t what t steps have made of it, t = 1 .. T. A
// step back goes from t to s < t, where s = 0 is the data.

#include <cmath>
#include <concepts>
#include <cstddef>
#include <span>

#include <diffusion/detail/require.hpp>

namespace diffusion {

/// A step between K = `Q.categories()` states: `Q(i, j)` = q(x_t = j | x_s = i), i, j = 0 .. K-1.
/// Semantics: each row is a distribution. A kernel that can take the two products below in less
/// than K^2 operations has members `marginal` and `expectation` as well. Models: `uniform_kernel`,
/// `absorbing_kernel`, `dense_kernel`.
template <class Q>
concept categorical_kernel = requires(const Q& kernel, std::size_t i, std::size_t j) {
    { kernel.categories() } -> std::convertible_to<std::size_t>;
    { kernel(i, j) } -> std::convertible_to<double>;
};

namespace detail {

/// What is not one of the states of a kernel is refused.
inline void require_state(std::size_t state, std::size_t categories, const char* function) {
    require(state < categories, function, "a state must be one of 0 .. K-1", state);
}

/// A distribution over K states: K numbers in [0, 1] whose sum is 1 up to rounding.
inline void require_distribution(std::span<const double> p, std::size_t categories,
                                 const char* function) {
    require(p.size() == categories, function, "there must be a probability for each state",
            p.size());
    double sum = 0;
    for (const double value : p) {
        require(value >= 0 && value <= 1, function, "a probability must lie in [0, 1]", value);
        sum += value;
    }
    require(std::abs(sum - 1) <= 1e-9, function, "probabilities must sum to 1, these sum to", sum);
}

/// K, of a matrix of K x K numbers.
inline std::size_t side_of_square(std::size_t elements, const char* function) {
    std::size_t K = 0;
    while (K * K < elements) ++K;
    require(K > 0 && K * K == elements, function, "the matrix must be square; its elements",
            elements);
    return K;
}

inline void require_sizes(std::size_t in, std::size_t out, std::size_t categories,
                          const char* function) {
    require(in == categories && out == categories, function,
            "there must be a number for each state", in == categories ? out : in);
}

}  // namespace detail

/// The distribution of x_t where p is that of x_s: out_j = sum_i p_i q(x_t = j | x_s = i), the row
/// vector p Q (Austin et al. 2021, section 3). p and out must not overlap.
template <categorical_kernel Q>
void marginal(const Q& kernel, std::span<const double> p, std::span<double> out) {
    const std::size_t K = kernel.categories();
    detail::require_sizes(p.size(), out.size(), K, "diffusion::marginal");
    if constexpr (requires { kernel.marginal(p, out); }) {
        kernel.marginal(p, out);
    } else {
        for (std::size_t j = 0; j < K; ++j) out[j] = 0;
        for (std::size_t i = 0; i < K; ++i)
            for (std::size_t j = 0; j < K; ++j) out[j] += p[i] * kernel(i, j);
    }
}

/// What is to be expected of g(x_t) where x_s is known: out_i = sum_j q(x_t = j | x_s = i) g_j, the
/// column vector Q g. g and out must not overlap.
template <categorical_kernel Q>
void expectation(const Q& kernel, std::span<const double> g, std::span<double> out) {
    const std::size_t K = kernel.categories();
    detail::require_sizes(g.size(), out.size(), K, "diffusion::expectation");
    if constexpr (requires { kernel.expectation(g, out); }) {
        kernel.expectation(g, out);
    } else {
        for (std::size_t i = 0; i < K; ++i) {
            out[i] = 0;
            for (std::size_t j = 0; j < K; ++j) out[i] += kernel(i, j) * g[j];
        }
    }
}

}  // namespace diffusion
