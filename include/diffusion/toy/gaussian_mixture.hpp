#pragma once
// Data of which everything is known: a mixture of Gaussians stays one under the forward process, so
// its density, score and posterior mean are closed forms at every noise level.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <diffusion/detail/require.hpp>
#include <diffusion/grid/time_grid.hpp>
#include <diffusion/random/fill.hpp>
#include <diffusion/random/noise_source.hpp>
#include <diffusion/schedule/noise_level.hpp>
#include <diffusion/tensor/batch.hpp>
#include <diffusion/tensor/std.hpp>
#include <diffusion/tensor/traits.hpp>
#include <diffusion/toy/gaussian.hpp>
#include <diffusion/toy/mixture_explanation.hpp>

namespace diffusion {

/// One of the Gaussians, N(mean, covariance), with its share of the points; `covariance` has 1, d
/// or d x d numbers, see `gaussian`.
struct gaussian_component {
    double weight;
    std::vector<double> mean, covariance;
};

/// q(x_0) = sum_k w_k N(mu_k, C_k) in d dimensions, and with it, at every noise level,
///
///     q(x_t) = sum_k w_k N(alpha mu_k, alpha^2 C_k + sigma^2 I)
///
/// with its score and posterior mean (`mixture_explanation`). The elements of every tensor here are
/// points, d numbers each; `out` may be x. A model of `denoiser`: the perfect one. A component of
/// variance 0 is a point; where sigma = 0 it has no density, and std::invalid_argument is thrown.
class gaussian_mixture {
public:
    /// Throws std::invalid_argument unless weights are not negative and sum to 1, means have one
    /// dimension and covariances are symmetric and not negative.
    explicit gaussian_mixture(const std::vector<gaussian_component>& components) {
        constexpr const char* function = "diffusion::gaussian_mixture";
        detail::require(!components.empty(), function, "at least one component is needed",
                        components.size());
        double sum = 0;
        for (const gaussian_component& one : components) {
            detail::require(one.weight >= 0, function, "weights must not be negative", one.weight);
            detail::require(one.mean.size() == components[0].mean.size(), function,
                            "all means must have one dimension", one.mean.size());
            sum += one.weight;
            weights_.push_back(one.weight);
            parts_.emplace_back(one.mean, one.covariance);
        }
        detail::require(std::abs(sum - 1) <= 1e-9, function, "the weights must sum to 1", sum);
    }

    std::size_t dimension() const { return parts_[0].mean().size(); }
    const std::vector<double>& weights() const { return weights_; }
    const std::vector<gaussian>& components() const { return parts_; }

    /// How the components explain one point at one level, see `mixture_explanation`; refers to the
    /// mixture.
    struct explanation : mixture_explanation {
        explanation(const gaussian_mixture& q, const noise_level& t)
            : mixture_explanation(q.weights_, q.parts_, t) {}
    };

    /// log q(x) of every point at a level, in nats.
    template <tensor X>
    std::vector<double> log_densities(const X& x, const noise_level& t = clean_data) const {
        std::vector<double> result;
        each(x, t,
             [&](const explanation& seen, std::size_t) { result.push_back(seen.log_density); });
        return result;
    }

    /// out = grad log q(x) of every point at a level.
    template <tensor X>
    void score(const X& x, const noise_level& t, owner_t<X>& out) const {
        write(x, t, out,
              [](const explanation& seen, std::size_t i) { return seen.expected(seen.score, i); });
    }

    /// x0 = E[x_0 | x_t = x] of every point.
    template <tensor X>
    void operator()(const X& x, const node& t, owner_t<X>& x0) const {
        write(x, t, x0,
              [](const explanation& seen, std::size_t i) { return seen.expected(seen.mean, i); });
    }

    /// x0, and jv = J v, as a `differentiable_denoiser`.
    template <tensor X>
    void with_product(const X& x, const node& t, const owner_t<X>& v, owner_t<X>& x0,
                      owner_t<X>& jv) const {
        (*this)(x, t, x0);
        jacobian_product(x, t, v, jv);
    }

    /// out = J v, J the Jacobian of E[x_0 | x_t] at x, point by point. J is symmetric, so this is
    /// J^T v as well.
    template <tensor X, tensor V = owner_t<X>>
    void jacobian_product(const X& x, const noise_level& t, const V& v, owner_t<X>& out) const {
        const std::size_t d = dimension();
        const auto directions = elements(v);
        const auto to = elements(out);
        require_size(directions.size(), elements(x).size());
        require_size(to.size(), elements(x).size());
        each(x, t, [&](explanation& seen, std::size_t i) {
            seen.jacobian_product(directions.subspan(i * d, d), to.subspan(i * d, d));
        });
    }

    /// Fills x with points of q(x_t), and returns the component of each: a pure function of (seed,
    /// draw).
    template <tensor X>
    std::vector<std::size_t> draw(X& x, std::uint64_t seed, std::uint64_t draw = 0,
                                  const noise_level& t = clean_data) const {
        const std::size_t n = item_size(elements(x).size(), dimension());
        std::vector<double> luck(n), z(dimension()), point(dimension());
        std::vector<std::size_t> component(n);
        fill_uniform<double>(luck, seed, {noise_stream::data, draw, 1});
        fill_normal(elements(x), seed, {noise_stream::data, draw});
        for_each_item(x, n, [&](std::size_t i, std::span<scalar_t<X>> place) {
            std::size_t& k = component[i];
            for (double left = luck[i]; k + 1 < weights_.size() && left > weights_[k]; ++k)
                left -= weights_[k];
            while (weights_[k] == 0) --k;  // the last digit of luck, beyond the sum of the weights
            std::copy(place.begin(), place.end(), z.begin());
            parts_[k].place(z, t, point);
            std::transform(point.begin(), point.end(), place.begin(),
                           [](double e) { return static_cast<scalar_t<X>>(e); });
        });
        return component;
    }

    /// E[x_0]
    std::vector<double> mean() const {
        std::vector<double> sum(dimension());
        for (std::size_t k = 0; k < parts_.size(); ++k)
            for (std::size_t i = 0; i < sum.size(); ++i)
                sum[i] += weights_[k] * parts_[k].mean()[i];
        return sum;
    }

    /// Cov[x_0] = sum_k w_k (C_k + (mu_k - E[x_0]) (mu_k - E[x_0])^T), d x d, row by row.
    std::vector<double> covariance() const {
        const std::size_t d = dimension();
        const std::vector<double> centre = mean();
        std::vector<double> sum(d * d);
        for (std::size_t k = 0; k < parts_.size(); ++k)
            for (std::size_t e = 0; e < d * d; ++e) {
                const std::size_t i = e / d, j = e % d;
                const std::vector<double>& mu = parts_[k].mean();
                sum[e] += weights_[k] *
                          (parts_[k].covariance(i, j) + (mu[i] - centre[i]) * (mu[j] - centre[j]));
            }
        return sum;
    }

private:
    static void require_size(std::size_t size, std::size_t of_x) {
        detail::require(size == of_x, "diffusion::gaussian_mixture",
                        "all tensors must have the size of x", size);
    }

    template <tensor X, class F>
    void each(const X& x, const noise_level& t, F&& f) const {
        explanation seen(*this, t);
        for_each_item(x, item_size(elements(x).size(), dimension()),
                      [&](std::size_t i, std::span<const scalar_t<X>> point) {
                          seen.look(point);
                          f(seen, i);
                      });
    }

    template <tensor X, class F>
    void write(const X& x, const noise_level& t, owner_t<X>& out, F&& f) const {
        const auto to = elements(out);
        require_size(to.size(), elements(x).size());
        each(x, t, [&](const explanation& seen, std::size_t i) {
            for (std::size_t j = 0; j < dimension(); ++j)
                to[i * dimension() + j] = static_cast<scalar_t<X>>(f(seen, j));
        });
    }

    std::vector<double> weights_;
    std::vector<gaussian> parts_;
};

}  // namespace diffusion
