#pragma once

#include "canvas.hpp"
#include "filmstrip.hpp"
#include "plot.hpp"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace examples {

/// Curves of one plot, each with a colour and a line in the legend.
class curve_plot {
public:
    /// In a column and a row of a page of such plots. The legend starts at a part of the height, at
    /// the left side where that is negative.
    curve_plot(canvas& page, int column, int row, const std::string& title, axis x, axis y,
               double legend)
        : graph_(page, {column * width, row * height + 8},
                 {(column + 1) * width, (row + 1) * height}, title, std::move(x), y),
          least_(y.logarithmic ? y.low : -1e300) {
        if (legend < 0) graph_.legend_on_the_left(-legend);
        else graph_.legend_from(legend);
    }

    void add(const std::string& name, std::span<const point> curve) {
        static constexpr colour inks[] = {black,         blue,           green, orange,
                                          {200, 30, 40}, {150, 60, 190}, grey};
        const colour ink = inks[count_++ % std::size(inks)];
        graph_.line(curve, ink, 2);
        graph_.legend(name, ink);
    }

    /// Values that fall, by number, each relative to the first.
    void spectrum(const std::string& name, std::span<const double> values) {
        std::vector<point> curve;
        for (std::size_t i = 0; i < values.size(); ++i)
            curve.push_back({double(i) + 1, std::max(values[i] / values[0], least_)});
        add(name, curve);
    }

    static constexpr double width = 640, height = 440;

private:
    plot graph_;
    double least_;
    std::size_t count_ = 0;
};

/// What lies between digits: of three ways to mix, nine parts of the way with four pictures each.
inline canvas between_page(std::span<const float> pictures, std::size_t side) {
    constexpr std::size_t ways = 3, parts = 9, pairs = 4;
    const std::size_t area = side * side;
    std::vector<float> rows;
    for (std::size_t pair = 0; pair < pairs; ++pair)
        for (std::size_t way = 0; way < ways; ++way)
            for (std::size_t part = 0; part < parts; ++part) {
                const auto one =
                    pictures.subspan(((way * parts + part) * pairs + pair) * area, area);
                rows.insert(rows.end(), one.begin(), one.end());
            }
    filmstrip strip{.columns = parts, .zoom = 64 / side, .title = "between two digits"};
    for (std::size_t pair = 0; pair < pairs; ++pair)
        strip.row_names.insert(strip.row_names.end(),
                               {"pixels", "latents, straight", "latents, sphere"});
    return strip.draw(rows, side, side);
}

}  // namespace examples
