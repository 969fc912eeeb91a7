#pragma once
// The lower bound K on the log-likelihood of bits, term by term.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include <diffusion/detail/require.hpp>
#include <diffusion/discrete/binomial_process.hpp>
#include <diffusion/discrete/binomial_reverse.hpp>
#include <diffusion/kernel/bits.hpp>

namespace diffusion {

/// KL(B(p) || B(q)) = p log(p/q) + (1 - p) log((1 - p)/(1 - q)), in nats; infinite where q excludes
/// what p does not. Throws std::invalid_argument for what is no probability.
inline double binomial_divergence(double p, double q) {
    constexpr const char* function = "diffusion::binomial_divergence";
    detail::require_probability(p, function);
    detail::require_probability(q, function);
    const auto term = [](double a, double b) { return a > 0 ? a * std::log(a / b) : 0; };
    return term(p, q) + term(1 - p, 1 - q);
}

/// K (Sohl-Dickstein et al. 2015, eq. 14) of bits, in nats, of one item, the mean over all that
/// were given:
///
///     K = - sum_{t=2}^T KL(q(x_{t-1} | x_t, x_0) || p(x_{t-1} | x_t))
///         + H_q(X_T | X_0) - H_q(X_1 | X_0) - H_p(X_T)
///
/// K is a log-likelihood: the higher the better, and never above the true one on average. The last
/// step, from x_1 to x_0, is not learned, it is the forward step run backwards (their appendix
/// B.2). That costs what the first step adds to the entropy of the data: of data whose items are
/// far apart H_q(X_1 | X_0), so that K cannot be better than log p(x_0) - H_q(X_1 | X_0). A learned
/// last step does not pay that.
struct binomial_bound {
    double entropy_T = 0;       ///< H_q(X_T | X_0)
    double entropy_1 = 0;       ///< H_q(X_1 | X_0)
    double entropy_prior = 0;   ///< H_p(X_T)
    std::vector<double> steps;  ///< the divergences of t = 2, ..., T
    double last = 0;            ///< E log p(x_0 | x_1), if the last step is the network's, too

    /// The sum over t of the divergences.
    double divergence() const {
        double sum = 0;
        for (const double term : steps) sum += term;
        return sum;
    }

    /// K of the paper; `in_bits` makes bits of it.
    double nats() const { return -divergence() + entropy_T - entropy_1 - entropy_prior; }

    /// The same bound with the network's own last step: E log p(x_0 | x_1) in place of
    /// -H_q(X_1 | X_0).
    double nats_with_learned_end() const { return nats() + entropy_1 + last; }
};

/// Estimates K from one draw of x_t ~ q(x_t | x_0) for each t: a random number whose mean is K.
/// x_0: items of `bits` bits one behind the other. Draws are a function of (seed, t, place of the
/// bit). Throws std::invalid_argument for states other than 0 and 1 and a part of an item.
template <binomial_reverse Reverse>
binomial_bound binomial_lower_bound(const binomial_process& process,
                                    std::span<const std::size_t> x_0, std::size_t bits,
                                    Reverse&& reverse, std::uint64_t seed) {
    constexpr const char* function = "diffusion::binomial_lower_bound";
    detail::require(bits > 0 && !x_0.empty() && x_0.size() % bits == 0, function,
                    "the bits must be those of one or more whole items", x_0.size());
    const std::size_t T = process.steps();
    const double n = static_cast<double>(bits), items = static_cast<double>(x_0.size()) / n;
    binomial_bound bound;
    bound.entropy_T = n * binary_entropy(process.kernel(0, T)(1, 1));
    bound.entropy_1 = n * binary_entropy(process.kernel(0, 1)(1, 1));
    bound.entropy_prior = n * binary_entropy(process.prior(1));
    std::vector<std::size_t> x_t(x_0.size());
    std::vector<double> one(x_0.size());
    for (std::size_t t = 1; t <= T; ++t) {
        q_sample(process.kernel(0, t), x_0, std::span(x_t), seed, {noise_stream::forward, t, 2});
        reverse(std::span<const std::size_t>(x_t), t - 1, t, std::span(one));
        const binomial_posterior q = process.posterior(t - 1, t);
        double sum = 0;
        for (std::size_t i = 0; i < x_0.size(); ++i)
            sum += binomial_divergence(q.one[x_t[i]][x_0[i]], one[i]);
        if (t == 1) bound.last = -sum / items;  // the posterior is x_0 itself
        else bound.steps.push_back(sum / items);
    }
    return bound;
}

}  // namespace diffusion
