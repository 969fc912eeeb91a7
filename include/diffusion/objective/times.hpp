#pragma once
// L3: at which times a batch is trained.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

#include <diffusion/detail/require.hpp>
#include <diffusion/random/gaussian_noise.hpp>
#include <diffusion/schedule/noise_level.hpp>

namespace diffusion {

/// How the times of a batch are drawn: independently, or one from each of n equal parts of the time
/// axis, which makes the loss of a batch less noisy (Kingma et al. 2021, section 5.1 and appendix
/// I.1).
enum class time_sampling { uniform, stratified };

namespace detail {

/// Address of the training draws of one iteration; x_t's noise has sub-draw 0, its times sub-draw
/// 1.
inline noise_address training_draw(std::uint64_t iteration, std::uint32_t sub_draw) {
    return {noise_stream::forward, iteration, sub_draw};
}

}  // namespace detail

/// The times of the n items of a batch, uniform over the schedule: integers 0 .. T-1 for a discrete
/// one, otherwise reals in [t_min, t_max]. A pure function of (seed, iteration). Stratified: item i
/// gets the part (i, i+1)/n, so the items of a batch must come in random order.
template <noise_schedule S>
void draw_times(std::span<double> times, const S& schedule, time_sampling how, std::uint64_t seed,
                std::uint64_t iteration) {
    const double n = static_cast<double>(times.size());
    fill_uniform(times, seed, detail::training_draw(iteration, 1));
    for (std::size_t i = 0; i < times.size(); ++i) {
        const double u =
            how == time_sampling::stratified ? (static_cast<double>(i) + times[i]) / n : times[i];
        if constexpr (discrete_noise_schedule<S>) {
            const double t = std::floor(u * static_cast<double>(schedule.size()));
            times[i] = t < schedule.t_max() ? t : schedule.t_max();  // u may round to 1
        } else {
            times[i] = schedule.t_min() + u * (schedule.t_max() - schedule.t_min());
        }
    }
}

}  // namespace diffusion
