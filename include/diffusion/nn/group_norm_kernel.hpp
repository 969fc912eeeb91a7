#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <diffusion/nn/tape.hpp>
#include <diffusion/nn/vector_math.hpp>

/// The loops of a group norm over the pixels of one image, forward and back.
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

/// y = gamma (x - center) rstd + beta, and SiLU of that. Asks for the next image of y meanwhile.
template <bool Silu, class T>
void normalize(const T* x, group_statistics<T> s, const T* gamma, const T* beta, std::size_t pixels,
               std::size_t channels, T* y) {
    for_channels<T>(channels, [&](const auto& block) {
        const vec<T> center = block.load(s.center), offset = block.load(beta);
        const vec<T> slope = block.load(gamma) * block.load(s.rstd);
        for (std::size_t p = 0; p < pixels; ++p) {
            prefetch<cache::second>(y + (pixels + p) * channels + block.first, 1);
            const vec<T> z = (block.load(x + p * channels) - center) * slope + offset;
            block.store(y + p * channels, Silu ? silu<T>(z) : z);
        }
    });
}

/// The way back, first half: dz = dL/d(affine output) to `dz`, and per channel the sums over pixels
/// of dz, of dz (x - center) and of x - center to `sums` (3 x channels). Asks for the next image of
/// x meanwhile, which was kept since the way forward and comes from far.
template <bool Silu, class T>
void normalize_sums(const T* x, const T* dy, group_statistics<T> s, const T* gamma, const T* beta,
                    std::size_t pixels, std::size_t channels, T* dz, T* sums) {
    for_channels<T>(channels, [&](const auto& block) {
        const vec<T> center = block.load(s.center), offset = block.load(beta);
        const vec<T> slope = block.load(gamma) * block.load(s.rstd);
        const auto total = pixel_sums<T, 3>(pixels, [&](std::size_t p, auto& sum) {
            prefetch<cache::second>(x + (pixels + p) * channels + block.first, 1);
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
