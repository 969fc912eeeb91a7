// Your own noise schedule: betas from a lambda, or any function t -> (alpha, sigma, lambda) in
// continuous time. Grids, kernels and samplers take them as they take the library's own.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <vector>

#include <diffusion/diffusion.hpp>

namespace {

/// The log signal-to-noise ratio falls on a straight line: lambda = 6 - 12 t, and
/// alpha^2 = 1/(1 + e^{-2 lambda}), sigma^2 = 1/(1 + e^{2 lambda}), each exact at its own end.
struct straight_lambda {
    diffusion::noise_level operator()(double t) const {
        const double lambda = 6 - 12 * t;
        return {1 / std::sqrt(1 + std::exp(-2 * lambda)), 1 / std::sqrt(1 + std::exp(2 * lambda)),
                lambda};
    }
    double t_min() const { return 0; }
    double t_max() const { return 1; }
};

static_assert(diffusion::noise_schedule<straight_lambda>);

/// Draws from data N(1, 0.2^2) with their exact denoiser on any grid; prints and checks the
/// moments.
bool draw(const char* name, const diffusion::time_grid& grid) {
    auto denoiser = [](const std::vector<double>& x, const diffusion::node& t,
                       std::vector<double>& x0) {
        const double pull = 0.04 * t.alpha / (0.04 * t.alpha * t.alpha + t.sigma * t.sigma);
        for (std::size_t i = 0; i < x.size(); ++i) x0[i] = 1 + pull * (x[i] - t.alpha);
    };
    std::vector<double> x(50000);
    diffusion::draw_prior(x, grid.front(), diffusion::gaussian_noise{1});
    diffusion::sample(x, diffusion::multistep(diffusion::dpm_solver_pp_2m{}, grid), denoiser,
                      diffusion::gaussian_noise{1});

    double sum = 0, squares = 0;
    for (const double value : x) sum += value, squares += value * value;
    const double mean = sum / 5e4, deviation = std::sqrt(squares / 5e4 - mean * mean);
    std::printf("%-18s %zu steps, lambda %5.2f ... %.2f: mean %.2f, standard deviation %.2f\n",
                name, grid.size() - 1, grid.front().lambda, grid[grid.size() - 2].lambda, mean,
                deviation);
    return std::abs(mean - 1) < 0.01 && std::abs(deviation - 0.2) < 0.01;
}

}  // namespace

int main() {
    // beta_t grows with the square of t; T = 400 steps instead of 1000.
    const auto squared = [](std::size_t t, std::size_t T) {
        const double u = double(t + 1) / double(T);
        return std::min(0.0001 + 0.06 * u * u, 0.999);
    };
    const diffusion::discrete_schedule betas(squared, 400);
    const straight_lambda line;

    bool good = draw("own betas, all", diffusion::all_steps(betas));
    good = draw("own betas, 100", diffusion::trailing(betas, 100)) && good;
    good = draw("own lambda, in t", diffusion::uniform_time(line, 200)) && good;

    std::vector<double> times;  // any list of falling times is a grid, too
    for (int k = 0; k < 150; ++k) times.push_back(1 - std::pow(k / 150.0, 1.5));
    good = draw("own lambda, listed", diffusion::make_grid(line, times)) && good;

    std::printf("all as the data, mean 1 and standard deviation 0.2: %s\n", good ? "yes" : "NO");
    return good ? 0 : 1;
}
