#pragma once
// L5: stopping a run from outside. A header of its own, since <stop_token> is not light.

#include <stop_token>
#include <utility>

#include <diffusion/sampler/observer.hpp>

namespace diffusion {

/// An observer that ends the run once a stop is requested, and shows the steps to another observer
/// until then:
///
///     sample(x, sampler, D, noise, until_stopped(source.get_token()));
template <class Observer = no_observer>
struct until_stopped {
    std::stop_token token;
    Observer inner;

    explicit until_stopped(std::stop_token token_, Observer inner_ = {})
        : token(std::move(token_)), inner(std::move(inner_)) {}

    template <class View>
    bool operator()(const View& view) {
        return detail::observed(inner, view) && !token.stop_requested();
    }
};

}  // namespace diffusion
