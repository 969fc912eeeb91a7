#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <Eigen/Dense>

namespace examples {

/// Points as the rows of a matrix; `points` holds them one behind the other, `size` numbers each.
inline Eigen::MatrixXd rows_of(std::span<const float> points, std::size_t size) {
    using row_major = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    const Eigen::Map<const row_major> rows(points.data(), Eigen::Index(points.size() / size),
                                           Eigen::Index(size));
    return rows.cast<double>();
}

/// PCA (Pearson 1901): the directions in which points vary, at right angles to each other, those of
/// the largest variance first. They are the eigenvectors of the covariance, the columns of `axes`.
struct principal_components {
    Eigen::VectorXd mean, variances;
    Eigen::MatrixXd axes;

    /// Of at least two points of `size` numbers each.
    principal_components(std::span<const float> points, std::size_t size) {
        if (size == 0 || points.size() < 2 * size)
            throw std::invalid_argument(
                "examples::principal_components: needs at least 2 points, got " +
                std::to_string(size == 0 ? 0 : points.size() / size));
        Eigen::MatrixXd rows = rows_of(points, size);
        mean = rows.colwise().mean().transpose();
        rows.rowwise() -= mean.transpose();
        const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solved(rows.transpose() * rows /
                                                                    double(rows.rows() - 1));
        variances = solved.eigenvalues().reverse().cwiseMax(0);
        axes = solved.eigenvectors().rowwise().reverse();
    }

    /// The share of the variance that the first k components explain.
    double explained(std::size_t k) const {
        return variances.head(Eigen::Index(k)).sum() / variances.sum();
    }

    /// The fewest components that explain a share of the variance.
    std::size_t components_for(double share) const {
        std::size_t k = 0;
        while (k < std::size_t(variances.size()) && explained(k) < share) ++k;
        return k;
    }

    /// How far a point is from the affine space of the first k components through the mean.
    double distance(std::span<const float> x, std::size_t k) const {
        Eigen::VectorXd beside = rows_of(x, x.size()).row(0).transpose() - mean;
        const auto plane = axes.leftCols(Eigen::Index(k));
        return (beside - plane * (plane.transpose() * beside)).norm();
    }
};

}  // namespace examples
