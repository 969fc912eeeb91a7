#pragma once

#include <cmath>
#include <cstddef>
#include <diffusion/nn/affine_gradient.hpp>
#include <diffusion/nn/group_norm.hpp>
#include <diffusion/nn/parameter.hpp>
#include <diffusion/nn/tape.hpp>
#include <string>
#include <utility>

namespace diffusion::nn {

/// Batch normalisation as a trained network is used (Ioffe and Szegedy 2015, algorithm 2):
///
///     y = gamma (x - mean) / sqrt(variance + epsilon) + beta
///
/// for each channel, where mean and variance were measured in training and are constants here: no
/// gradient goes to them. x {items, height, width, channels}; the other four have one number per
/// channel; gamma and beta may be empty handles for 1 and 0.
template <class T>
var<T> batch_norm(const var<T>& x, const var<T>& mean, const var<T>& variance,
                  const var<T>& gamma = {}, const var<T>& beta = {}, double epsilon = 1e-5) {
    const nn::shape s = x.shape();
    const std::size_t channels = s.channels;
    detail::affine<T>::check(gamma, beta, s, "diffusion::nn::batch_norm");
    for (const var<T>* v : {&mean, &variance}) {
        diffusion::detail::require(static_cast<bool>(*v), "diffusion::nn::batch_norm",
                                   "mean and variance must be given", "none");
        diffusion::detail::require_shapes(v->size() == channels, "diffusion::nn::batch_norm",
                                          "mean and variance must have one number per channel",
                                          v->shape(), s);
    }
    nn::tape<T>& tape = x.tape();
    const var<T> y = tape.result(s, x, gamma, beta);
    arena_block<T> rstd(tape.memory(), channels);
    for (std::size_t c = 0; c < channels; ++c)
        rstd[c] = static_cast<T>(1 / std::sqrt(static_cast<double>(variance.data()[c]) + epsilon));
    const detail::affine<T> given(gamma, beta, channels, tape.memory());
    for (std::size_t p = 0; p < s.rows(); ++p)
        for (std::size_t c = 0; c < channels; ++c)
            y.fill()[p * channels + c] =
                (x.data()[p * channels + c] - mean.data()[c]) * rstd[c] * given.gamma()[c] +
                given.beta()[c];
    tape.record(y, [s, channels, x, mean, gamma, beta, rstd = std::move(rstd),
                    dx = adjoint_slot<T>(x), dgamma = adjoint_slot<T>(gamma),
                    dbeta = adjoint_slot<T>(beta)](const adjoint_slot<T>& dy) {
        const auto xhat = [&](std::size_t p, std::size_t c) {
            return (x.data()[p * channels + c] - mean.data()[c]) * rstd[c];
        };
        detail::add_affine_gradient(s, dy.read(), xhat, dgamma, dbeta, x.tape().scratch());
        if (!dx.wanted()) return;
        const detail::affine<T> affine(gamma, beta, channels, dy.memory());
        const auto [to, first] = dx.write();
        for (std::size_t p = 0; p < s.size(); p += channels)
            for (std::size_t c = 0; c < channels; ++c)
                to[p + c] =
                    (first ? T(0) : to[p + c]) + affine.gamma()[c] * rstd[c] * dy.read()[p + c];
    });
    return y;
}

/// The batch norm of a loaded network, with PyTorch's names: `name`.weight and `name`.bias,
/// `name`.running_mean and `name`.running_var, the latter two frozen.
template <class T>
struct batch_norm_layer {
    parameter<T> weight, bias, mean, variance;
    double epsilon = 1e-5;

    batch_norm_layer() = default;

    batch_norm_layer(parameters<T>& store, const std::string& name, std::size_t channels,
                     double add_to_variance = 1e-5)
        : epsilon(add_to_variance) {
        constexpr parameter_layout plain = parameter_layout::plain;
        weight = store.add(name + ".weight", {channels}, plain, initial::one());
        bias = store.add(name + ".bias", {channels}, plain, initial::zero());
        mean = store.add(name + ".running_mean", {channels}, plain, initial::zero());
        variance = store.add(name + ".running_var", {channels}, plain, initial::one());
        store.fix(mean);
        store.fix(variance);
    }

    var<T> operator()(const var<T>& x) const {
        nn::tape<T>& tape = x.tape();
        return batch_norm(x, tape.use(mean), tape.use(variance), tape.use(weight), tape.use(bias),
                          epsilon);
    }
};

}  // namespace diffusion::nn
