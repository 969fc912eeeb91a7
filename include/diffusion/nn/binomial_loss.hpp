#pragma once

#include <cmath>
#include <cstddef>
#include <diffusion/nn/tape.hpp>
#include <span>

namespace diffusion::nn {

/// What the loss of a bit has to know of its step.
struct bit_step {
    double one_if_0 = 0, one_if_1 = 1;  ///< P(x_s = 1 | x_t, x_0) for both values of x_0
    bool data = false;                  ///< the bit x_0 itself
    double evidence = 0;                ///< is added to the logit
};

/// What a step costs a network that guesses bits (Sohl-Dickstein et al. 2015, eq. 14, one of its
/// divergences): the mean over elements of
///
///     KL(q(x_s | x_t, x_0) || p(x_s | x_t)),   p = B(m one_if_1 + (1 - m) one_if_0),
///                                              m = 1 / (1 + e^-(logit + evidence))
///
/// in nats. q is the one of both posteriors that belongs to x_0. In the step to the data, where
/// they are 0 and 1, this is the cross-entropy -log p(x_0 | x_1). Least where m is P(x_0 = 1 |
/// x_t).
///
/// `logits`: any shape; `steps`: one for each element; viewed, they must stay in place until
/// `backward`.
template <class T>
var<T> binomial_loss(const var<T>& logits, std::span<const bit_step> steps) {
    diffusion::detail::require(steps.size() == logits.size(), "diffusion::nn::binomial_loss",
                               "there must be a step for each element", steps.size());
    struct mixture {
        double m, not_m, one, zero;  ///< without cancellation where m or p come close to 1
        mixture(double logit, const bit_step& s)
            : m(1 / (1 + std::exp(-logit))),
              not_m(1 / (1 + std::exp(logit))),
              one(m * s.one_if_1 + not_m * s.one_if_0),
              zero(m * (1 - s.one_if_1) + not_m * (1 - s.one_if_0)) {}
    };
    const auto logit = [steps](const T* values, std::size_t i) {
        const double far = 300;  // e^-far is still a number
        const double value = static_cast<double>(values[i]) + steps[i].evidence;
        return value > far ? far : value < -far ? -far : value;
    };
    const auto term = [](double q, double p) { return q > 0 ? q * std::log(q / p) : 0; };
    double sum = 0;
    for (std::size_t i = 0; i < steps.size(); ++i) {
        const mixture p(logit(logits.data(), i), steps[i]);
        const double q = steps[i].data ? steps[i].one_if_1 : steps[i].one_if_0;
        sum += term(q, p.one) + term(1 - q, p.zero);
    }
    nn::tape<T>& tape = logits.tape();
    const double count = static_cast<double>(steps.size());
    const var<T> y = tape.result({1, 1, 1, 1}, logits);
    *y.fill() = static_cast<T>(sum / count);
    tape.record(y, [logits, logit, steps, count,
                    dlogits = adjoint_slot<T>(logits)](const adjoint_slot<T>& dy) {
        T* to = dlogits.write_zeroed();
        const double factor = static_cast<double>(*dy.read()) / count;
        for (std::size_t i = 0; i < steps.size(); ++i) {
            const bit_step& s = steps[i];
            const mixture p(logit(logits.data(), i), s);
            // dKL/dp = (p - q) / (p (1 - p)), dp/dlogit = (one_if_1 - one_if_0) m (1 - m), and
            // p - q = (one_if_1 - one_if_0) times m, or -(1 - m) if x_0 is 1
            const double wide = s.one_if_1 - s.one_if_0, error = s.data ? -p.not_m : p.m;
            if (wide != 0)
                to[i] += static_cast<T>(factor * error * wide * wide * (p.m / p.one) *
                                        (p.not_m / p.zero));
        }
    });
    return y;
}

}  // namespace diffusion::nn
