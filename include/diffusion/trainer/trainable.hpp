#pragma once
// What a trainer wants of a model.

#include <concepts>
#include <cstddef>
#include <type_traits>
#include <utility>

#include <diffusion/nn/parallel.hpp>
#include <diffusion/nn/parameter.hpp>
#include <diffusion/nn/tape.hpp>
#include <diffusion/trainer/data_source.hpp>

namespace diffusion {

/// The number type of a model's parameters.
template <class M>
using parameter_scalar_t =
    typename std::remove_cvref_t<decltype(std::declval<M&>().parameters())>::scalar;

/// Its parameters: `nn::parameters`, a list of names with values and gradient, which any code can
/// use. A model whose weights live elsewhere copies them from values() before it computes.
template <class M>
concept has_parameters = requires(M& model) {
    { model.parameters() } -> std::same_as<nn::parameters<parameter_scalar_t<M>>&>;
};

/// A model whose loss is computed on a tape: `model.loss(tape, batch, first, count)`.
/// Semantics: the mean loss of the items first, ..., first + count - 1, computed from `tape.use` of
/// the parameters; called by several threads at the same time.
template <class M, class B>
concept trainable_on_tape = has_parameters<M> &&
    requires(M& model, nn::tape<parameter_scalar_t<M>>& tape, const B& batch, std::size_t n) {
    { model.loss(tape, batch, n, n) } -> std::same_as<nn::var<parameter_scalar_t<M>>>;
};

/// A model with a gradient of its own: `model.loss_and_gradient(batch)`.
/// Semantics: returns the mean loss and overwrites parameters().gradient() with its gradient.
template <class M, class B>
concept trainable_by_hand = has_parameters<M> && requires(M& model, const B& batch) {
    { model.loss_and_gradient(batch) } -> std::convertible_to<double>;
};

/// Anything that a `trainer` can train. If it also has `model.prepare(batch, draw)`, that is called
/// once for each batch, before the threads: it draws what is random about the loss, and keeps it.
template <class M, class B>
concept trainable = trainable_on_tape<M, B> || trainable_by_hand<M, B>;

namespace detail {

template <class M, class B>
void prepare(M& model, const B& batch, const batch_draw& draw) {
    if constexpr (requires { model.prepare(batch, draw); }) model.prepare(batch, draw);
}

/// The loss of a batch, and its gradient in model.parameters().gradient().
template <class M, class B>
double loss_and_gradient(M& model, nn::lanes<parameter_scalar_t<M>>& lanes, const B& batch,
                         const batch_draw& draw) {
    prepare(model, batch, draw);
    if constexpr (trainable_on_tape<M, B>) {
        return lanes.train(model.parameters(), batch.items(),
                           [&](auto& tape, std::size_t first, std::size_t count) {
                               return model.loss(tape, batch, first, count);
                           });
    } else {
        return static_cast<double>(model.loss_and_gradient(batch));
    }
}

}  // namespace detail

}  // namespace diffusion
