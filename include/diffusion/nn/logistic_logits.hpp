#pragma once

#include <cmath>
#include <cstddef>
#include <diffusion/nn/tape.hpp>

namespace diffusion::nn {

/// Logits of `levels` levels in an order, from the mean m and the logarithm v of the scale of a
/// logistic distribution, which is cut into a bin for each level and truncated to them (Austin et
/// al. 2021, appendix A.8; after Salimans et al. 2017, PixelCNN++). x {items, height, width, 2}: m,
/// then v, in a unit in which the levels reach from -1 to 1. With c_i the middle and w the width of
/// bin i and F the logistic function,
///
///     p_i ~ F(b_i) - F(a_i) = F(b_i) F(-a_i) (1 - e^(-w / e^v)),
///     a_i = (c_i - w/2 - m) e^(-v),   b_i = (c_i + w/2 - m) e^(-v),
///
/// where the last factor is the same for all i: logit_i = log F(b_i) + log F(-a_i).
template <class T>
var<T> logistic_logits(const var<T>& x, std::size_t levels) {
    constexpr const char* function = "diffusion::nn::logistic_logits";
    const nn::shape s = x.shape();
    diffusion::detail::require_shape(s.channels == 2, function,
                                     "there must be a mean and a logarithm of the scale", s);
    diffusion::detail::require(levels >= 2, function, "there must be at least 2 levels", levels);
    // calls f(a, b, 1 / scale, level) for the bins of position p
    const auto each = [levels](const T* row, auto&& f) {
        const double sharp = std::exp(-static_cast<double>(row[1]));
        const double width = 2 / static_cast<double>(levels - 1);
        for (std::size_t i = 0; i < levels; ++i) {
            const double d = -1 + width * static_cast<double>(i) - static_cast<double>(row[0]);
            f((d - width / 2) * sharp, (d + width / 2) * sharp, sharp, i);
        }
    };
    // -log F(-u) = log(1 + e^u), for any size of u
    const auto softplus = [](double u) {
        return std::fmax(u, 0) + std::log1p(std::exp(-std::abs(u)));
    };
    nn::tape<T>& tape = x.tape();
    const var<T> y = tape.result(s.with_channels(levels), x);
    for (std::size_t p = 0; p < s.rows(); ++p)
        each(x.data() + 2 * p, [&](double a, double b, double, std::size_t i) {
            y.fill()[p * levels + i] = static_cast<T>(-softplus(-b) - softplus(a));
        });
    tape.record(y, [x, each, levels, dx = adjoint_slot<T>(x)](const adjoint_slot<T>& dy) {
        T* to = dx.write_zeroed();
        for (std::size_t p = 0; p < x.shape().rows(); ++p) {
            double of_mean = 0, of_log = 0;
            each(x.data() + 2 * p, [&](double a, double b, double sharp, std::size_t i) {
                const double below = 1 / (1 + std::exp(-a)), above = 1 / (1 + std::exp(b));
                const double g = static_cast<double>(dy.read()[p * levels + i]);
                of_mean += g * sharp * (below - above);
                of_log += g * (a * below - b * above);
            });
            to[2 * p] += static_cast<T>(of_mean);
            to[2 * p + 1] += static_cast<T>(of_log);
        }
    });
    return y;
}

}  // namespace diffusion::nn
