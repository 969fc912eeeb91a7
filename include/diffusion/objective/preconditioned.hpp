#pragma once
// L3: training of preconditioned networks, and EDM's choice of everything about it.

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include <diffusion/denoiser/precondition.hpp>
#include <diffusion/detail/require.hpp>
#include <diffusion/grid/time_grid.hpp>
#include <diffusion/objective/target.hpp>
#include <diffusion/objective/time_distribution.hpp>
#include <diffusion/objective/times.hpp>
#include <diffusion/objective/weighting.hpp>
#include <diffusion/random/gaussian_noise.hpp>
#include <diffusion/schedule/continuous.hpp>
#include <diffusion/tensor/batch.hpp>
#include <diffusion/tensor/linear.hpp>

namespace diffusion {

/// Karras et al. (2022), table 1: the data loss is weighted by lambda(sigma) = (sigma^2 +
/// sigma_data^2)/(sigma sigma_data)^2, so that the preconditioned network's own error counts the
/// same at every level. As a weight of the noise loss 1 + 1/(SNR sigma_data^2).
struct edm_weighting {
    double sigma_data = 0.5;

    double operator()(double snr) const {
        detail::require_sigma_data(sigma_data, "diffusion::edm_weighting");
        return 1 + 1 / (snr * sigma_data * sigma_data);
    }
};

namespace detail {

/// What F should answer, so that skip x_t + out F = x_0 (Karras et al. 2022, eq. 8), as weights of
/// x_0 and eps.
inline target_weights inner_target(const precondition_weights& w, const noise_level& t) {
    require(w.out != 0 && std::isfinite(w.out), "diffusion::preconditioned_objective",
            "where the denoiser is the identity there is nothing to learn; c_out", w.out);
    return {(1 - w.skip * t.alpha) / w.out, -w.skip * t.sigma / w.out};
}

}  // namespace detail

/// Training of the network F in D(x, t) = skip x + out F(in x, time) on the data loss of D (Karras
/// et al. 2022, eq. 8),
///
///     weight(t) |D(x_t, t) - x_0|^2 = weight(t) out^2 |F(in x_t, time) - (x_0 - skip x_t)/out|^2,
///
/// as a regression of F: the batch holds what F sees, is told and should answer. The trained F is
/// used as `preconditioned{F, scaling, scratch}`. As for `simple_objective`, everything is a
/// function of (seed, iteration, data).
template <noise_schedule S, class Scaling, loss_weighting W, time_distribution D = uniform_times>
struct preconditioned_objective {
    S schedule;
    Scaling scaling;
    W weighting;
    D distribution;
    time_sampling sampling;
    std::uint64_t seed;

    explicit preconditioned_objective(S schedule_, Scaling scaling_, W weighting_,
                                      D distribution_ = {},
                                      time_sampling sampling_ = time_sampling::stratified,
                                      std::uint64_t seed_ = 0)
        : schedule(std::move(schedule_)),
          scaling(std::move(scaling_)),
          weighting(std::move(weighting_)),
          distribution(std::move(distribution_)),
          sampling(sampling_),
          seed(seed_) {}

    /// What a batch of n items needs; made once, reused in every iteration.
    template <tensor X>
    struct batch {
        owner_t<X> x_t;                   ///< what the network sees: in x_t
        owner_t<X> target;                ///< what it should answer
        std::vector<double> times;        ///< what it is told of each item: c_noise
        std::vector<noise_level> levels;  ///< of each item
        std::vector<double> weights;      ///< of each item in the loss of F: weight out^2
    };

    /// Memory for batches like x_0 of `items` items.
    template <tensor X>
    batch<X> init(const X& x_0, std::size_t items) const {
        item_size(elements(x_0).size(), items);
        return {like(x_0), like(x_0), std::vector<double>(items), std::vector<noise_level>(items),
                std::vector<double>(items)};
    }

    /// Fills the batch from data x_0; allocates nothing. Throws std::invalid_argument where out is
    /// 0.
    template <tensor X>
    void draw(const X& x_0, batch<X>& out, std::uint64_t iteration) const {
        gaussian_noise{seed}(out.target, detail::training_draw(iteration, 0));  // eps
        draw(x_0, out.target, out, iteration);
    }

    /// The same with given noise eps of x_0's size.
    template <tensor X>
    void draw(const X& x_0, const owner_t<X>& eps, batch<X>& out, std::uint64_t iteration) const {
        using T = scalar_t<X>;
        const std::span<const T> data = elements(x_0), noise = elements(eps);
        detail::require(noise.size() == data.size(), "diffusion::preconditioned_objective",
                        "the noise must have the data's size", noise.size());
        const std::span<T> target = elements(out.target);
        draw_times(std::span<double>(out.times), schedule, distribution, sampling, seed, iteration);
        for_each_item(out.x_t, out.times.size(), [&](std::size_t i, std::span<T> item) {
            const std::size_t first = i * item.size(), size = item.size();
            const node t = node_at(schedule, out.times[i]);
            const precondition_weights w = scaling(t);
            const target_weights answer = detail::inner_target(w, t);
            const auto mix = [&](std::span<T> to, double of_data, double of_noise) {
                assign(to, std::array<term<T>, 2>{{{of_data, data.subspan(first, size)},
                                                   {of_noise, noise.subspan(first, size)}}});
            };
            mix(item, w.in * t.alpha, w.in * t.sigma);
            mix(target.subspan(first, size), answer.data, answer.noise);  // may overwrite eps
            out.times[i] = w.time;
            out.levels[i] = t;
            out.weights[i] = loss_weight(weighting, diffusion::target::data, t) * w.out * w.out;
        });
    }
};

/// EDM's training (Karras et al. 2022, table 1): log-normal noise levels, c_skip, c_out, c_in and
/// c_noise of `edm_scaling`, and its weight, with which F's error counts the same at every level.
inline auto edm_objective(double sigma_data = 0.5, const log_normal_times& sigmas = {},
                          time_sampling sampling = time_sampling::stratified,
                          std::uint64_t seed = 0) {
    detail::require_sigma_data(sigma_data, "diffusion::edm_objective");
    using limits = std::numeric_limits<double>;  // log-normal levels have no bounds
    return preconditioned_objective(edm_schedule{limits::min(), limits::max()},
                                    edm_scaling{sigma_data}, edm_weighting{sigma_data}, sigmas,
                                    sampling, seed);
}

}  // namespace diffusion
