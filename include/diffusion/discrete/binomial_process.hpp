#pragma once
// A chain of bits from the data to coin tosses.

#include <cmath>
#include <cstddef>
#include <vector>

#include <diffusion/detail/require.hpp>
#include <diffusion/discrete/binomial_kernel.hpp>
#include <diffusion/discrete/categorical_beta.hpp>
#include <diffusion/schedule/beta.hpp>

namespace diffusion {

/// The forward process of binomial diffusion: in step t = 1 .. T each bit is erased with
/// probability beta_t, that is, drawn anew from a fair coin. A `categorical_process` of two states.
///
///     binomial_process process(reciprocal_beta{}, 2000);   // 1/T of the signal in each step
///
/// Sohl-Dickstein et al. (2015), section 2.4.1 and table App.1. With `reciprocal_beta` the last
/// beta is 1: x_T has nothing of x_0 left, and the prior is exact.
class binomial_process {
public:
    /// Throws std::invalid_argument unless there is a step, each beta lies in [0, 1], and at most
    /// the last is 1.
    template <beta_schedule Beta>
    explicit binomial_process(const Beta& beta, std::size_t steps)
        : keep_(steps + 1, 1.0), kept_(steps + 1, 1.0) {
        constexpr const char* function = "diffusion::binomial_process";
        detail::require(steps >= 1, function, "there must be at least one step", steps);
        for (std::size_t t = 1; t <= steps; ++t) {
            const double beta_t = static_cast<double>(beta(t - 1, steps));
            detail::require(beta_t >= 0 && (beta_t < 1 || (beta_t == 1 && t == steps)), function,
                            "every beta must lie in [0, 1), and only the last may be 1", beta_t);
            keep_[t] = 1 - beta_t;
            kept_[t] = kept_[t - 1] * keep_[t];
        }
    }

    /// T.
    std::size_t steps() const { return kept_.size() - 1; }
    static constexpr std::size_t categories() { return 2; }

    /// The share of bits that no step up to t has erased, prod (1 - beta); t = 0 .. T.
    double kept(std::size_t t) const {
        detail::require(t <= steps(), "diffusion::binomial_process", "t must be one of 0 .. T", t);
        return kept_[t];
    }

    /// What a bit of x_t alone says of its x_0, as the log odds that they are equal: log((1 +
    /// kept)/(1 - kept)), infinite at t = 0.
    double evidence(std::size_t t) const { return std::log((1 + kept(t)) / (1 - kept(t))); }

    /// q(x_t | x_s) for 0 <= s <= t <= T.
    binomial_kernel kernel(std::size_t s, std::size_t t) const {
        detail::require(s <= t, "diffusion::binomial_process::kernel", "s must not be later than t",
                        s);
        double keep = kept(t);
        if (s > 0) {  // kept(t)/kept(s), where that may be 0/0
            keep = 1;
            for (std::size_t i = s + 1; i <= t; ++i) keep *= keep_[i];
        }
        return binomial_forward(keep);
    }

    /// q(x_s | x_t, x_0) for 0 <= s < t <= T.
    binomial_posterior posterior(std::size_t s, std::size_t t) const {
        detail::require(s < t, "diffusion::binomial_process::posterior", "s must be before t", s);
        return diffusion::posterior(kernel(0, s), kernel(s, t));
    }

    /// p(x_T = i): a fair coin.
    static constexpr double prior(std::size_t) { return 0.5; }

private:
    std::vector<double> keep_, kept_;  // of one step, and of all up to it
};

}  // namespace diffusion
