#pragma once

#include "labelled_images.hpp"

#include <cmath>
#include <cstddef>
#include <vector>

#include <diffusion/kernel/bits.hpp>
#include <diffusion/likelihood/variational_bound.hpp>

namespace examples {

/// The variational bound of some pictures (Ho et al. 2020, eq. 5) as a way to send them: in bits
/// for each pixel, on average.
struct sent_bits {
    double prior = 0;                 ///< L_T
    std::vector<double> steps;        ///< L_{t-1}, the noisiest first; the last one is L_0
    std::vector<double> root_errors;  ///< of x_0-hat before each step, on the scale of 0 to 255

    explicit sent_bits(const diffusion::bound_terms& terms) {
        const double items = double(terms.items);
        const auto bits = [&](double nats) {
            return diffusion::bits_per_dim(-nats, terms.dimensions) / items;
        };
        for (const double nats : terms.prior) prior += bits(nats);
        for (std::size_t i = 0; i < terms.steps.size() / terms.items; ++i) {
            double term = 0, error = 0;
            for (std::size_t k = 0; k < terms.items; ++k) {
                term += bits(terms.steps[i * terms.items + k]);
                error += terms.x0_mse[i * terms.items + k] / items;
            }
            steps.push_back(term);
            root_errors.push_back(127.5 * std::sqrt(error));
        }
    }

    /// L_T and the terms before L_0: what x_1 costs.
    double rate() const {
        double sum = prior;
        for (std::size_t i = 0; i + 1 < steps.size(); ++i) sum += steps[i];
        return sum;
    }
    /// L_0: what the picture costs on top of it.
    double distortion() const { return steps.back(); }
    double total() const { return rate() + distortion(); }
};

}  // namespace examples
