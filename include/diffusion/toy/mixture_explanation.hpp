#pragma once
// What a mixture of Gaussians says about one point: Bayes' rule, at any noise level.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include <diffusion/schedule/noise_level.hpp>
#include <diffusion/toy/gaussian.hpp>

namespace diffusion {

/// How the components of sum_k w_k N(mu_k, C_k) explain one noised point x = x_t:
///
///     q(x)       = sum_k w_k N(x; alpha mu_k, C'_k),     C'_k = alpha^2 C_k + sigma^2 I
///     r_k        = w_k N(x; alpha mu_k, C'_k) / q(x),    P(component k | x_t = x)
///     score      = sum_k r_k s_k,     s_k = -C'_k^-1 (x - alpha mu_k)
///     E[x_0|x_t] = sum_k r_k m_k,     m_k = mu_k + alpha C_k C'_k^-1 (x - alpha mu_k)
///
/// The sums of densities are taken relative to the largest, so that they hold however far x is from
/// all of them. Owns the memory for a point, so that many are looked at with one of these; refers
/// to weights and components.
class mixture_explanation {
public:
    double log_density = 0;           ///< log q(x), in nats
    std::vector<double> r;            ///< r_k
    std::vector<double> score, mean;  ///< s_k and m_k, row by row

    /// At least one component, all of one dimension. Throws std::invalid_argument where one has no
    /// density: a point without noise.
    mixture_explanation(std::span<const double> weights, std::span<const gaussian> components,
                        const noise_level& t)
        : r(components.size()),
          d_(components[0].mean().size()),
          parts_(components),
          t_(t),
          scratch_(3 * d_) {
        score.resize(r.size() * d_);
        mean.resize(r.size() * d_);
        for (std::size_t k = 0; k < r.size(); ++k)
            log_peak_.push_back(std::log(weights[k]) + parts_[k].log_peak(t));
    }

    /// Looks at x, d numbers.
    template <class T>
    void look(std::span<const T> x) {
        for (std::size_t k = 0; k < r.size(); ++k)
            r[k] = log_peak_[k] +
                   parts_[k].explain(x, t_, row(score, k), row(mean, k), row(scratch_, 0));
        const double largest = *std::max_element(r.begin(), r.end());
        double sum = 0;
        for (double& log_r : r) sum += log_r = std::exp(log_r - largest);
        for (double& share : r) share /= sum;
        log_density = largest + std::log(sum);
    }

    /// sum_k r_k rows_k, element i: of `score` or of `mean`.
    double expected(const std::vector<double>& rows, std::size_t i) const {
        double sum = 0;
        for (std::size_t k = 0; k < r.size(); ++k) sum += r[k] * rows[k * d_ + i];
        return sum;
    }

    /// out = J v at the point that was looked at last, where J is the Jacobian of the posterior
    /// mean, alpha/sigma^2 Cov[x_0 | x_t]:
    ///
    ///     J v = sum_k r_k (alpha C_k C'_k^-1 v + (m_k - E[x_0 | x_t]) (s_k . v))
    template <class T>
    void jacobian_product(std::span<const T> v, std::span<T> out) {
        const auto direction = row(scratch_, 1), within = row(scratch_, 2);
        std::copy(v.begin(), v.end(), direction.begin());
        std::fill(out.begin(), out.end(), T(0));
        for (std::size_t k = 0; k < r.size(); ++k) {
            parts_[k].pull(direction, t_, within, row(scratch_, 0));
            const auto s = row(score, k), m = row(mean, k);
            double rise = 0;  // of log N_k along v
            for (std::size_t i = 0; i < d_; ++i) rise += s[i] * direction[i];
            for (std::size_t i = 0; i < d_; ++i)
                out[i] += static_cast<T>(r[k] * (within[i] + (m[i] - expected(mean, i)) * rise));
        }
    }

private:
    std::span<double> row(std::vector<double>& rows, std::size_t k) const {
        return std::span(rows).subspan(k * d_, d_);
    }

    std::size_t d_;
    std::span<const gaussian> parts_;
    noise_level t_;
    std::vector<double> scratch_, log_peak_;
};

}  // namespace diffusion
