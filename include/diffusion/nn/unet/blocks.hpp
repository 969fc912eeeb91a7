#pragma once

#include <cstddef>
#include <diffusion/nn/activations.hpp>
#include <diffusion/nn/attention.hpp>
#include <diffusion/nn/checkpoint.hpp>
#include <diffusion/nn/convolution.hpp>
#include <diffusion/nn/elementwise.hpp>
#include <diffusion/nn/group_norm.hpp>
#include <diffusion/nn/linear.hpp>
#include <diffusion/nn/normalisation.hpp>
#include <diffusion/nn/parameter.hpp>
#include <diffusion/nn/spade.hpp>
#include <diffusion/nn/unet/options.hpp>
#include <string>

namespace diffusion::nn {

/// Group norm, SiLU, convolution, twice, around which the input is added; the embedding of time and
/// class comes in between: x + c2(silu(n2(c1(silu(n1(x))) + e(emb)))) (Ho et al. 2020, app. B).
///
/// With `scale_shift` it modulates what comes out of the second norm instead (Dhariwal and Nichol
/// 2021, section 3). With `reads_map` both norms are SPADE (Wang et al. 2022, figure 3).
template <class T>
struct residual_block {
    group_norm_layer<T> n1, n2;
    spade_layer<T> s1, s2;  // in place of n1 and n2
    conv2d<T> c1, c2, k;    // k: 1x1, where the number of channels changes
    linear_layer<T> e;
    film_layer<T> film;  // in place of e
    bool frugal;         // compute the results of n1 and k twice, to keep less

    residual_block(parameters<T>& store, const std::string& name, std::size_t in, std::size_t out,
                   const unet_options& o, bool reads_map = false)
        : frugal(o.checkpoint && !reads_map) {
        if (reads_map) {
            const spade_options how{
                .labels = o.map_channels, .hidden = o.map_hidden, .groups = o.groups};
            s1 = {store, name + ".n1", in, how};
            s2 = {store, name + ".n2", out, how};
        } else {
            n1 = {store, name + ".n1", in, {.groups = o.groups, .with_silu = true}};
            n2 = {store, name + ".n2", out, {.groups = o.groups, .with_silu = !o.scale_shift}};
        }
        c1 = {store, name + ".c1", in, out};
        c2 = {store, name + ".c2", out, out, 3, 1, o.zero_last};
        if (o.scale_shift) {
            film = {store, name + ".e", 4 * o.base, out};
        } else if (o.base > 0) {
            e = {store, name + ".e", 4 * o.base, out};
        }
        if (in != out) k = {store, name + ".k", in, out, 1};
    }

    /// `emb`: see `time_label_embedding`; empty if base = 0 was given: a block without a time.
    /// `map`: of the height and width of x, if the block reads one.
    var<T> operator()(const var<T>& x, const var<T>& emb, const var<T>& map = {}) const {
        const auto first_norm = [this, x, map] { return s1 ? silu(s1(x, map)) : n1(x); };
        const auto shortcut = [this, &x] { return k ? k(x) : x; };
        const var<T> around = shortcut();  // first: on the way back n1 needs memory before k does
        // but its result is in the way until c1 is done
        const bool later = frugal && k && x.tape().put_off(around);
        const var<T> h = frugal ? through(first_norm, c1) : c1(first_norm());
        if (later) x.tape().compute_again(around, shortcut);
        return add(c2(second_norm(h, emb, map)), around);
    }

private:
    /// silu(norm(h + e(emb))), which for a plain norm is one pass, or silu(film(norm(h), emb)).
    var<T> second_norm(const var<T>& h, const var<T>& emb, const var<T>& map) const {
        if (film.channels > 0) return silu(film(s2 ? s2(h, map) : n2(h), emb));
        const var<T> shift = emb ? e(emb) : var<T>();
        return s2 ? silu(s2(h, map, shift)) : n2(h, shift);
    }
};

/// Self-attention over the pixels, around which the input is added.
template <class T>
struct attention_block {
    group_norm_layer<T> n;
    conv2d<T> q, o;  // q: queries, keys and values
    std::size_t heads;
    std::string name;

    attention_block(parameters<T>& store, const std::string& its_name, std::size_t channels,
                    const unet_options& options)
        : n(store, its_name + ".n", channels, {.groups = options.groups}),
          q(store, its_name + ".q", channels, 3 * channels, 1),
          o(store, its_name + ".o", channels, channels, 1, 1, options.zero_last),
          heads(options.heads),
          name(its_name) {}

    var<T> operator()(const var<T>& x) const {
        return add(o(self_attention(q(n(x)), heads, {.name = name})), x);
    }
};

/// Cross-attention, in which the pixels ask the tokens of a caption; the input is added around it
/// (Rombach et al. 2022, section 3.3).
template <class T>
struct cross_attention_block {
    group_norm_layer<T> n;
    conv2d<T> q, o;
    linear_layer<T> kv;  // keys and values of the tokens
    std::size_t heads;
    std::string name;

    cross_attention_block(parameters<T>& store, const std::string& its_name, std::size_t channels,
                          const unet_options& options)
        : n(store, its_name + ".n", channels, {.groups = options.groups}),
          q(store, its_name + ".q", channels, channels, 1),
          o(store, its_name + ".o", channels, channels, 1, 1, options.zero_last),
          kv(store, its_name + ".kv", options.token_channels, 2 * channels),
          heads(options.heads),
          name(its_name) {}

    /// `mask`: see `conditions::token_mask`.
    var<T> operator()(const var<T>& x, const var<T>& tokens, const var<T>& mask) const {
        const attention_options<T> how{.mask = mask, .name = name};
        return add(o(cross_attention(q(n(x)), kv(tokens), heads, how)), x);
    }
};

}  // namespace diffusion::nn
