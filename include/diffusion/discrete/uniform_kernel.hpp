#pragma once

#include <cstddef>
#include <span>

#include <diffusion/detail/require.hpp>
#include <diffusion/discrete/categorical_kernel.hpp>

namespace diffusion {

/// Keeps the state with probability `keep`, else draws any of the K states, itself included (Sohl-
/// Dickstein et al. 2015 for K = 2; Hoogeboom et al. 2021; Austin et al. 2021, appendix A.2.1):
///
///     Q = keep I + (1 - keep) / K  1 1^T,   keep = 1 - beta_t for a single step
///
/// Doubly stochastic, its stationary distribution is the uniform one. No matrix is built: a product
/// takes K operations.
class uniform_kernel {
public:
    /// Throws std::invalid_argument unless there is a state, and keep lies in [0, 1].
    uniform_kernel(std::size_t categories, double keep) : categories_(categories), keep_(keep) {
        constexpr const char* function = "diffusion::uniform_kernel";
        detail::require(categories > 0, function, "there must be a state", categories);
        detail::require(keep >= 0 && keep <= 1, function, "keep must lie in [0, 1]", keep);
    }

    std::size_t categories() const { return categories_; }
    double keep() const { return keep_; }

    double operator()(std::size_t i, std::size_t j) const { return (i == j ? keep_ : 0) + share(); }

    void marginal(std::span<const double> p, std::span<double> out) const { mix(p, out); }
    void expectation(std::span<const double> g, std::span<double> out) const { mix(g, out); }

    /// The probability of state i in the stationary distribution.
    double stationary(std::size_t) const { return 1 / static_cast<double>(categories_); }

    /// The kernel of no step, between the same states.
    uniform_kernel identity() const { return {categories_, 1}; }

    /// The kernel of two steps, this one first.
    uniform_kernel then(const uniform_kernel& next) const {
        detail::require(next.categories_ == categories_, "diffusion::uniform_kernel::then",
                        "both steps must have the same states", next.categories_);
        return {categories_, keep_ * next.keep_};
    }

private:
    double share() const { return (1 - keep_) / static_cast<double>(categories_); }

    // Q is symmetric, so both products are the same
    void mix(std::span<const double> in, std::span<double> out) const {
        double sum = 0;
        for (const double value : in) sum += value;
        for (std::size_t i = 0; i < in.size(); ++i) out[i] = keep_ * in[i] + share() * sum;
    }

    std::size_t categories_;
    double keep_;
};

}  // namespace diffusion
