#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <diffusion/nn/elementwise.hpp>
#include <diffusion/nn/tape.hpp>
#include <string>

namespace diffusion::detail {

/// The statistics of one image: `mean` and `rstd` = 1/sqrt(variance + epsilon) for each group, of
/// z = x + shift (shift: one number per channel, or null).
///
/// The mean first, then the deviations from it: E[z^2] - E[z]^2 would lose all digits in float where
/// the mean is large. Each channel is summed over pieces of 32 pixels
/// and then over those; the channels of a group are summed in double. `piece` has room for 2 channels.
template <class T>
void group_statistics(const T* x, const T* shift, std::size_t pixels, std::size_t channels,
                      std::size_t groups, double epsilon, T* piece, T* sums, T* mean, T* rstd) {
    const std::size_t per_group = channels / groups;
    const double count = static_cast<double>(pixels * per_group);
    for (int moment = 1; moment <= 2; ++moment) {
        std::fill_n(sums, channels, T(0));
        for (std::size_t first = 0; first < pixels; first += 32) {
            const std::size_t last = std::min(pixels, first + 32);
            std::fill_n(piece, channels, T(0));
            for (std::size_t p = first; p < last; ++p) {
                const T* row = x + p * channels;
                if (moment == 1) {
                    for (std::size_t c = 0; c < channels; ++c) piece[c] += row[c];
                } else {
                    const T* center = piece + channels;
                    for (std::size_t c = 0; c < channels; ++c) {
                        const T d = row[c] - center[c];
                        piece[c] += d * d;
                    }
                }
            }
            for (std::size_t c = 0; c < channels; ++c) sums[c] += piece[c];
        }
        if (moment == 1 && shift != nullptr)
            for (std::size_t c = 0; c < channels; ++c) sums[c] += static_cast<T>(pixels) * shift[c];
        for (std::size_t g = 0; g < groups; ++g) {
            double sum = 0;
            for (std::size_t c = g * per_group; c < (g + 1) * per_group; ++c)
                sum += static_cast<double>(sums[c]);
            if (moment == 1) {
                mean[g] = static_cast<T>(sum / count);
            } else {
                rstd[g] = static_cast<T>(1 / std::sqrt(sum / count + epsilon));
            }
        }
        if (moment == 1)  // the second pass subtracts mean - shift from x
            for (std::size_t c = 0; c < channels; ++c)
                piece[channels + c] = mean[c / per_group] - (shift != nullptr ? shift[c] : T(0));
    }
}

}  // namespace diffusion::detail

namespace diffusion::nn {

/// What a group norm does besides normalising.
struct group_norm_options {
    std::size_t groups = 8;
    double epsilon = 1e-5;   ///< added to the variance
    bool with_silu = false;  ///< SiLU of the result, in the same pass
};

/// Group normalisation (Wu and He 2018, eq. 1-3):
///
///     y = gamma (z - mean_g) / sqrt(variance_g + epsilon) + beta,    z = x + shift
///
/// with mean and (biased) variance over the pixels and channels of each group of one item; optionally
/// followed by SiLU. x {items, height, width, channels}; gamma and beta have one number per channel;
/// `shift` {items, 1, 1, channels}, which may be empty, is added first: the time embedding of a
/// residual block costs no pass of its own that way.
template <class T>
var<T> group_norm(const var<T>& x, const var<T>& gamma, const var<T>& beta,
                  const group_norm_options& options, const var<T>& shift = {}) {
    const nn::shape s = x.shape();
    const std::size_t channels = s.channels, groups = options.groups, pixels = s.pixels();
    diffusion::detail::require_shapes(
        groups > 0 && channels % groups == 0 && gamma.size() == channels && beta.size() == channels,
        "diffusion::nn::group_norm",
        "gamma and beta must have one number per channel, and the "
        "number of groups must divide the channels",
        gamma.shape(), s);
    if (shift)
        diffusion::detail::require_shapes(
            shift.shape() == nn::shape{s.items, 1, 1, channels}, "diffusion::nn::group_norm",
            "the shift must have one number per item and channel", shift.shape(), s);

    nn::tape<T>& tape = x.tape();
    const var<T> y = tape.result(s, x, gamma, beta, shift);
    arena_block<T> statistics(tape.memory(), 2 * s.items * groups);
    arena_block<T> piece(tape.memory(), 2 * channels);
    arena_block<T> sums(tape.memory(), channels);
    for (std::size_t n = 0; n < s.items; ++n) {
        const T* in = x.data() + n * pixels * channels;
        const T* e = shift ? shift.data() + n * channels : nullptr;
        T* out = y.fill() + n * pixels * channels;
        T* mean = statistics.data() + 2 * n * groups;
        T* rstd = mean + groups;
        diffusion::detail::group_statistics(in, e, pixels, channels, groups, options.epsilon,
                                            piece.data(), sums.data(), mean, rstd);
        T* a = piece.data();
        T* b = piece.data() + channels;  // y = (x - (mean - shift)) a + beta = x a + b
        for (std::size_t c = 0; c < channels; ++c) {
            const std::size_t g = c / (channels / groups);
            a[c] = gamma.data()[c] * rstd[g];
            b[c] = mean[g] - (e != nullptr ? e[c] : T(0));
        }
        for (std::size_t p = 0; p < pixels; ++p)
            for (std::size_t c = 0; c < channels; ++c)
                out[p * channels + c] = (in[p * channels + c] - b[c]) * a[c] + beta.data()[c];
        if (options.with_silu) diffusion::detail::silu_forward(out, pixels * channels, out);
    }
    if (!y.needs_gradient()) return y;

    tape.record(y, [s, options, channels, groups, pixels, x, gamma, beta, shift,
                    statistics = std::move(statistics), dx = adjoint_slot<T>(x),
                    dgamma = adjoint_slot<T>(gamma), dbeta = adjoint_slot<T>(beta),
                    dshift = adjoint_slot<T>(shift)](const adjoint_slot<T>& dy) {
        // With xhat = (x - b) rstd and dz the gradient before the affine map's output, per group of m
        // elements: dx = rstd (gamma dz - (sum gamma dz + xhat sum gamma dz xhat) / m).
        const std::size_t per_group = channels / groups, image = pixels * channels;
        const double m = static_cast<double>(pixels * per_group);
        arena<T>& memory = x.tape().memory();
        arena_block<T> coefficients(memory, 8 * channels), scratch(memory, image);
        T* a = coefficients.data();  // gamma rstd
        T* b = a + channels;         // mean - shift
        T* sum_dz = b + channels;    // over pixels, of dz, of dz (x - b) and of x - b
        T* sum_dzx = sum_dz + channels;
        T* sum_x = sum_dzx + channels;
        T* slope = sum_x + channels;  // dx = a dz + slope (x - b) + offset
        T* offset = slope + channels;
        T* share = offset + channels;
        const auto to = dx.wanted() ? dx.write() : typename adjoint_slot<T>::destination{};
        T* gamma_gradient = dgamma.wanted() ? dgamma.write_zeroed() : nullptr;
        T* beta_gradient = dbeta.wanted() ? dbeta.write_zeroed() : nullptr;
        arena_block<T> shifts;
        if (dshift.wanted()) shifts = arena_block<T>(memory, s.items * channels);

        for (std::size_t n = 0; n < s.items; ++n) {
            const T* in = x.data() + n * image;
            const T* mean = statistics.data() + 2 * n * groups;
            const T* rstd = mean + groups;
            for (std::size_t c = 0; c < channels; ++c) {
                const std::size_t g = c / per_group;
                a[c] = gamma.data()[c] * rstd[g];
                b[c] = mean[g] - (shift ? shift.data()[n * channels + c] : T(0));
            }
            const T* dz = dy.read() + n * image;
            if (options.with_silu) {
                T* z = scratch.data();
                for (std::size_t p = 0; p < pixels; ++p)
                    for (std::size_t c = 0; c < channels; ++c)
                        z[p * channels + c] = (in[p * channels + c] - b[c]) * a[c] + beta.data()[c];
                diffusion::detail::silu_backward(z, dz, image, z);
                dz = z;
            }
            std::fill_n(sum_dz, 3 * channels, T(0));
            for (std::size_t p = 0; p < pixels; ++p) {
                const T* dz_p = dz + p * channels;
                const T* x_p = in + p * channels;
                for (std::size_t c = 0; c < channels; ++c) {
                    const T centered = x_p[c] - b[c];
                    sum_dz[c] += dz_p[c];
                    sum_dzx[c] += dz_p[c] * centered;
                    sum_x[c] += centered;
                }
            }
            for (std::size_t g = 0; g < groups; ++g) {
                double first = 0, second = 0;
                for (std::size_t c = g * per_group; c < (g + 1) * per_group; ++c) {
                    first += static_cast<double>(gamma.data()[c] * sum_dz[c]);
                    second += static_cast<double>(gamma.data()[c] * sum_dzx[c]);
                }
                const double r = static_cast<double>(rstd[g]);
                for (std::size_t c = g * per_group; c < (g + 1) * per_group; ++c) {
                    slope[c] = static_cast<T>(-second * r * r * r / m);
                    offset[c] = static_cast<T>(-first * r / m);
                    if (gamma_gradient != nullptr) gamma_gradient[c] += sum_dzx[c] * rstd[g];
                    if (beta_gradient != nullptr) beta_gradient[c] += sum_dz[c];
                    share[c] =
                        a[c] * sum_dz[c] + slope[c] * sum_x[c] + static_cast<T>(pixels) * offset[c];
                }
            }
            if (dshift.wanted()) std::copy_n(share, channels, shifts.data() + n * channels);
            if (!dx.wanted()) continue;
            T* out = to.data + n * image;
            for (std::size_t p = 0; p < pixels; ++p) {
                const std::size_t row = p * channels;
                if (to.first) {
                    for (std::size_t c = 0; c < channels; ++c)
                        out[row + c] =
                            a[c] * dz[row + c] + slope[c] * (in[row + c] - b[c]) + offset[c];
                } else {
                    for (std::size_t c = 0; c < channels; ++c)
                        out[row + c] +=
                            a[c] * dz[row + c] + slope[c] * (in[row + c] - b[c]) + offset[c];
                }
            }
        }
        if (dshift.wanted()) dshift.add(shifts.data());
    });
    return y;
}

/// A group norm with its gamma (`name`.weight, ones) and beta (`name`.bias, zeros).
template <class T>
struct group_norm_layer {
    parameter<T> weight, bias;
    group_norm_options options;

    group_norm_layer() = default;

    group_norm_layer(parameters<T>& store, const std::string& name, std::size_t channels,
                     const group_norm_options& how)
        : options(how) {
        diffusion::detail::require(how.groups > 0 && channels % how.groups == 0,
                                   "diffusion::nn::group_norm_layer",
                                   "the number of groups must divide the channels", channels);
        weight = store.add(name + ".weight", {channels}, parameter_layout::plain, initial::one());
        bias = store.add(name + ".bias", {channels}, parameter_layout::plain, initial::zero());
    }

    var<T> operator()(const var<T>& x, const var<T>& shift = {}) const {
        return group_norm(x, x.tape().use(weight), x.tape().use(bias), options, shift);
    }
};

}  // namespace diffusion::nn
