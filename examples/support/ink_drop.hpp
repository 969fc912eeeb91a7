#pragma once

#include "point.hpp"
#include "statistics.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <string>
#include <utility>
#include <vector>

#include <diffusion/grid/time_grid.hpp>
#include <diffusion/random/fill.hpp>
#include <diffusion/schedule/noise_level.hpp>
#include <diffusion/toy/gaussian_mixture.hpp>

namespace examples {

/// x and y of every particle in turn.
using cloud = std::vector<double>;

/// The larger of the two coordinates' Kolmogorov-Smirnov distances.
inline double cloud_distance(const cloud& a, const cloud& b) {
    const auto coordinate = [](const cloud& x, std::size_t which) {
        std::vector<double> values;
        for (std::size_t i = which; i < x.size(); i += 2) values.push_back(x[i]);
        return values;
    };
    return std::max(ks_distance(coordinate(a, 0), coordinate(b, 0)),
                    ks_distance(coordinate(a, 1), coordinate(b, 1)));
}

/// A drop of ink: equal Gaussian spots of standard deviation `spread`, of which density and
/// denoiser are known exactly at all times.
struct ink_drop {
    std::string name;
    double spread;
    diffusion::gaussian_mixture ink;

    ink_drop(std::string name_, const std::vector<point>& spots, double spread_)
        : name(std::move(name_)), spread(spread_), ink(at(spots, spread_)) {}

    /// Particle i belongs to spot i mod n; the rest is luck.
    cloud pour(std::size_t particles, std::uint64_t seed) const {
        cloud x(2 * particles);
        diffusion::fill_normal<double>(x, seed, {diffusion::noise_stream::data});
        for (std::size_t e = 0; e < x.size(); ++e)
            x[e] = ink.components()[e / 2 % ink.components().size()].mean()[e % 2] + spread * x[e];
        return x;
    }

    /// The exact denoiser E[x_0 | x_t], which is the exact score: score = (alpha x_0 - x)/sigma^2.
    void operator()(const cloud& x, const diffusion::node& t, cloud& x0) const { ink(x, t, x0); }

    /// The entropy -E[log q_t] in nats, as the mean over the particles.
    double entropy(const cloud& x, const diffusion::noise_level& t) const {
        double sum = 0;
        for (const double log_q : ink.log_densities(x, t)) sum -= log_q;
        return sum / double(x.size() / 2);
    }

private:
    static diffusion::gaussian_mixture at(const std::vector<point>& spots, double spread) {
        std::vector<diffusion::gaussian_component> all;
        for (const point& mu : spots)
            all.push_back({1 / double(spots.size()), {mu.x, mu.y}, {spread * spread}});
        return diffusion::gaussian_mixture(all);
    }
};

/// A round drop, a ring and a spiral.
inline std::vector<ink_drop> three_drops() {
    std::vector<point> ring, spiral;
    for (int k = 0; k < 32; ++k) {
        const double turn = 2 * std::numbers::pi * k / 32;
        ring.push_back({0.9 * std::cos(turn), 0.9 * std::sin(turn)});
    }
    for (int k = 0; k < 40; ++k) {
        const double turn = 4 * std::numbers::pi * std::sqrt((k + 1) / 40.0);
        spiral.push_back({0.085 * turn * std::cos(turn), 0.085 * turn * std::sin(turn)});
    }
    return {{"a drop", {{-0.5, 0.45}}, 0.16}, {"a ring", ring, 0.06}, {"a spiral", spiral, 0.05}};
}

}  // namespace examples
