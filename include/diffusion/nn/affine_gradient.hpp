#pragma once

#include <algorithm>
#include <cstddef>
#include <diffusion/nn/conv/workspace.hpp>
#include <diffusion/nn/shape.hpp>
#include <diffusion/nn/tape.hpp>

namespace diffusion::nn::detail {

/// Adds the gradients of gamma and beta of y = gamma xhat + beta, where xhat(p, c) is the
/// normalised number at position p and channel c: sums over positions, in double.
template <class T, class Xhat>
void add_affine_gradient(const nn::shape& s, const T* dy, Xhat&& xhat,
                         const adjoint_slot<T>& dgamma, const adjoint_slot<T>& dbeta,
                         workspace& scratch) {
    if (!dgamma.wanted() && !dbeta.wanted()) return;
    double* gamma = scratch.take<double>(2 * s.channels);
    double* beta = gamma + s.channels;
    std::fill_n(gamma, 2 * s.channels, 0.0);
    for (std::size_t p = 0; p < s.rows(); ++p)
        for (std::size_t c = 0; c < s.channels; ++c) {
            const T g = dy[p * s.channels + c];
            gamma[c] += static_cast<double>(g * xhat(p, c));
            beta[c] += static_cast<double>(g);
        }
    const auto give = [&](const adjoint_slot<T>& slot, const double* sum) {
        if (!slot.wanted()) return;
        T* to = slot.write_zeroed();
        for (std::size_t c = 0; c < s.channels; ++c) to[c] += static_cast<T>(sum[c]);
    };
    give(dgamma, gamma);
    give(dbeta, beta);
}

}  // namespace diffusion::nn::detail
