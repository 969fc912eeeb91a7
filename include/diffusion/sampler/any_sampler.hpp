#pragma once
// L5: a sampler whose method is chosen at run time. What is hidden is a whole step: one indirect
// call per step, however many rules or stages it has.

#include <concepts>
#include <cstddef>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>

#include <diffusion/denoiser/any_denoiser.hpp>
#include <diffusion/denoiser/denoiser.hpp>
#include <diffusion/grid/time_grid.hpp>
#include <diffusion/random/noise_source.hpp>
#include <diffusion/sampler/sampler.hpp>
#include <diffusion/tensor/traits.hpp>

namespace diffusion {

/// A look at a noise source of any type, which must outlive it.
template <tensor X>
class noise_ref {
public:
    template <class Z>
        requires(noise_source<Z, X> && !std::is_same_v<std::remove_cv_t<Z>, noise_ref>)
    explicit noise_ref(Z& noise)
        : noise_(const_cast<std::remove_const_t<Z>*>(std::addressof(noise))),
          draw_(
              [](void* n, X& z, const noise_address& where) { (*static_cast<Z*>(n))(z, where); }) {}

    void operator()(X& z, const noise_address& where) const { draw_(noise_, z, where); }

private:
    void* noise_;
    void (*draw_)(void*, X&, const noise_address&);
};

/// Any sampler of tensors X, a sampler itself:
///
///     any_sampler<X> s = heun_wanted ? any_sampler<X>(singlestep(heun{}, grid))
///                                    : any_sampler<X>(multistep(ddim{}, grid));
///
/// A copy shares the plan, which is const, also between threads. `init` alone allocates: the memory
/// of the method inside, and one place to keep it.
template <tensor X>
class any_sampler {
    struct memory_base {
        virtual ~memory_base() = default;
    };

    struct plan_base {
        virtual ~plan_base() = default;
        virtual std::size_t size() const = 0;
        virtual const time_grid& grid() const = 0;
        virtual std::span<const node> asked(std::size_t i) const = 0;
        virtual std::unique_ptr<memory_base> init(const X& x) const = 0;
        virtual const owner_t<X>& x0(const memory_base& memory) const = 0;
        virtual void step(std::size_t i, X& x, memory_base& memory, const denoiser_ref<X>& denoise,
                          const noise_ref<owner_t<X>>& noise) const = 0;
    };

    template <class S>
    struct plan_of final : plan_base {
        struct memory final : memory_base {
            memory_t<S, X> inside;
            memory(const S& sampler, const X& x) : inside(sampler.init(x)) {}
        };

        S sampler;
        explicit plan_of(S s) : sampler(std::move(s)) {}

        std::size_t size() const override { return sampler.size(); }
        const time_grid& grid() const override { return sampler.grid(); }
        std::span<const node> asked(std::size_t i) const override {
            if constexpr (requires { sampler.asked(i); }) {
                static_assert(std::same_as<decltype(sampler.asked(i)), std::span<const node>>,
                              "diffusion::any_sampler: asked(i) must be a std::span<const node>");
                return sampler.asked(i);
            } else {
                return {&sampler.grid()[i], 1};
            }
        }
        std::unique_ptr<memory_base> init(const X& x) const override {
            return std::make_unique<memory>(sampler, x);
        }
        const owner_t<X>& x0(const memory_base& m) const override {
            return sampler.x0(static_cast<const memory&>(m).inside);
        }
        void step(std::size_t i, X& x, memory_base& m, const denoiser_ref<X>& denoise,
                  const noise_ref<owner_t<X>>& noise) const override {
            sampler.step(i, x, static_cast<memory&>(m).inside, denoise, noise);
        }
    };

public:
    /// What a run owns.
    class memory {
        friend class any_sampler;
        std::unique_ptr<memory_base> inside_;
        explicit memory(std::unique_ptr<memory_base> inside) : inside_(std::move(inside)) {}
    };

    template <class S>
        requires(sampler<S, X> && !std::is_same_v<S, any_sampler>)
    explicit any_sampler(S s) : plan_(keep(std::move(s))) {}

    std::size_t size() const { return plan_->size(); }
    const time_grid& grid() const { return plan_->grid(); }
    std::span<const node> asked(std::size_t i) const { return plan_->asked(i); }
    memory init(const X& x) const { return memory(plan_->init(x)); }
    const owner_t<X>& x0(const memory& mem) const { return plan_->x0(*mem.inside_); }

    /// One step of the method inside.
    template <class D, class Z>
        requires denoiser<D, X> && noise_source<Z, owner_t<X>>
    void step(std::size_t i, X& x, memory& mem, D&& denoise, Z&& noise) const {
        plan_->step(i, x, *mem.inside_, as_ref<denoiser_ref<X>>(denoise),
                    as_ref<noise_ref<owner_t<X>>>(noise));
    }

private:
    /// Of a sampler that adds nothing to its numbers, these; many rules then share one plan_of.
    template <class S>
    static std::shared_ptr<const plan_base> keep(S s) {
        if constexpr (requires { requires std::is_same_v<typename S::whole_type, S>; }) {
            using numbers = std::remove_cvref_t<decltype(s.plan())>;
            return std::make_shared<const plan_of<numbers>>(s.plan());
        } else {
            return std::make_shared<const plan_of<S>>(std::move(s));
        }
    }

    /// What is a look already is not looked at through another one.
    template <class Ref, class V>
    static Ref as_ref(V& value) {
        if constexpr (std::is_base_of_v<Ref, V>) return value;
        else return Ref(value);
    }

    std::shared_ptr<const plan_base> plan_;
};

}  // namespace diffusion
