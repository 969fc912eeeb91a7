#pragma once

#include <cstddef>
#include <diffusion/nn/group_norm_kernel.hpp>
#include <diffusion/nn/tape.hpp>
#include <string>
#include <utility>

namespace diffusion::nn {

/// What a group norm does besides normalising.
struct group_norm_options {
    std::size_t groups = 8;
    double epsilon = 1e-5;   ///< added to the variance
    bool with_silu = false;  ///< SiLU of the result, in the same pass
};

/// Group normalisation (Wu and He 2018, eq. 1-3):
///
///     y = gamma xhat + beta,   xhat = (z - mean_g) / sqrt(variance_g + epsilon),   z = x + shift
///
/// with mean and (biased) variance over the pixels and channels of each group of one item;
/// optionally followed by SiLU. x {items, height, width, channels}; gamma and beta have one number
/// per channel, or are empty handles for 1 and 0; `shift` {items, 1, 1, channels}, which may be
/// empty, is added first: the time embedding of a residual block costs no pass of its own that way.
template <class T>
var<T> group_norm(const var<T>& x, const var<T>& gamma, const var<T>& beta,
                  const group_norm_options& options, const var<T>& shift = {}) {
    const nn::shape s = x.shape();
    const std::size_t channels = s.channels, groups = options.groups, pixels = s.pixels();
    const std::size_t image = pixels * channels;
    detail::affine<T>::check(gamma, beta, s, "diffusion::nn::group_norm");
    diffusion::detail::require_shape(groups > 0 && channels % groups == 0,
                                     "diffusion::nn::group_norm",
                                     "the number of groups must divide the channels", s);
    if (shift)
        diffusion::detail::require_shapes(
            shift.shape() == nn::shape{s.items, 1, 1, channels}, "diffusion::nn::group_norm",
            "the shift must have one number per item and channel", shift.shape(), s);

    nn::tape<T>& tape = x.tape();
    const var<T> y = tape.result(s, x, gamma, beta, shift);
    arena_block<T> kept(tape.memory(), 2 * s.items * channels), sums(tape.memory(), channels);
    const detail::affine<T> given(gamma, beta, channels, tape.memory());
    for (std::size_t n = 0; n < s.items; ++n) {
        const T* in = x.data() + n * image;
        const T* e = shift ? shift.data() + n * channels : nullptr;
        T* center = kept.data() + 2 * n * channels;
        T* rstd = center + channels;
        detail::find_group_statistics(in, e, pixels, channels, groups, options.epsilon, sums.data(),
                                      center, rstd);
        const auto run =
            options.with_silu ? detail::normalize<true, T> : detail::normalize<false, T>;
        run(in, {center, rstd}, given.gamma(), given.beta(), pixels, channels,
            y.fill() + n * image);
    }

    if (!y.needs_gradient()) return y;
    tape.record(y, [s, groups, channels, pixels, image, with_silu = options.with_silu, x, gamma,
                    beta, kept = std::move(kept), dx = adjoint_slot<T>(x),
                    dgamma = adjoint_slot<T>(gamma), dbeta = adjoint_slot<T>(beta),
                    dshift = adjoint_slot<T>(shift)](const adjoint_slot<T>& dy) {
        // Per group of m elements, with dz = dL/d(gamma xhat + beta):
        //     dL/dz = rstd (gamma dz - (sum of gamma dz + xhat sum of gamma dz xhat) / m)
        const std::size_t per_group = channels / groups;
        const double m = static_cast<double>(pixels * per_group);
        arena<T>& memory = dy.memory();
        const detail::affine<T> affine(gamma, beta, channels, memory);
        arena_block<T> rows(memory, 6 * channels);
        T* sum_dz = rows.data();
        T* sum_dzx = sum_dz + channels;
        T* sum_x = sum_dzx + channels;
        T* a = sum_x + channels;  // dx = a dz + b (x - center) + c
        T* b = a + channels;
        T* c = b + channels;
        arena_block<T> shifts(memory, dshift.wanted() ? s.items * channels : 0);
        const auto to = dx.wanted() ? dx.write_over(dy) : typename adjoint_slot<T>::destination{};
        // dz goes where dx will stand, unless something stands there that is still wanted: a share
        // of dx, or dy and vectors that repeat channels
        const bool there = to.first && (to.data != dy.read() || channels % detail::width<T> == 0);
        arena_block<T> scratch(memory, with_silu && !there ? image : 0);
        T* gamma_sum = dgamma.wanted() ? dgamma.write_zeroed() : nullptr;
        T* beta_sum = dbeta.wanted() ? dbeta.write_zeroed() : nullptr;

        for (std::size_t n = 0; n < s.items; ++n) {
            const T* in = x.data() + n * image;
            const T* center = kept.data() + 2 * n * channels;
            const T* rstd = center + channels;
            const T* dy_n = dy.read() + n * image;
            T* const dz_n = there ? to.data + n * image : scratch.data();
            const T* dz = with_silu ? dz_n : dy_n;
            const auto run =
                with_silu ? detail::normalize_sums<true, T> : detail::normalize_sums<false, T>;
            run(in, dy_n, {center, rstd}, affine.gamma(), affine.beta(), pixels, channels, dz_n,
                sum_dz);
            for (std::size_t first = 0; first < channels; first += per_group) {
                double sum = 0, sum_xhat = 0;
                for (std::size_t k = first; k < first + per_group; ++k) {
                    sum += static_cast<double>(affine.gamma()[k] * sum_dz[k]);
                    sum_xhat += static_cast<double>(affine.gamma()[k] * sum_dzx[k] * rstd[k]);
                }
                for (std::size_t k = first; k < first + per_group; ++k) {
                    const double r = static_cast<double>(rstd[k]);
                    a[k] = affine.gamma()[k] * rstd[k];
                    b[k] = static_cast<T>(-r * r * sum_xhat / m);
                    c[k] = static_cast<T>(-r * sum / m);
                }
            }
            for (std::size_t k = 0; gamma_sum != nullptr && k < channels; ++k)
                gamma_sum[k] += sum_dzx[k] * rstd[k];
            for (std::size_t k = 0; beta_sum != nullptr && k < channels; ++k)
                beta_sum[k] += sum_dz[k];
            for (std::size_t k = 0; shifts.size() != 0 && k < channels; ++k)  // the sum of dx
                shifts[n * channels + k] =
                    a[k] * sum_dz[k] + b[k] * sum_x[k] + static_cast<T>(pixels) * c[k];
            if (dx.wanted())
                detail::normalize_gradient(in, dz, center, a, b, c, pixels, channels, to.first,
                                           to.data + n * image);
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

    template <on_tape<T> X>
    X operator()(const X& x, const var<T>& shift = {}) const {
        return group_norm(x, x.tape().use(weight), x.tape().use(bias), options, shift);
    }
};

}  // namespace diffusion::nn
