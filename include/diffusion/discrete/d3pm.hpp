#pragma once

#include <concepts>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include <diffusion/detail/require.hpp>
#include <diffusion/discrete/absorbing_kernel.hpp>
#include <diffusion/discrete/categorical_process.hpp>
#include <diffusion/discrete/dense_kernel.hpp>
#include <diffusion/discrete/discretized_gaussian_kernel.hpp>
#include <diffusion/discrete/rate_kernel.hpp>
#include <diffusion/discrete/uniform_kernel.hpp>
#include <diffusion/schedule/beta.hpp>

namespace diffusion {

/// The forward process of structured denoising diffusion, D3PM (Austin et al. 2021, section 3): a
/// kernel q(x_t | x_{t-1}) for each t = 1 .. T, and their products q(x_t | x_0). A
/// `categorical_process`.
///
///     auto process = absorbing_d3pm(28, 27, reciprocal_beta{}, 1000);   // 27 letters and a mask
///
/// Made by `uniform_d3pm`, `absorbing_d3pm`, `gaussian_d3pm`, `token_d3pm`, or from any kernels.
template <categorical_kernel Kernel>
class d3pm {
public:
    /// `steps`: q(x_t | x_{t-1}) for t = 1 .. T. `prior`: the distribution of x_T that sampling
    /// starts from; by default the kernels' stationary one, of dense kernels what equally frequent
    /// x_0 come to, which is uniform for doubly stochastic ones. Throws std::invalid_argument if
    /// there is no step, if the states of the steps differ, or the prior is no distribution.
    explicit d3pm(std::vector<Kernel> steps, std::vector<double> prior = {})
        : steps_(std::move(steps)), prior_(std::move(prior)) {
        detail::require(!steps_.empty(), "diffusion::d3pm", "there must be at least one step",
                        steps_.size());
        jumps_.reserve(steps_.size() + 1);
        jumps_.push_back(steps_.front().identity());
        for (const Kernel& step : steps_) jumps_.push_back(jumps_.back().then(step));
        const std::size_t K = categories();
        if (prior_.empty()) {
            prior_.resize(K);
            if constexpr (requires(const Kernel& kernel) { kernel.stationary(K); }) {
                for (std::size_t i = 0; i < K; ++i) prior_[i] = jumps_.back().stationary(i);
            } else {
                const std::vector<double> even(K, 1 / static_cast<double>(K));
                diffusion::marginal(jumps_.back(), even, prior_);
            }
        }
        detail::require_distribution(prior_, K, "diffusion::d3pm");
    }

    /// T.
    std::size_t steps() const { return steps_.size(); }

    /// K.
    std::size_t categories() const { return steps_.front().categories(); }

    /// q(x_t | x_{t-1}), t = 1 .. T.
    const Kernel& step(std::size_t t) const {
        detail::require(t >= 1 && t <= steps(), "diffusion::d3pm::step", "t must be one of 1 .. T",
                        t);
        return steps_[t - 1];
    }

    /// q(x_t | x_0), t = 0 .. T.
    const Kernel& jump(std::size_t t) const {
        detail::require(t <= steps(), "diffusion::d3pm::jump", "t must be one of 0 .. T", t);
        return jumps_[t];
    }

    /// q(x_t | x_s), 0 <= s <= t <= T: t - s products, unless it is a step or a jump from the data.
    Kernel kernel(std::size_t s, std::size_t t) const {
        detail::require(s <= t, "diffusion::d3pm::kernel", "s must not be later than t", s);
        if (s == 0) return jump(t);
        if (s == t) return jumps_.front();
        Kernel product = step(s + 1);
        for (std::size_t i = s + 2; i <= t; ++i) product = product.then(step(i));
        return product;
    }

    /// The probability of x_T = i that sampling starts from.
    double prior(std::size_t i) const {
        detail::require_state(i, categories(), "diffusion::d3pm::prior");
        return prior_[i];
    }

private:
    std::vector<Kernel> steps_, jumps_;
    std::vector<double> prior_;
};

namespace detail {

/// The process of the kernels make(beta_t), t = 1 .. T.
template <beta_schedule Beta, class Make>
auto d3pm_of(const Beta& beta, std::size_t T, Make&& make) {
    std::vector<decltype(make(0.0))> steps;
    steps.reserve(T);
    for (std::size_t t = 0; t < T; ++t) steps.push_back(make(static_cast<double>(beta(t, T))));
    return d3pm(std::move(steps));
}

}  // namespace detail

/// Every state becomes any other (appendix A.2.1). See `uniform_kernel`.
template <beta_schedule Beta>
d3pm<uniform_kernel> uniform_d3pm(std::size_t categories, const Beta& beta, std::size_t T) {
    return detail::d3pm_of(beta, T,
                           [&](double beta_t) { return uniform_kernel(categories, 1 - beta_t); });
}

/// Every state becomes the mask (appendix A.2.2). See `absorbing_kernel`.
template <beta_schedule Beta>
d3pm<absorbing_kernel> absorbing_d3pm(std::size_t categories, std::size_t mask, const Beta& beta,
                                      std::size_t T) {
    return detail::d3pm_of(
        beta, T, [&](double beta_t) { return absorbing_kernel(categories, mask, 1 - beta_t); });
}

/// Every state becomes one near it in order (appendix A.2.3). See `discretized_gaussian_kernel`.
template <beta_schedule Beta>
d3pm<dense_kernel> gaussian_d3pm(std::size_t categories, const Beta& beta, std::size_t T) {
    return detail::d3pm_of(
        beta, T, [&](double beta_t) { return discretized_gaussian_kernel(categories, beta_t); });
}

/// Every token becomes one of its neighbours: Q_t = exp(alpha_t R) (appendix A.2.4). `rates`:
/// `token_distance_rates`; `alphas`: alpha_t for t = 1 .. T, such as `mutual_information_alphas`.
inline d3pm<dense_kernel> token_d3pm(std::span<const double> rates,
                                     std::span<const double> alphas) {
    std::vector<dense_kernel> steps;
    steps.reserve(alphas.size());
    for (const double alpha : alphas) steps.push_back(rate_kernel(rates, alpha));
    return d3pm<dense_kernel>(std::move(steps));
}

}  // namespace diffusion
