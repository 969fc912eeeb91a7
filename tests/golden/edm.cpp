// The samplers of EDM (Karras et al. 2022): theirs, and the older ones as they compared them.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <diffusion/random/scaled_noise.hpp>
#include <diffusion/rule/churn.hpp>
#include <diffusion/rule/heun.hpp>
#include <diffusion/rule/in_time.hpp>
#include <diffusion/sampler/singlestep.hpp>

#include "sigma_space_runs.hpp"

using namespace diffusion;
using namespace golden;

namespace {

/// A schedule of EDM's table 1: x = s(t) (x_0 + sigma(t) eps).
class table_1 {
    std::string schedule_;
    bool preserving_;
    double beta_d_, beta_min_;

    double sigma(double t) const {
        return schedule_ == "vp"   ? std::sqrt(std::expm1(0.5 * beta_d_ * t * t + beta_min_ * t))
               : schedule_ == "ve" ? std::sqrt(t)
                                   : t;
    }
    double sigma_rate(double t) const {
        const double s = sigma(t);
        return schedule_ == "vp"   ? 0.5 * (beta_min_ + beta_d_ * t) * (s + 1 / s)
               : schedule_ == "ve" ? 0.5 / s
                                   : 1;
    }

public:
    table_1(const record& c, const sigma_range& range)
        : schedule_(c.text("kwargs.schedule")), preserving_(c.text("kwargs.scaling") == "vp") {
        // betas by which sigma(10^-3) and sigma(1) are the ends of the range
        constexpr double first = 1e-3;
        const double low = std::log1p(range.lowest * range.lowest);
        const double high = std::log1p(range.highest * range.highest);
        beta_d_ = 2 * (low / first - high) / (first - 1);
        beta_min_ = high - 0.5 * beta_d_;
    }

    node at_sigma(double s) const {
        if (s == 0) return {0, 1, 0, INFINITY};
        const double root = std::sqrt(beta_min_ * beta_min_ + 2 * beta_d_ * std::log1p(s * s));
        const double t = schedule_ == "vp"   ? (root - beta_min_) / beta_d_
                         : schedule_ == "ve" ? s * s
                                             : s;
        const double alpha = preserving_ ? 1 / std::hypot(1.0, s) : 1;
        return {t, alpha, alpha * s, -std::log(s)};
    }

    level_rates operator()(const node& n) const {
        const double rate = sigma_rate(n.t), s = sigma(n.t);
        if (!preserving_) return {0, rate};
        const double cube = n.alpha * n.alpha * n.alpha;
        return {-s * rate * cube, rate * cube};
    }
};

/// The levels of EDM's table 1, "time steps". iDDPM's are those of the discrete cosine schedule.
std::vector<double> levels_of(const std::string& kind, std::size_t n, const sigma_range& range) {
    if (kind == "vp") return vp_sigmas(n);
    if (kind == "ve") return exponential_sigmas(n, range);
    if (kind == "edm") return karras_sigmas(n, range);
    const discrete_schedule<cosine_beta> cosine(cosine_beta{}, 1000);
    std::vector<double> inside, levels;
    for (std::size_t t = 1000; t-- > 0;) {
        const double rho = noise_to_signal(cosine(static_cast<double>(t)));
        if (rho >= range.lowest && rho <= range.highest) inside.push_back(rho);
    }
    const double stride = static_cast<double>(inside.size() - 1) / static_cast<double>(n - 1);
    for (std::size_t i = 0; i < n; ++i)
        levels.push_back(
            inside[static_cast<std::size_t>(std::nearbyint(stride * static_cast<double>(i)))]);
    return levels;
}

/// The ends of the levels that EDM's code has for each kind.
sigma_range range_of(const std::string& kind, std::size_t n) {
    const std::vector<double> vp = vp_sigmas(n);
    return kind == "vp"   ? sigma_range{vp.back(), vp.front()}
           : kind == "ve" ? sigma_range{0.02, 100}
                          : sigma_range{0.002, kind == "edm" ? 80.0 : 81.0};
}

template <class T>
trajectory<T> run_edm(const record& c) {
    const std::size_t n = c.count("kwargs.num_steps", 18);
    const auto run_on = [&](const auto& rule, const time_grid& grid) {
        const singlestep sampler(rule, grid);
        return run_asked_from<T>(grid[0].sigma, sampler, k_diffusion_denoiser<T>(c), 1,
                                 noise_of_step{});
    };
    if (c.has("kwargs.schedule")) {
        const std::string kind = c.text("kwargs.discretization");
        const sigma_range range = range_of(kind, n);
        const table_1 schedule(c, range);
        time_grid grid;
        for (const double sigma : levels_of(kind, n, range))
            grid.push_back(schedule.at_sigma(sigma));
        grid.push_back(schedule.at_sigma(0));
        return c.text("kwargs.solver") == "euler" ? run_on(euler_in_time{schedule}, grid)
                                                  : run_on(heun_in_time{schedule}, grid);
    }
    time_grid grid;
    for (const double sigma :
         karras_sigmas(n, {c.number("kwargs.sigma_min", 0.002), c.number("kwargs.sigma_max", 80)},
                       c.number("kwargs.rho", 7)))
        grid.push_back(sigma_node(sigma));
    grid.push_back(sigma_node(0));
    if (c.has("kwargs.alpha"))
        return run_on(second_slope{sigma_node, c.number("kwargs.alpha")}, grid);
    return run_on(churned(heun{}, sigma_node,
                          {c.number("kwargs.S_churn", 0), c.number("kwargs.S_min", 0),
                           c.number("kwargs.S_max", INFINITY), c.number("kwargs.S_noise", 1)}),
                  grid);
}

}  // namespace

TEST_CASE("EDM's samplers are Heun's method with churn, and Euler's and Heun's in other times") {
    tally result("edm");
    double worst_float = 0;
    for (const record& c : read("edm")) {
        CAPTURE(c.id);
        const trajectory<double> path = run_edm<double>(c);
        double error = final_error(c, path.last);
        for (std::size_t i = 0; i < 3; ++i)
            error = std::max(error, relative_error(c, "model_inputs_1_to_3." + std::to_string(i),
                                                   path.steps[i]));
        result.add(c.id, error <= 1e-10 ? verdict::agrees : verdict::differs,
                   "relative error " + detail::shown(error));
        worst_float = std::max(worst_float, final_error(c, run_edm<float>(c).last));
    }
    result.finish();
    CHECK(worst_float < 1e-4);
}

TEST_CASE("the reference's ablation sampler turns rounding into noise where there is no churn") {
    // of edm-20: sigma(t)^2 = e^{beta_d t^2/2 + beta_min t} - 1 and its inverse, as they are
    // written there
    const double low = std::log(0.002 * 0.002 + 1), high = std::log(80.0 * 80.0 + 1);
    const double beta_d = 2 * (low / 1e-3 - high) / (1e-3 - 1), beta_min = high - 0.5 * beta_d;
    const auto sigma = [&](double t) {
        return std::sqrt(std::pow(std::numbers::e, 0.5 * beta_d * t * t + beta_min * t) - 1);
    };
    const auto inverse = [&](double s) {
        return (std::sqrt(beta_min * beta_min + 2 * beta_d * std::log(s * s + 1)) - beta_min) /
               beta_d;
    };
    double largest = 0;
    for (const double level : karras_sigmas(200, {0.002, 80})) {
        const double s = sigma(inverse(level)), risen = sigma(inverse(s));
        largest = std::max(largest, std::sqrt(std::max(risen * risen - s * s, 0.0)));
    }
    CHECK(largest > 4e-8);
}
