#pragma once
// Data of two elements with three states each, all of whose nine values can be enumerated.

#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include <diffusion/discrete/categorical_beta.hpp>
#include <diffusion/discrete/categorical_posterior.hpp>
#include <diffusion/discrete/d3pm.hpp>
#include <diffusion/discrete/token_distance.hpp>

namespace support {

inline constexpr std::size_t toy_states = 3;  // a process may have more, which the data never has

/// p(x_0) of both elements: p[3 a + b]. They depend on each other.
inline constexpr std::array<double, 9> toy_data = {0.3,  0.02, 0.08, 0.05, 0.2,
                                                   0.05, 0.05, 0.05, 0.2};

/// p(x_0 = a) of the first element.
inline double toy_marginal(std::size_t a) {
    return toy_data[3 * a] + toy_data[3 * a + 1] + toy_data[3 * a + 2];
}

/// The entropy of the whole, in nats.
inline double toy_entropy() {
    double sum = 0;
    for (const double p : toy_data) sum -= p * std::log(p);
    return sum;
}

/// The logits with which eq. 4 is exact for each element, given the others: of element e
/// p(x_0 of e | x_t of the other).
template <class P>
auto exact_predictor(const P& process) {
    return [&process](std::span<const std::size_t> x_t, std::size_t t, std::span<double> logits) {
        const auto jump = process.kernel(0, t);
        const std::size_t K = process.categories();
        for (double& value : logits) value = 0;
        for (std::size_t pair = 0; pair < x_t.size(); pair += 2)
            for (std::size_t a = 0; a < toy_states; ++a)
                for (std::size_t b = 0; b < toy_states; ++b) {
                    const double p = toy_data[3 * a + b];
                    logits[pair * K + a] += p * jump(b, x_t[pair + 1]);
                    logits[(pair + 1) * K + b] += p * jump(a, x_t[pair]);
                }
        for (double& value : logits) value = std::log(value);
    };
}

/// Calls check(process) for one short process of each kind, which ends with pure noise.
template <class Check>
void each_toy_process(Check&& check) {
    check(diffusion::uniform_d3pm(3, diffusion::multinomial_cosine_beta{.cap = 1}, 6));
    check(diffusion::absorbing_d3pm(4, 3, diffusion::reciprocal_beta{}, 6));
    check(diffusion::absorbing_d3pm(3, 1, diffusion::reciprocal_beta{}, 6));  // a state of the data
    check(diffusion::gaussian_d3pm(3, diffusion::linear_beta{.first = 0.3, .last = 40}, 6));
    const std::vector<double> places = {0, 1, 3};
    check(diffusion::token_d3pm(diffusion::token_distance_rates(places, 3, {.neighbours = 1}),
                                std::vector<double>{0.1, 0.2, 0.4, 0.8, 2, 30}));
}

}  // namespace support
