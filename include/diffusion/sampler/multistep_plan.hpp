#pragma once
// L5: what the samplers of all multistep rules of one order are.

#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include <diffusion/assert.hpp>
#include <diffusion/denoiser/denoiser.hpp>
#include <diffusion/detail/require.hpp>
#include <diffusion/grid/time_grid.hpp>
#include <diffusion/kernel/apply.hpp>
#include <diffusion/random/noise_source.hpp>
#include <diffusion/rule/rule.hpp>
#include <diffusion/sampler/sampler.hpp>
#include <diffusion/tensor/linear.hpp>

namespace diffusion {

/// The sampler of multistep rules of order K, whatever the rule: it holds the kernels of all steps.
/// `multistep` makes them.
template <std::size_t K, prediction Extrapolates>
class multistep_plan {
public:
    static constexpr std::size_t order = K;
    static constexpr prediction extrapolates = Extrapolates;
    static constexpr std::size_t terms = K + (Extrapolates == prediction::data_and_noise ? 1 : 0);

    /// What a run owns: the last predictions, and a tensor for the noise if any step draws some.
    template <tensor X>
    class memory {
        friend class multistep_plan;
        // One tensor beside the ring: x0-hat where the ring holds eps-hat, the raw eps-hat where it
        // holds x0-hat.
        static constexpr std::size_t extra = Extrapolates == prediction::data ? 0 : 1;
        std::array<owner_t<X>, order> ring_;
        std::array<owner_t<X>, extra> extra_;
        std::optional<owner_t<X>> z_;
        std::size_t head_ = 0;

        memory(std::array<owner_t<X>, order> ring, std::array<owner_t<X>, extra> more)
            : ring_(std::move(ring)), extra_(std::move(more)) {}
        const owner_t<X>& past(std::size_t k) const {
            const std::size_t place = head_ + k;
            return ring_[place < order ? place : place - order];
        }
    };

    /// Number of steps, which is the number of network evaluations.
    std::size_t size() const { return kernels_.size(); }

    /// The size() + 1 nodes; step i runs from grid()[i] to grid()[i + 1].
    const time_grid& grid() const { return grid_; }

    /// The coefficients of step i, for whoever keeps tensors elsewhere: x_s = a x_t + sum_k b[k]
    /// m_k + c z, where m_k are the rule's predictions, the latest first.
    const gaussian_kernel<terms>& kernel(std::size_t i) const { return kernels_.at(i); }

    template <tensor X>
    memory<X> init(const X& x) const {
        const auto tensors = [&]<std::size_t... k>(std::index_sequence<k...>) {
            return std::array<owner_t<X>, sizeof...(k)>{((void)k, like(x))...};
        };
        memory<X> mem(tensors(std::make_index_sequence<order>{}),
                      tensors(std::make_index_sequence<memory<X>::extra>{}));
        if (draws_noise_) mem.z_.emplace(like(x));
        return mem;
    }

    /// x0-hat of the last step. A noise rule is told it by `predict`; who writes eps-hat to the
    /// slot himself finds zeros here.
    template <tensor X>
    const owner_t<X>& x0(const memory<X>& mem) const {
        if constexpr (Extrapolates == prediction::noise) return mem.extra_[0];
        else return mem.past(0);
    }

    /// Ask: where the prediction for grid()[i] goes that the rule extrapolates, x0-hat for a data
    /// rule, eps-hat for a noise rule. Tell: `advance(i, ...)`. Who owns the loop and the network's
    /// call uses these two in turn.
    template <tensor X>
    owner_t<X>& prediction_slot(memory<X>& mem) const {
        mem.head_ = (mem.head_ + order - 1) % order;
        return mem.ring_[mem.head_];
    }

    /// For a rule of `prediction::data_and_noise`: where the raw eps-hat for grid()[i] goes.
    template <tensor X>
        requires(Extrapolates == prediction::data_and_noise)
    owner_t<X>
    &noise_slot(memory<X>& mem) const { return mem.extra_[0]; }

    /// Asks the denoiser for grid()[i] and stores what the rule needs.
    template <tensor X, denoiser<X> D>
    void predict(std::size_t i, const X& x, memory<X>& mem, D& denoise) const {
        owner_t<X>& slot = prediction_slot(mem);
        if constexpr (Extrapolates == prediction::data) denoise(x, grid_[i], slot);
        else if constexpr (Extrapolates == prediction::noise)
            detail::denoise_with_noise(denoise, x, grid_[i], mem.extra_[0], slot);
        else detail::denoise_with_raw_noise(denoise, x, grid_[i], slot, mem.extra_[0]);
    }

    /// x <- a x + sum_k b_k m_k + c z, in one pass. With c = 0 no noise is drawn or read.
    template <tensor X, noise_source<owner_t<X>> Z>
    void advance(std::size_t i, X& x, memory<X>& mem, Z&& noise) const {
        DIFFUSION_ASSERT(i < size(), "diffusion::multistep: there is no such step");
        const gaussian_kernel<terms>& kernel = kernels_[i];
        if (kernel.c != 0) noise(*mem.z_, step_noise(i, grid_[i], grid_[i + 1]));
        if (shapes_[i] == shape::all_terms) return add_all<0>(kernel, x, mem);
        if (shapes_[i] == shape::all_terms_and_noise) return add_all<1>(kernel, x, mem);
        apply(
            kernel, x, std::as_const(x),
            [&mem](std::size_t k) -> const owner_t<X>& { return prediction_term(mem, k); },
            kernel.c != 0 ? &*mem.z_ : nullptr);
    }

    /// One step: predict, then advance.
    template <tensor X, class D, class Z>
        requires denoiser<D, X> && noise_source<Z, owner_t<X>>
    void step(std::size_t i, X& x, memory<X>& mem, D&& denoise, Z&& noise) const {
        predict(i, x, mem, denoise);
        advance(i, x, mem, noise);
    }

protected:
    /// With any kernels, kernel_of(grid, i) for step i, on a grid that was checked.
    template <std::invocable<const time_grid&, std::size_t> KernelOf>
    multistep_plan(time_grid grid, KernelOf kernel_of) : grid_(std::move(grid)) {
        const std::size_t n = grid_.size() - 1;
        kernels_.reserve(n);
        for (std::size_t i = 0; i < n; ++i) {
            kernels_.push_back(kernel_of(std::as_const(grid_), i));
            const gaussian_kernel<terms>& kernel = kernels_.back();
            require_finite(kernel, i);
            draws_noise_ = draws_noise_ || kernel.c != 0;
            bool all = kernel.a != 0;
            for (const double b : kernel.b) all = all && b != 0;
            shapes_.push_back(!all            ? shape::other
                              : kernel.c == 0 ? shape::all_terms
                                              : shape::all_terms_and_noise);
        }
    }

private:
    /// Which coefficients of a step are not 0. Where none is there is nothing to leave out, and the
    /// sum has a length that the compiler knows.
    enum class shape : char { other, all_terms, all_terms_and_noise };

    template <std::size_t Noise, tensor X>
    static void add_all(const gaussian_kernel<terms>& kernel, X& x, const memory<X>& mem) {
        std::array<term<scalar_t<X>>, 1 + terms + Noise> sum;
        sum[0] = {kernel.a, elements(std::as_const(x))};
        for (std::size_t k = 0; k < terms; ++k)
            sum[k + 1] = {kernel.b[k], elements(prediction_term(mem, k))};
        if constexpr (Noise == 1) sum[terms + 1] = {kernel.c, elements(*mem.z_)};
        assign(elements(x), sum);
    }

    template <tensor X>
    static const owner_t<X>& prediction_term(const memory<X>& mem, std::size_t k) {
        if constexpr (Extrapolates == prediction::data_and_noise)
            if (k == order) return mem.extra_[0];
        return mem.past(k);
    }

    static void require_finite(const gaussian_kernel<terms>& kernel, std::size_t i) {
        bool finite = std::isfinite(kernel.a) && std::isfinite(kernel.c);
        for (const double b : kernel.b) finite = finite && std::isfinite(b);
        detail::require(finite, "diffusion::multistep",
                        "the rule has no finite coefficients on this grid (an inversion takes "
                        "ddim_inversion), in step number",
                        i);
    }

    time_grid grid_;
    std::vector<gaussian_kernel<terms>> kernels_;
    std::vector<shape> shapes_;
    bool draws_noise_ = false;
};

}  // namespace diffusion
