#pragma once
// L2: times of flow matching, where t is sigma itself, on `flow_schedule`.

#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include <diffusion/detail/require.hpp>
#include <diffusion/schedule/shifted_flow.hpp>

namespace diffusion {

/// n times spread evenly from first down to last, both included; a single one is the first. The
/// references' last time is 1/T for a network that was trained on T times.
inline std::vector<double> flow_times(std::size_t n, double first = 1, double last = 1e-3) {
    detail::require(n >= 1, "diffusion::flow_times", "the number of times must be at least 1", n);
    detail::require(first > 0 && first <= 1, "diffusion::flow_times", "first must lie in (0, 1]",
                    first);
    detail::require(last >= 0 && last < first, "diffusion::flow_times",
                    "last must not be negative and lie below first", last);
    std::vector<double> times(n, first);
    for (std::size_t i = 1; i < n; ++i) {
        const double u = static_cast<double>(i) / static_cast<double>(n - 1);
        times[i] = (1 - u) * first + u * last;
    }
    return times;
}

/// `shifted_time` of each: a static shift as in Esser et al. (2024, eq. 23; 3 for pictures of 1024
/// x 1024), a dynamic one with shift = e^mu of `image_mu`.
inline std::vector<double> shifted_times(std::vector<double> times, double shift) {
    for (double& t : times) t = shifted_time(t, shift);
    return times;
}

/// The line through (few tokens, low) and (many tokens, high).
struct mu_line {
    std::size_t few = 256, many = 4096;
    double low = 0.5, high = 1.15;
};

/// mu of a picture of so many tokens, for a shift of e^mu that grows with its size (Black Forest
/// Labs 2024, FLUX: a token is 16 x 16 pixels; 0.5 at 256 tokens, 1.15 at 4096).
inline double image_mu(std::size_t tokens, const mu_line& line = {}) {
    detail::require(tokens >= 1, "diffusion::image_mu", "a picture has at least 1 token", tokens);
    detail::require(line.many > line.few, "diffusion::image_mu", "many must exceed few", line.many);
    const double slope = (line.high - line.low) / static_cast<double>(line.many - line.few);
    return line.low + slope * (static_cast<double>(tokens) - static_cast<double>(line.few));
}

/// The times stretched about t = 1 such that the last one becomes `terminal`: 1 - t is scaled by
/// (1 - terminal)/(1 - last) (HaCohen et al. 2024, LTX-Video: 0.1).
inline std::vector<double> stretched_times(std::vector<double> times, double terminal) {
    detail::require(!times.empty(), "diffusion::stretched_times", "at least one time is needed",
                    times.size());
    detail::require(terminal > 0 && terminal < 1, "diffusion::stretched_times",
                    "terminal must lie in (0, 1)", terminal);
    for (const double t : times)
        detail::require(t >= 0 && t <= 1, "diffusion::stretched_times", "t must lie in [0, 1]", t);
    detail::require(times.back() < 1, "diffusion::stretched_times",
                    "the last time must lie below 1", times.back());
    const double scale = (1 - terminal) / (1 - times.back());
    for (double& t : times) t = 1 - (1 - t) * scale;
    times.back() = terminal;
    return times;
}

}  // namespace diffusion
