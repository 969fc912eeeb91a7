#pragma once

#include <cstddef>
#include <span>

#include <diffusion/detail/require.hpp>
#include <diffusion/discrete/categorical_kernel.hpp>

namespace diffusion {

/// Keeps the state with probability `keep`, else falls into the state `mask`, which is never left
/// again (Austin et al. 2021, appendix A.2.2):
///
///     Q = keep I + (1 - keep) 1 e_mask^T,   keep = 1 - beta_t for a single step
///
/// The mask may be a state of its own, which no data has ([MASK] of a text), or an ordinary one (a
/// grey pixel). The stationary distribution is all in the mask. No matrix is built: a product takes
/// K operations.
class absorbing_kernel {
public:
    /// Throws std::invalid_argument unless the mask is a state, and keep lies in [0, 1].
    absorbing_kernel(std::size_t categories, std::size_t mask, double keep)
        : categories_(categories), mask_(mask), keep_(keep) {
        constexpr const char* function = "diffusion::absorbing_kernel";
        detail::require_state(mask, categories, function);
        detail::require(keep >= 0 && keep <= 1, function, "keep must lie in [0, 1]", keep);
    }

    std::size_t categories() const { return categories_; }
    std::size_t mask() const { return mask_; }
    double keep() const { return keep_; }

    double operator()(std::size_t i, std::size_t j) const {
        return (i == j ? keep_ : 0) + (j == mask_ ? 1 - keep_ : 0);
    }

    void marginal(std::span<const double> p, std::span<double> out) const {
        double sum = 0;
        for (std::size_t i = 0; i < p.size(); ++i) {
            sum += p[i];
            out[i] = keep_ * p[i];
        }
        out[mask_] += (1 - keep_) * sum;
    }

    void expectation(std::span<const double> g, std::span<double> out) const {
        for (std::size_t i = 0; i < g.size(); ++i) out[i] = keep_ * g[i] + (1 - keep_) * g[mask_];
    }

    /// The probability of state i in the stationary distribution.
    double stationary(std::size_t i) const { return i == mask_ ? 1 : 0; }

    /// The kernel of no step, between the same states.
    absorbing_kernel identity() const { return {categories_, mask_, 1}; }

    /// The kernel of two steps, this one first.
    absorbing_kernel then(const absorbing_kernel& next) const {
        constexpr const char* function = "diffusion::absorbing_kernel::then";
        detail::require(next.categories_ == categories_, function,
                        "both steps must have the same states", next.categories_);
        detail::require(next.mask_ == mask_, function, "both steps must have the same mask",
                        next.mask_);
        return {categories_, mask_, keep_ * next.keep_};
    }

private:
    std::size_t categories_, mask_;
    double keep_;
};

}  // namespace diffusion
