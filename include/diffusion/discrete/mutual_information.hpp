#pragma once
// Schedules that lose the same amount of information in each step (Austin et al. 2021, section 3.2
// and appendix A.7).

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include <diffusion/detail/require.hpp>
#include <diffusion/discrete/categorical_kernel.hpp>
#include <diffusion/discrete/rate_kernel.hpp>
#include <diffusion/schedule/beta.hpp>

namespace diffusion {

/// I(x_0; x_t) in nats, where p is the distribution of x_0 and the kernel q(x_t | x_0):
///
///     I = sum_ij p_i q(j | i) log(q(j | i) / m_j),   m = p Q
///
/// For kernels that change nothing it is the entropy of p.
template <categorical_kernel Q>
double mutual_information(const Q& kernel, std::span<const double> p) {
    const std::size_t K = kernel.categories();
    detail::require_distribution(p, K, "diffusion::mutual_information");
    std::vector<double> m(K);
    marginal(kernel, p, m);
    double sum = 0;
    for (std::size_t i = 0; i < K; ++i)
        for (std::size_t j = 0; j < K; ++j)
            if (const double q = kernel(i, j); p[i] > 0 && q > 0)
                sum += p[i] * q * std::log(q / m[j]);
    return sum;
}

namespace detail {

/// The entropy of the frequencies of the data, which must not be 0.
inline double entropy_to_lose(std::span<const double> p, const char* function) {
    require_distribution(p, p.size(), function);
    double sum = 0;
    for (const double value : p)
        if (value > 0) sum -= value * std::log(value);
    require(sum > 0, function, "the data must have more than one state; its entropy", sum);
    return sum;
}

}  // namespace detail

/// The betas with which I(x_0; x_t) = (1 - t/T) H(x_0) (Austin et al. 2021, section 3.2), for a
/// family of kernels `family(keep)` that is closed under steps, with keep = prod (1 - beta): 1
/// changes nothing and 0 forgets all, as `uniform_kernel` and `absorbing_kernel` do. `p`: how
/// frequent the states are in the data. keep is found by bisection to the last bit; the last beta
/// is 1.
template <class Family>
tabulated_beta mutual_information_beta(Family&& family, std::span<const double> p, std::size_t T) {
    constexpr const char* function = "diffusion::mutual_information_beta";
    detail::require(T >= 1, function, "T must be at least 1", T);
    const double entropy = detail::entropy_to_lose(p, function);
    std::vector<double> betas(T);
    double before = 1;
    for (std::size_t t = 1; t <= T; ++t) {
        const double wanted = (1 - static_cast<double>(t) / static_cast<double>(T)) * entropy;
        double low = 0, high = t < T ? before : 0;
        for (double middle = (low + high) / 2; low < middle && middle < high;
             middle = (low + high) / 2)
            (mutual_information(family(middle), p) < wanted ? low : high) = middle;
        betas[t - 1] = 1 - high / before;
        before = high;
    }
    return tabulated_beta{std::move(betas)};
}

/// The alphas with which Q_t = exp(alpha_t R) loses the same information in each step, I(x_0; x_t)
/// = (1 - t/T) H(x_0), but for the last, which leaves `rest` of H(x_0): only an infinite one could
/// leave nothing. `rates`: `token_distance_rates`; `p`: how frequent the states are in the data.
///
/// alpha_1 + ... + alpha_t is found bit by bit: a step of length 2^n is made if that does not lose
/// too much, for n falling. That takes one product of matrices for each bit, since exp(2^n R) is
/// the square of the one before. Throws std::invalid_argument if the rates keep some information
/// for ever, since not all states can be reached from all.
inline std::vector<double> mutual_information_alphas(std::span<const double> rates,
                                                     std::span<const double> p, std::size_t T,
                                                     double rest = 1e-6) {
    constexpr const char* function = "diffusion::mutual_information_alphas";
    detail::require(T >= 1, function, "T must be at least 1", T);
    detail::require(rest > 0 && rest < 1 / static_cast<double>(T), function,
                    "the rest must lie in (0, 1/T)", rest);
    const double entropy = detail::entropy_to_lose(p, function);
    constexpr int bits = 56, whole = 24;  // lengths 2^-33 .. 2^23
    std::vector<dense_kernel> ladder{rate_kernel(rates, std::ldexp(1.0, whole - bits - 1))};
    for (int n = 1; n <= bits; ++n) ladder.push_back(ladder.back().then(ladder.back()));
    detail::require(mutual_information(ladder.back(), p) < rest * entropy, function,
                    "all states must be within reach of each other; of the entropy remains",
                    mutual_information(ladder.back(), p) / entropy);
    std::vector<double> alphas(T);
    dense_kernel reached = ladder.front().identity();
    for (std::size_t t = 1; t <= T; ++t) {
        const double share = t < T ? 1 - static_cast<double>(t) / static_cast<double>(T) : rest;
        for (int n = bits; n >= 0; --n) {
            dense_kernel further = reached.then(ladder[static_cast<std::size_t>(n)]);
            if (mutual_information(further, p) < share * entropy) continue;
            reached = std::move(further);
            alphas[t - 1] += std::ldexp(1.0, whole - bits - 1 + n);
        }
    }
    return alphas;
}

}  // namespace diffusion
