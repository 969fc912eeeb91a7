#pragma once

#include <array>
#include <cstddef>
#include <span>

#include <Eigen/Core>

/// How far two sets of pictures are apart: the Fréchet distance between Gaussians that are fitted
/// to their features (Dowson, Landau 1982; for pictures Heusel et al. 2017, there with a network's
/// features). Ours are fixed and need no network:
///
/// the picture is laid out in 4 x 4 overlapping cells (bilinear weights, so that a shift by a pixel
/// changes the features a little, not suddenly). Of each cell we keep five numbers: the mean ink,
/// and the mean strength of the edges that run within 22.5 degrees of 0, 45, 90 and 135 degrees,
/// with soft borders between the four. Eighty numbers say where which strokes lie.
namespace examples {

inline constexpr std::size_t frechet_cells = 4;
inline constexpr std::size_t frechet_directions = 4;
inline constexpr std::size_t frechet_features =
    frechet_cells * frechet_cells * (1 + frechet_directions);

/// The features of one grey picture, values in [-1, 1], at least 4 x 4.
std::array<double, frechet_features> features_of(std::span<const float> picture, std::size_t height,
                                                 std::size_t width);

/// The features of each of `pictures` (count, height, width), a row each; at least two pictures.
Eigen::MatrixXd feature_rows(std::span<const float> pictures, std::size_t height,
                             std::size_t width);

/// Mean and covariance of the features of a set.
struct feature_statistics {
    Eigen::VectorXd mean;
    Eigen::MatrixXd covariance;

    /// Of rows of features.
    static feature_statistics of(Eigen::MatrixXd rows);

    /// Of pictures, as for `feature_rows`.
    static feature_statistics of(std::span<const float> pictures, std::size_t height,
                                 std::size_t width);
};

/// |m_1 - m_2|^2 + tr(S_1 + S_2 - 2 (S_1^(1/2) S_2 S_1^(1/2))^(1/2)): zero for equal statistics.
double frechet_distance(const feature_statistics& one, const feature_statistics& two);

}  // namespace examples
