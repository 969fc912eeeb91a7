#pragma once

#include "canvas.hpp"
#include "plot.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <span>
#include <string>
#include <vector>

#include <diffusion/toy/gaussian_mixture.hpp>

namespace examples {

/// What one SDE gives on the points, for the table and the page of `score_sde`.
struct sde_results {
    std::string name;
    std::size_t steps = 0;                                      ///< of training
    double nll_true = 0, nll_exact_score = 0, nll_network = 0;  ///< in nats
    std::size_t likelihood_calls = 0, decoding_calls = 0;
    double round_trip = 0;   ///< the largest |x - decoded(encoded(x))|
    double codes_apart = 0;  ///< RMS distance of the network's codes from those of the exact score
    std::size_t predictor_calls = 0, corrected_calls = 0;
    double predictor_distance = 0, corrected_distance = 0, ode_distance = 0;
    double in_class = 0;                 ///< of points that were asked for of the last class
    std::vector<double> densities = {};  ///< of the network, on `density_nodes`
    std::vector<double> corrected = {}, decoded = {};  ///< samples
    std::vector<double> codes = {};            ///< of data, divided by the prior's deviation
    std::vector<std::size_t> components = {};  ///< of the data behind the codes
};

inline constexpr double plane = 2.6;  ///< pictures show [-plane, plane] along both axes
inline constexpr std::size_t density_cells = 44;

/// The middles of the cells on which densities are drawn, row by row from below.
inline std::vector<double> density_nodes() {
    std::vector<double> nodes;
    const auto middle = [](std::size_t k) {
        return plane * ((2 * double(k) + 1) / double(density_cells) - 1);
    };
    for (std::size_t row = 0; row < density_cells; ++row)
        for (std::size_t column = 0; column < density_cells; ++column) {
            nodes.push_back(middle(column));
            nodes.push_back(middle(row));
        }
    return nodes;
}

/// The table: a column for each SDE. `floor` is the distance of data from other data.
inline void print_sde_table(std::span<const sde_results> all, std::size_t points, double floor) {
    const auto row = [&](const char* name, const char* format, auto value) {
        std::printf("  %-46s", name);
        for (const sde_results& one : all) std::printf(format, value(one));
        std::printf("\n");
    };
    row("", "%10s", [](auto& r) { return r.name.c_str(); });
    row("training steps", "%10zu", [](auto& r) { return r.steps; });
    std::printf("negative log-likelihood of %zu points by the ODE, nats\n", points);
    row("closed form", "%10.4f", [](auto& r) { return r.nll_true; });
    row("error with the exact score", "%10.5f",
        [](auto& r) { return r.nll_exact_score - r.nll_true; });
    row("error with the network (wanted: below 0.01)", "%10.4f",
        [](auto& r) { return r.nll_network - r.nll_true; });
    for (const sde_results& one : all)
        if (!(one.nll_network - one.nll_true < 0.01))
            std::printf("  (%s falls short of that; give it more --seconds)\n", one.name.c_str());
    row("calls of the network, two products each", "%10zu",
        [](auto& r) { return r.likelihood_calls; });
    std::printf("data to code and back by the ODE\n");
    row("calls to come back", "%10zu", [](auto& r) { return r.decoding_calls; });
    row("largest round-trip error", "%10.5f", [](auto& r) { return r.round_trip; });
    row("code's distance from that of the exact score", "%10.4f",
        [](auto& r) { return r.codes_apart; });
    std::printf("energy distance of samples from data (of data from data: %.4f)\n", floor);
    row("calls of predictor; of both together", "%10zu", [](auto& r) { return r.corrected_calls; });
    row("predictor alone", "%10.4f", [](auto& r) { return r.predictor_distance; });
    row("predictor and corrector", "%10.4f", [](auto& r) { return r.corrected_distance; });
    row("ODE, with the calls above", "%10.4f", [](auto& r) { return r.ode_distance; });
    std::printf("  (the paper's Table 1: on pictures the corrector pays, call for call)\n");
    std::printf("asked for the last class, by the gradient of a classifier\n");
    row("share of points in it, %", "%10.1f", [](auto& r) { return 100 * r.in_class; });
}

/// A row for each of: density, samples of both kinds, codes; a column for each SDE.
inline canvas sde_page(std::span<const sde_results> all, const std::vector<double>& data) {
    constexpr double width = 310, height = 290;  // frames of 5 pixels a cell
    canvas paper(std::size_t(width * double(all.size())), std::size_t(4 * height));
    const auto points_of = [](const std::vector<double>& x) {
        std::vector<point> points;
        for (std::size_t i = 0; i + 1 < x.size(); i += 2) points.push_back({x[i], x[i + 1]});
        return points;
    };
    for (std::size_t k = 0; k < all.size(); ++k) {
        const sde_results& one = all[k];
        const auto frame = [&](std::size_t row, const std::string& title, double range) {
            const point low{width * double(k), height * double(row)};
            return plot(paper, low, {low.x + width, low.y + height}, title, {-range, range, ""},
                        {-range, range, ""});
        };
        plot density = frame(0, one.name + ": density by ODE", plane);
        density_map map{density_cells, density_cells, {}};
        for (const double log_p : one.densities) map.values.push_back(std::exp(log_p));
        density.heat(map, *std::max_element(map.values.begin(), map.values.end()));
        std::vector<point> some = points_of(data);
        some.resize(std::min<std::size_t>(some.size(), 150));
        density.scatter(some, orange, 1.3, 0.8);
        frame(1, "predictor-corrector", plane).scatter(points_of(one.corrected), blue, 1.3, 0.5);
        frame(2, "ODE", plane).scatter(points_of(one.decoded), blue, 1.3, 0.5);
        plot codes = frame(3, "codes of the data", 3.5);
        const std::vector<point> places = points_of(one.codes);
        constexpr std::array<colour, 3> inks{blue, orange, green};
        for (std::size_t i = 0; i < places.size(); ++i)
            codes.scatter(std::span(&places[i], 1), inks[one.components[i] % 3], 1.3, 0.6);
    }
    return paper;
}

}  // namespace examples
