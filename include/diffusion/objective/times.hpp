#pragma once
// L3: at which times a batch is trained.

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
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

/// The numbers u in (0, 1) behind the times of a batch.
inline void draw_shares(std::span<double> u, time_sampling how, std::uint64_t seed,
                        std::uint64_t iteration) {
    const double n = static_cast<double>(u.size());
    fill_uniform(u, seed, training_draw(iteration, 1));
    for (std::size_t i = 0; how == time_sampling::stratified && i < u.size(); ++i)
        u[i] = (static_cast<double>(i) + u[i]) / n;
}

/// Which of n equal parts of (0, 1) u is in; u may have been rounded to 1.
inline std::size_t part_of(double u, std::size_t n) {
    return std::min(static_cast<std::size_t>(u * static_cast<double>(n)), n - 1);
}

}  // namespace detail

/// The times of the n items of a batch, uniform over the schedule: integers 0 .. T-1 for a discrete
/// one, otherwise reals in [t_min, t_max]. A pure function of (seed, iteration). Stratified: item i
/// gets the part (i, i+1)/n, so the items of a batch must come in random order.
template <noise_schedule S>
void draw_times(std::span<double> times, const S& schedule, time_sampling how, std::uint64_t seed,
                std::uint64_t iteration) {
    detail::draw_shares(times, how, seed, iteration);
    for (double& u : times) {
        if constexpr (discrete_noise_schedule<S>) {
            u = static_cast<double>(detail::part_of(u, schedule.size()));
        } else {
            u = schedule.t_min() + u * (schedule.t_max() - schedule.t_min());
        }
    }
}

/// The default: uniform over the schedule, as above.
struct uniform_times {};

/// Another distribution of the times, told by its quantiles: u in (0, 1) to the time t with P(T <=
/// t) = u, so that stratified times are one from each of n parts of equal probability. See
/// <diffusion/objective/time_distribution.hpp>.
template <class D>
concept time_distribution = std::same_as<D, uniform_times> || requires(const D& of, double u) {
    { of(u) } -> std::convertible_to<double>;
};

/// The times of the n items of a batch from such a distribution, in the schedule's units.
template <noise_schedule S, time_distribution D>
void draw_times(std::span<double> times, const S& schedule, const D& distribution,
                time_sampling how, std::uint64_t seed, std::uint64_t iteration) {
    if constexpr (std::same_as<D, uniform_times>) {
        draw_times(times, schedule, how, seed, iteration);
    } else {
        detail::draw_shares(times, how, seed, iteration);
        constexpr double most = 1 - std::numeric_limits<double>::epsilon() / 2;
        for (double& u : times) u = distribution(u < most ? u : most);  // u may round to 1
    }
}

}  // namespace diffusion
