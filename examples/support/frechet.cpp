#include "frechet.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include <Eigen/Eigenvalues>

// Compiled once for all programs: Eigen's solvers take seconds.
namespace examples {

std::array<double, frechet_features> features_of(std::span<const float> picture, std::size_t height,
                                                 std::size_t width) {
    constexpr double pi = 3.141592653589793;
    std::array<double, frechet_features> sums{};
    std::array<double, frechet_cells * frechet_cells> weights{};
    const auto ink = [&](std::size_t row, std::size_t column) {
        return 0.5 * (double(picture[row * width + column]) + 1);
    };
    const double scale_y = double(frechet_cells) / double(height);
    const double scale_x = double(frechet_cells) / double(width);
    for (std::size_t row = 0; row < height; ++row) {
        for (std::size_t column = 0; column < width; ++column) {
            const double slope_x = (ink(row, std::min(column + 1, width - 1)) -
                                    ink(row, column == 0 ? 0 : column - 1)) /
                                   scale_x;
            const double slope_y =
                (ink(std::min(row + 1, height - 1), column) - ink(row == 0 ? 0 : row - 1, column)) /
                scale_y;
            // An edge at angle a and one at a + 180 degrees are the same direction.
            const double strength = std::hypot(slope_x, slope_y);
            const double turn = std::atan2(slope_y, slope_x) / pi + 1;  // 0 to 2
            const double bin = turn * double(frechet_directions);
            const auto below = std::size_t(bin);
            const double above = bin - double(below);

            // The four cells around the pixel share it by their distance.
            const double v = (double(row) + 0.5) * scale_y - 0.5;
            const double u = (double(column) + 0.5) * scale_x - 0.5;
            for (int i = 0; i < 2; ++i) {
                for (int j = 0; j < 2; ++j) {
                    const double cell_y = std::floor(v) + i;
                    const double cell_x = std::floor(u) + j;
                    if (cell_y < 0 || cell_x < 0 || cell_y >= double(frechet_cells) ||
                        cell_x >= double(frechet_cells))
                        continue;
                    const double weight = (1 - std::abs(v - cell_y)) * (1 - std::abs(u - cell_x));
                    const auto cell = std::size_t(cell_y) * frechet_cells + std::size_t(cell_x);
                    double* out = &sums[cell * (1 + frechet_directions)];
                    weights[cell] += weight;
                    out[0] += weight * ink(row, column);
                    out[1 + below % frechet_directions] += weight * strength * (1 - above);
                    out[1 + (below + 1) % frechet_directions] += weight * strength * above;
                }
            }
        }
    }
    for (std::size_t k = 0; k < frechet_features; ++k)
        sums[k] /= weights[k / (1 + frechet_directions)];
    return sums;
}

Eigen::MatrixXd feature_rows(std::span<const float> pictures, std::size_t height,
                             std::size_t width) {
    const std::size_t area = height * width;
    const std::size_t count = area == 0 ? 0 : pictures.size() / area;
    if (count < 2)
        throw std::invalid_argument("examples::feature_rows: needs at least 2 pictures, got " +
                                    std::to_string(count));
    Eigen::MatrixXd rows{Eigen::Index(count), Eigen::Index(frechet_features)};
    for (std::size_t i = 0; i < count; ++i) {
        const auto row = features_of(pictures.subspan(i * area, area), height, width);
        for (std::size_t k = 0; k < row.size(); ++k)
            rows(Eigen::Index(i), Eigen::Index(k)) = row[k];
    }
    return rows;
}

feature_statistics feature_statistics::of(Eigen::MatrixXd rows) {
    const Eigen::VectorXd mean = rows.colwise().mean().transpose();
    rows.rowwise() -= mean.transpose();
    return {mean, rows.transpose() * rows / double(rows.rows() - 1)};
}

feature_statistics feature_statistics::of(std::span<const float> pictures, std::size_t height,
                                          std::size_t width) {
    return of(feature_rows(pictures, height, width));
}

// The root is taken of the symmetric product, so no complex number ever appears.
double frechet_distance(const feature_statistics& one, const feature_statistics& two) {
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solved(one.covariance);
    const Eigen::MatrixXd root = solved.eigenvectors() *
                                 solved.eigenvalues().cwiseMax(0).cwiseSqrt().asDiagonal() *
                                 solved.eigenvectors().transpose();
    const Eigen::MatrixXd product = root * two.covariance * root;
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> inner(
        0.5 * (product + product.transpose()), Eigen::EigenvaluesOnly);
    const double trace_of_root = inner.eigenvalues().cwiseMax(0).cwiseSqrt().sum();
    const double traces = one.covariance.trace() + two.covariance.trace();
    return std::max(0.0, (one.mean - two.mean).squaredNorm() + traces - 2 * trace_of_root);
}

}  // namespace examples
