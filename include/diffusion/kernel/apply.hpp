#pragma once
// L3: a kernel, evaluated on tensors.

#include <array>
#include <cstddef>
#include <span>

#include <diffusion/assert.hpp>
#include <diffusion/kernel/gaussian_kernel.hpp>
#include <diffusion/tensor/linear.hpp>
#include <diffusion/tensor/traits.hpp>

namespace diffusion {

/// out <- a x + sum_k b_k m(k) + c z in one pass over memory; `out` may be x. Terms with
/// coefficient 0 are left out, their tensors need not exist: m(k) is asked for the other
/// predictions only, and z may be null where c = 0.
template <tensor Out, tensor X, std::size_t K, class Predictions, class Z>
void apply(const gaussian_kernel<K>& kernel, Out& out, const X& x, Predictions&& m, const Z* z) {
    using T = scalar_t<Out>;
    std::array<term<T>, K + 2> sum;
    std::size_t count = 0;
    if (kernel.a != 0) sum[count++] = {kernel.a, elements(x)};
    for (std::size_t k = 0; k < K; ++k)
        if (kernel.b[k] != 0) sum[count++] = {kernel.b[k], elements(m(k))};
    if (kernel.c != 0) {
        DIFFUSION_ASSERT(z != nullptr, "diffusion::apply: this kernel needs noise");
        sum[count++] = {kernel.c, elements(*z)};
    }
    assign(elements(out), std::span<const term<T>>(sum.data(), count));
}

}  // namespace diffusion
