#pragma once

#include <algorithm>
#include <cstddef>
#include <diffusion/nn/rearrange.hpp>
#include <diffusion/nn/tape.hpp>
#include <span>

/// Captions of different lengths in one value {items, 1, length, channels}: item n has lengths[n]
/// tokens, at least one, and padding behind them. `lengths` is viewed and must stay in place until
/// `backward`.
namespace diffusion::nn::detail {

inline void require_lengths(std::span<const std::size_t> lengths, std::size_t items,
                            std::size_t longest, const char* function) {
    diffusion::detail::require(lengths.size() == items, function,
                               "there must be one length for each caption", lengths.size());
    for (std::size_t n : lengths)
        diffusion::detail::require(n > 0 && n <= longest, function,
                                   "a caption must have at least one token, and not more than fit",
                                   n);
}

}  // namespace diffusion::nn::detail

namespace diffusion::nn {

/// 1 for each token, 0 for the padding, {items, 1, 1, length}: the mask of an attention.
template <class T>
var<T> token_mask(nn::tape<T>& tape, std::span<const std::size_t> lengths, std::size_t length) {
    detail::require_lengths(lengths, lengths.size(), length, "diffusion::nn::token_mask");
    const var<T> y = tape.result({lengths.size(), 1, 1, length});
    for (std::size_t n = 0; n < lengths.size(); ++n)
        for (std::size_t i = 0; i < length; ++i) y.fill()[n * length + i] = T(i < lengths[n]);
    return y;
}

/// The vector of each caption's last token, {items, 1, 1, channels}: where all captions end with
/// the same token, it may come to stand for the whole (Radford et al. 2021, section 2.4).
template <class T>
var<T> last_token(const var<T>& x, std::span<const std::size_t> lengths) {
    const nn::shape s = x.shape();
    detail::require_lengths(lengths, s.items, s.pixels(), "diffusion::nn::last_token");
    return detail::rearrange(x, {s.items, 1, 1, s.channels},
                             [lengths, length = s.pixels(), channels = s.channels](const auto& f) {
                                 for (std::size_t n = 0; n < lengths.size(); ++n)
                                     f((n * length + lengths[n] - 1) * channels, n * channels,
                                       channels);
                             });
}

/// The mean of the vectors of each caption's tokens, {items, 1, 1, channels}.
template <class T>
var<T> mean_of_tokens(const var<T>& x, std::span<const std::size_t> lengths) {
    const nn::shape s = x.shape();
    detail::require_lengths(lengths, s.items, s.pixels(), "diffusion::nn::mean_of_tokens");
    // calls f(element of x, element of the mean, the token's share) for all tokens
    const auto each = [lengths, length = s.pixels(), channels = s.channels](const auto& f) {
        for (std::size_t n = 0; n < lengths.size(); ++n) {
            const T share = static_cast<T>(1 / static_cast<double>(lengths[n]));
            for (std::size_t i = 0; i < lengths[n]; ++i)
                for (std::size_t c = 0; c < channels; ++c)
                    f((n * length + i) * channels + c, n * channels + c, share);
        }
    };
    nn::tape<T>& tape = x.tape();
    const var<T> y = tape.result({s.items, 1, 1, s.channels}, x);
    std::fill_n(y.fill(), y.size(), T(0));
    each([in = x.data(), out = y.fill()](std::size_t i, std::size_t j, T share) {
        out[j] += share * in[i];
    });
    tape.record(y, [each, dx = adjoint_slot<T>(x)](const adjoint_slot<T>& dy) {
        each([in = dy.read(), out = dx.write_zeroed()](std::size_t i, std::size_t j, T share) {
            out[i] += share * in[j];
        });
    });
    return y;
}

}  // namespace diffusion::nn
