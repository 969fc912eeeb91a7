#pragma once

#include "plane_sets.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <diffusion/sde/dormand_prince.hpp>
#include <diffusion/toy/gaussian_mixture.hpp>

namespace examples {

using points = std::vector<double>;  ///< in the plane, x and y of one after the other

/// What the points of `score_sde` come from: unequal weights, mean 0, about unit variance.
inline diffusion::gaussian_mixture three_classes() {
    return diffusion::gaussian_mixture({{0.5, {-1, 0}, {0.09}},
                                        {0.3, {1, 0.8}, {0.12, 0.06, 0.06, 0.09}},
                                        {0.2, {1, -1.2}, {0.06}}});
}

/// Its last component alone.
inline diffusion::gaussian_mixture last_class() {
    return diffusion::gaussian_mixture({{1, {1, -1.2}, {0.06}}});
}

/// New points to try a model on, others to hold samples against, and how samplers are run.
struct sde_trial {
    points data, others;
    std::vector<std::size_t> components;  ///< of `data`
    std::size_t N;  ///< steps of predictor and corrector together; the predictor alone takes 2 N
    std::uint64_t seed;
    diffusion::ode_options ode{.rtol = 1e-5, .atol = 1e-5};

    sde_trial(const diffusion::gaussian_mixture& mixture, std::size_t tried, std::size_t drawn,
              std::size_t N_, std::uint64_t seed_)
        : data(2 * tried), others(2 * drawn), N(N_), seed(seed_) {
        components = mixture.draw(data, seed, 1000000);  // far behind those of the training
        mixture.draw(others, seed, 1000001);
    }
};

/// The energy distance of two sets of points.
inline double distance(const points& a, const points& b) {
    const std::vector<float> first(a.begin(), a.end()), second(b.begin(), b.end());
    return energy_distance(first, second);
}

/// How far apart points of the same number are, both divided by `unit`.
struct separation {
    double largest = 0, rms = 0;

    separation(const points& a, const points& b, double unit = 1) {
        for (std::size_t e = 0; e < a.size(); e += 2) {
            const double apart = std::hypot(a[e] - b[e], a[e + 1] - b[e + 1]) / unit;
            largest = std::max(largest, apart);
            rms += apart * apart / double(a.size() / 2);
        }
        rms = std::sqrt(rms);
    }
};

}  // namespace examples
