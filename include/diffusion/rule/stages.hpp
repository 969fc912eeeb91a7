#pragma once
// L4: a step of several evaluations, as numbers: where the network is asked, and how its answers
// combine. The twin of rule.hpp for one-step ("singlestep", Runge-Kutta) methods.

#include <array>
#include <concepts>
#include <cstddef>
#include <span>
#include <utility>

#include <diffusion/grid/time_grid.hpp>
#include <diffusion/kernel/gaussian_kernel.hpp>
#include <diffusion/rule/rule.hpp>

namespace diffusion {

/// Step i of n, from node t to node s.
struct grid_step {
    std::size_t i, n;
    node t, s;
};

/// A step of a method with at most K evaluations of the network:
///
///     x       <-  stir.a x + stir.c z                    first of all (churn; 1 and 0 for most)
///     m_k     =   the network at (y_k, at[k]),  y_0 = x,            k = 0 .. count-1
///     y_{k+1} =   a_k x + sum_{j <= k} b_kj m_j + c_k z_k,          (a_k, b_k, c_k) = to[k]
///     x_s     =   y_count
///
/// With count = 0 the step is `stir` alone.
template <std::size_t K>
struct stages {
    std::size_t count = 0;
    gaussian_kernel<0> stir{1, {}, 0};
    std::array<node, K> at{};
    std::array<gaussian_kernel<K>, K> to{};
};

/// A singlestep rule turns a step of the grid into stages. Semantics: it is pure; `evaluations` is
/// the most that a step takes; `combines` says whether the m_k are x0-hat (data) or eps-hat
/// (noise).
template <class R>
concept singlestep_rule = requires(const R& rule, const grid_step& step) {
    requires R::evaluations >= 1;
    { R::combines } -> std::convertible_to<prediction>;
    requires R::combines != prediction::data_and_noise;
    { rule(step) } -> std::same_as<stages<R::evaluations>>;
};

/// A multistep rule of order 1 needs no past, so it is a singlestep rule too; it converts by
/// itself.
template <multistep_rule Rule>
    requires(Rule::order == 1 && Rule::extrapolates != prediction::data_and_noise)
struct one_evaluation {
    Rule rule;
    static constexpr std::size_t evaluations = 1;
    static constexpr prediction combines = Rule::extrapolates;

    constexpr one_evaluation(Rule rule_) : rule(std::move(rule_)) {}

    stages<1> operator()(const grid_step& step) const {
        return {1, {1, {}, 0}, {step.t}, {rule(std::span<const node>(&step.t, 1), step.s)}};
    }
};

namespace detail {

/// A step of two stages, out of one-evaluation steps: `to_r` leads from t to r, where the network
/// is asked again, and `to_s` leads from t to s with (1 - weight) m_0 + weight m_1 for its
/// prediction. Most methods of order 2 are this. With s clean the step is `to_s` alone.
inline stages<2> two_stages(const node& t, const node& r, const node& s,
                            const gaussian_kernel<1>& to_r, const gaussian_kernel<1>& to_s,
                            double weight) {
    const double b = to_s.b[0];
    if (s.sigma == 0) return {1, {1, {}, 0}, {t}, {{{to_s.a, {b, 0}, to_s.c}}}};
    return {2,
            {1, {}, 0},
            {t, r},
            {{{to_r.a, {to_r.b[0], 0}, to_r.c}, {to_s.a, {(1 - weight) * b, weight * b}, to_s.c}}}};
}

}  // namespace detail
}  // namespace diffusion
