#pragma once

#include <cstddef>
#include <diffusion/nn/tape.hpp>
#include <span>
#include <string_view>
#include <utility>

namespace diffusion::nn {

/// What one head of an attention layer looks at in one item: for each position that asks, the
/// weights with which it takes the values of the positions that answer.
///
/// Pictures of the column of one token over the image say where the network sees that word (Tang et
/// al. 2022, "DAAM").
template <class T>
struct attention_map {
    std::string_view layer;     ///< `attention_options::name`: in a U-Net the name of its block
    std::size_t item, head;     ///< of the batch that the layer was given, and of the layer
    std::size_t height, width;  ///< of the positions that ask
    std::size_t columns;        ///< positions that answer: tokens of a caption, pixels
    std::span<T> weights;       ///< (rows, columns), each row with sum 1; to be read or changed

    /// Positions that ask, in the order row, column.
    std::size_t rows() const { return height * width; }

    /// The weights of one position.
    std::span<T> row(std::size_t i) const { return weights.subspan(i * columns, columns); }
};

/// For the rest of a scope, shows all attention maps that are computed on a tape to
/// `f(const attention_map<T>&)`, before the values are multiplied with them:
///
///     const nn::attention_hook hook(tape, [&](const nn::attention_map<float>& map) {
///         if (map.layer == "up.0.2") scale_column(map, token, 1.5F);
///     });
///     const auto eps = net(x, t, {.tokens = caption});
///
/// f may change the weights, and what it leaves is used as it is, whatever the rows sum to: maps of
/// another caption put in their place, or one token's column made stronger or weaker (Hertz et al.
/// 2022, "Prompt-to-Prompt", section 3). The maps of a layer come item by item, and for each item
/// head by head, so that an item can be given the maps of one before it.
///
/// Gradients: a weight that f changed is a constant, as if it had been an input of the network; one
/// that it left alone, to the bit, keeps its gradient, in which it is still the result of the
/// softmax over the whole row. The values get their gradient through the weights that were used.
/// f is not called on the way back, unless a piece of the network is computed again there; it must
/// then do the same again.
///
/// A hook belongs to its tape, so that threads with a tape each may have hooks of their own (or
/// share an f that several threads may call at once; `item` counts from the first of the items that
/// the thread was given). Inside another hook's scope it takes that one's place. Without a hook, an
/// attention layer asks once whether there is one, and keeps no map.
template <class T, class F>
class attention_hook {
public:
    attention_hook(tape<T>& t, F f) : tape_(t), f_(std::move(f)), before_(t.attention_watcher()) {
        t.attention_watcher() = {
            &f_, [](void* who, const attention_map<T>& map) { (*static_cast<F*>(who))(map); }};
    }
    attention_hook(const attention_hook&) = delete;
    attention_hook& operator=(const attention_hook&) = delete;
    ~attention_hook() { tape_.attention_watcher() = before_; }

private:
    tape<T>& tape_;
    F f_;
    map_watcher<T> before_;
};

template <class T, class F>
attention_hook(tape<T>&, F) -> attention_hook<T, F>;

/// A network with a hook: calls `net` as it is called itself, with `f` shown the attention maps.
/// Takes the network's place in `evaluate` and `network_view`, so that a whole sampler runs with
/// edited maps. Refers to the net; owns f, which several threads may call at once.
template <class Net, class F>
class hooked_network {
public:
    hooked_network(Net& net, F f) : net_(&net), f_(std::move(f)) {}

    template <class T, class... More>
    auto operator()(const var<T>& x, const More&... more)
        -> decltype(std::declval<Net&>()(x, more...)) {
        const attention_hook hook(x.tape(), [this](const attention_map<T>& map) { f_(map); });
        return (*net_)(x, more...);
    }

    std::size_t channels() const { return net_->channels(); }
    auto& parameters() { return net_->parameters(); }

private:
    Net* net_;
    F f_;
};

}  // namespace diffusion::nn
