#pragma once
// L5: any rule, turned into a sampler.

#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <diffusion/denoiser/denoiser.hpp>
#include <diffusion/detail/require.hpp>
#include <diffusion/grid/time_grid.hpp>
#include <diffusion/kernel/apply.hpp>
#include <diffusion/random/noise_source.hpp>
#include <diffusion/rule/rule.hpp>
#include <diffusion/sampler/sampler.hpp>
#include <diffusion/tensor/linear.hpp>

namespace diffusion {

/// How a multistep method ends. High orders are fragile in the last steps, where lambda grows fast.
enum class last_steps {
    full_order,     ///< the rule's order to the end
    falling_order,  ///< ..., 3, 2, 1: at most as many nodes as steps are left ("lower_order_final")
    first_order     ///< only the very last step has order 1 ("euler_at_final")
};

namespace detail {

/// How many of the nodes seen a method of the given order may use in step i of n.
constexpr std::size_t visible(std::size_t order, std::size_t i, std::size_t n, last_steps ending) {
    const bool first = ending == last_steps::first_order && i + 1 == n;
    const bool falls = ending == last_steps::falling_order;
    const std::size_t most = first ? 1 : falls && n - i < order ? n - i : order;
    return i + 1 < most ? i + 1 : most;
}

/// A grid too short for an order is refused, unless the caller lets the order fall.
inline void require_steps(const time_grid& grid, std::size_t order, last_steps ending,
                          const char* function) {
    require(grid.size() > order || ending == last_steps::falling_order, function,
            "fewer steps than the order: take more, a lower order, or last_steps::falling_order; "
            "number of steps",
            grid.size() - 1);
}

/// A rule's kernel for the step from node i to the next, with the last `count` nodes seen.
template <class Rule>
auto kernel_on(const Rule& rule, const time_grid& grid, std::size_t i, std::size_t count) {
    std::array<node, Rule::order> seen{};
    for (std::size_t k = 0; k < count; ++k) seen[k] = grid[i - k];
    return rule(std::span<const node>(seen.data(), count), grid[i + 1]);
}

}  // namespace detail

/// The sampler of multistep rules of order K, whatever the rule: it holds the kernels of all steps.
/// `multistep` makes them.
template <std::size_t K, prediction Extrapolates>
class multistep_plan {
public:
    static constexpr std::size_t order = K;
    static constexpr prediction extrapolates = Extrapolates;
    static constexpr std::size_t terms = K + (Extrapolates == prediction::data_and_noise ? 1 : 0);

    /// What a run owns: the last predictions, and a tensor for the noise if any step draws some.
    template <tensor X>
    class memory {
        friend class multistep_plan;
        // One tensor beside the ring: x0-hat where the ring holds eps-hat, the raw eps-hat where it
        // holds x0-hat.
        static constexpr std::size_t extra = Extrapolates == prediction::data ? 0 : 1;
        std::array<owner_t<X>, order> ring_;
        std::array<owner_t<X>, extra> extra_;
        std::optional<owner_t<X>> z_;
        std::size_t head_ = 0;

        memory(std::array<owner_t<X>, order> ring, std::array<owner_t<X>, extra> more)
            : ring_(std::move(ring)), extra_(std::move(more)) {}
        const owner_t<X>& past(std::size_t k) const {
            const std::size_t place = head_ + k;
            return ring_[place < order ? place : place - order];
        }
    };

    /// Number of steps, which is the number of network evaluations.
    std::size_t size() const { return kernels_.size(); }

    /// The size() + 1 nodes; step i runs from grid()[i] to grid()[i + 1].
    const time_grid& grid() const { return grid_; }

    /// The coefficients of step i, for whoever keeps tensors elsewhere: x_s = a x_t + sum_k b[k]
    /// m_k + c z, where m_k are the rule's predictions, the latest first.
    const gaussian_kernel<terms>& kernel(std::size_t i) const { return kernels_.at(i); }

    template <tensor X>
    memory<X> init(const X& x) const {
        const auto tensors = [&]<std::size_t... k>(std::index_sequence<k...>) {
            return std::array<owner_t<X>, sizeof...(k)>{((void)k, like(x))...};
        };
        memory<X> mem(tensors(std::make_index_sequence<order>{}),
                      tensors(std::make_index_sequence<memory<X>::extra>{}));
        if (draws_noise_) mem.z_.emplace(like(x));
        return mem;
    }

    /// x0-hat of the last step. A noise rule is told it by `predict`; who writes eps-hat to the
    /// slot himself finds zeros here.
    template <tensor X>
    const owner_t<X>& x0(const memory<X>& mem) const {
        if constexpr (Extrapolates == prediction::noise) return mem.extra_[0];
        else return mem.past(0);
    }

    /// Ask: where the prediction for grid()[i] goes that the rule extrapolates, x0-hat for a data
    /// rule, eps-hat for a noise rule. Tell: `advance(i, ...)`. Who owns the loop and the network's
    /// call uses these two in turn.
    template <tensor X>
    owner_t<X>& prediction_slot(memory<X>& mem) const {
        mem.head_ = (mem.head_ + order - 1) % order;
        return mem.ring_[mem.head_];
    }

    /// For a rule of `prediction::data_and_noise`: where the raw eps-hat for grid()[i] goes.
    template <tensor X>
        requires(Extrapolates == prediction::data_and_noise)
    owner_t<X>
    &noise_slot(memory<X>& mem) const { return mem.extra_[0]; }

    /// Asks the denoiser for grid()[i] and stores what the rule needs.
    template <tensor X, denoiser<X> D>
    void predict(std::size_t i, const X& x, memory<X>& mem, D& denoise) const {
        owner_t<X>& slot = prediction_slot(mem);
        if constexpr (Extrapolates == prediction::data) denoise(x, grid_[i], slot);
        else if constexpr (Extrapolates == prediction::noise)
            detail::denoise_with_noise(denoise, x, grid_[i], mem.extra_[0], slot);
        else detail::denoise_with_raw_noise(denoise, x, grid_[i], slot, mem.extra_[0]);
    }

    /// x <- a x + sum_k b_k m_k + c z, in one pass. With c = 0 no noise is drawn or read.
    template <tensor X, noise_source<owner_t<X>> Z>
    void advance(std::size_t i, X& x, memory<X>& mem, Z&& noise) const {
        DIFFUSION_ASSERT(i < size(), "diffusion::multistep: there is no such step");
        const gaussian_kernel<terms>& kernel = kernels_[i];
        if (kernel.c != 0) noise(*mem.z_, step_noise(i, grid_[i], grid_[i + 1]));
        if (shapes_[i] == shape::all_terms) return add_all<0>(kernel, x, mem);
        if (shapes_[i] == shape::all_terms_and_noise) return add_all<1>(kernel, x, mem);
        apply(
            kernel, x, std::as_const(x),
            [&mem](std::size_t k) -> const owner_t<X>& { return prediction_term(mem, k); },
            kernel.c != 0 ? &*mem.z_ : nullptr);
    }

    /// One step: predict, then advance.
    template <tensor X, class D, class Z>
        requires denoiser<D, X> && noise_source<Z, owner_t<X>>
    void step(std::size_t i, X& x, memory<X>& mem, D&& denoise, Z&& noise) const {
        predict(i, x, mem, denoise);
        advance(i, x, mem, noise);
    }

protected:
    /// With any kernels, kernel_of(grid, i) for step i, on a grid that was checked.
    template <std::invocable<const time_grid&, std::size_t> KernelOf>
    multistep_plan(time_grid grid, KernelOf kernel_of) : grid_(std::move(grid)) {
        const std::size_t n = grid_.size() - 1;
        kernels_.reserve(n);
        for (std::size_t i = 0; i < n; ++i) {
            kernels_.push_back(kernel_of(std::as_const(grid_), i));
            const gaussian_kernel<terms>& kernel = kernels_.back();
            require_finite(kernel, i);
            draws_noise_ = draws_noise_ || kernel.c != 0;
            bool all = kernel.a != 0;
            for (const double b : kernel.b) all = all && b != 0;
            shapes_.push_back(!all            ? shape::other
                              : kernel.c == 0 ? shape::all_terms
                                              : shape::all_terms_and_noise);
        }
    }

private:
    /// Which coefficients of a step are not 0. Where none is there is nothing to leave out, and the
    /// sum has a length that the compiler knows.
    enum class shape : char { other, all_terms, all_terms_and_noise };

    template <std::size_t Noise, tensor X>
    static void add_all(const gaussian_kernel<terms>& kernel, X& x, const memory<X>& mem) {
        std::array<term<scalar_t<X>>, 1 + terms + Noise> sum;
        sum[0] = {kernel.a, elements(std::as_const(x))};
        for (std::size_t k = 0; k < terms; ++k)
            sum[k + 1] = {kernel.b[k], elements(prediction_term(mem, k))};
        if constexpr (Noise == 1) sum[terms + 1] = {kernel.c, elements(*mem.z_)};
        assign(elements(x), sum);
    }

    template <tensor X>
    static const owner_t<X>& prediction_term(const memory<X>& mem, std::size_t k) {
        if constexpr (Extrapolates == prediction::data_and_noise)
            if (k == order) return mem.extra_[0];
        return mem.past(k);
    }

    static void require_finite(const gaussian_kernel<terms>& kernel, std::size_t i) {
        bool finite = std::isfinite(kernel.a) && std::isfinite(kernel.c);
        for (const double b : kernel.b) finite = finite && std::isfinite(b);
        detail::require(finite, "diffusion::multistep",
                        "the rule has no finite coefficients on this grid (an inversion takes "
                        "ddim_inversion), in step number",
                        i);
    }

    time_grid grid_;
    std::vector<gaussian_kernel<terms>> kernels_;
    std::vector<shape> shapes_;
    bool draws_noise_ = false;
};

namespace detail {

/// What `multistep` is for a rule; for something else there is a message of its own.
template <class Rule>
struct plan_of {
    using type = multistep_plan<1, prediction::data>;
};
template <multistep_rule Rule>
struct plan_of<Rule> {
    using type = multistep_plan<Rule::order, Rule::extrapolates>;
};

}  // namespace detail

/// The sampler of a multistep rule on a grid. All coefficients are computed here, once, in double;
/// a step is one call of the denoiser and one pass over memory.
///
///     multistep(ddim{}, leading(schedule, 50))
///
/// Throws std::invalid_argument for a grid of fewer than 2 nodes, one whose noise level does not
/// fall (or, in an inversion, rise) strictly, one with values that are not finite, one of fewer
/// steps than the rule's order unless `falling_order` says that this is meant, and where a
/// coefficient would not be finite.
template <class Rule>
class multistep : public detail::plan_of<Rule>::type {
    static_assert(
        multistep_rule<Rule>,
        "diffusion::multistep: not a rule; a rule has a static `order` >= 1, a static "
        "`extrapolates`, and rule(seen, s) returns gaussian_kernel<rule_terms<Rule>>; see "
        "<diffusion/rule/rule.hpp>");

    using base = typename detail::plan_of<Rule>::type;

public:
    using whole_type = multistep;  ///< is its plan and no more, unlike a class derived from it
    const base& plan() const { return *this; }

    multistep(const Rule& rule, time_grid grid, last_steps ending = last_steps::full_order)
        : multistep(checked(std::move(grid), ending), [&](const time_grid& nodes, std::size_t i) {
              const std::size_t n = nodes.size() - 1;
              return detail::kernel_on(rule, nodes, i, detail::visible(Rule::order, i, n, ending));
          }) {}

protected:
    /// With any kernels, kernel_of(grid, i) for step i, on a grid that was checked.
    template <std::invocable<const time_grid&, std::size_t> KernelOf>
    multistep(time_grid grid, KernelOf kernel_of) : base(std::move(grid), std::move(kernel_of)) {}

private:
    static time_grid checked(time_grid grid, last_steps ending) {
        detail::require_grid(grid, "diffusion::multistep");
        detail::require_steps(grid, Rule::order, ending, "diffusion::multistep");
        return grid;
    }
};

}  // namespace diffusion
