#pragma once

#include <cmath>
#include <cstddef>
#include <diffusion/nn/affine_gradient.hpp>
#include <diffusion/nn/group_norm.hpp>
#include <diffusion/nn/parameter.hpp>
#include <diffusion/nn/tape.hpp>
#include <diffusion/nn/vector_math.hpp>
#include <string>
#include <utility>

namespace diffusion::nn {

/// Layer normalisation (Ba et al. 2016, eq. 3), over the channels at each position, as in
/// transformers:
///
///     y = gamma xhat + beta,   xhat = (x - mean) / sqrt(variance + epsilon)
///
/// with the (biased) variance. x {items, height, width, channels}; gamma and beta have one number
/// per channel, or are empty handles for 1 and 0 (where `scale_shift` follows: adaptive layer norm,
/// Peebles and Xie 2023).
template <class T>
var<T> layer_norm(const var<T>& x, const var<T>& gamma = {}, const var<T>& beta = {},
                  double epsilon = 1e-5) {
    const nn::shape s = x.shape();
    const std::size_t channels = s.channels;
    const T count = static_cast<T>(channels);
    using values = detail::vec<T>;
    detail::affine<T>::check(gamma, beta, s, "diffusion::nn::layer_norm");
    nn::tape<T>& tape = x.tape();
    const var<T> y = tape.result(s, x, gamma, beta);
    arena_block<T> kept(tape.memory(), 2 * s.rows());  // mean and 1 / deviation of each position
    const detail::affine<T> given(gamma, beta, channels, tape.memory());
    for (std::size_t p = 0; p < s.rows(); ++p) {
        const T* in = x.data() + p * channels;
        const auto mean_of = [&](auto&& f) { return detail::sum_over<T>(channels, f, in) / count; };
        // the mean's own rounding error is found from it and taken off, for a mean that is large
        const T roughly = mean_of([](auto v) { return v; });
        const T mean = roughly + mean_of([&](auto v) { return v - roughly; });
        const T variance = mean_of([&](auto v) { return (v - mean) * (v - mean); });
        const T rstd = T(1) / std::sqrt(variance + static_cast<T>(epsilon));
        kept[2 * p] = mean;
        kept[2 * p + 1] = rstd;
        detail::transform(
            channels, y.fill() + p * channels,
            [&](values v, values a, values b) { return (v - mean) * rstd * a + b; }, in,
            given.gamma(), given.beta());
    }
    tape.record(y, [s, channels, count, x, gamma, beta, kept = std::move(kept),
                    dx = adjoint_slot<T>(x), dgamma = adjoint_slot<T>(gamma),
                    dbeta = adjoint_slot<T>(beta)](const adjoint_slot<T>& dy) {
        const auto xhat = [&](std::size_t p, std::size_t c) {
            return (x.data()[p * channels + c] - kept[2 * p]) * kept[2 * p + 1];
        };
        detail::add_affine_gradient(s, dy.read(), xhat, dgamma, dbeta, x.tape().scratch());
        if (!dx.wanted()) return;
        // with g = gamma dy:  dx = (g - mean of g - xhat mean of g xhat) / deviation
        const detail::affine<T> affine(gamma, beta, channels, dy.memory());
        const auto [to, first] = dx.write();
        for (std::size_t p = 0; p < s.rows(); ++p) {
            const T mean = kept[2 * p], rstd = kept[2 * p + 1];
            const T* in = x.data() + p * channels;
            const T* g = dy.read() + p * channels;
            const T* gamma_row = affine.gamma();
            const T a = detail::sum_over<T>(
                            channels, [](auto of, auto w) { return of * w; }, g, gamma_row) /
                        count;
            const T b =
                detail::sum_over<T>(
                    channels, [&](auto of, auto w, auto v) { return of * w * ((v - mean) * rstd); },
                    g, gamma_row, in) /
                count;
            detail::transform_share(
                first, channels, to + p * channels,
                [&](values of, values w, values v) {
                    return rstd * (of * w - a - (v - mean) * rstd * b);
                },
                g, gamma_row, in);
        }
    });
    return y;
}

/// A layer norm with its gamma (`name`.weight, ones) and beta (`name`.bias, zeros).
template <class T>
struct layer_norm_layer {
    parameter<T> weight, bias;
    double epsilon = 1e-5;

    layer_norm_layer() = default;

    layer_norm_layer(parameters<T>& store, const std::string& name, std::size_t channels,
                     double add_to_variance = 1e-5)
        : epsilon(add_to_variance) {
        weight = store.add(name + ".weight", {channels}, parameter_layout::plain, initial::one());
        bias = store.add(name + ".bias", {channels}, parameter_layout::plain, initial::zero());
    }

    var<T> operator()(const var<T>& x) const {
        return layer_norm(x, x.tape().use(weight), x.tape().use(bias), epsilon);
    }
};

}  // namespace diffusion::nn
