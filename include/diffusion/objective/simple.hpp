#pragma once
// L3: one training example a batch item, and L_simple.

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include <diffusion/detail/require.hpp>
#include <diffusion/grid/time_grid.hpp>
#include <diffusion/kernel/q_sample.hpp>
#include <diffusion/objective/target.hpp>
#include <diffusion/objective/times.hpp>
#include <diffusion/objective/weighting.hpp>
#include <diffusion/random/gaussian_noise.hpp>
#include <diffusion/schedule/noise_level.hpp>
#include <diffusion/tensor/batch.hpp>

namespace diffusion {

/// Training by regression (Ho et al. 2020, algorithm 1): draws a time and a noise for every item of
/// a batch of data and says what the network sees and what it should answer.
///
///     simple_objective objective(discrete_schedule(cosine_beta{}), target::velocity);
///     objective.draw(x_0, batch, iteration);   // fills batch.x_t, .target, .times, .weights
///     loss = sum_i weights_i mean (network(x_t, times) - target)_i^2 / n
///
/// A pure function of (seed, iteration, data). Times are uniform over the schedule, or come from
/// another distribution.
template <noise_schedule S, loss_weighting W = unweighted, time_distribution D = uniform_times>
struct simple_objective {
    S schedule;
    target kind;
    W weighting;
    time_sampling sampling;
    std::uint64_t seed;
    D distribution;

    explicit simple_objective(S schedule_, target kind_ = target::noise, W weighting_ = {},
                              time_sampling sampling_ = time_sampling::stratified,
                              std::uint64_t seed_ = 0, D distribution_ = {})
        : schedule(std::move(schedule_)),
          kind(kind_),
          weighting(std::move(weighting_)),
          sampling(sampling_),
          seed(seed_),
          distribution(std::move(distribution_)) {}

    /// What a batch of n items needs; made once, reused in every iteration.
    template <tensor X>
    struct batch {
        owner_t<X> x_t;                   ///< what the network sees
        owner_t<X> target;                ///< what it should answer
        std::vector<double> times;        ///< of each item, in the schedule's units
        std::vector<noise_level> levels;  ///< of each item
        std::vector<double> weights;      ///< of each item in the loss
    };

    /// Memory for batches like x_0 of `items` items.
    template <tensor X>
    batch<X> init(const X& x_0, std::size_t items) const {
        item_size(elements(x_0).size(), items);
        return {like(x_0), like(x_0), std::vector<double>(items), std::vector<noise_level>(items),
                std::vector<double>(items)};
    }

    /// Fills the batch from data x_0; allocates nothing.
    template <tensor X>
    void draw(const X& x_0, batch<X>& out, std::uint64_t iteration) const {
        gaussian_noise{seed}(out.target,
                             detail::training_draw(iteration, 0));  // eps, replaced below
        draw(x_0, out.target, out, iteration);
    }

    /// The same with given noise eps, such as that from which x_0 was made (the pairs of rectified
    /// flow, Liu et al. 2023). Throws std::invalid_argument unless it has x_0's size.
    template <tensor X>
    void draw(const X& x_0, const owner_t<X>& eps, batch<X>& out, std::uint64_t iteration) const {
        detail::require(elements(eps).size() == elements(x_0).size(), "diffusion::simple_objective",
                        "the noise must have the data's size", elements(eps).size());
        draw_times(std::span<double>(out.times), schedule, distribution, sampling, seed, iteration);
        for (std::size_t i = 0; i < out.times.size(); ++i) {
            const node t = node_at(schedule, out.times[i]);
            out.levels[i] = t;
            out.weights[i] = loss_weight(weighting, kind, t);
        }
        const std::span<const noise_level> levels = out.levels;
        q_sample(out.x_t, x_0, levels, eps);
        training_target(out.target, kind, x_0, levels, eps);
    }
};

/// L = 1/n sum_i w_i mean_e (prediction - target)^2 over the n items of a batch, and its gradient
/// with respect to the prediction, written to `gradient` (which may be the prediction). Throws
/// std::invalid_argument on unequal sizes.
template <tensor X>
double squared_error(const X& prediction, const X& target, std::span<const double> weights,
                     X& gradient) {
    using T = scalar_t<X>;
    const std::span<const T> p = elements(prediction), y = elements(target);
    detail::require(p.size() == y.size(), "diffusion::squared_error",
                    "prediction and target must have one size", y.size());
    detail::require(elements(gradient).size() == p.size(), "diffusion::squared_error",
                    "the gradient must have the prediction's size", elements(gradient).size());
    double loss = 0;
    for_each_item(gradient, weights.size(), [&](std::size_t i, std::span<T> g) {
        const std::size_t first = i * g.size();
        const double scale = weights[i] / static_cast<double>(p.size());
        double sum = 0;
        for (std::size_t e = 0; e < g.size(); ++e) {
            const double difference =
                static_cast<double>(p[first + e]) - static_cast<double>(y[first + e]);
            sum += difference * difference;
            g[e] = static_cast<T>(2 * scale * difference);
        }
        loss += scale * sum;
    });
    return loss;
}

}  // namespace diffusion
