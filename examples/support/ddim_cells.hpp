#pragma once

#include "frechet.hpp"
#include "progress.hpp"

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include <diffusion/diffusion.hpp>

/// Table 1 of Song, Meng, Ermon (2021): a cell for each number of steps S and each amount of noise.
namespace examples {

/// The numbers of steps; the last one is T, all of them.
inline std::vector<std::size_t> ddim_columns(std::size_t T) { return {10, 20, 50, 100, T}; }

/// What the cells of a row have in common, and what the paper has in them.
struct ddim_row {
    const char* name;
    double eta;         ///< eq. (16)
    bool large;         ///< sigma-hat^2 = 1 - alpha_bar_t / alpha_bar_s, DDPM's larger variance
    double celeba[5];   ///< FID; their sub-sequence is linear
    double cifar10[5];  ///< FID; quadratic
};

inline constexpr ddim_row ddim_rows[] = {
    {"eta 0.0", 0, false, {17.33, 13.73, 9.17, 6.53, 3.51}, {13.36, 6.84, 4.67, 4.16, 4.04}},
    {"eta 0.2", 0.2, false, {17.66, 14.11, 9.51, 6.79, 3.64}, {14.04, 7.11, 4.77, 4.25, 4.09}},
    {"eta 0.5", 0.5, false, {19.86, 16.06, 11.01, 8.09, 4.28}, {16.66, 8.35, 5.25, 4.46, 4.29}},
    {"eta 1.0", 1, false, {33.12, 26.03, 18.48, 13.93, 5.98}, {41.07, 18.36, 8.01, 5.78, 4.73}},
    {"sigma^", 1, true, {299.71, 183.83, 71.71, 45.20, 3.26}, {367.43, 133.37, 32.72, 9.99, 3.17}}};

/// One half of the table.
struct ddim_cells {
    std::string name;                ///< of the sub-sequences
    std::vector<std::size_t> steps;  ///< of the columns
    double distance[5][5] = {};      ///< row, column
    std::vector<float> some[5][5];   ///< the first digits of each cell
};

/// Digits out of noise; the same noise for all cells.
template <class Denoiser>
std::vector<float> draw_cell(const ddim_row& row, const diffusion::time_grid& grid,
                             std::size_t elements, Denoiser& denoise, std::uint64_t seed) {
    using namespace diffusion;
    const gaussian_noise noise{seed};
    std::vector<float> x(elements);
    draw_prior(x, grid.front(), noise);
    if (row.large) sample(x, multistep(ddpm{reverse_variance::large}, grid), denoise, noise);
    else sample(x, multistep(ddim{row.eta}, grid), denoise, noise);
    return x;
}

/// The cells for one kind of sub-sequence, `grid_of(S)`. A last column that is `known`, because its
/// grid is that of all T steps, is taken from there.
template <class GridOf, class Denoiser>
ddim_cells fill_cells(std::string name, std::size_t T, GridOf&& grid_of,
                      const feature_statistics& real, std::size_t count, std::size_t side,
                      Denoiser& denoise, std::uint64_t seed, const ddim_cells* known = nullptr) {
    ddim_cells cells{std::move(name), ddim_columns(T), {}, {}};
    progress bar("drawing ");
    double done = 0;
    const double work = 5.0 * double(180 + (known == nullptr ? T : 0));
    for (std::size_t k = 0; k < 5; ++k)
        for (std::size_t r = 0; r < 5; ++r) {
            if (known != nullptr && k == 4) {
                cells.distance[r][k] = known->distance[r][k];
                cells.some[r][k] = known->some[r][k];
                continue;
            }
            const std::size_t S = cells.steps[k];
            const auto x = draw_cell(ddim_rows[r], grid_of(S), count * side * side, denoise, seed);
            cells.distance[r][k] = frechet_distance(real, feature_statistics::of(x, side, side));
            cells.some[r][k].assign(x.begin(), x.begin() + std::ptrdiff_t(3 * side * side));
            bar.show((done += double(S)) / work, cells.name + ", S = " + std::to_string(S));
        }
    bar.finish(1, cells.name);
    return cells;
}

}  // namespace examples
