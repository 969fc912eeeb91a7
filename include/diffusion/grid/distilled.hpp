#pragma once
// L2: the few times at which distilled networks are asked, out of those that they were distilled
// on.

#include <cstddef>
#include <vector>

#include <diffusion/detail/require.hpp>
#include <diffusion/grid/sigmas.hpp>

namespace diffusion {

/// n of the times k floor(T/original) - 1, k = 1 .. original, on which a latent consistency model
/// was distilled (Luo et al. 2023, section 4.3, "skipping-step"; original = 50). With m =
/// floor(strength original) of them in use, those numbered floor(i m/n) from the noisiest, i = 0 ..
/// n-1. TCD takes the same. Throws std::invalid_argument unless 1 <= n <= m and original <= T.
inline std::vector<double> lcm_times(std::size_t T, std::size_t n, std::size_t original = 50,
                                     double strength = 1) {
    constexpr const char* function = "diffusion::lcm_times";
    detail::require(original >= 1 && original <= T, function,
                    "the number of times at distillation must lie in 1 .. T", original);
    detail::require(strength > 0 && strength <= 1, function, "strength must lie in (0, 1]",
                    strength);
    const auto used = static_cast<std::size_t>(static_cast<double>(original) * strength);
    detail::require(n >= 1 && n <= used, function,
                    "the number of steps must lie in 1 .. floor(strength original)", n);
    const std::size_t stride = T / original;
    std::vector<double> times(n);
    for (std::size_t i = 0; i < n; ++i)
        times[i] = static_cast<double>((used - i * used / n) * stride - 1);
    return times;
}

/// n of the levels on which a consistency model was trained, `karras_sigmas(levels, range, rho)`:
/// every floor(levels/n)-th from the noisiest (Song et al. 2023, section 3, with 40 levels).
inline std::vector<double> consistency_sigmas(std::size_t levels, std::size_t n,
                                              const sigma_range& range = {0.002, 80},
                                              double rho = 7) {
    detail::require(n >= 1 && n <= levels, "diffusion::consistency_sigmas",
                    "the number of steps must lie in 1 .. the number of levels", n);
    const std::vector<double> ladder = karras_sigmas(levels, range, rho);
    std::vector<double> sigmas(n);
    for (std::size_t i = 0; i < n; ++i) sigmas[i] = ladder[i * (levels / n)];
    return sigmas;
}

}  // namespace diffusion
