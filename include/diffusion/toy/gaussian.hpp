#pragma once
// One Gaussian in any dimension, and what it says at every noise level.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <span>
#include <utility>
#include <vector>

#include <diffusion/detail/require.hpp>
#include <diffusion/schedule/noise_level.hpp>
#include <diffusion/toy/principal_axes.hpp>

namespace diffusion {

/// q(x_0) = N(mu, C), of which noise makes q(x_t) = N(alpha mu, C'), C' = alpha^2 C + sigma^2 I. In
/// the axes of C both are diagonal, at all levels. The spans below have d numbers each and do not
/// overlap.
class gaussian {
public:
    /// `covariance` has one number (the variance of every element), d numbers (one for each) or d x
    /// d (all of it, row by row). Variances may be 0. Throws std::invalid_argument unless it is
    /// symmetric and not negative, and all is finite.
    gaussian(std::vector<double> mean, std::span<const double> covariance)
        : mean_(std::move(mean)), c_{{covariance.begin(), covariance.end()}, {}} {
        constexpr const char* function = "diffusion::gaussian";
        const std::size_t d = mean_.size(), given = covariance.size();
        detail::require(d > 0, function, "the dimension must be at least 1", d);
        for (const double mu : mean_)
            detail::require(std::isfinite(mu), function, "the mean must be finite", mu);
        detail::require(given == 1 || given == d || given == d * d, function,
                        "a covariance must have 1, d or d x d numbers", given);
        if (given == 1) c_.variances.assign(d, covariance[0]);
        else if (given == d * d) c_ = axes_of(covariance, d);
        const double largest = *std::max_element(c_.variances.begin(), c_.variances.end());
        for (double& v : c_.variances) {
            if (given == d * d && v < 0 && v > -1e-14 * largest) v = 0;  // a flat direction
            detail::require(v >= 0 && std::isfinite(v), function,
                            "variances must be finite and not negative", v);
        }
    }

    const std::vector<double>& mean() const { return mean_; }
    const principal_axes& axes() const { return c_; }  ///< none where they are the coordinates'

    /// C_ij
    double covariance(std::size_t i, std::size_t j) const {
        if (c_.axes.empty()) return i == j ? c_.variances[i] : 0;
        const std::size_t d = mean_.size();
        double sum = 0;
        for (std::size_t k = 0; k < d; ++k)
            sum += c_.variances[k] * c_.axes[k * d + i] * c_.axes[k * d + j];
        return sum;
    }

    /// log of the density's peak, -log det(2 pi C')/2. Throws std::invalid_argument where a
    /// variance is 0, as that of a point is without noise.
    double log_peak(const noise_level& t) const {
        double sum = 0;
        for (const double c : c_.variances) {
            const double v = noised(c, t);
            detail::require(v > 0, "diffusion::gaussian",
                            "without variance there is no density; the variance must be positive",
                            v);
            sum -= 0.5 * std::log(2 * std::numbers::pi * v);
        }
        return sum;
    }

    /// score = -C'^-1 (x - alpha mu), the gradient of log q(x_t), and x0 = E[x_0 | x_t] = mu +
    /// alpha C C'^-1 (x - alpha mu). Returns log q(x_t) below its peak.
    template <class T>
    double explain(std::span<const T> x, const noise_level& t, std::span<double> score,
                   std::span<double> x0, std::span<double> scratch) const {
        double log_q = 0;
        for (std::size_t i = 0; i < mean_.size(); ++i)
            x0[i] = static_cast<double>(x[i]) - t.alpha * mean_[i];
        to_axes(x0, scratch);
        for (std::size_t i = 0; i < mean_.size(); ++i) {
            const double u = scratch[i];
            scratch[i] = -u / noised(c_.variances[i], t);
            log_q += 0.5 * u * scratch[i];
        }
        from_axes(scratch, score);
        for (std::size_t i = 0; i < mean_.size(); ++i) scratch[i] *= -t.alpha * c_.variances[i];
        from_axes(scratch, x0);
        for (std::size_t i = 0; i < mean_.size(); ++i) x0[i] += mean_[i];
        return log_q;
    }

    /// out = alpha C C'^-1 v: how E[x_0 | x_t] moves when x_t moves by v.
    void pull(std::span<const double> v, const noise_level& t, std::span<double> out,
              std::span<double> scratch) const {
        to_axes(v, scratch);
        for (std::size_t i = 0; i < mean_.size(); ++i)
            scratch[i] *= t.alpha * c_.variances[i] / noised(c_.variances[i], t);
        from_axes(scratch, out);
    }

    /// Turns z ~ N(0, I) into x ~ q(x_t); overwrites z.
    void place(std::span<double> z, const noise_level& t, std::span<double> x) const {
        for (std::size_t i = 0; i < mean_.size(); ++i)
            z[i] *= std::sqrt(noised(c_.variances[i], t));
        from_axes(z, x);
        for (std::size_t i = 0; i < mean_.size(); ++i) x[i] += t.alpha * mean_[i];
    }

private:
    static double noised(double c, const noise_level& t) {
        return t.alpha * t.alpha * c + t.sigma * t.sigma;
    }
    void to_axes(std::span<const double> x, std::span<double> out) const {
        turn(x, out, mean_.size(), 1);
    }
    void from_axes(std::span<const double> x, std::span<double> out) const {
        turn(x, out, 1, mean_.size());
    }
    void turn(std::span<const double> x, std::span<double> out, std::size_t row,
              std::size_t column) const {
        for (std::size_t i = 0; i < mean_.size(); ++i) {
            out[i] = c_.axes.empty() ? x[i] : 0;
            for (std::size_t j = 0; j < mean_.size() && !c_.axes.empty(); ++j)
                out[i] += c_.axes[i * row + j * column] * x[j];
        }
    }

    std::vector<double> mean_;
    principal_axes c_;
};

}  // namespace diffusion
