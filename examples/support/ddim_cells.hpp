#pragma once

#include "frechet.hpp"
#include "progress.hpp"
#include "small_ddpm.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <random>
#include <span>
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

/// What is known of real digits, against which those of the cells are held.
struct real_digits {
    std::size_t side;
    std::uint64_t seed;
    feature_statistics statistics;

    /// The Frechet distance of `count` other real digits, on average: that of a perfect model. The
    /// fewer they are, the further.
    double distance(std::size_t count) const {
        constexpr std::size_t sets = 8;
        double sum = 0;
        for (std::size_t k = 0; k < sets; ++k)
            sum += frechet_distance(
                statistics,
                feature_statistics::of(digits_of_8_bits(seed + k, count, side).pixels, side, side));
        return sum / double(sets);
    }
};

/// How much further from real digits those of a cell are than a perfect model's, and how sure that
/// is: the bootstrap (Efron 1979) draws as many digits again and again out of those of the cell.
struct ddim_distance {
    static constexpr std::size_t draws = 25;
    double value = 0;
    std::array<double, draws> redrawn{};

    static ddim_distance of(std::span<const float> x, const real_digits& real, double least) {
        const Eigen::MatrixXd rows = feature_rows(x, real.side, real.side);
        ddim_distance d{frechet_distance(real.statistics, feature_statistics::of(rows)) - least,
                        {}};
        std::mt19937 random(1);
        std::uniform_int_distribution<Eigen::Index> any(0, rows.rows() - 1);
        Eigen::MatrixXd chosen(rows.rows(), rows.cols());
        for (double& value : d.redrawn) {
            for (Eigen::Index i = 0; i < rows.rows(); ++i) chosen.row(i) = rows.row(any(random));
            value = frechet_distance(real.statistics, feature_statistics::of(chosen));
        }
        return d;
    }
};

/// -1, 0, 1: `one` is nearer than `other`, about as near, further, by two standard errors.
inline int compare(const ddim_distance& one, const ddim_distance& other) {
    double sum = 0, squares = 0;
    for (std::size_t b = 0; b < ddim_distance::draws; ++b) {
        const double difference = one.redrawn[b] - other.redrawn[b];
        sum += difference;
        squares += difference * difference;
    }
    const double n = double(ddim_distance::draws), mean = sum / n;
    const double error = std::sqrt((squares / n - mean * mean) * n / (n - 1));
    const double difference = one.value - other.value;
    return std::abs(difference) <= 2 * error ? 0 : difference < 0 ? -1 : 1;
}

/// One half of the table.
struct ddim_cells {
    std::string name;                ///< of the sub-sequences
    std::vector<std::size_t> steps;  ///< of the columns
    std::vector<std::size_t> count;  ///< digits in each cell of a column
    std::vector<double> least;       ///< what as many real digits have
    ddim_distance distance[5][5];    ///< row, column
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

/// The cells for one kind of sub-sequence, `grid_of(S)`, of `count` digits; with all T steps, which
/// take most of the time, half as many. A last column that is `known`, because its grid is that of
/// all T steps, is taken from there.
template <class GridOf, class Denoiser>
ddim_cells fill_cells(std::string name, std::size_t T, GridOf&& grid_of, const real_digits& real,
                      std::size_t count, Denoiser& denoise, std::uint64_t seed,
                      const ddim_cells* known = nullptr) {
    const std::size_t few = std::max<std::size_t>(count / 2, 16), side = real.side;
    ddim_cells cells{
        std::move(name), ddim_columns(T), {count, count, count, count, few}, {}, {}, {}};
    if (known != nullptr) {
        cells.least = known->least;
    } else {
        cells.least.assign(4, real.distance(count));
        cells.least.push_back(real.distance(few));
    }
    progress bar("drawing ");
    double done = 0, work = 0;
    for (std::size_t k = 0; k < (known == nullptr ? 5U : 4U); ++k)
        work += 5 * double(cells.steps[k] * cells.count[k]);
    for (std::size_t k = 0; k < 5; ++k) {
        const std::size_t S = cells.steps[k], digits = cells.count[k];
        for (std::size_t r = 0; r < 5; ++r) {
            if (known != nullptr && k == 4) {
                cells.distance[r][k] = known->distance[r][k];
                cells.some[r][k] = known->some[r][k];
                continue;
            }
            const auto x = draw_cell(ddim_rows[r], grid_of(S), digits * side * side, denoise, seed);
            cells.distance[r][k] = ddim_distance::of(x, real, cells.least[k]);
            cells.some[r][k].assign(x.begin(), x.begin() + std::ptrdiff_t(3 * side * side));
            bar.show((done += double(S * digits)) / work,
                     cells.name + ", S = " + std::to_string(S));
        }
    }
    bar.finish(1, cells.name);
    return cells;
}

}  // namespace examples
