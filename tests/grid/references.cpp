#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string_view>
#include <vector>

#include <diffusion/grid/beta_quantiles.hpp>
#include <diffusion/grid/first_level.hpp>
#include <diffusion/grid/flow_times.hpp>
#include <diffusion/grid/sigma_grid.hpp>
#include <diffusion/grid/sigmas.hpp>
#include <diffusion/grid/spacing.hpp>
#include <diffusion/schedule/continuous.hpp>
#include <diffusion/schedule/discrete.hpp>
#include <diffusion/schedule/zero_terminal_snr.hpp>
#include <support/worse.hpp>

using namespace diffusion;

namespace {

/// Settings of a scheduler and the levels and times that it makes of them (references.py).
struct reference {
    std::string_view id, family, kind;
    std::size_t n, T;
    std::string_view betas;
    double beta_first, beta_last;
    bool zero_snr;
    std::string_view spacing;
    std::size_t offset;
    std::string_view interpolation;
    double sigma_min, sigma_max, rho, shift;
    bool dynamic;
    double mu;
    std::string_view shift_type;
    double terminal;
    std::string_view final_sigma, timestep_type;
    std::vector<double> sigmas, times;
};

const std::vector<reference>& references() {
    static const std::vector<reference> list = {
#include "references.inc"
    };
    return list;
}

using schedule = discrete_schedule<tabulated_beta>;

schedule schedule_of(const reference& r) {
    std::vector<double> betas(r.T);
    for (std::size_t t = 0; t < r.T; ++t)
        betas[t] = r.betas == "linear" ? linear_beta{r.beta_first, r.beta_last}(t, r.T)
                   : r.betas == "scaled_linear"
                       ? scaled_linear_beta{r.beta_first, r.beta_last}(t, r.T)
                       : cosine_beta{}(t, r.T);
    const schedule trained = discrete_schedule_of(betas);
    return r.zero_snr ? zero_terminal_snr(trained) : trained;
}

bool in_sigma_space(const reference& r) {
    return r.family == "euler" || r.family == "heun" || r.family == "lms";
}

/// The times of the spacings of the sigma-space schedulers; "linspace" ones are fractional.
std::vector<double> spaced(const reference& r) {
    if (r.spacing == "leading") return leading_times(r.T, r.n, r.offset);
    if (r.spacing == "trailing") return trailing_times(r.T, r.n);
    std::vector<double> times(r.n);
    for (std::size_t i = 0; i < r.n; ++i)
        times[i] = static_cast<double>(r.T - 1) * static_cast<double>(r.n - 1 - i) /
                   static_cast<double>(r.n - 1);
    return times;
}

std::vector<double> list_of(const reference& r, const sigma_range& range) {
    if (r.kind == "karras") return karras_sigmas(r.n, range, r.rho > 0 ? r.rho : 7);
    if (r.kind == "beta") return beta_sigmas(r.n, range);
    return exponential_sigmas(r.n, range);  // also "lu"
}

std::vector<double> flow_times_of(const reference& r) {
    const double T = static_cast<double>(r.T);
    const double shift = !r.dynamic ? r.shift : r.shift_type == "linear" ? r.mu : std::exp(r.mu);
    if (r.family == "unipc") {  // its first sigma is 1 less 1e-6, put there after the shift
        std::vector<double> times = flow_times(r.n + 1, 1, 1 / T);
        times.pop_back();
        times = shifted_times(times, shift);
        times[0] = 1 - 1e-6;
        return times;
    }
    if (!r.family.starts_with("flow_match")) {
        std::vector<double> times = flow_times(r.n + 1, 1 - 1 / T, 0);
        times.pop_back();
        return shifted_times(times, shift);
    }
    // The static shift is applied to the last time and then to all of them.
    const double last = r.dynamic ? 1 / T : shifted_time(1 / T, shift);
    std::vector<double> times = shifted_times(flow_times(r.n, 1, last), shift);
    if (r.terminal > 0) times = stretched_times(times, r.terminal);
    return r.kind == "flow" ? times : list_of(r, {times.back(), times.front()});
}

told_time told_by(const reference& r) {
    if (in_sigma_space(r)) return told_time::exact;
    if (r.family == "dpmsolver_multistep" && r.betas == "squaredcos_cap_v2")
        return told_time::below;
    return r.kind == "karras" || r.kind == "lu" ? told_time::nearest : told_time::below;
}

/// The library's grid with the time that the network is told.
time_grid grid_of(const reference& r) {
    const bool flow = r.kind == "flow" || r.family.starts_with("flow_match");
    if (flow) {
        time_grid grid = make_grid(flow_schedule{}, flow_times_of(r));
        for (node& n : grid) {
            n.t *= static_cast<double>(r.T);
            if (!r.family.starts_with("flow_match")) n.t = std::floor(n.t);
        }
        return grid;
    }
    if (r.family.starts_with("edm")) {
        const sigma_range range{r.sigma_min, r.sigma_max};
        time_grid grid =
            grid_of_sigmas(edm_schedule{range.lowest, range.highest}, list_of(r, range));
        for (node& n : grid) n.t = 0.25 * std::log(n.t);
        return grid;
    }
    const schedule levels = schedule_of(r);
    if (r.kind == "times") return linear_sigma_grid(levels, spaced(r));
    sigma_range range = sigma_range_of(levels);
    if (in_sigma_space(r)) {
        const std::vector<double> times = spaced(r);
        range = {linear_sigma(levels, times.back()), linear_sigma(levels, times.front())};
    }
    if (r.interpolation == "log_linear") range = sigma_range_of(levels);
    if (r.sigma_min > 0) range.lowest = r.sigma_min;
    if (r.sigma_max > 0) range.highest = r.sigma_max;
    time_grid grid = grid_of_sigmas(levels, list_of(r, range),
                                    {.told = told_by(r), .outside = outside_range::hold_time});
    if (r.timestep_type == "continuous")
        for (node& n : grid) n.t = -0.25 * n.lambda;
    return grid;
}

}  // namespace

TEST_CASE("grids have the levels and times of diffusers' schedulers") {
    std::size_t met = 0;
    for (const reference& r : references()) {
        CAPTURE(r.id);
        // Euler's "log_linear" spreads the levels over n + 1 places of the whole schedule while the
        // times stay where the spacing put them: levels and times do not belong together.
        if (r.interpolation == "log_linear" && r.kind == "times") continue;
        const time_grid grid = grid_of(r);
        REQUIRE(grid.size() == r.n + 1);
        REQUIRE(r.sigmas.size() == r.n + 1);
        REQUIRE(r.times.size() >= r.n);
        // With zero terminal SNR the references raise alpha-bar at the last time to 2^-24.
        const std::size_t begin = r.zero_snr ? 1 : 0;
        const bool flow = r.kind == "flow" || r.family.starts_with("flow_match");
        double worst_sigma = 0, worst_time = 0;
        for (std::size_t i = begin; i < r.n; ++i) {
            const double sigma = flow ? grid[i].sigma : grid[i].sigma / grid[i].alpha;
            worst_sigma = support::worse(worst_sigma, std::abs(sigma / r.sigmas[i] - 1));
            worst_time =
                support::worse(worst_time, std::abs(grid[i].t - r.times[i]) / (1 + r.times[i]));
        }
        // They take 1 - alpha-bar of a rounded alpha-bar, which costs digits of a small sigma.
        const double lowest = r.sigmas[r.n - 1];
        CHECK(worst_sigma < (flow ? 1e-13 : 1e-12 + 2e-16 / (lowest * lowest)));
        // Where told times are rounded they are the same integers. Fractional ones come from
        // differences of logarithms, which leave fewer digits.
        CHECK(worst_time < (in_sigma_space(r) ? 1e-10 : 1e-12));
        if (r.final_sigma == "sigma_min" && !r.betas.empty())
            CHECK(noise_to_signal(
                      ending_at_first_level(schedule_of(r), grid, empty_step::keep).back()) ==
                  doctest::Approx(r.sigmas.back()).epsilon(1e-11));
        ++met;
    }
    CHECK(met + 1 == references().size());
}
