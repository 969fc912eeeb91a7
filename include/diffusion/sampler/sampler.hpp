#pragma once
// L5: a sampler is what one knows (built once, const, shared by threads) apart from what a run owns
// (made by init).

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include <diffusion/denoiser/denoiser.hpp>
#include <diffusion/grid/time_grid.hpp>
#include <diffusion/random/noise_source.hpp>
#include <diffusion/tensor/linear.hpp>
#include <diffusion/tensor/traits.hpp>

namespace diffusion {

/// A sampler holds a plan and nothing that changes in a run:
///
///     size()                         number of steps
///     grid()                         size() + 1 nodes; step i goes from grid()[i] to grid()[i + 1]
///     init(x)                        memory of a run on tensors like x; alone allocates
///     x0(memory)                     x0-hat of the last step
///     step(i, x, memory, D, noise)   advances x over step i in place (D and noise are not known to
///                                    this concept)
///     asked(i)                       optional: the nodes at which step i asks the network, where
///                                    they are not grid()[i] alone, a std::span<const node>
template <class S, class X>
concept sampler = tensor<X> && requires(const S& s, const X& x) {
    { s.size() } -> std::convertible_to<std::size_t>;
    { s.grid() } -> std::convertible_to<const time_grid&>;
    { s.x0(s.init(x)) } -> std::convertible_to<const owner_t<X>&>;
};

/// The memory that sampler S makes for tensors X.
template <class S, class X>
using memory_t = decltype(std::declval<const S&>().init(std::declval<const X&>()));

/// Where a step of a sampler finds its noise: a function of the step, not of what was drawn before.
inline noise_address step_noise(std::size_t i, const node& t, const node& s,
                                std::uint32_t sub_draw = 0) {
    return {noise_stream::step, i, sub_draw, t.sigma / t.alpha, s.sigma / s.alpha};
}

/// Where move k at the level of step i finds its noise: it stays there, so the noise is no piece of
/// a Brownian path.
inline noise_address level_noise(std::size_t i, std::size_t k) {
    return {noise_stream::forward, i, static_cast<std::uint32_t>(k + 1)};
}

/// The noise source of a deterministic run. Throws std::logic_error if the sampler asks for noise
/// after all.
struct no_noise {
    template <class X>
    void operator()(X&, const noise_address&) const {
        throw std::logic_error(
            "diffusion::no_noise: this sampler draws noise; pass a noise source such as "
            "gaussian_noise{seed}");
    }
};

/// x ~ N(0, sigma_t^2 I), the start of a run at the (noisiest) node t: q(x_t | x_0) without its
/// vanishing alpha_t x_0.
template <class X, class Z>
void draw_prior(X& x, const node& t, Z&& noise) {
    static_assert(detail::is_tensor<X>());
    noise(x, noise_address{noise_stream::start, 0, 0, t.sigma, t.sigma});
    if (t.sigma != 1) ref(x) = t.sigma * ref(x);
}

/// Throws std::invalid_argument if the denoiser refuses a node that the sampler asks it for, for
/// instance noise prediction where alpha = 0. `sample` and `steps` do this; who writes the loop
/// himself calls it once before.
template <class S, class D>
void check(const S& sampler, const D& denoise) {
    for (std::size_t i = 0; i < sampler.size(); ++i) {
        if constexpr (requires { sampler.asked(i); })
            for (const node& t : sampler.asked(i)) detail::check_denoiser(denoise, t);
        else detail::check_denoiser(denoise, sampler.grid()[i]);
    }
}

namespace detail {

/// The messages of every entry point that takes a state, a sampler, a denoiser and a noise source.
template <class X, class S, class D, class Z>
consteval bool are_run_arguments() {
    static_assert(is_tensor<X>());
    if constexpr (tensor<X>) {
        static_assert(
            sampler<S, X>,
            "diffusion::sample: not a sampler; build one such as multistep(ddim{}, grid), see "
            "<diffusion/sampler/sampler.hpp>");
        static_assert(
            denoiser<D, X>,
            "diffusion::sample: the denoiser must be callable as D(const X& x, const node& t, X& "
            "x0); wrap a "
            "network with predicts_noise(net), predicts_data(net) or predicts_velocity(net), which "
            "must be callable as net(const X& x, double t, X& out) or out = net(x, t)");
        static_assert(noise_source<Z, owner_t<X>>,
                      "diffusion::sample: the noise must be callable as noise(X& z, const "
                      "noise_address& where); pass "
                      "gaussian_noise{seed}, or sequential around a generator of your own");
    }
    return true;
}

}  // namespace detail
}  // namespace diffusion
