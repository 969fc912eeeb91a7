#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <diffusion/detail/require.hpp>
#include <diffusion/discrete/categorical_divergence.hpp>
#include <diffusion/discrete/categorical_process.hpp>
#include <diffusion/discrete/categorical_sample.hpp>
#include <diffusion/discrete/categorical_sampler.hpp>

namespace diffusion {

/// The variational bound on -log p(x_0), term by term (Austin et al. 2021, eq. 1), in nats, summed
/// over all elements.
struct categorical_bound {
    double prior = 0;           ///< L_T
    std::vector<double> steps;  ///< L_{t-1} for t = 1, ..., T, so that the first is L_0

    /// L_vlb. `in_bits` makes bits of it, and `bits_per_dim(-nats(), elements)` bits per element.
    double nats() const {
        double sum = prior;
        for (const double term : steps) sum += term;
        return sum;
    }
};

/// L_vlb of x_0, with one draw of x_t ~ q(x_t | x_0) for each t: a random number whose mean is the
/// bound. `times`, as for `categorical_sampler`: the bound of the process that steps between these
/// only, one term for each step. Draws are a pure function of (seed, t, first_element + i).
///
/// Throws std::invalid_argument for states outside 0 .. K-1, and for times that do not fall.
template <categorical_process P, x_0_predictor Predict>
categorical_bound categorical_variational_bound(const P& process, std::span<const std::size_t> x_0,
                                                Predict&& predict, std::uint64_t seed,
                                                std::span<const std::size_t> times,
                                                std::uint64_t first_element = 0) {
    constexpr const char* function = "diffusion::categorical_variational_bound";
    const std::size_t K = process.categories();
    detail::require(times.size() >= 2 && times.front() == process.steps() && times.back() == 0,
                    function, "the times must fall from T to 0; their number", times.size());
    categorical_bound bound;
    std::vector<double> of_state(K);
    for (std::size_t k = 0; k < K; ++k) of_state[k] = prior_divergence(process, k);
    for (const std::size_t state : x_0) {
        detail::require_state(state, K, function);
        bound.prior += of_state[state];
    }
    std::vector<std::size_t> x_t(x_0.size());
    std::vector<double> logits(x_0.size() * K), p_0(K), scratch(K);
    for (std::size_t i = times.size(); i-- > 1;) {
        const std::size_t t = times[i - 1];
        const categorical_step back = step_back(process, t, times[i]);
        q_sample(process.kernel(0, t), x_0, std::span(x_t), seed, {noise_stream::forward, t, 2},
                 first_element);
        predict(std::span<const std::size_t>(x_t), t, std::span(logits));
        double sum = 0;
        for (std::size_t e = 0; e < x_0.size(); ++e) {
            probabilities_of(std::span<const double>(logits).subspan(e * K, K), std::span(p_0));
            sum += categorical_divergence(back, x_t[e], x_0[e], p_0, std::span(scratch));
        }
        bound.steps.push_back(sum);
    }
    return bound;
}

/// The same with all T steps.
template <categorical_process P, x_0_predictor Predict>
categorical_bound categorical_variational_bound(const P& process, std::span<const std::size_t> x_0,
                                                Predict&& predict, std::uint64_t seed) {
    const auto times = even_times(process.steps(), process.steps());
    return categorical_variational_bound(process, x_0, predict, seed, std::span(times));
}

}  // namespace diffusion
