#pragma once
// L5: the whole algorithm.

#include <cstddef>
#include <type_traits>
#include <utility>

#include <diffusion/sampler/observer.hpp>
#include <diffusion/sampler/sampler.hpp>

namespace diffusion {

/// Takes x from the sampler's first node to its last, in place, and returns the number of steps
/// done: all of them, unless the observer stopped the run.
///
///     draw_prior(x, sampler.grid().front(), gaussian_noise{seed});
///     sample(x, sampler, predicts_noise(net), gaussian_noise{seed});
///
/// Allocates only in `sampler.init`. Throws std::invalid_argument if the denoiser refuses a node of
/// the grid.
template <class X, class S, class D, class Z, class Observer = no_observer>
std::size_t sample(X&& x, const S& sampler, D&& denoise, Z&& noise, Observer&& observe = {}) {
    using State = std::remove_reference_t<X>;
    static_assert(detail::are_run_arguments<State, S, D, Z>());
    static_assert(observer<Observer, State>,
                  "diffusion::sample: the observer must be callable with const step_view<X>& and "
                  "return void or bool");
    check(sampler, denoise);
    auto memory = sampler.init(std::as_const(x));
    const std::size_t n = sampler.size();
    for (std::size_t i = 0; i < n; ++i) {
        sampler.step(i, x, memory, denoise, noise);
        const step_view<State> view{i, n, sampler.grid()[i + 1], x, sampler.x0(memory)};
        if (!detail::observed(observe, view)) return i + 1;
    }
    return n;
}

/// The same for a deterministic sampler.
template <class X, class S, class D>
std::size_t sample(X&& x, const S& sampler, D&& denoise) {
    return sample(std::forward<X>(x), sampler, std::forward<D>(denoise), no_noise{});
}

}  // namespace diffusion
