#pragma once
// L5: any rule, turned into a sampler.

#include <array>
#include <concepts>
#include <cstddef>
#include <span>
#include <utility>

#include <diffusion/detail/require.hpp>
#include <diffusion/grid/time_grid.hpp>
#include <diffusion/rule/rule.hpp>
#include <diffusion/sampler/multistep_plan.hpp>

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
