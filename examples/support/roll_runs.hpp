#pragma once

#include "roll_arms.hpp"
#include "roll_page.hpp"
#include "swiss_roll.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include <diffusion/all.hpp>

namespace examples {

/// The paper's figure 1: data into noise, noise into data along `grid`, and the drift of the steps
/// of `coarse`, at three times. `denoiser(count)` makes one for so many points.
template <class Denoiser>
void draw_figure_1(const swiss_roll& roll, const std::vector<float>& data,
                   const diffusion::time_grid& grid, const diffusion::time_grid& coarse,
                   Denoiser&& denoiser, std::uint64_t seed, const std::string& path) {
    roll_page page({"t = 0", "t = T/2", "t = T"});
    const diffusion::gaussian_noise noise{seed};
    // nodes by their level, as both grids run evenly from lambda = -3.45 to 7.9; sigma is 0.3 in
    // the middle column, and 0.1 where the drift at t = 0 is drawn
    const auto part = [](const diffusion::time_grid& g, double along) {
        return std::size_t(along * double(g.size() - 2));
    };
    const std::size_t shown[] = {grid.size() - 1, part(grid, 0.4), 0};
    std::vector<float> x(data.size()), z(data.size()), x_t(data.size());
    for (std::size_t k = 0; k < 3; ++k) {
        noise(z, {diffusion::noise_stream::user, k});
        diffusion::q_sample(x_t, data, grid[shown[k]], z);
        page.cloud(k, 0, x_t);
    }
    diffusion::draw_prior(x, grid.front(), noise);
    page.cloud(2, 1, x);
    diffusion::sample(
        x, diffusion::learned_variance(grid, diffusion::variance_output::data_log_variance),
        denoiser(data.size() / 2), noise, [&](const auto& step) {
            if (step.i + 1 == shown[1]) page.cloud(1, 1, step.x);
        });
    page.cloud(0, 1, x);
    const std::vector<float> lattice = lattice_of_points(2.4, 17);
    for (std::size_t k = 0; k < 3; ++k) {
        const std::size_t i = part(coarse, k == 0 ? 0.5 : k == 1 ? 0.4 : 0);
        const auto [a, b, c] = diffusion::posterior(coarse[i], coarse[i + 1]);
        std::vector<float> drift(lattice.size());
        denoiser(lattice.size() / 2)(lattice, coarse[i], drift);
        diffusion::ref(drift) = (a - 1) * diffusion::ref(lattice) + b[0] * diffusion::ref(drift);
        page.arrows(k, lattice, drift);
    }
    page.save(path);
    std::printf("%.1f %% of the samples lie on the roll, within 5 times its noise\n",
                100 * roll.share_within(x, 5));
}

/// The roll multiplied by r(x): inpainting, where r is a delta on the first coordinate, and
/// denoising of `clean` points, where it is a Gaussian around what was received.
template <class Denoiser>
void multiply_roll(const swiss_roll& roll, const std::vector<float>& data,
                   const std::vector<float>& clean, const diffusion::time_grid& grid,
                   Denoiser&& denoiser, std::size_t count, std::uint64_t seed,
                   const std::string& path) {
    constexpr auto of_data = diffusion::variance_output::data_log_variance;
    const diffusion::gaussian_noise noise{seed};
    const float known = 0.3F, received = 0.2F;

    std::vector<float> y(2 * count, known), std(2 * count), inpainted(2 * count);
    for (std::size_t i = 0; i < count; ++i) {
        std[2 * i] = 0;
        std[2 * i + 1] = std::numeric_limits<float>::infinity();
    }
    diffusion::draw_prior(inpainted, grid.front(), noise);
    diffusion::sample(
        inpainted,
        diffusion::multiplied_ancestral(grid, diffusion::gaussian_factor(y, std),
                                        diffusion::factor_schedule::constant, of_data),
        denoiser(count), noise);
    const roll_arms arms(roll, known);
    std::printf("inpainting, x = %.1f: ", double(known));
    arms.print(inpainted);
    std::printf("%.1f %% of these points lie on the roll\n", 100 * roll.share_within(inpainted, 5));

    std::vector<float> noisy(clean.size()), denoised(clean.size()), z(clean.size());
    noise(z, {diffusion::noise_stream::user, 9});
    diffusion::ref(noisy) = 1 * diffusion::ref(clean) + received * diffusion::ref(z);
    diffusion::draw_prior(denoised, grid.front(), noise);
    const std::vector<float> width(clean.size(), received);
    diffusion::sample(
        denoised,
        diffusion::multiplied_ancestral(grid, diffusion::gaussian_factor(noisy, width),
                                        diffusion::factor_schedule::annealed, of_data),
        denoiser(clean.size() / 2), noise);
    std::printf("denoising: received %.3f away from the roll on average, brought back to %.4f\n\n",
                mean_distance(roll, noisy), mean_distance(roll, denoised));
    factor_page(data, known, inpainted, arms.density(), noisy, denoised).save(path);
}

}  // namespace examples
