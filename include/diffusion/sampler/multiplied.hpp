#pragma once
// L5: samples that obey a second distribution r(x) as well: a posterior, a denoised or a completed
// picture, without training for it.

#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include <diffusion/assert.hpp>
#include <diffusion/detail/require.hpp>
#include <diffusion/kernel/factor.hpp>
#include <diffusion/kernel/posterior.hpp>
#include <diffusion/sampler/learned_variance.hpp>
#include <diffusion/sampler/sampler.hpp>

namespace diffusion {

/// r = N(x; y, std^2), element by element, exactly (`multiplied` of kernel/factor.hpp): denoising
/// of a y that was received with noise of that deviation, and inpainting with std = 0 where y is
/// known and infinity where it is not. y and std are tensors with as many elements as x.
template <class Y, class Std = Y>
struct gaussian_factor {
    Y y;
    Std std;

    explicit gaussian_factor(Y y_, Std std_) : y(std::move(y_)), std(std::move(std_)) {
        constexpr const char* function = "diffusion::gaussian_factor";
        const std::size_t size = elements(std::as_const(y)).size();
        detail::require(elements(std::as_const(std)).size() == size, function,
                        "there must be a deviation for each element of y",
                        elements(std::as_const(std)).size());
        for (const auto s : elements(std::as_const(std)))
            detail::require(s >= 0, function, "a deviation must not be negative", s);
    }

    template <tensor X>
    void operator()(X& mean, X& deviation, const node&, double power) const {
        if (power == 0) return;
        const auto m = elements(mean), d = elements(deviation);
        const auto centre = elements(std::as_const(y));
        const auto wide = elements(std::as_const(std));
        detail::require(centre.size() == m.size(), "diffusion::gaussian_factor",
                        "y must have as many elements as the state", centre.size());
        for (std::size_t e = 0; e < m.size(); ++e) {
            const double std_r = static_cast<double>(wide[e]) / std::sqrt(power);
            const auto step = gaussian_kernel<0>{1, {}, static_cast<double>(d[e])};
            const auto [a, b, c] = multiplied(step, std_r);
            const double moved =
                b[0] == 0 ? static_cast<double>(m[e])  // y may be anything then
                          : a * static_cast<double>(m[e]) + b[0] * static_cast<double>(centre[e]);
            m[e] = static_cast<scalar_t<X>>(moved);
            d[e] = static_cast<scalar_t<X>>(c);
        }
    }
};

/// Any smooth r, to first order (`perturbed` of kernel/factor.hpp): `gradient(mean, s, out)` writes
/// d log r/dx at the mean of the step to node s. `scratch` is a tensor like x.
template <class Gradient, class Scratch>
struct gradient_factor {
    Gradient gradient;
    Scratch scratch;

    explicit gradient_factor(Gradient gradient_, Scratch scratch_)
        : gradient(std::move(gradient_)), scratch(std::move(scratch_)) {}

    template <tensor X>
    void operator()(X& mean, X& deviation, const node& s, double power) {
        if (power == 0) return;
        gradient(std::as_const(mean), s, scratch);
        const auto m = elements(mean), d = elements(deviation);
        const auto g = elements(std::as_const(scratch));
        for (std::size_t e = 0; e < m.size(); ++e)
            m[e] += static_cast<scalar_t<X>>(power) * d[e] * d[e] * g[e];
    }
};

/// Ancestral sampling of p(x) r(x) (Sohl-Dickstein et al. 2015, section 2.5): each step draws from
/// p_theta(x_s | x_t) r_s(x_s) / Z(x_t). p_theta has the posterior's mean, and its variance or a
/// learned one, as in `learned_variance`.
///
///     sample(x, multiplied_ancestral(grid, gaussian_factor(y, std)), D, gaussian_noise{seed});
///
/// A factor is callable as factor(mean, deviation, s, power): it turns the mean and the standard
/// deviation of the step to node s, tensors like x, into those of the product with r^power. See
/// `factor_schedule` for the power, and for why the result is near p(x) r(x) / Z rather than equal
/// to it: a factor that knows r_s(x_s) = E[r(x_0) | x_s] makes it exact.
///
/// Order 1 (weak), one evaluation a step. Throws std::invalid_argument for a grid that does not run
/// from noise to data.
template <class Factor>
class multiplied_ancestral {
public:
    template <tensor X>
    struct memory {
        owner_t<X> x0, v, mean, z;
        Factor factor;
    };

    explicit multiplied_ancestral(time_grid grid, Factor factor,
                                  factor_schedule schedule = factor_schedule::constant,
                                  variance_output output = variance_output::range)
        : grid_(std::move(grid)), factor_(std::move(factor)), schedule_(schedule), output_(output) {
        detail::require_denoising(grid_, "diffusion::multiplied_ancestral");
        kernels_.reserve(size());
        for (std::size_t i = 0; i < size(); ++i)
            kernels_.push_back(learned_range(grid_[i], grid_[i + 1]));
    }

    std::size_t size() const { return grid_.size() - 1; }
    const time_grid& grid() const { return grid_; }

    template <tensor X>
    memory<X> init(const X& x) const {
        return {like(x), like(x), like(x), like(x), factor_};
    }

    template <tensor X>
    const owner_t<X>& x0(const memory<X>& mem) const {
        return mem.x0;
    }

    template <tensor X, class D, class Z>
        requires denoiser<D, X> && noise_source<Z, owner_t<X>>
    void step(std::size_t i, X& x, memory<X>& mem, D&& denoise, Z&& noise) const {
        DIFFUSION_ASSERT(i < size(), "diffusion::multiplied_ancestral: there is no such step");
        const learned_range_kernel& kernel = kernels_[i];
        const auto [a, b, c] = kernel.mean;
        const auto v = elements(mem.v);
        const bool last = grid_[i + 1].sigma == 0;
        if constexpr (variance_denoiser<D, X>) {
            denoise.with_variance(std::as_const(x), grid_[i], mem.x0, mem.v);
            for (auto& said : v)
                said = static_cast<scalar_t<X>>(
                    last
                        ? 0
                        : std::exp(0.5 * log_variance(kernel, output_, static_cast<double>(said))));
        } else {
            denoise(std::as_const(x), grid_[i], mem.x0);
            for (auto& said : v)
                said = static_cast<scalar_t<X>>(std::exp(0.5 * kernel.log_variance_small));
        }
        ref(mem.mean) = a * ref(x) + b[0] * ref(mem.x0);
        mem.factor(mem.mean, mem.v, grid_[i + 1], factor_power(schedule_, size() - i - 1, size()));
        noise(mem.z, step_noise(i, grid_[i], grid_[i + 1]));
        const auto z = elements(mem.z);
        for (std::size_t e = 0; e < z.size(); ++e) z[e] *= v[e];
        ref(x) = 1 * ref(mem.mean) + 1 * ref(mem.z);
    }

private:
    time_grid grid_;
    Factor factor_;
    factor_schedule schedule_;
    variance_output output_;
    std::vector<learned_range_kernel> kernels_;
};

}  // namespace diffusion
