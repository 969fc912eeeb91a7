#pragma once
// L5: a word between the steps of any sampler: what is known of the result is put back into the
// state.

#include <cstddef>
#include <utility>

#include <diffusion/denoiser/denoiser.hpp>
#include <diffusion/detail/require.hpp>
#include <diffusion/grid/time_grid.hpp>
#include <diffusion/random/noise_source.hpp>
#include <diffusion/sampler/sampler.hpp>
#include <diffusion/tensor/traits.hpp>

namespace diffusion {

namespace detail {

/// The memory of a projection, if it needs any.
struct no_memory {};

template <class Project, class X>
auto projection_memory(const Project& project, const X& x) {
    if constexpr (requires { project.init(x); }) return project.init(x);
    else return no_memory{};
}

}  // namespace detail

/// Any sampler with a projection before the first step and after every step: k = 0 .. n is the
/// number of the node `at` on which x stands then. A projection is a const callable
///
///     project(x, at, k, noise)              or, if it needs memory of its own,
///     project(x, at, k, noise, memory)      with memory = project.init(x).
///
/// Semantics: what it draws, it addresses as {noise_stream::forward, k}, so that no draw of the
/// sampler is repeated. Order, calls and errors are the sampler's.
///
///     sample(x, projected(multistep(ddim{}, grid), keep_known(picture, mask)), D, noise);
template <class Sampler, class Project>
class projected {
public:
    template <tensor X>
    struct memory {
        memory_t<Sampler, X> inner;
        decltype(detail::projection_memory(std::declval<const Project&>(),
                                           std::declval<const X&>())) projection;
    };

    projected(Sampler inner, Project project)
        : inner_(std::move(inner)), project_(std::move(project)) {}

    std::size_t size() const { return inner_.size(); }
    const time_grid& grid() const { return inner_.grid(); }
    decltype(auto) asked(std::size_t i) const requires requires(const Sampler& s) { s.asked(i); }
    { return inner_.asked(i); }

    template <tensor X>
    memory<X> init(const X& x) const {
        return {inner_.init(x), detail::projection_memory(project_, x)};
    }

    template <tensor X>
    const owner_t<X>& x0(const memory<X>& mem) const {
        return inner_.x0(mem.inner);
    }

    template <tensor X, class D, class Z>
        requires denoiser<D, X> && noise_source<Z, owner_t<X>>
    void step(std::size_t i, X& x, memory<X>& mem, D&& denoise, Z&& noise) const {
        if (i == 0) apply(x, 0, mem, noise);
        inner_.step(i, x, mem.inner, denoise, noise);
        apply(x, i + 1, mem, noise);
    }

private:
    template <tensor X, class Z>
    void apply(X& x, std::size_t k, memory<X>& mem, Z& noise) const {
        if constexpr (requires { project_.init(x); })
            project_(x, grid()[k], k, noise, mem.projection);
        else project_(x, grid()[k], k, noise);
    }

    Sampler inner_;
    Project project_;
};

/// The projection of inpainting: where the mask is 1, x becomes a noised version of the known data
/// at the level of its node, x <- m (alpha known + sigma z) + (1 - m) x (Lugmayr et al. 2022,
/// algorithm 1, lines 4 and 8; Song et al. 2021, appendix I.2, for VE). Values of the mask between
/// 0 and 1 blend. At clean data the known part is exact.
///
/// z is drawn anew at every node; with one_noise = true it is drawn once, at the first, and the
/// known part moves along the straight line from it to the data, which suits deterministic
/// multistep methods. `known` and `mask` are tensors with as many elements as x, for instance the
/// known first state of a robot's plan.
template <class Known, class Mask = Known>
struct keep_known {
    Known known;
    Mask mask;
    bool one_noise;

    explicit keep_known(Known known_, Mask mask_, bool one_noise_ = false)
        : known(std::move(known_)), mask(std::move(mask_)), one_noise(one_noise_) {
        const std::size_t size = elements(std::as_const(known)).size();
        detail::require(elements(std::as_const(mask)).size() == size, "diffusion::keep_known",
                        "the mask must have as many elements as the known data",
                        elements(std::as_const(mask)).size());
        for (const auto m : elements(std::as_const(mask)))
            detail::require(m >= 0 && m <= 1, "diffusion::keep_known",
                            "the mask must lie in [0, 1]", m);
    }

    template <tensor X>
    owner_t<X> init(const X& x) const {
        detail::require(elements(x).size() == elements(known).size(), "diffusion::keep_known",
                        "the known data must have as many elements as the state",
                        elements(known).size());
        return like(x);
    }

    template <tensor X, class Z>
    void operator()(X& x, const node& at, std::size_t k, Z&& noise, owner_t<X>& z) const {
        using T = scalar_t<X>;
        const bool noisy = at.sigma > 0;
        if (k == 0 || (noisy && !one_noise))
            noise(z, noise_address{noise_stream::forward, k, 0, at.sigma / at.alpha,
                                   at.sigma / at.alpha});
        const auto state = elements(x);
        const auto data = elements(known);
        const auto kept = elements(mask);
        const auto normal = elements(z);
        const T alpha = static_cast<T>(at.alpha), sigma = static_cast<T>(at.sigma);
        for (std::size_t e = 0; e < state.size(); ++e) {
            const T m = static_cast<T>(kept[e]);
            const T noised = alpha * static_cast<T>(data[e]) + sigma * static_cast<T>(normal[e]);
            state[e] = m == 1 ? noised : m * noised + (1 - m) * state[e];
        }
    }
};

}  // namespace diffusion
