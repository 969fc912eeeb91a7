#pragma once
// L5: ancestral sampling with a variance that the network says, element by element. A kernel has
// one number for the noise of all elements, so this is no rule.

#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include <diffusion/assert.hpp>
#include <diffusion/detail/require.hpp>
#include <diffusion/kernel/posterior.hpp>
#include <diffusion/sampler/sampler.hpp>

namespace diffusion {

/// What the network's second output is: the place of log variance between those of the two fixed
/// variances, from -1 (`reverse_variance::small`) to 1 (`large`), or the log variance itself, or
/// the log variance of x_0 where x_t is known, of which the step's follows for steps of any length.
enum class variance_output { range, log_variance, data_log_variance };

/// The log variance of the step with this kernel, where v is the network's second output.
inline double log_variance(const learned_range_kernel& kernel, variance_output output, double v) {
    switch (output) {
        case variance_output::log_variance:
            return v;
        case variance_output::data_log_variance:
            return kernel.log_variance_given_data(v);
        case variance_output::range:
            break;
    }
    return kernel.log_variance((1 + v) / 2);
}

/// p_theta(x_s | x_t) with the posterior's mean and a learned variance (Nichol and Dhariwal 2021,
/// eq. 15, where v in [0, 1] is (1 + output)/2; Dhariwal and Nichol 2021; UnCLIP, Ramesh et al.
/// 2022), in steps of any length:
///
///     x_s = a x_t + b x0-hat + sqrt(variance) z,    a, b as in `posterior`,
///     log variance = v log beta_t + (1 - v) log beta-tilde_t.
///
/// The denoiser is a `variance_denoiser`: predicts_noise(two_outputs(net, x)), also clipped. Order
/// 1 (weak), one evaluation a step, no noise in the step to clean data. Throws
/// std::invalid_argument for a grid as in `multistep`, and for one that runs from data to noise.
class learned_variance {
public:
    template <tensor X>
    struct memory {
        owner_t<X> x0, v, z;
    };

    explicit learned_variance(time_grid grid, variance_output output = variance_output::range)
        : grid_(std::move(grid)), output_(output) {
        detail::require_grid(grid_, "diffusion::learned_variance");
        kernels_.reserve(size());
        for (std::size_t i = 0; i < size(); ++i)
            kernels_.push_back(learned_range(grid_[i], grid_[i + 1]));
    }

    std::size_t size() const { return grid_.size() - 1; }
    const time_grid& grid() const { return grid_; }

    template <tensor X>
    memory<X> init(const X& x) const {
        return {like(x), like(x), like(x)};
    }

    template <tensor X>
    const owner_t<X>& x0(const memory<X>& mem) const {
        return mem.x0;
    }

    template <tensor X, class D, class Z>
        requires denoiser<D, X> && noise_source<Z, owner_t<X>>
    void step(std::size_t i, X& x, memory<X>& mem, D&& denoise, Z&& noise) const {
        static_assert(variance_denoiser<D, X>,
                      "diffusion::learned_variance: the denoiser must have with_variance(x, t, x0, "
                      "v); wrap a network that is callable as net(x, t, out, v), such as "
                      "predicts_noise(two_outputs(net, x))");
        DIFFUSION_ASSERT(i < size(), "diffusion::learned_variance: there is no such step");
        const learned_range_kernel& kernel = kernels_[i];
        const auto [a, b, c] = kernel.mean;
        denoise.with_variance(std::as_const(x), grid_[i], mem.x0, mem.v);
        if (grid_[i + 1].sigma == 0) {
            ref(x) = a * ref(x) + b[0] * ref(mem.x0);
            return;
        }
        noise(mem.z, step_noise(i, grid_[i], grid_[i + 1]));
        // The network's words become the noise's standard deviation times z; then it is one pass.
        const auto v = elements(mem.v);
        const auto z = elements(mem.z);
        for (std::size_t e = 0; e < z.size(); ++e) {
            const double said = static_cast<double>(v[e]);
            z[e] *= static_cast<scalar_t<X>>(std::exp(0.5 * log_variance(kernel, output_, said)));
        }
        ref(x) = a * ref(x) + b[0] * ref(mem.x0) + 1 * ref(mem.z);
    }

private:
    time_grid grid_;
    variance_output output_;
    std::vector<learned_range_kernel> kernels_;
};

}  // namespace diffusion
