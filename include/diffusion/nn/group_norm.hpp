#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <diffusion/nn/tape.hpp>
#include <diffusion/nn/vector_math.hpp>
#include <string>
#include <utility>

namespace diffusion::nn::detail {

/// What both directions of a group norm need to know of one image. Each member is one number per
/// channel: xhat = (x - center) rstd.
template <class T>
struct group_statistics {
    const T* center;  // the group's mean minus the channel's shift
    const T* rstd;    // 1 / sqrt(variance of the group + epsilon)
};

/// Computes `center` and `rstd` (`channels` numbers each) of an image; `shift` may be null.
///
/// The mean first, then the deviations from it: E[z^2] - E[z]^2 would lose all digits in float
/// where the mean is large. `sums` is scratch for as many numbers as there are channels.
template <class T>
void find_group_statistics(const T* x, const T* shift, std::size_t pixels, std::size_t channels,
                           std::size_t groups, double epsilon, T* sums, T* center, T* rstd) {
    const std::size_t per_group = channels / groups;
    const double count = static_cast<double>(pixels * per_group);
    const auto sum_of_group = [&](std::size_t g) {
        double sum = 0;
        for (std::size_t c = g * per_group; c < (g + 1) * per_group; ++c)
            sum += static_cast<double>(sums[c]);
        return sum;
    };
    for_channels<T>(channels, [&](const auto& block) {
        block.store(sums, pixel_sums<T, 1>(pixels, [&](std::size_t p, auto& sum) {
                        sum[0] += block.load(x + p * channels);
                    })[0]);
    });
    if (shift != nullptr)
        for (std::size_t c = 0; c < channels; ++c) sums[c] += static_cast<T>(pixels) * shift[c];
    for (std::size_t g = 0; g < groups; ++g) {
        const T mean = static_cast<T>(sum_of_group(g) / count);
        for (std::size_t c = g * per_group; c < (g + 1) * per_group; ++c)
            center[c] = mean - (shift != nullptr ? shift[c] : T(0));
    }
    for_channels<T>(channels, [&](const auto& block) {
        const vec<T> middle = block.load(center);
        block.store(sums, pixel_sums<T, 1>(pixels, [&](std::size_t p, auto& sum) {
                        const vec<T> d = block.load(x + p * channels) - middle;
                        sum[0] += d * d;
                    })[0]);
    });
    for (std::size_t g = 0; g < groups; ++g)
        std::fill_n(rstd + g * per_group, per_group,
                    static_cast<T>(1 / std::sqrt(sum_of_group(g) / count + epsilon)));
}

/// y = gamma (x - center) rstd + beta, and SiLU of that.
template <bool Silu, class T>
void normalize(const T* x, group_statistics<T> s, const T* gamma, const T* beta, std::size_t pixels,
               std::size_t channels, T* y) {
    for_channels<T>(channels, [&](const auto& block) {
        const vec<T> center = block.load(s.center), offset = block.load(beta);
        const vec<T> slope = block.load(gamma) * block.load(s.rstd);
        for (std::size_t p = 0; p < pixels; ++p) {
            const vec<T> z = (block.load(x + p * channels) - center) * slope + offset;
            block.store(y + p * channels, Silu ? silu<T>(z) : z);
        }
    });
}

/// The way back, first half: dz = dL/d(affine output) to `dz`, and per channel the sums over pixels
/// of dz, of dz (x - center) and of x - center to `sums` (3 x channels).
template <bool Silu, class T>
void normalize_sums(const T* x, const T* dy, group_statistics<T> s, const T* gamma, const T* beta,
                    std::size_t pixels, std::size_t channels, T* dz, T* sums) {
    for_channels<T>(channels, [&](const auto& block) {
        const vec<T> center = block.load(s.center), offset = block.load(beta);
        const vec<T> slope = block.load(gamma) * block.load(s.rstd);
        const auto total = pixel_sums<T, 3>(pixels, [&](std::size_t p, auto& sum) {
            const vec<T> d = block.load(x + p * channels) - center;
            vec<T> g = block.load(dy + p * channels);
            if constexpr (Silu) {
                g = silu_gradient<T>(d * slope + offset, g);
                block.store(dz + p * channels, g);
            }
            sum[0] += g;
            sum[1] += g * d;
            sum[2] += d;
        });
        for (std::size_t i = 0; i < 3; ++i) block.store(sums + i * channels, total[i]);
    });
}

/// The second half: dx = a dz + b (x - center) + c, with one number of a, b and c per channel;
/// added to what dx holds unless `first`.
template <class T>
void normalize_gradient(const T* x, const T* dz, const T* center, const T* a, const T* b,
                        const T* c, std::size_t pixels, std::size_t channels, bool first, T* dx) {
    for (std::size_t p = 0; p < pixels; ++p) {
        const std::size_t row = p * channels;
        const auto share = [&](vec<T> x_p, vec<T> dz_p, vec<T> m, vec<T> a_c, vec<T> b_c,
                               vec<T> c_c) { return a_c * dz_p + b_c * (x_p - m) + c_c; };
        if (first) {
            transform(channels, dx + row, share, x + row, dz + row, center, a, b, c);
        } else {
            const auto sum = [&](vec<T> before, auto... terms) { return before + share(terms...); };
            transform(channels, dx + row, sum, static_cast<const T*>(dx + row), x + row, dz + row,
                      center, a, b, c);
        }
    }
}

/// gamma and beta of a norm, or ones and zeros where their handles are empty.
template <class T>
class affine {
public:
    affine(const var<T>& gamma, const var<T>& beta, std::size_t channels, arena<T>& memory)
        : neutral_(memory, gamma ? 0 : 2 * channels),
          gamma_(gamma ? gamma.data() : neutral_.data()),
          beta_(gamma ? beta.data() : neutral_.data() + channels) {
        if (gamma) return;
        std::fill_n(neutral_.data(), channels, T(1));
        std::fill_n(neutral_.data() + channels, channels, T(0));
    }
    const T* gamma() const { return gamma_; }
    const T* beta() const { return beta_; }

    /// Checks that there are both or none, and that they have one number per channel.
    static void check(const var<T>& gamma, const var<T>& beta, const nn::shape& s,
                      const char* function) {
        diffusion::detail::require(static_cast<bool>(gamma) == static_cast<bool>(beta), function,
                                   "gamma and beta must both be given or both be left out");
        for (const var<T>* v : {&gamma, &beta})
            if (*v)
                diffusion::detail::require_shapes(v->size() == s.channels, function,
                                                  "gamma and beta must have one number per channel",
                                                  v->shape(), s);
    }

private:
    arena_block<T> neutral_;
    const T* gamma_;
    const T* beta_;
};

}  // namespace diffusion::nn::detail

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
        arena_block<T> scratch(memory, with_silu ? image : 0), rows(memory, 6 * channels);
        T* sum_dz = rows.data();
        T* sum_dzx = sum_dz + channels;
        T* sum_x = sum_dzx + channels;
        T* a = sum_x + channels;  // dx = a dz + b (x - center) + c
        T* b = a + channels;
        T* c = b + channels;
        arena_block<T> shifts(memory, dshift.wanted() ? s.items * channels : 0);
        const auto to = dx.wanted() ? dx.write_over(dy) : typename adjoint_slot<T>::destination{};
        T* gamma_sum = dgamma.wanted() ? dgamma.write_zeroed() : nullptr;
        T* beta_sum = dbeta.wanted() ? dbeta.write_zeroed() : nullptr;

        for (std::size_t n = 0; n < s.items; ++n) {
            const T* in = x.data() + n * image;
            const T* center = kept.data() + 2 * n * channels;
            const T* rstd = center + channels;
            const T* dy_n = dy.read() + n * image;
            const T* dz = with_silu ? scratch.data() : dy_n;
            const auto run =
                with_silu ? detail::normalize_sums<true, T> : detail::normalize_sums<false, T>;
            run(in, dy_n, {center, rstd}, affine.gamma(), affine.beta(), pixels, channels,
                scratch.data(), sum_dz);
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
