// CogVideoX's two samplers are settings of methods that are here already.
#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <vector>

#include <diffusion/denoiser/prediction.hpp>
#include <diffusion/grid/spacing.hpp>
#include <diffusion/rule/ddim.hpp>
#include <diffusion/rule/dpm_solver.hpp>
#include <diffusion/sampler/multistep.hpp>
#include <diffusion/sampler/sample.hpp>
#include <diffusion/schedule/shifted_snr.hpp>
#include <diffusion/schedule/zero_terminal_snr.hpp>
#include <diffusion/tensor/std.hpp>

using namespace diffusion;
using doctest::Approx;
using vector = std::vector<double>;

namespace {

const auto velocity = [](const vector& x, double t, vector& v) {
    v[0] = std::sin(x[0]) + t / 1000;
};

// Yang et al. 2024: scaled linear betas, SNR divided by 3, zero terminal SNR, trailing times.
const auto schedule =
    zero_terminal_snr(shifted_snr(discrete_schedule(scaled_linear_beta{}, 1000), 3));
const time_grid grid = trailing(schedule, 12);

double alpha_bar(const node& n) {
    return n.t < 0 ? 1 : schedule.alpha_bar(static_cast<std::size_t>(n.t));
}

double data(double x, const node& t) {  // from the velocity, in alpha-bars
    vector v(1);
    velocity({x}, t.t, v);
    return std::sqrt(alpha_bar(t)) * x - std::sqrt(1 - alpha_bar(t)) * v[0];
}

}  // namespace

TEST_CASE("CogVideoX's DDIM is DDIM on its schedule") {
    // x_s = a x_t + b x0-hat, a = sqrt((1 - bar_s)/(1 - bar_t)), b = sqrt(bar_s) - sqrt(bar_t) a
    CHECK(schedule(999).alpha == 0);
    vector x{0.8};
    sample(x, multistep(ddim{}, grid), predicts_velocity(velocity));
    double y = 0.8;
    for (std::size_t i = 0; i + 1 < grid.size(); ++i) {
        const double bar_t = alpha_bar(grid[i]), bar_s = alpha_bar(grid[i + 1]);
        const double a = std::sqrt((1 - bar_s) / (1 - bar_t));
        y = a * y + (std::sqrt(bar_s) - std::sqrt(bar_t) * a) * data(y, grid[i]);
    }
    CHECK(x[0] == Approx(y).epsilon(1e-11));
}

TEST_CASE("CogVideoX's DPM is the SDE form of 2M that ends with a step of order 1") {
    // Lu et al. 2022b, SDE-DPM-Solver++(2M), with lambda = log(alpha/sigma) and r = h_last/h:
    // x_s = (sigma_s/sigma_t) e^{-h} x_t + alpha_s (1 - e^{-2h}) D + sigma_s sqrt(1 - e^{-2h}) z,
    // D = (1 + 1/(2r)) x0-hat - 1/(2r) x0-hat of the step before
    vector x{0.8};
    std::size_t draws = 0;
    const auto noise = [&](vector& z, const noise_address&) {
        z[0] = std::cos(static_cast<double>(++draws));
    };
    sample(x, multistep(dpm_solver_pp_2m{1}, grid, last_steps::first_order),
           predicts_velocity(velocity), noise);
    double y = 0.8, old = 0, h_last = 0;
    for (std::size_t i = 0; i + 1 < grid.size(); ++i) {
        const double bar_t = alpha_bar(grid[i]), bar_s = alpha_bar(grid[i + 1]);
        const double h = 0.5 * std::log(bar_s / (1 - bar_s)) - 0.5 * std::log(bar_t / (1 - bar_t));
        const double x0 = data(y, grid[i]), r = h_last / h;
        const bool last = i + 2 == grid.size();
        const double D = i == 0 || last ? x0 : (1 + 1 / (2 * r)) * x0 - 1 / (2 * r) * old;
        const double z = last ? 0 : std::cos(static_cast<double>(i + 1));
        y = std::sqrt((1 - bar_s) / (1 - bar_t)) * std::exp(-h) * y -
            std::expm1(-2 * h) * std::sqrt(bar_s) * D +
            std::sqrt(1 - bar_s) * std::sqrt(1 - std::exp(-2 * h)) * z;
        old = x0;
        h_last = h;
    }
    CHECK(x[0] == Approx(y).epsilon(1e-10));
    CHECK(draws == grid.size() - 2);
}
