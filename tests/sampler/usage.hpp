#pragma once
// One run, done in every way that the library offers.

#include <cstddef>
#include <utility>

#include <diffusion/sampler/multistep.hpp>
#include <diffusion/sampler/sample.hpp>
#include <diffusion/sampler/steps.hpp>

namespace usage {

template <class X, class S, class D, class Z>
X by_sample(X x, const S& sampler, D&& denoise, Z&& noise) {
    diffusion::sample(x, sampler, denoise, noise);
    return x;
}

template <class X, class S, class D, class Z>
X by_steps(X x, const S& sampler, D&& denoise, Z&& noise) {
    for (auto [i, n, t, x_i, x0] : diffusion::steps(x, sampler, denoise, noise))
        static_cast<void>(i), static_cast<void>(n), static_cast<void>(t), static_cast<void>(x_i),
            static_cast<void>(x0);
    return x;
}

template <class X, class S, class D, class Z>
X by_own_loop(X x, const S& sampler, D&& denoise, Z&& noise) {
    auto memory = sampler.init(x);
    for (std::size_t i = 0; i < sampler.size(); ++i) sampler.step(i, x, memory, denoise, noise);
    return x;
}

/// Ask and tell: the caller evaluates the network, here D, at grid()[i] and stores what it said.
template <class X, class Rule, class D, class Z>
X by_ask_and_tell(X x, const diffusion::multistep<Rule>& sampler, D&& denoise, Z&& noise) {
    auto memory = sampler.init(x);
    auto spare = diffusion::like(x);
    for (std::size_t i = 0; i < sampler.size(); ++i) {
        const diffusion::node& t = sampler.grid()[i];
        auto& slot = sampler.prediction_slot(memory);
        if constexpr (Rule::extrapolates == diffusion::prediction::data)
            denoise(std::as_const(x), t, slot);
        else if constexpr (Rule::extrapolates == diffusion::prediction::noise)
            denoise.with_noise(std::as_const(x), t, spare, slot);
        else denoise.with_noise(std::as_const(x), t, slot, sampler.noise_slot(memory));
        sampler.advance(i, x, memory, noise);
    }
    return x;
}

}  // namespace usage
