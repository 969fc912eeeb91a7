#pragma once
// L1: a list of noise levels, on which NCSN is trained.

#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

#include <diffusion/detail/require.hpp>
#include <diffusion/schedule/noise_level.hpp>

namespace diffusion {

/// alpha = 1 and sigma one of sigma_1 > ... > sigma_L (Song and Ermon 2019, section 4.1), noisiest
/// first, as lists of levels are written; those of the paper are `exponential_sigmas`.
///
/// Times are the integers 0 .. L-1 and count from the cleanest: sigma_i stands at L - i. Between
/// two of them lambda is linear in t. Throws std::invalid_argument unless there is a level, all are
/// finite and positive, and they fall strictly; and for a t outside of [0, L-1].
class noise_ladder {
public:
    explicit noise_ladder(std::vector<double> sigmas) : sigmas_(std::move(sigmas)) {
        constexpr const char* function = "diffusion::noise_ladder";
        detail::require(!sigmas_.empty(), function, "at least one noise level is needed",
                        sigmas_.size());
        double noisier = std::numeric_limits<double>::infinity();
        for (const double sigma : sigmas_) {
            detail::require(sigma > 0 && sigma < noisier, function,
                            "noise levels must be finite, positive and fall strictly", sigma);
            noisier = sigma;
        }
    }

    noise_level operator()(double t) const {
        detail::require(t >= t_min() && t <= t_max(), "diffusion::noise_ladder",
                        "t must lie in [0, L-1]", t);
        const auto below = static_cast<std::size_t>(t);
        const double part = t - static_cast<double>(below), sigma = at(below);
        if (part == 0) return variance_exploding_level(sigma);
        const double log_sigma = (1 - part) * std::log(sigma) + part * std::log(at(below + 1));
        return {1, std::exp(log_sigma), -log_sigma};
    }

    double t_min() const { return 0; }
    double t_max() const { return static_cast<double>(size() - 1); }

    /// L, the number of levels.
    std::size_t size() const { return sigmas_.size(); }

    /// sigma_1, ..., sigma_L.
    const std::vector<double>& sigmas() const { return sigmas_; }

private:
    double at(std::size_t t) const { return sigmas_[sigmas_.size() - 1 - t]; }

    std::vector<double> sigmas_;
};

}  // namespace diffusion
