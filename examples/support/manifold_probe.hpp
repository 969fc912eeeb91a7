#pragma once

#include "principal_components.hpp"
#include "slerp.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <Eigen/Dense>

#include <diffusion/grid/time_grid.hpp>
#include <diffusion/manifold/intrinsic_dimension.hpp>
#include <diffusion/manifold/nearest.hpp>
#include <diffusion/manifold/score_dimension.hpp>
#include <diffusion/random/fill.hpp>
#include <diffusion/random/gaussian_noise.hpp>
#include <diffusion/tensor/linear.hpp>
#include <diffusion/tensor/std.hpp>

namespace examples {

/// The mean of f(point) over points of `size` numbers that lie one behind the other.
template <class F>
double mean_over(std::span<const float> points, std::size_t size, F f) {
    double sum = 0;
    for (std::size_t i = 0; i < points.size(); i += size) sum += f(points.subspan(i, size));
    return sum * double(size) / double(points.size());
}

/// A manifold of which many points are known, and how far others are from it.
struct known_manifold {
    std::span<const float> points;  ///< one behind the other
    std::size_t size;               ///< numbers in a point
    std::size_t neighbours = 40, tangents = 12;

    /// From the nearest of the known points.
    double nearest(std::span<const float> x) const {
        return diffusion::nearest(points, x, 1)[0].distance;
    }

    /// From the affine space of the `tangents` principal directions of the `neighbours` nearest
    /// points (local PCA, Kambhatla and Leen 1997): the way along the manifold to the next known
    /// point does not count, nor does any other within that space.
    double tangent(std::span<const float> x) const {
        std::vector<float> around;
        for (const diffusion::neighbour& near : diffusion::nearest(points, x, neighbours)) {
            const auto point = points.subspan(near.index * size, size);
            around.insert(around.end(), point.begin(), point.end());
        }
        // The directions of few points among many numbers, from products of points alone: an
        // eigenvector u of A A^T belongs to the direction A^T u.
        Eigen::MatrixXd a = rows_of(around, size);
        const Eigen::RowVectorXd mean = a.colwise().mean();
        a.rowwise() -= mean;
        const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solved(a * a.transpose());
        const auto some = Eigen::Index(tangents);
        const Eigen::MatrixXd plane =
            (a.transpose() * solved.eigenvectors().rightCols(some)).colwise().normalized();
        const Eigen::VectorXd beside = (rows_of(x, size).row(0) - mean).transpose();
        return (beside - plane * (plane.transpose() * beside)).norm();
    }

    /// The means of both over many, one behind the other.
    double mean_nearest(std::span<const float> x) const {
        return mean_over(x, size, [this](std::span<const float> one) { return nearest(one); });
    }
    double mean_tangent(std::span<const float> x) const {
        return mean_over(x, size, [this](std::span<const float> one) { return tangent(one); });
    }
};

/// How far a model moves points that it sees with noise of level t: the mean norm of D(x_t) - x,
/// where x_t = alpha x + sigma z. E[x_0 | x_t] lies near the manifold (not on it, as a mean of what
/// is possible), so what is far from there is moved far.
template <class D>
double moved_by(D&& denoise, std::span<const float> x, std::size_t size, const diffusion::node& t,
                std::uint64_t seed) {
    std::vector<float> clean(x.begin(), x.end()), z(x.size()), x_t(x.size()), x0(x.size());
    diffusion::fill_normal<float>(z, seed, {diffusion::noise_stream::user});
    diffusion::ref(x_t) = t.alpha * diffusion::ref(clean) + t.sigma * diffusion::ref(z);
    denoise(x_t, t, x0);
    diffusion::ref(x0) = 1 * diffusion::ref(x0) + -1 * diffusion::ref(clean);
    return mean_over(x0, size, [](std::span<const float> way) {
        double square = 0;
        for (const float e : way) square += double(e) * double(e);
        return std::sqrt(square);
    });
}

/// How two points are mixed: in themselves, or in their latents.
enum class mixed { in_pixels, straight, along_the_sphere };

/// What lies at the part u of the way from point i to point i + pairs + 3, i < pairs, of points of
/// `size` numbers. (Labels of drawn digits repeat after ten, so those of a pair differ.)
inline std::vector<float> mixed_pairs(std::span<const float> points, std::size_t size,
                                      std::size_t pairs, mixed how, double u) {
    std::vector<float> x;
    for (std::size_t i = 0; i < pairs; ++i) {
        const auto a = points.subspan(i * size, size);
        const auto b = points.subspan((i + pairs + 3) * size, size);
        std::vector<float> between = slerp(a, b, u);
        if (how != mixed::along_the_sphere)
            for (std::size_t e = 0; e < size; ++e)
                between[e] = float(1 - u) * a[e] + float(u) * b[e];
        x.insert(x.end(), between.begin(), between.end());
    }
    return x;
}

/// Points of a plane, or of a Swiss roll, in the space of `size` numbers, as isometric as Gaussian
/// directions are: sets whose dimension, 2, is known.
inline std::vector<float> known_surface(bool rolled, std::size_t count, std::size_t size,
                                        std::uint64_t seed) {
    std::vector<float> luck(2 * count), directions(3 * size), points(count * size);
    diffusion::fill_uniform<float>(luck, seed, {diffusion::noise_stream::data, 1});
    diffusion::fill_normal<float>(directions, seed, {diffusion::noise_stream::data, 2});
    for (std::size_t i = 0; i < count; ++i) {
        float p[3] = {2 * luck[2 * i] - 1, 2 * luck[2 * i + 1] - 1, 0};
        if (rolled) {  // evenly along a spiral of two turns: its length grows as the square
            const float angle = std::sqrt(20 + 180 * luck[2 * i]);
            p[0] = 0.1f * angle * std::cos(angle);
            p[2] = 0.1f * angle * std::sin(angle);
        }
        for (std::size_t k = 0; k < 3; ++k)
            for (std::size_t e = 0; e < size; ++e)
                points[i * size + e] += p[k] * directions[k * size + e] / std::sqrt(float(size));
    }
    return points;
}

/// The singular values, largest first, of the scores at `count` noised versions of a point.
template <class D>
std::vector<double> score_spectrum(std::span<const float> x_0, const diffusion::node& t,
                                   D&& denoise, std::size_t count, std::uint64_t seed) {
    std::vector<float> scores(count * x_0.size());
    diffusion::scores_around(x_0, t, denoise, diffusion::gaussian_noise{seed}, scores);
    const Eigen::MatrixXd rows = rows_of(scores, x_0.size());
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solved(rows.transpose() * rows,
                                                                Eigen::EigenvaluesOnly);
    const Eigen::VectorXd falling = solved.eigenvalues().reverse().cwiseMax(0).cwiseSqrt();
    return {falling.data(), falling.data() + falling.size()};
}

}  // namespace examples
