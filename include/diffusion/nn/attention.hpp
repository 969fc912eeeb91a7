#pragma once

#include <cstddef>
#include <diffusion/detail/require.hpp>
#include <diffusion/nn/attention_kernel.hpp>
#include <diffusion/nn/attention_map.hpp>
#include <diffusion/nn/tape.hpp>
#include <limits>
#include <span>
#include <string_view>
#include <utility>

namespace diffusion::nn {

/// What an attention may be told besides its values.
template <class T>
struct attention_options {
    /// Keys that may be looked at: items x keys numbers in any shape with that many items, 1 for
    /// yes and 0 for no, as for the padding behind a short caption. In general m exp(score) takes
    /// the place of exp(score), so that 2 makes a token count twice. It is a constant: no gradient
    /// goes to it.
    var<T> mask = {};
    bool causal = false;         ///< query i sees the keys 0, ..., i: a text that is written
    std::string_view name = {};  ///< by which an `attention_hook` knows the layer
};

}  // namespace diffusion::nn

namespace diffusion::nn::detail {

/// Each query must see a key: without one there is no mean of values to take.
template <class T>
void check_attention(const attention_sizes& s, const var<T>& mask, const char* function) {
    diffusion::detail::require(!s.causal || s.keys == s.queries, function,
                               "causal attention needs as many keys as queries", s.keys);
    if (!mask) return;
    if (mask.shape().items != s.items || mask.size() != s.items * s.keys)
        diffusion::detail::reject(function, "the mask must have one number for each item and key",
                                  to_string(mask.shape()));
    for (std::size_t n = 0; n < s.items; ++n) {
        const T* m = mask.data() + n * s.keys;
        bool any = false;
        for (std::size_t j = 0; j < s.keys; ++j) {
            diffusion::detail::require(m[j] >= T(0) && m[j] <= std::numeric_limits<T>::max(),
                                       function, "the mask must be finite and not negative", m[j]);
            any = any || (m[j] > T(0) && (j == 0 || !s.causal));
        }
        diffusion::detail::require(any, function,
                                   s.causal ? "the mask must leave the first key to the first query"
                                            : "the mask must leave each item at least one key",
                                   n);
    }
}

/// One attention: what its way back needs besides the inputs.
template <class T>
class attention_pass {
public:
    /// `keep`: the way back will be wanted. `s`: the shape of the queries.
    attention_pass(const attention_sizes& sizes, const attention_options<T>& options,
                   const nn::shape& s, nn::tape<T>& tape, bool keep)
        : sizes_(sizes),
          mask_(options.mask),
          norms_(tape.memory(), 2 * s.items * sizes.heads * sizes.queries) {
        if (tape.attention_watcher().call != nullptr)
            maps_ =
                arena_block<T>(tape.memory(), (keep ? s.items * sizes.heads : 1) * sizes.scores());
    }

    void forward(const T* q, const T* k, const T* v, const nn::shape& s, std::string_view name,
                 bool keep, T* out, nn::tape<T>& tape) {
        const auto see = [&](std::size_t item, std::size_t head, T* weights) {
            const map_watcher<T> watcher = tape.attention_watcher();
            watcher.call(watcher.who, {.layer = name,
                                       .item = item,
                                       .head = head,
                                       .height = s.height,
                                       .width = s.width,
                                       .columns = sizes_.keys,
                                       .weights = {weights, sizes_.scores()}});
        };
        tape.count(nullptr, sizes_.operations());
        attend(sizes_, q, k, v, mask(), norms_.data(), maps_.data(), keep, see, out, tape.memory());
    }

    void backward(const T* q, const T* k, const T* v, const adjoint_slot<T>& dy, T* dq, T* dk,
                  T* dv) const {
        attend_backward(sizes_, q, k, v, mask(), norms_.data(), maps_.data(), dy.read(), dq, dk, dv,
                        dy.memory());
    }

private:
    const T* mask() const { return mask_ ? mask_.data() : nullptr; }

    attention_sizes sizes_;
    var<T> mask_;
    arena_block<T> norms_, maps_;  // maps: only if somebody sees them
};

}  // namespace diffusion::nn::detail

namespace diffusion::nn {

/// Scaled dot-product self-attention over the positions of each item (Vaswani et al. 2017, eq. 1):
///
///     out = softmax(q k^T / sqrt(d)) v      for each head, d = channels / heads
///
/// qkv {items, height, width, 3 channels}: at each position first q, then k, then v, each of them
/// head after head. The result is {items, height, width, channels}.
template <class T>
var<T> self_attention(const var<T>& qkv, std::size_t heads = 1,
                      const attention_options<T>& options = {}) {
    constexpr const char* function = "diffusion::nn::self_attention";
    const nn::shape s = qkv.shape();
    diffusion::detail::require(heads > 0 && s.channels % (3 * heads) == 0, function,
                               "the channels must be three times a multiple of the heads",
                               s.channels);
    const std::size_t channels = s.channels / 3;
    const detail::attention_sizes sizes{.items = s.items,
                                        .heads = heads,
                                        .d = channels / heads,
                                        .queries = s.pixels(),
                                        .keys = s.pixels(),
                                        .q_stride = s.channels,
                                        .kv_stride = s.channels,
                                        .causal = options.causal};
    detail::check_attention(sizes, options.mask, function);
    nn::tape<T>& tape = qkv.tape();
    const var<T> y = tape.result(s.with_channels(channels), qkv);
    const bool keep = y.needs_gradient();
    detail::attention_pass<T> pass(sizes, options, s, tape, keep);
    const T* in = qkv.data();
    pass.forward(in, in + channels, in + 2 * channels, s, options.name, keep, y.fill(), tape);
    tape.record(y, [qkv, channels, pass = std::move(pass),
                    dqkv = adjoint_slot<T>(qkv)](const adjoint_slot<T>& dy) {
        overwritten_share<T> share(dqkv);
        const T* from = qkv.data();
        T* to = share.data();
        pass.backward(from, from + channels, from + 2 * channels, dy, to, to + channels,
                      to + 2 * channels);
        share.finish();
    });
    return y;
}

/// Cross-attention: the positions of x ask, those of a context (the tokens of a caption) answer.
/// The formula is that of `self_attention`.
///
/// q {items, height, width, channels}; kv {items, any height, any width, 2 channels}: at each
/// position of the context first k, then v. The result has the shape of q.
template <class T>
var<T> cross_attention(const var<T>& q, const var<T>& kv, std::size_t heads = 1,
                       const attention_options<T>& options = {}) {
    constexpr const char* function = "diffusion::nn::cross_attention";
    const nn::shape s = q.shape(), c = kv.shape();
    diffusion::detail::require_shapes(
        c.items == s.items && c.channels == 2 * s.channels, function,
        "the context must have the items of the queries and twice their channels", s, c);
    diffusion::detail::require(heads > 0 && s.channels % heads == 0, function,
                               "the number of heads must divide the channels of the queries",
                               heads);
    const detail::attention_sizes sizes{.items = s.items,
                                        .heads = heads,
                                        .d = s.channels / heads,
                                        .queries = s.pixels(),
                                        .keys = c.pixels(),
                                        .q_stride = s.channels,
                                        .kv_stride = c.channels,
                                        .causal = options.causal};
    detail::check_attention(sizes, options.mask, function);
    nn::tape<T>& tape = q.tape();
    const var<T> y = tape.result(s, q, kv);
    const bool keep = y.needs_gradient();
    detail::attention_pass<T> pass(sizes, options, s, tape, keep);
    const std::size_t channels = s.channels;
    pass.forward(q.data(), kv.data(), kv.data() + channels, s, options.name, keep, y.fill(), tape);
    tape.record(y, [q, kv, channels, pass = std::move(pass), dq = adjoint_slot<T>(q),
                    dkv = adjoint_slot<T>(kv)](const adjoint_slot<T>& dy) {
        overwritten_share<T> q_share(dq), kv_share(dkv);
        pass.backward(q.data(), kv.data(), kv.data() + channels, dy, q_share.data(),
                      kv_share.data(), kv_share.data() + channels);
        q_share.finish();
        kv_share.finish();
    });
    return y;
}

}  // namespace diffusion::nn
