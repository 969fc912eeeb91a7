#pragma once

#include <cmath>
#include <cstddef>
#include <diffusion/nn/tape.hpp>
#include <span>

namespace diffusion::nn {

/// A sample of N(mean, exp(log_variance)), each element by itself, through which gradients pass
/// (Kingma and Welling 2014, section 2.4):
///
///     z = mean + exp(log_variance / 2) noise
///
/// mean and log_variance: equal shapes. `noise`: as many numbers of N(0, 1), drawn by the caller;
/// viewed, it must stay in place until `backward`. The log-variance is taken as it is, without
/// bounds: in float its exponential overflows beyond 177.
template <class T>
var<T> reparameterize(const var<T>& mean, const var<T>& log_variance, std::span<const T> noise) {
    diffusion::detail::require_shapes(
        mean.shape() == log_variance.shape(), "diffusion::nn::reparameterize",
        "mean and log-variance must have the same shape", mean.shape(), log_variance.shape());
    diffusion::detail::require(noise.size() == mean.size(), "diffusion::nn::reparameterize",
                               "there must be one number of noise for each element", noise.size());
    nn::tape<T>& tape = mean.tape();
    const var<T> z = tape.result(mean.shape(), mean, log_variance);
    for (std::size_t i = 0; i < z.size(); ++i)
        z.fill()[i] = mean.data()[i] + std::exp(log_variance.data()[i] / 2) * noise[i];
    tape.record(z, [log_variance, noise, dm = adjoint_slot<T>(mean),
                    dv = adjoint_slot<T>(log_variance)](const adjoint_slot<T>& dz) {
        if (dv.wanted()) {
            const auto [out, first] = dv.write();
            for (std::size_t i = 0; i < noise.size(); ++i)
                out[i] = (first ? T(0) : out[i]) +
                         dz.read()[i] * noise[i] * std::exp(log_variance.data()[i] / 2) / 2;
        }
        if (dm.wanted()) dm.take_over(dz);
    });
    return z;
}

}  // namespace diffusion::nn
