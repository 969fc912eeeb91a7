#pragma once
// L3: pairs of neighbouring states on one path, for consistency training and distillation.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <span>
#include <utility>
#include <vector>

#include <diffusion/detail/require.hpp>
#include <diffusion/grid/sigmas.hpp>
#include <diffusion/grid/time_grid.hpp>
#include <diffusion/objective/curriculum.hpp>
#include <diffusion/objective/times.hpp>
#include <diffusion/random/gaussian_noise.hpp>
#include <diffusion/tensor/batch.hpp>
#include <diffusion/tensor/linear.hpp>

namespace diffusion {

// How often each interval of noise levels is trained: a callable (sigma_low, sigma_high) -> a mass
// that need not sum to 1.

/// Every interval equally often (Song et al. 2023, algorithms 2 and 3).
struct uniform_levels {
    constexpr double operator()(double, double) const { return 1; }
};

/// A log-normal distribution of sigma, by its mass between two levels (Song and Dhariwal 2024,
/// section 3.5; mean and std are P_mean and P_std): erf((log sigma_high - mean)/(sqrt(2) std)) -
/// erf((log sigma_low - mean)/(sqrt(2) std)).
struct log_normal_levels {
    double mean = -1.1, std = 2;

    double operator()(double low, double high) const {
        detail::require(std > 0, "diffusion::log_normal_levels",
                        "the standard deviation must be positive", std);
        const auto at = [&](double sigma) {
            return std::erf((std::log(sigma) - mean) / (std::numbers::sqrt2 * std));
        };
        return at(high) - at(low);
    }
};

/// Between which noise levels, and how much an interval counts.
struct consistency_levels {
    sigma_range range = {0.002, 80};
    double rho = 7;           ///< spacing, as of `karras_sigmas`
    bool by_interval = true;  ///< weight 1/(sigma_{n+1} - sigma_n) (Song and Dhariwal 2024, section
                              ///< 3.1); otherwise 1 (Song et al. 2023)
};

/// The pairs of consistency models (Song et al. 2023, algorithms 2 and 3): with the levels sigma_1
/// < ... < sigma_N of `karras_sigmas` at step k, N = plan.levels(k), draws n and the same z for
///
///     noisier_i = x_0 + sigma_{n+1} z,        cleaner_i = x_0 + sigma_n z.
///
/// f(noisier, sigma_{n+1}) is trained towards f(cleaner, sigma_n), f the `consistency_scaling` of a
/// network, which is the identity at sigma_1. That is training; for distillation `ode_step`
/// replaces the cleaner state by one on the path of a given denoiser. alpha = 1 throughout.
///
/// A function of (seed, iteration, data); stratified in n.
template <curriculum Plan, class Choice = uniform_levels>
struct consistency_objective {
    Plan plan;
    Choice choice;
    consistency_levels levels;
    std::uint64_t seed;

    explicit consistency_objective(Plan plan_, Choice choice_ = {},
                                   const consistency_levels& levels_ = {}, std::uint64_t seed_ = 0)
        : plan(std::move(plan_)), choice(std::move(choice_)), levels(levels_), seed(seed_) {}

    /// What a batch of n items needs; made once, reused in every iteration.
    template <tensor X>
    struct batch {
        owner_t<X> noisier, cleaner;
        std::vector<node> from, to;   ///< the levels of both, of each item; t is sigma
        std::vector<double> weights;  ///< of each item in the loss
        std::vector<double> sigmas;   ///< sigma_1 < ... < sigma_N of the step
        std::vector<double> reached;  ///< the probability that n is at most 1, 2, ..., N - 1
    };

    /// Memory for batches like x_0 of `items` items.
    template <tensor X>
    batch<X> init(const X& x_0, std::size_t items) const {
        item_size(elements(x_0).size(), items);
        return {like(x_0),
                like(x_0),
                std::vector<node>(items),
                std::vector<node>(items),
                std::vector<double>(items),
                {},
                {}};
    }

    /// Fills the batch from data x_0; allocates only where N grows.
    template <tensor X>
    void draw(const X& x_0, batch<X>& out, std::uint64_t iteration) const {
        divide(out.sigmas, out.reached, plan.levels(iteration));
        detail::draw_shares(out.weights, time_sampling::stratified, seed, iteration);
        for (std::size_t i = 0; i < out.weights.size(); ++i) {
            const auto found =
                std::upper_bound(out.reached.begin(), out.reached.end() - 1, out.weights[i]);
            const auto n = static_cast<std::size_t>(found - out.reached.begin());
            const double low = out.sigmas[n], high = out.sigmas[n + 1];
            out.to[i] = {low, 1, low, -std::log(low)};
            out.from[i] = {high, 1, high, -std::log(high)};
            out.weights[i] = levels.by_interval ? 1 / (high - low) : 1;
        }
        gaussian_noise{seed}(out.cleaner, detail::training_draw(iteration, 0));  // z
        noise(out.noisier, x_0, out.from, out.cleaner);
        noise(out.cleaner, x_0, out.to, out.cleaner);
    }

private:
    void divide(std::vector<double>& sigmas, std::vector<double>& reached, std::size_t n) const {
        detail::require(n >= 2, "diffusion::consistency_objective",
                        "there must be at least 2 noise levels", n);
        if (sigmas.size() == n) return;
        sigmas = karras_sigmas(n, levels.range, levels.rho);
        std::reverse(sigmas.begin(), sigmas.end());
        reached.resize(n - 1);
        double sum = 0;
        for (std::size_t k = 0; k + 1 < n; ++k)
            reached[k] = sum += choice(sigmas[k], sigmas[k + 1]);
        if (!(sum > 0 && std::isfinite(sum))) sigmas.clear();  // the next draw is refused as well
        detail::require(!sigmas.empty(), "diffusion::consistency_objective",
                        "the intervals must have a finite, positive mass", sum);
        for (double& r : reached) r /= sum;
    }

    template <tensor X>
    static void noise(owner_t<X>& to, const X& x_0, const std::vector<node>& at,
                      const owner_t<X>& z) {
        using T = scalar_t<X>;
        for_each_item(to, at.size(), [&](std::size_t i, std::span<T> item) {
            const std::size_t first = i * item.size(), size = item.size();
            assign(item, std::array<term<T>, 2>{{{1, elements(x_0).subspan(first, size)},
                                                 {at[i].sigma, elements(z).subspan(first, size)}}});
        });
    }
};

/// How `ode_step` integrates dx/dsigma = (x - D(x, sigma))/sigma.
enum class ode_method { euler, heun };

/// One step of the probability-flow ODE for each item of a batch, each from a level of its own to
/// another (Song et al. 2023, eq. 6; Karras et al. 2022, algorithm 1): the targets of distillation
/// are ode_step(batch.noisier, batch.from, batch.to, D, batch.cleaner). D(x, levels, x_0) writes
/// the estimate of x_0 of each item at its level. alpha = 1 and sigma > 0 everywhere. `scratch`:
/// two tensors like x; none of these four may be another one. Throws std::invalid_argument for
/// tensors or lists of levels that differ in size.
template <tensor X, class D>
void ode_step(const X& x, std::span<const node> from, std::span<const node> to, D&& denoise, X& out,
              std::array<X, 2>& scratch, ode_method how = ode_method::heun) {
    using T = scalar_t<X>;
    detail::require(from.size() == to.size(), "diffusion::ode_step",
                    "there must be as many levels to go to as to come from", to.size());
    for (const X* other : {static_cast<const X*>(&out), static_cast<const X*>(&scratch[0]),
                           static_cast<const X*>(&scratch[1])})
        detail::require(elements(*other).size() == elements(x).size(), "diffusion::ode_step",
                        "all tensors must have the size of x", elements(*other).size());
    const std::span<const T> start = elements(x);
    const std::span<const T> x_0 = elements(scratch[0]);
    const std::span<T> slope = elements(scratch[1]);
    const auto each = [&](auto&& f) {
        for_each_item(out, from.size(), [&](std::size_t i, std::span<T> item) {
            const T step = static_cast<T>(to[i].sigma - from[i].sigma);
            for (std::size_t e = 0; e < item.size(); ++e) f(i, i * item.size() + e, step, item[e]);
        });
    };
    denoise(x, from, scratch[0]);
    each([&](std::size_t i, std::size_t e, T step, T& y) {
        slope[e] = (start[e] - x_0[e]) / static_cast<T>(from[i].sigma);
        y = start[e] + step * slope[e];
    });
    if (how == ode_method::euler) return;
    denoise(std::as_const(out), to, scratch[0]);
    each([&](std::size_t i, std::size_t e, T step, T& y) {
        const T second = (y - x_0[e]) / static_cast<T>(to[i].sigma);
        y = start[e] + step * (slope[e] + second) / 2;
    });
}

}  // namespace diffusion
