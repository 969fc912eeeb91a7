#pragma once
// L4: exponential Adams methods that know the prediction at the step's end: correctors.

#include <cstddef>
#include <span>

#include <diffusion/detail/require.hpp>
#include <diffusion/rule/exponential_adams.hpp>
#include <diffusion/rule/rule.hpp>

namespace diffusion {

/// Exponential Adams-Moulton of order K: `exponential_adams` with the polynomial through the
/// predictions at s and at the last K - 1 nodes seen. The corrector of `exponential_adams<K - 1>`,
/// with which it is UniPC-(K - 1) where that is not simplified (Zhao et al. 2023, theorem 3.1), and
/// with eta = tau^2 the corrector of SA-Solver (Xue et al. 2023, section 5.2).
///
/// Order K, no evaluation of its own. K = 1 takes the prediction at s as constant; so does a step
/// of infinite h, which is the limit of the exact weights. Throws std::invalid_argument for eta <
/// 0, and for eta > 0 with noise prediction.
template <std::size_t K, prediction Prediction = prediction::data>
struct exponential_adams_moulton {
    static_assert(K >= 1 && K <= 5,
                  "diffusion::exponential_adams_moulton: the order must lie in 1 .. 5");
    static_assert(Prediction != prediction::data_and_noise,
                  "diffusion::exponential_adams_moulton: extrapolate either prediction::data or "
                  "prediction::noise");

    double eta = 0;
    static constexpr std::size_t order = K;
    static constexpr prediction extrapolates = Prediction;
    static constexpr bool corrects = true;

    gaussian_kernel<K> operator()(std::span<const node> seen, const node& s) const {
        detail::require(Prediction == prediction::data || eta == 0,
                        "diffusion::exponential_adams_moulton",
                        "eta must be 0 for noise prediction", eta);
        return detail::exponential_moulton_step<K, Prediction>(seen, s, eta,
                                                               detail::first_moment{});
    }
};

}  // namespace diffusion
