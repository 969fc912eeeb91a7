#pragma once
// L4: a multistep method is a function from the noise levels seen so far to a kernel. Numbers only,
// no tensors.

#include <concepts>
#include <cstddef>
#include <span>

#include <diffusion/grid/time_grid.hpp>
#include <diffusion/kernel/gaussian_kernel.hpp>

namespace diffusion {

/// What the terms m_k of a rule's kernel are.
enum class prediction {
    data,           ///< m_k = x0-hat of the k-th last node
    noise,          ///< m_k = eps-hat of the k-th last node
    data_and_noise  ///< as `data`, and last the current eps-hat, from before x0-hat was clipped
};

/// Number of terms of the kernels of a rule R.
template <class R>
inline constexpr std::size_t rule_terms = R::order +
                                          (R::extrapolates == prediction::data_and_noise ? 1 : 0);

/// A rule takes the nodes seen so far, the current one t = seen[0] first, at most `order` of them,
/// and the node s to go to. Semantics: it is pure; with fewer nodes than `order` (at the start, or
/// where the driver holds it back) it falls to the order that they allow and leaves the
/// coefficients of the missing predictions 0. For a data rule the marginals are transported
/// exactly: a alpha_t + sum_k b_k = alpha_s.
template <class R>
concept multistep_rule = requires(const R& rule, std::span<const node> seen, const node& s) {
    requires R::order >= 1;
    { R::extrapolates } -> std::convertible_to<prediction>;
    { rule(seen, s) } -> std::same_as<gaussian_kernel<rule_terms<R>>>;
};

/// A corrector improves a step t -> s once the prediction at s is known. It takes the nodes seen as
/// a rule does, t = seen[0] first, and s; b[0] of its kernel belongs to the prediction at s, b[k]
/// to the one at seen[k - 1]. Semantics: as of a rule; a and c are those of the predictors that it
/// can correct.
template <class C>
concept corrector_rule = multistep_rule<C> && C::corrects;

}  // namespace diffusion
