// A sample whose right answer is known: if all data are normal with mean 3 and standard deviation
// 0.5, then so is the noise in x_t, given x_t, and the formula for its mean is the "network". Needs
// nothing but the core. Any other callable (x, t, out) takes its place.

#include <cmath>
#include <cstdio>
#include <vector>

#include <diffusion/diffusion.hpp>

int main() {
    const diffusion::discrete_schedule<diffusion::cosine_beta> schedule;  // T = 1000 noise levels
    const diffusion::multistep sampler(diffusion::dpm_solver_pp_2m{},
                                       diffusion::trailing(schedule, 100));

    auto network = [&](const std::vector<double>& x, double t, std::vector<double>& eps) {
        const auto [alpha, sigma, lambda] = schedule(t);
        for (std::size_t i = 0; i < x.size(); ++i)
            eps[i] = sigma * (x[i] - alpha * 3) / (alpha * alpha * 0.25 + sigma * sigma);
    };

    std::vector<double> x(100000);
    diffusion::draw_prior(x, sampler.grid().front(), diffusion::gaussian_noise{1});  // pure noise
    diffusion::sample(x, sampler, diffusion::predicts_noise(network), diffusion::gaussian_noise{1});

    double sum = 0, squares = 0;
    for (const double value : x) sum += value, squares += value * value;
    const double mean = sum / 1e5, deviation = std::sqrt(squares / 1e5 - mean * mean);
    std::printf("mean %.2f (3), standard deviation %.2f (0.5)\n", mean, deviation);
    return std::abs(mean - 3) < 0.01 && std::abs(deviation - 0.5) < 0.01 ? 0 : 1;
}
