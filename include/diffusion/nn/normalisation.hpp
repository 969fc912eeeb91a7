#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <diffusion/nn/activations.hpp>
#include <diffusion/nn/convolution.hpp>
#include <diffusion/nn/elementwise.hpp>
#include <diffusion/nn/group_norm.hpp>
#include <diffusion/nn/linear.hpp>
#include <diffusion/nn/rearrange.hpp>
#include <diffusion/nn/tape.hpp>
#include <string>
#include <utility>

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
    const double count = static_cast<double>(channels);
    detail::affine<T>::check(gamma, beta, s, "diffusion::nn::layer_norm");
    nn::tape<T>& tape = x.tape();
    const var<T> y = tape.result(s, x, gamma, beta);
    arena_block<T> kept(tape.memory(), 2 * s.rows());  // mean and 1 / deviation of each position
    const detail::affine<T> given(gamma, beta, channels, tape.memory());
    for (std::size_t p = 0; p < s.rows(); ++p) {
        const T* in = x.data() + p * channels;
        T* out = y.fill() + p * channels;
        double sum = 0, squares = 0;
        for (std::size_t c = 0; c < channels; ++c) sum += static_cast<double>(in[c]);
        const double mean = sum / count;
        for (std::size_t c = 0; c < channels; ++c) {  // a second pass: see find_group_statistics
            const double d = static_cast<double>(in[c]) - mean;
            squares += d * d;
        }
        const T center = kept[2 * p] = static_cast<T>(mean);
        const T rstd = kept[2 * p + 1] = static_cast<T>(1 / std::sqrt(squares / count + epsilon));
        for (std::size_t c = 0; c < channels; ++c)
            out[c] = (in[c] - center) * rstd * given.gamma()[c] + given.beta()[c];
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
            const T* g = dy.read() + p * channels;
            double sum = 0, product = 0;
            for (std::size_t c = 0; c < channels; ++c) {
                const double term = static_cast<double>(affine.gamma()[c] * g[c]);
                sum += term;
                product += term * static_cast<double>(xhat(p, c));
            }
            const T a = static_cast<T>(sum / count), b = static_cast<T>(product / count);
            for (std::size_t c = 0; c < channels; ++c) {
                T& out = to[p * channels + c];
                out = (first ? T(0) : out) +
                      kept[2 * p + 1] * (affine.gamma()[c] * g[c] - a - xhat(p, c) * b);
            }
        }
    });
    return y;
}

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
    for (const var<T>* v : {&mean, &variance})
        diffusion::detail::require_shapes(v->size() == channels, "diffusion::nn::batch_norm",
                                          "mean and variance must have one number per channel",
                                          v->shape(), s);
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

/// x / sqrt(|x|^2 + epsilon^2): each position's vector of channels brought to length 1, as before
/// `contrastive_loss`; a vector of zeros stays one. Any shape.
template <class T>
var<T> normalize_length(const var<T>& x, double epsilon = 1e-12) {
    const nn::shape s = x.shape();
    const std::size_t channels = s.channels;
    nn::tape<T>& tape = x.tape();
    const var<T> y = tape.result(s, x);
    arena_block<T> inverse(tape.memory(), s.rows());
    for (std::size_t p = 0; p < s.rows(); ++p) {
        const T* in = x.data() + p * channels;
        double squares = epsilon * epsilon;
        for (std::size_t c = 0; c < channels; ++c)
            squares += static_cast<double>(in[c]) * static_cast<double>(in[c]);
        inverse[p] = static_cast<T>(1 / std::sqrt(squares));
        for (std::size_t c = 0; c < channels; ++c) y.fill()[p * channels + c] = in[c] * inverse[p];
    }
    tape.record(y, [s, channels, y, inverse = std::move(inverse),
                    dx = adjoint_slot<T>(x)](const adjoint_slot<T>& dy) {
        // dx = (dy - y (y dy)) / length: what points along x changes nothing
        const auto [to, first] = dx.write();
        for (std::size_t p = 0; p < s.rows(); ++p) {
            const T* g = dy.read() + p * channels;
            const T* out = y.data() + p * channels;
            double along = 0;
            for (std::size_t c = 0; c < channels; ++c)
                along += static_cast<double>(out[c]) * static_cast<double>(g[c]);
            for (std::size_t c = 0; c < channels; ++c) {
                T& sum = to[p * channels + c];
                sum = (first ? T(0) : sum) + inverse[p] * (g[c] - out[c] * static_cast<T>(along));
            }
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

/// FiLM (Perez et al. 2018): `scale_shift` of x {items, height, width, channels} by a linear
/// function, `name`.weight and `name`.bias, of an embedding {items, 1, 1, any}. It starts as the
/// identity.
template <class T>
struct film_layer {
    linear_layer<T> modulation;
    std::size_t channels = 0;

    film_layer() = default;

    film_layer(parameters<T>& store, const std::string& name, std::size_t embedding_channels,
               std::size_t value_channels)
        : modulation(store, name, embedding_channels, 2 * value_channels, true),
          channels(value_channels) {}

    var<T> operator()(const var<T>& x, const var<T>& embedding) const {
        const var<T> both = modulation(embedding);
        return scale_shift(x, slice(both, 0, channels), slice(both, channels, channels));
    }
};

}  // namespace diffusion::nn
