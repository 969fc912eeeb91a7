#pragma once

#include <cstddef>
#include <vector>

#include <diffusion/diffusion.hpp>

namespace examples {

/// x_0 -> x_T: the probability flow's equation from data to noise, in the steps of `grid` backwards
/// (Song, Meng, Ermon 2021, eq. 13 and section 5.4).
template <class Denoiser>
std::vector<float> encoded(std::vector<float> x, const diffusion::time_grid& grid,
                           Denoiser& denoise) {
    using namespace diffusion;
    sample(x, multistep(ddim_inversion{}, inverted(grid)), denoise);
    return x;
}

/// x_T -> x_0 by DDIM, without any noise.
template <class Denoiser>
std::vector<float> decoded(std::vector<float> x, const diffusion::time_grid& grid,
                           Denoiser& denoise) {
    using namespace diffusion;
    sample(x, multistep(ddim{}, grid), denoise);
    return x;
}

/// The mean squared difference of two pictures' values, scaled to [0, 1] from [-1, 1].
inline double error_of(const std::vector<float>& a, const std::vector<float>& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i)
        sum += 0.25 * double(a[i] - b[i]) * double(a[i] - b[i]);
    return sum / double(a.size());
}

}  // namespace examples
