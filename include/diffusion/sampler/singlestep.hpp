#pragma once
// L5: any singlestep rule, turned into a sampler.

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <diffusion/denoiser/denoiser.hpp>
#include <diffusion/detail/require.hpp>
#include <diffusion/grid/time_grid.hpp>
#include <diffusion/kernel/apply.hpp>
#include <diffusion/kernel/forward.hpp>
#include <diffusion/random/noise_source.hpp>
#include <diffusion/rule/stages.hpp>
#include <diffusion/sampler/sampler.hpp>
#include <diffusion/tensor/linear.hpp>

namespace diffusion {

/// A walk over noise levels that also goes back up: in a step from t to a noisier s the state is
/// noised by q(x_s | x_t) and no network is asked. For resampling (RePaint) and restart sampling.
/// Not for `brownian_noise`, which is the same whenever an interval is passed again.
struct resampling_path {
    std::vector<node> nodes;
};

/// The sampler of singlestep rules with at most K evaluations, whatever the rule: it holds the
/// stages of all steps. `singlestep` makes them.
template <std::size_t K, prediction Combines>
class staged {
public:
    static constexpr std::size_t evaluations = K;
    static constexpr prediction combines = Combines;

    /// What a run owns: the answers of one step, the state at its start if there is a second stage,
    /// x0-hat if the rule combines eps-hat, and a tensor for the noise if any step draws some.
    template <tensor X>
    class memory {
        friend class staged;
        static constexpr std::size_t extra = Combines == prediction::data ? 0 : 1;
        std::array<owner_t<X>, K + extra> m_;
        std::optional<owner_t<X>> start_, z_;
        std::size_t latest_ = 0;

        explicit memory(std::array<owner_t<X>, K + extra> m) : m_(std::move(m)) {}
    };

    /// Number of steps. The number of network evaluations is the sum of stage(i).count.
    std::size_t size() const { return steps_.size(); }

    /// The size() + 1 nodes; step i runs from grid()[i] to grid()[i + 1].
    const time_grid& grid() const { return grid_; }

    /// The numbers of step i.
    const stages<K>& stage(std::size_t i) const { return steps_.at(i); }

    /// The nodes at which step i asks the network.
    std::span<const node> asked(std::size_t i) const {
        return std::span<const node>(steps_.at(i).at).first(steps_[i].count);
    }

    template <tensor X>
    memory<X> init(const X& x) const {
        memory<X> mem([&]<std::size_t... k>(std::index_sequence<k...>) {
            return std::array<owner_t<X>, sizeof...(k)>{((void)k, like(x))...};
        }(std::make_index_sequence<K + memory<X>::extra>{}));
        if (keeps_start_) mem.start_.emplace(like(x));
        if (draws_noise_) mem.z_.emplace(like(x));
        return mem;
    }

    /// x0-hat of the latest evaluation.
    template <tensor X>
    const owner_t<X>& x0(const memory<X>& mem) const {
        return mem.m_[Combines == prediction::data ? mem.latest_ : K];
    }

    template <tensor X, class D, class Z>
        requires denoiser<D, X> && noise_source<Z, owner_t<X>>
    void step(std::size_t i, X& x, memory<X>& mem, D&& denoise, Z&& noise) const {
        DIFFUSION_ASSERT(i < size(), "diffusion::singlestep: there is no such step");
        const stages<K>& step = steps_[i];
        const node& s = grid_[i + 1];
        const auto no_prediction = [&](std::size_t) -> const owner_t<X>& { return mem.m_[0]; };
        const auto prediction_term = [&](std::size_t k) -> const owner_t<X>& { return mem.m_[k]; };
        if (step.stir.c != 0) {
            const auto sub_draw = static_cast<std::uint32_t>(K);  // after those of the stages
            noise(*mem.z_, step_noise(i, grid_[i], step.count > 0 ? step.at[0] : s, sub_draw));
        }
        if (step.stir != gaussian_kernel<0>{1, {}, 0})
            apply(step.stir, x, x, no_prediction, step.stir.c != 0 ? &*mem.z_ : nullptr);
        if (step.count > 1) ref(*mem.start_) = 1 * ref(std::as_const(x));
        for (std::size_t k = 0; k < step.count; ++k) {
            if constexpr (Combines == prediction::data)
                denoise(std::as_const(x), step.at[k], mem.m_[k]);
            else
                detail::denoise_with_noise(denoise, std::as_const(x), step.at[k], mem.m_[K],
                                           mem.m_[k]);
            mem.latest_ = k;
            const gaussian_kernel<K>& kernel = step.to[k];
            if (kernel.c != 0)
                noise(*mem.z_, step_noise(i, step.at[0], k + 1 < step.count ? step.at[k + 1] : s,
                                          static_cast<std::uint32_t>(k)));
            const owner_t<X>* z = kernel.c != 0 ? &*mem.z_ : nullptr;
            if (step.count > 1) apply(kernel, x, *mem.start_, prediction_term, z);
            else apply(kernel, x, std::as_const(x), prediction_term, z);
        }
    }

protected:
    staged(time_grid grid, std::vector<stages<K>> steps)
        : grid_(std::move(grid)), steps_(std::move(steps)) {
        for (std::size_t i = 0; i < steps_.size(); ++i) {
            const stages<K>& step = steps_[i];
            bool finite = std::isfinite(step.stir.a) && std::isfinite(step.stir.c);
            bool noisy = step.stir.c != 0;
            for (std::size_t k = 0; k < step.count; ++k) {
                const auto& [a, b, c] = step.to[k];
                finite = finite && std::isfinite(a) && std::isfinite(c);
                for (const double weight : b) finite = finite && std::isfinite(weight);
                noisy = noisy || c != 0;
            }
            detail::require(finite, "diffusion::singlestep",
                            "the rule has no finite coefficients on this grid, in step number", i);
            draws_noise_ = draws_noise_ || noisy;
            keeps_start_ = keeps_start_ || step.count > 1;
        }
    }

private:
    time_grid grid_;
    std::vector<stages<K>> steps_;
    bool keeps_start_ = false, draws_noise_ = false;
};

/// The sampler of a singlestep rule on a grid. All coefficients are computed here, once, in double;
/// a step is one pass over memory for each evaluation, and one more if there are several.
///
///     singlestep(heun{}, grid_of_sigmas(schedule, karras_sigmas(18, range)))
///
/// A multistep rule of order 1, such as `ddim`, is a singlestep rule too, and gives the same
/// numbers. On a `resampling_path` the rule takes the steps down, and the forward process those up.
///
/// Throws std::invalid_argument for a grid of fewer than 2 nodes, one whose noise level does not
/// fall (or, in an inversion, rise) strictly, a path that stays on a level, values that are not
/// finite, and where a coefficient would not be finite.
template <singlestep_rule Rule>
class singlestep : public staged<Rule::evaluations, Rule::combines> {
    using base = staged<Rule::evaluations, Rule::combines>;
    using all_stages = std::vector<stages<Rule::evaluations>>;

public:
    using whole_type = singlestep;  ///< is its plan and no more, unlike a class derived from it
    const base& plan() const { return *this; }

    singlestep(const Rule& rule, time_grid grid) : base(grid, stages_on(rule, grid)) {}
    singlestep(const Rule& rule, const resampling_path& path)
        : base(path.nodes, stages_along(rule, path.nodes)) {}

private:
    static all_stages stages_on(const Rule& rule, const time_grid& grid) {
        detail::require_grid(grid, "diffusion::singlestep");
        all_stages steps;
        const std::size_t n = grid.size() - 1;
        for (std::size_t i = 0; i < n; ++i) steps.push_back(rule({i, n, grid[i], grid[i + 1]}));
        return steps;
    }

    static all_stages stages_along(const Rule& rule, const std::vector<node>& nodes) {
        all_stages steps;
        detail::require(nodes.size() >= 2, "diffusion::singlestep", "a path needs at least 2 nodes",
                        nodes.size());
        const std::size_t n = nodes.size() - 1;
        for (std::size_t i = 0; i < n; ++i) {
            const node &t = nodes[i], &s = nodes[i + 1];
            detail::require_grid({t, s},
                                 "diffusion::singlestep");  // a path is grids of two nodes
            steps.push_back({});
            if (s.lambda > t.lambda) steps.back() = rule({i, n, t, s});
            else steps.back().stir = forward_kernel(t, s);
        }
        return steps;
    }
};
template <singlestep_rule Rule>
singlestep(Rule, time_grid) -> singlestep<Rule>;
template <singlestep_rule Rule>
singlestep(Rule, resampling_path) -> singlestep<Rule>;
template <multistep_rule Rule>
singlestep(Rule, time_grid) -> singlestep<one_evaluation<Rule>>;
template <multistep_rule Rule>
singlestep(Rule, resampling_path) -> singlestep<one_evaluation<Rule>>;

}  // namespace diffusion
