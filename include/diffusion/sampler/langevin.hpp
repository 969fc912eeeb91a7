#pragma once
// L5: a few steps of Langevin dynamics at every noise level, before a rule goes on to the next one.

#include <cmath>
#include <cstddef>
#include <span>
#include <utility>

#include <diffusion/assert.hpp>
#include <diffusion/detail/require.hpp>
#include <diffusion/rule/rule.hpp>
#include <diffusion/sampler/multistep.hpp>
#include <diffusion/sampler/sampler.hpp>
#include <diffusion/tensor/batch.hpp>
#include <diffusion/tensor/linear.hpp>

namespace diffusion {

/// A corrector: how strong and how many the corrections are (Song et al. 2021, algorithms 4 and 5).
struct langevin {
    double snr = 0.15;      ///< r, the ratio of the norms of noise and score in a correction
    std::size_t steps = 1;  ///< M, corrections at each level
    std::size_t items = 1;  ///< of the batch, over which the norms are averaged

    /// e = 2 A^2 (r ||z||/||score||)^2, from the mean norms.
    double length(double A, const node&, double z, double score) const {
        const double ratio = A * snr * z / score;
        return 2 * ratio * ratio;
    }
};

/// The corrector of annealed Langevin dynamics, whose length is known beforehand: with the norms
/// that eps-hat of a perfect network has, ||score|| = ||z||/sigma_t,
///
///     e = 2 A^2 (r sigma_t)^2
///
/// (Song and Ermon 2019, algorithm 1, with epsilon/sigma_L^2 = 4 r^2 there; "ald" of Song et al.
/// 2021). After no step but `stay` it is `annealed_langevin` with step_size = 2 r^2.
struct annealed_corrections {
    double snr = 0.15;
    std::size_t steps = 1;
    std::size_t items = 1;

    double length(double A, const node& t, double, double) const {
        const double ratio = A * snr * t.sigma;
        return 2 * ratio * ratio;
    }
};

/// The predictor of those that only correct: x stays as it is, x_s = x_t, and is taken for a sample
/// of the next level (Song and Ermon 2019). On schedules with alpha = 1.
struct stay {
    static constexpr std::size_t order = 1;
    static constexpr prediction extrapolates = prediction::data;

    gaussian_kernel<1> operator()(std::span<const node>, const node&) const { return {1, {0}, 0}; }
};

/// Predictor-corrector sampling (Song et al. 2021, section 4.2): at node t, M times
///
///     x <- x + e score + sqrt(2 e) z,
///
/// with the length e that the corrector says, `langevin` or `annealed_corrections`, where A =
/// alpha_t/alpha_s (1 for a variance-exploding schedule) and norms are means over the items of the
/// batch; then the step of a multistep rule from t to s: any predictor, such as
/// `reverse_diffusion`, `ddpm`, `euler_maruyama`, `stay`. The score is that of the denoiser,
/// (alpha_t x0-hat - x)/sigma_t^2. The order is the rule's; M + 1 evaluations a step. A score that
/// is 0 everywhere is not followed. Throws std::invalid_argument for a grid as in `multistep`, for
/// one that runs from data to noise, for an snr that is not finite and positive and for items = 0;
/// `init` does if items does not divide the number of elements.
template <class Rule, class Corrector = langevin>
class langevin_corrected {
public:
    template <tensor X>
    struct memory {
        memory_t<multistep<Rule>, X> predictor;
        owner_t<X> x0, score, z;
    };

    langevin_corrected(const Rule& rule, time_grid grid, const Corrector& how = {},
                       last_steps ending = last_steps::full_order)
        : predictor_(rule, std::move(grid), ending), how_(how) {
        detail::require_denoising(predictor_.grid(), "diffusion::langevin");
        detail::require(how.snr > 0 && std::isfinite(how.snr), "diffusion::langevin",
                        "snr must be finite and positive", how.snr);
        detail::require(how.items > 0, "diffusion::langevin", "a batch needs at least one item",
                        how.items);
    }

    std::size_t size() const { return predictor_.size(); }
    const time_grid& grid() const { return predictor_.grid(); }

    template <tensor X>
    memory<X> init(const X& x) const {
        item_size(elements(x).size(), how_.items);
        return {predictor_.init(x), like(x), like(x), like(x)};
    }

    template <tensor X>
    const owner_t<X>& x0(const memory<X>& mem) const {
        return predictor_.x0(mem.predictor);
    }

    template <tensor X, class D, class Z>
        requires denoiser<D, X> && noise_source<Z, owner_t<X>>
    void step(std::size_t i, X& x, memory<X>& mem, D&& denoise, Z&& noise) const {
        DIFFUSION_ASSERT(i < size(), "diffusion::langevin: there is no such step");
        const node &t = grid()[i], &s = grid()[i + 1];
        for (std::size_t k = 0; k < how_.steps; ++k) {
            denoise(std::as_const(x), t, mem.x0);
            const double per_variance = 1 / (t.sigma * t.sigma);
            ref(mem.score) = (t.alpha * per_variance) * ref(mem.x0) + (-per_variance) * ref(x);
            noise(mem.z, level_noise(i, k));
            const double slope = mean_norm(mem.score);
            if (slope == 0) continue;
            const double length = how_.length(t.alpha / s.alpha, t, mean_norm(mem.z), slope);
            ref(x) = 1 * ref(x) + length * ref(mem.score) + std::sqrt(2 * length) * ref(mem.z);
        }
        predictor_.step(i, x, mem.predictor, denoise, noise);
    }

private:
    /// The mean of the items' Euclidean norms.
    template <tensor Y>
    double mean_norm(const Y& y) const {
        double sum = 0;
        for_each_item(y, how_.items, [&](std::size_t, std::span<const scalar_t<Y>> item) {
            double squares = 0;
            for (const scalar_t<Y> e : item)
                squares += static_cast<double>(e) * static_cast<double>(e);
            sum += std::sqrt(squares);
        });
        return sum / static_cast<double>(how_.items);
    }

    multistep<Rule> predictor_;
    Corrector how_;
};

}  // namespace diffusion
