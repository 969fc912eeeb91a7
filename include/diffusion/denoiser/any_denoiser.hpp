#pragma once
// L3: a denoiser whose type is not known where it is used: a look at one, and one that is owned.

#include <memory>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include <diffusion/denoiser/denoiser.hpp>
#include <diffusion/grid/time_grid.hpp>
#include <diffusion/tensor/traits.hpp>

namespace diffusion {

template <tensor X>
class any_denoiser;

/// A look at a denoiser of any type, which must outlive it. It is a denoiser itself, with all
/// optional members: those that the other lacks do here what the library does without them, but for
/// with_variance, which throws std::logic_error then.
template <tensor X>
class denoiser_ref {
public:
    template <class D>
        requires(denoiser<D, X> && !std::is_base_of_v<denoiser_ref, D>)
    explicit denoiser_ref(D& denoise)
        : denoise_(const_cast<std::remove_const_t<D>*>(std::addressof(denoise))),
          calls_(&calls_of<D>) {}

    void operator()(const X& x, const node& t, owner_t<X>& x0) const {
        calls_->data(denoise_, x, t, x0);
    }
    void with_noise(const X& x, const node& t, owner_t<X>& x0, owner_t<X>& eps) const {
        calls_->with_noise(denoise_, x, t, x0, eps);
    }
    void with_raw_noise(const X& x, const node& t, owner_t<X>& x0, owner_t<X>& eps) const {
        calls_->with_raw_noise(denoise_, x, t, x0, eps);
    }
    void with_variance(const X& x, const node& t, owner_t<X>& x0, owner_t<X>& v) const {
        calls_->with_variance(denoise_, x, t, x0, v);
    }
    void check(const node& t) const { calls_->check(denoise_, t); }

private:
    using two_results = void (*)(void*, const X&, const node&, owner_t<X>&, owner_t<X>&);
    struct calls {
        void (*data)(void*, const X&, const node&, owner_t<X>&);
        two_results with_noise, with_raw_noise, with_variance;
        void (*check)(const void*, const node&);
    };

    template <class D>
    static constexpr calls calls_of{
        [](void* d, const X& x, const node& t, owner_t<X>& x0) { (*static_cast<D*>(d))(x, t, x0); },
        [](void* d, const X& x, const node& t, owner_t<X>& x0, owner_t<X>& eps) {
            detail::denoise_with_noise(*static_cast<D*>(d), x, t, x0, eps);
        },
        [](void* d, const X& x, const node& t, owner_t<X>& x0, owner_t<X>& eps) {
            detail::denoise_with_raw_noise(*static_cast<D*>(d), x, t, x0, eps);
        },
        [](void* d, const X& x, const node& t, owner_t<X>& x0, owner_t<X>& v) {
            if constexpr (variance_denoiser<D, X>) {
                static_cast<D*>(d)->with_variance(x, t, x0, v);
            } else {
                throw std::logic_error(
                    "diffusion::denoiser_ref: this sampler needs a denoiser with_variance; wrap a "
                    "network that is callable as net(x, t, out, v)");
            }
        },
        [](const void* d, const node& t) { detail::check_denoiser(*static_cast<const D*>(d), t); }};

    void* denoise_;
    const calls* calls_;
};

/// A denoiser of any type, owned. Where it is built out of settings that are known at run time
/// only:
///
///     any_denoiser<X> D = clips ? any_denoiser<X>(clipped(predicts_noise(net)))
///                               : any_denoiser<X>(predicts_noise(net));
template <tensor X>
class any_denoiser : public denoiser_ref<X> {
public:
    template <class D>
        requires(denoiser<D, X> && !std::is_base_of_v<denoiser_ref<X>, D>)
    explicit any_denoiser(D denoise) : any_denoiser(std::make_unique<D>(std::move(denoise))) {}

private:
    template <class D>
    explicit any_denoiser(std::unique_ptr<D> denoise)
        : denoiser_ref<X>(*denoise),
          owner_(denoise.release(), [](void* d) { delete static_cast<D*>(d); }) {}

    std::unique_ptr<void, void (*)(void*)> owner_;
};

}  // namespace diffusion
