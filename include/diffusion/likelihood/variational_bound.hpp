#pragma once
// The likelihood that the discrete-time model can prove: its variational bound, term by term.

#include <cmath>
#include <cstddef>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <diffusion/assert.hpp>
#include <diffusion/denoiser/denoiser.hpp>
#include <diffusion/detail/require.hpp>
#include <diffusion/grid/time_grid.hpp>
#include <diffusion/kernel/bits.hpp>
#include <diffusion/kernel/discretized_gaussian.hpp>
#include <diffusion/kernel/divergence.hpp>
#include <diffusion/kernel/posterior.hpp>
#include <diffusion/kernel/q_sample.hpp>
#include <diffusion/objective/weighting.hpp>
#include <diffusion/random/noise_source.hpp>
#include <diffusion/sampler/learned_variance.hpp>
#include <diffusion/tensor/batch.hpp>

namespace diffusion {

/// What the walk over the grid found, for each item of a batch, in nats summed over its elements.
/// Of step i and item k: element i * items + k; steps run from noise to data, and the last one is
/// L_0.
struct bound_terms {
    std::size_t items = 0, dimensions = 0;  ///< dimensions: elements of an item
    std::vector<double> prior;              ///< L_T of each item
    std::vector<double> steps;              ///< L_{t-1}, and L_0
    std::vector<double> x0_mse, eps_mse;    ///< errors of the network's estimates, means
    std::vector<double> total;              ///< of each item, an upper bound on -log p(x_0)

    /// Bits per dimension: of each item, and on average.
    double bits_per_dim(std::size_t item) const {
        return diffusion::bits_per_dim(-total[item], dimensions);
    }
    double bits_per_dim() const {
        double sum = 0;
        for (std::size_t k = 0; k < items; ++k) sum += bits_per_dim(k);
        return sum / static_cast<double>(items);
    }
};

/// The bound of Ho et al. (2020, eq. 5) on any grid, a sub-sequence of the training's times too:
///
///     -log p(x_0) <= L_T + sum_t L_{t-1} + L_0
///     L_T     = KL(q(x_T | x_0) || N(0, prior_std^2 I))
///     L_{t-1} = KL(q(x_s | x_t, x_0) || p(x_s | x_t)),    both means `posterior`'s: the second
///               one's with x_0-hat for x_0
///     L_0     = -log p(x_0 | x_1),    by the decoder with mean x_0-hat
///
/// p's variance is one of the two fixed ones, or what the network says (Nichol and Dhariwal 2021).
/// In the step to clean data the posterior's is 0; there, as in their code, `small` and `large` are
/// the posterior's variance of the step before, and a learned range begins with it.
///
/// Each term is an unbiased estimate from one x_t ~ q(x_t | x_0); average over draws. Decoders:
/// `discretized_gaussian` for data on levels, `continuous_gaussian` for densities.
template <class Decoder = discretized_gaussian>
class variational_bound {
public:
    template <tensor X>
    struct memory {
        owner_t<X> x_t, x0, v;
    };

    /// prior_std: of p(x_T); if not given sqrt(alpha_T^2 + sigma_T^2), which is 1 where variance is
    /// preserved. Throws std::invalid_argument unless the grid runs from noise to clean data.
    explicit variational_bound(time_grid grid, reverse_variance variance = reverse_variance::small,
                               Decoder decoder = {}, std::optional<double> prior_std = {})
        : variational_bound(std::move(grid), variance, {}, false, std::move(decoder), prior_std) {}

    /// The variance is the network's second output; the denoiser must be a `variance_denoiser`.
    explicit variational_bound(time_grid grid, variance_output output, Decoder decoder = {},
                               std::optional<double> prior_std = {})
        : variational_bound(std::move(grid), {}, output, true, std::move(decoder), prior_std) {}

    std::size_t size() const { return grid_.size() - 1; }  ///< steps; L_T comes on top
    const time_grid& grid() const { return grid_; }

    /// log of p's variance in step i, where the network's second output is v, if it has one.
    double log_variance(std::size_t i, double v = 0) const {
        return learned_ ? diffusion::log_variance(ranges_[i], output_, v) : fixed_[i];
    }

    template <tensor X>
    memory<X> init(const X& x_0) const {
        return {like(x_0), like(x_0), like(x_0)};
    }

    /// All terms for the items of a batch x_0: one call of the denoiser a step. The noise of step i
    /// has the address {forward, i, 2}.
    template <tensor X, class D, class Z>
    bound_terms operator()(const X& x_0, std::size_t items, D&& denoise, Z&& noise) const {
        memory<X> mem = init(x_0);
        bound_terms all;
        all.items = items;
        all.dimensions = item_size(elements(x_0).size(), items);
        all.prior = prior(x_0, items);
        all.total = all.prior;
        for (auto* rows : {&all.steps, &all.x0_mse, &all.eps_mse}) rows->resize(size() * items);
        for (const node& t : std::span(grid_).first(size())) detail::check_denoiser(denoise, t);
        for (std::size_t i = 0; i < size(); ++i) {
            const auto row = std::span(all.steps).subspan(i * items, items);
            const auto errors = std::span(all.x0_mse).subspan(i * items, items);
            step(i, x_0, mem, denoise, noise, row, errors);
            for (std::size_t k = 0; k < items; ++k) {
                all.total[k] += row[k];
                all.eps_mse[i * items + k] = signal_to_noise(grid_[i]) * errors[k];
            }
        }
        return all;
    }

    /// L_T of each item.
    template <tensor X>
    std::vector<double> prior(const X& x_0, std::size_t items) const {
        std::vector<double> sums(items);
        for_each_item(x_0, items, [&](std::size_t k, std::span<const scalar_t<X>> item) {
            for (const auto x : item)
                sums[k] += kl_divergence(grid_[0].alpha * static_cast<double>(x), grid_[0].sigma, 0,
                                         prior_std_);
        });
        return sums;
    }

    /// The term of step i, from grid()[i] to grid()[i + 1], for a batch of terms.size() items, and
    /// the mean squared error of x_0-hat.
    template <tensor X, class D, class Z>
        requires denoiser<D, X> && noise_source<Z, owner_t<X>>
    void step(std::size_t i, const X& x_0, memory<X>& mem, D&& denoise, Z&& noise,
              std::span<double> terms, std::span<double> x0_mse) const {
        DIFFUSION_ASSERT(i < size(), "diffusion::variational_bound: there is no such step");
        noise(mem.x_t, noise_address{noise_stream::forward, i, 2});
        q_sample(mem.x_t, x_0, grid_[i], mem.x_t);
        if constexpr (variance_denoiser<D, owner_t<X>>) {
            if (learned_) denoise.with_variance(std::as_const(mem.x_t), grid_[i], mem.x0, mem.v);
            else denoise(std::as_const(mem.x_t), grid_[i], mem.x0);
        } else {
            detail::require(!learned_, "diffusion::variational_bound",
                            "a learned variance needs a denoiser with with_variance");
            denoise(std::as_const(mem.x_t), grid_[i], mem.x0);
        }
        const auto data = elements(x_0);
        const auto x0 = elements(std::as_const(mem.x0)), v = elements(std::as_const(mem.v));
        const std::size_t n = item_size(data.size(), terms.size());
        const bool last = i + 1 == size();
        const double fixed_std = std::exp(0.5 * fixed_[i]);  // so that it is computed once
        for (std::size_t k = 0; k < terms.size(); ++k) {
            terms[k] = x0_mse[k] = 0;
            for (std::size_t e = k * n; e < (k + 1) * n; ++e) {
                const double x = static_cast<double>(data[e]), mean = static_cast<double>(x0[e]);
                const double std = learned_
                                       ? std::exp(0.5 * log_variance(i, static_cast<double>(v[e])))
                                       : fixed_std;
                terms[k] += last ? -decoder_(x, mean, std)
                                 : kl_divergence(0, q_[i].c, q_[i].b[0] * (mean - x), std);
                x0_mse[k] += (mean - x) * (mean - x) / static_cast<double>(n);
            }
        }
    }

private:
    variational_bound(time_grid grid, reverse_variance fixed, variance_output output, bool learned,
                      Decoder decoder, std::optional<double> prior_std)
        : grid_(std::move(grid)), output_(output), learned_(learned), decoder_(std::move(decoder)) {
        constexpr const char* function = "diffusion::variational_bound";
        detail::require_denoising(grid_, function);
        detail::require(grid_.back().sigma == 0, function,
                        "the grid must end with clean data, whose sigma is 0", grid_.back().sigma);
        prior_std_ = prior_std.value_or(std::hypot(grid_[0].alpha, grid_[0].sigma));
        detail::require(prior_std_ > 0, function, "the prior's standard deviation must be positive",
                        prior_std_);
        for (std::size_t i = 0; i < size(); ++i) {
            q_.push_back(posterior(grid_[i], grid_[i + 1]));
            ranges_.push_back(learned_range(grid_[i], grid_[i + 1]));
            learned_range_kernel& range = ranges_.back();
            const bool last = i + 1 == size();
            if (last && output_ != variance_output::data_log_variance)
                range.log_variance_small =
                    i > 0 ? ranges_[i - 1].log_variance_small : range.log_variance_large;
            fixed_.push_back(fixed == reverse_variance::large && !last ? range.log_variance_large
                                                                       : range.log_variance_small);
        }
    }

    time_grid grid_;
    variance_output output_;
    bool learned_;
    Decoder decoder_;
    double prior_std_ = 1;
    std::vector<gaussian_kernel<1>> q_;
    std::vector<learned_range_kernel> ranges_;
    std::vector<double> fixed_;  // log variances
};

}  // namespace diffusion
