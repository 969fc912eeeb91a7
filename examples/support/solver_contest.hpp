#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <diffusion/grid/sigma_grid.hpp>
#include <diffusion/grid/sigmas.hpp>
#include <diffusion/grid/uniform.hpp>
#include <diffusion/random/gaussian_noise.hpp>
#include <diffusion/sampler/any_sampler.hpp>
#include <diffusion/sampler/sample.hpp>
#include <diffusion/tensor/std.hpp>

namespace examples {

using state = std::vector<double>;

/// Where the nodes lie between the two ends: evenly in lambda, evenly in t, or as Karras et al.
/// (2022, eq. 5) place them.
enum class spacing { lambda, time, karras };
inline constexpr spacing all_spacings[] = {spacing::lambda, spacing::time, spacing::karras};

inline const char* name_of(spacing kind) {
    return kind == spacing::lambda ? "lambda" : kind == spacing::time ? "t" : "Karras";
}

/// Any noise schedule.
struct any_schedule {
    std::function<diffusion::noise_level(double)> level;
    double low, high;

    diffusion::noise_level operator()(double t) const { return level(t); }
    double t_min() const { return low; }
    double t_max() const { return high; }
};

/// An equation to solve: the probability flow of a denoiser on a schedule, from t_first to t_last
/// where a little noise is left, so that the end is that of the equation and not of a last step.
struct problem {
    any_schedule schedule;
    double t_first, t_last;
    std::function<void(const state&, const diffusion::node&, state&)> denoise;
    state start;    ///< noise
    state exact{};  ///< the other end of the way; empty if it is not known

    template <class Schedule, class Denoise>
    problem(const Schedule& s, double first, double last, Denoise denoise_, std::size_t size,
            std::uint64_t seed)
        : schedule{s, s.t_min(), s.t_max()},
          t_first(first),
          t_last(last),
          denoise(denoise_),
          start(size) {
        diffusion::draw_prior(start, diffusion::node_at(schedule, first),
                              diffusion::gaussian_noise{seed});
    }

    /// The grid of n steps.
    diffusion::time_grid grid(spacing kind, std::size_t n) const {
        using namespace diffusion;
        if (kind == spacing::lambda)
            return uniform_lambda(schedule, n, t_first, t_last, grid_end::last_time);
        if (kind == spacing::karras)
            return grid_of_sigmas(schedule,
                                  karras_sigmas(n + 1, sigma_range_of(schedule, t_first, t_last)),
                                  {.end = grid_end::last_time});
        std::vector<double> times;
        for (std::size_t i = 0; i <= n; ++i)
            times.push_back(t_first + (t_last - t_first) * double(i) / double(n));
        return make_grid(schedule, times, grid_end::last_time);
    }
};

/// A method.
struct solver {
    std::string name;
    std::size_t calls_per_step;
    std::size_t more_calls;  ///< in the first step
    std::function<diffusion::any_sampler<state>(const problem&, diffusion::time_grid)> make;
};

/// What came of it.
struct outcome {
    std::size_t calls = 0;  ///< of the network, counted
    double error = 0;       ///< root of the mean square distance from the exact end
    state end{};
};

/// Solves with at most `calls` calls of the network, or with as few as the method can.
inline outcome solve(const problem& p, const solver& s, spacing kind, std::size_t calls) {
    const std::size_t left = calls - std::min(calls, s.more_calls);
    const std::size_t steps = std::max(left / s.calls_per_step, 1 + s.more_calls);
    outcome result;
    result.end = p.start;
    const auto counted = [&](const state& x, const diffusion::node& t, state& x0) {
        ++result.calls;
        p.denoise(x, t, x0);
    };
    diffusion::sample(result.end, s.make(p, p.grid(kind, steps)), counted);
    for (std::size_t i = 0; i < p.exact.size(); ++i)
        result.error += std::pow(result.end[i] - p.exact[i], 2) / double(p.exact.size());
    result.error = std::sqrt(result.error);
    return result;
}

/// The spacing that suits a solver: that of the smallest error with 20 calls.
inline spacing best_spacing(const problem& p, const solver& s) {
    spacing best = spacing::lambda;
    double least = solve(p, s, best, 20).error;
    for (const spacing kind : all_spacings)
        if (const double error = solve(p, s, kind, 20).error; error < least) {
            best = kind;
            least = error;
        }
    return best;
}

/// How one solver did.
struct record {
    std::string name;
    spacing kind;
    std::vector<outcome> outcomes;  ///< more and more calls

    /// The last outcome of at most so many calls; there is none if the solver needs more.
    const outcome* within(std::size_t calls) const {
        const outcome* last = nullptr;
        for (const outcome& o : outcomes)
            if (o.calls <= calls) last = &o;
        return last;
    }
};

/// One solver with several numbers of calls, on the grid that suits it.
inline record try_out(const problem& p, const solver& s, const std::vector<std::size_t>& calls) {
    record result{s.name, best_spacing(p, s), {}};
    for (const std::size_t n : calls) {
        outcome o = solve(p, s, result.kind, n);
        if (o.calls <= n) result.outcomes.push_back(std::move(o));
    }
    return result;
}

}  // namespace examples
