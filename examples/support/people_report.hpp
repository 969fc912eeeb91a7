#pragma once

#include "canvas.hpp"
#include "people.hpp"
#include "plot.hpp"
#include "statistics.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <vector>

namespace examples {

/// Moments, correlation and Kolmogorov-Smirnov distances, data beside samples.
inline void print_comparison(const people& data, const people& samples) {
    const auto row = [](const char* name, double a, double b) {
        std::printf("  %-26s %9.2f %9.2f\n", name, a, b);
    };
    std::printf("  %-26s %9s %9s\n", "", "data", "samples");
    row("mean height, cm", mean(data.height), mean(samples.height));
    row("standard deviation", standard_deviation(data.height), standard_deviation(samples.height));
    row("mean weight, kg", mean(data.weight), mean(samples.weight));
    row("standard deviation", standard_deviation(data.weight), standard_deviation(samples.weight));
    row("correlation", correlation(data.height, data.weight),
        correlation(samples.height, samples.weight));
    std::printf(
        "KS distance: height %.4f, weight %.4f, body mass index %.4f\n"
        "(two samples of one distribution stay below %.4f in 999 of 1000 cases)\n",
        ks_distance(data.height, samples.height), ks_distance(data.weight, samples.weight),
        ks_distance(data.body_mass_index(), samples.body_mass_index()),
        ks_limit(data.size(), samples.size()));
}

/// Scatter, density and histograms, data beside samples.
inline canvas comparison_page(const people& data, const people& samples) {
    canvas page(1200, 1220);
    const axis height = axis_for(data.height, "height in cm");
    const axis weight = axis_for(data.weight, "weight in kg");
    const auto panel = [&](double column, double row, const char* title, const axis& x,
                           const axis& y) {
        return plot(page, {600 * column, 12 + 400 * row}, {600 * column + 600, 412 + 400 * row},
                    title, x, y);
    };
    const people* sets[] = {&data, &samples};
    const colour inks[] = {blue, orange};
    const char* names[] = {"data", "samples"};
    double densest = 0;
    std::vector<density_map> maps;
    for (const people* set : sets) {
        maps.push_back(density_map::of(set->points(), height, weight, 48, 36));
        densest = std::max(densest,
                           *std::max_element(maps.back().values.begin(), maps.back().values.end()));
    }
    for (std::size_t k = 0; k < 2; ++k) {
        const double opacity = std::clamp(1500.0 / double(sets[k]->size()), 0.15, 0.8);
        panel(double(k), 0, names[k], height, weight)
            .scatter(sets[k]->points(), inks[k], 1.6, opacity);
        panel(double(k), 1, k == 0 ? "density of the data" : "density of the samples", height,
              weight)
            .heat(maps[k], densest);
    }
    const auto histogram = [&](double column, const char* title, axis x,
                               const std::vector<double>& a, const std::vector<double>& b) {
        axis y{0, 2.2 / (x.high - x.low), "density"};
        for (const auto* values : {&a, &b}) {  // the highest bar sets the scale
            std::vector<double> bars(40, 0.0);
            for (const double value : *values) {
                const double u = 40 * (value - x.low) / (x.high - x.low);
                if (u >= 0 && u < 40)
                    bars[std::size_t(u)] += 40 / ((x.high - x.low) * double(values->size()));
            }
            y.high = std::max(y.high, 1.15 * *std::max_element(bars.begin(), bars.end()));
        }
        plot graph = panel(column, 2, title, x, y);
        graph.histogram(a, 40, blue, 0.45);
        graph.histogram(b, 40, orange, 0.45);
        graph.legend("data", blue);
        graph.legend("samples", orange);
    };
    histogram(0, "height", height, data.height, samples.height);
    histogram(1, "weight", weight, data.weight, samples.weight);
    return page;
}

}  // namespace examples
