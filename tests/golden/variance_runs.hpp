#pragma once
// Runs of the library's sampler with a network that also says the variance.

#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include <diffusion/sampler/learned_variance.hpp>

#include "runs.hpp"

namespace golden {

/// Any denoiser, with the references' second output, v in [-1, 1].
template <class T>
struct denoiser_with_variance {
    using X = std::vector<T>;
    any_denoiser<T> inner;

    void operator()(const X& x, const diffusion::node& t, X& x0) const { inner(x, t, x0); }
    void with_variance(const X& x, const diffusion::node& t, X& x0, X& v) const {
        inner(x, t, x0);
        for (std::size_t e = 0; e < v.size(); ++e)
            v[e] = static_cast<T>(0.9 * std::sin(0.05 * static_cast<double>(e + 1)));
    }
    void check(const diffusion::node& t) const { inner.check(t); }
};

template <class T>
trajectory<T> run_learned(const diffusion::time_grid& grid, any_denoiser<T> denoise) {
    trajectory<T> path;
    path.last = initial_sample<T>();
    counted_noise noise;
    diffusion::sample(path.last, diffusion::learned_variance(grid),
                      denoiser_with_variance<T>{std::move(denoise)}, noise, [&](const auto& view) {
                          if (view.i < 3) path.steps.push_back(view.x);
                      });
    return path;
}

}  // namespace golden
