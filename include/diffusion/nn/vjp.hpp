#pragma once

#include <algorithm>
#include <cstddef>
#include <diffusion/nn/tape.hpp>
#include <span>

namespace diffusion::nn {

/// f(x) and J^T v, J = df/dx, in the shapes of f(x) and x. Neither needs a gradient.
template <class T>
struct pullback {
    var<T> value, product;
};

/// The vector-Jacobian product of a function of vars at x: one pass forward and one back, without
/// the matrix J and without a scalar loss. `v`: one number for each element of f(x).
///
///     guidance by a classifier:    grad log p(y | x) = J^T 1 for f = log p(y | .)
///     Hutchinson's trace:          E v^T J v = tr J,  v^T J v = (J^T v) . v  (Hutchinson 1989)
///
/// Parameters count as constants, whatever the tape collects, and recording may be off (as inside
/// `lanes::evaluate`). Other values that f refers to must not want a gradient themselves: they
/// would be given one. The product is a number to read; for its gradient see `jvp`.
template <class F, class T>
pullback<T> vjp(F&& f, const var<T>& x, std::span<const T> v) {
    nn::tape<T>& tape = x.tape();
    const scoped_mode<T> of_inputs(tape, {.collecting = false});
    const std::size_t mark = tape.recorded();
    const var<T> in = tape.input(x.shape(), x.data());
    const var<T> y = f(in);
    diffusion::detail::require(y.size() == v.size(), "diffusion::nn::vjp",
                               "v must have as many elements as f(x)", v.size());
    if (y.needs_gradient()) adjoint_slot<T>(y).add(v.data());
    tape.walk_back(mark);

    const without_recording off(tape);
    const pullback<T> result{tape.copy(y), tape.result(in.shape())};
    const std::span<const T> gradient = in.gradient();  // empty if f(x) does not depend on x
    std::fill_n(result.product.fill(), in.size(), T(0));
    std::copy(gradient.begin(), gradient.end(), result.product.fill());
    return result;
}

}  // namespace diffusion::nn
