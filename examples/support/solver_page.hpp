#pragma once

#include "canvas.hpp"
#include "plot.hpp"
#include "solver_contest.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace examples {

/// Errors by numbers of calls, and how fast they fall at the end: error ~ calls^-order.
inline void print_records(const std::vector<std::size_t>& calls,
                          const std::vector<record>& records) {
    std::printf("  %-20s %-7s", "error with calls:", "grid");
    for (const std::size_t n : calls) std::printf(" %8zu", n);
    std::printf("   order\n");
    for (const record& r : records) {
        std::printf("  %-20s %-7s", r.name.c_str(), name_of(r.kind));
        std::vector<const outcome*> shown;
        for (const std::size_t n : calls) {
            if (const outcome* o = r.within(n)) {
                shown.push_back(o);
                std::printf(" %8.1e", o->error);
            } else {
                std::printf(" %8s", "-");
            }
        }
        const outcome &a = *shown[shown.size() - 2], &b = *shown.back();
        std::printf("   %5.1f\n",
                    std::log(a.error / b.error) / std::log(double(b.calls) / double(a.calls)));
    }
}

/// Colours that differ, for up to 14 curves.
inline colour curve_ink(std::size_t k) {
    static constexpr std::array<colour, 14> inks{{{20, 22, 28},
                                                  {31, 119, 220},
                                                  {120, 190, 240},
                                                  {10, 60, 130},
                                                  {0, 150, 150},
                                                  {222, 112, 24},
                                                  {250, 180, 60},
                                                  {150, 90, 40},
                                                  {200, 30, 40},
                                                  {150, 60, 190},
                                                  {44, 140, 84},
                                                  {130, 200, 60},
                                                  {240, 110, 170},
                                                  {130, 130, 130}}};
    return inks[k % inks.size()];
}

/// The log-log plot of the errors.
inline void error_plot(canvas& page, point low, point high, std::string title,
                       const std::vector<record>& records) {
    double least = 1, most_calls = 10;
    for (const record& r : records)
        for (const outcome& o : r.outcomes) {
            least = std::min(least, o.error);
            most_calls = std::max(most_calls, double(o.calls));
        }
    plot graph(page, low, high, std::move(title),
               {2.8, 1.15 * most_calls, "calls of the network", true},
               {0.6 * std::max(least, 1e-12), 3, "error (root mean square)", true});
    graph.legend_on_the_left(1 - 16.0 * double(records.size() + 1) / (high.y - low.y - 70));
    for (std::size_t k = 0; k < records.size(); ++k) {
        std::vector<point> curve;
        for (const outcome& o : records[k].outcomes) curve.push_back({double(o.calls), o.error});
        graph.line(curve, curve_ink(k), 1.8);
        graph.scatter(curve, curve_ink(k), 3, 1);
        graph.legend(records[k].name + ", " + name_of(records[k].kind), curve_ink(k));
    }
}

/// Pictures in rows and columns with names, all of one size; the last column stands apart.
inline canvas tile_page(const std::string& title, const std::vector<std::string>& columns,
                        const std::vector<std::string>& rows, const std::vector<canvas>& tiles) {
    constexpr double left = 150, top = 52, gap = 6, apart = 14;
    const double width = double(tiles[0].width()) + gap, height = double(tiles[0].height()) + gap;
    const auto corner = [&](std::size_t row, std::size_t column) {
        return point{left + double(column) * width + (column + 1 == columns.size() ? apart : 0),
                     top + double(row) * height};
    };
    const point end = corner(rows.size(), columns.size());
    canvas page(std::size_t(end.x + apart), std::size_t(end.y), {240, 241, 244});
    page.text({0.5 * end.x, 8}, title, black, 2, align::centre);
    for (std::size_t k = 0; k < columns.size(); ++k)
        page.text({corner(0, k).x + 0.5 * (width - gap), top - 14}, columns[k], black, 1,
                  align::centre);
    for (std::size_t row = 0; row < rows.size(); ++row) {
        page.text({left - 8, corner(row, 0).y + 0.5 * (height - gap) - 4}, rows[row], black, 1,
                  align::right);
        for (std::size_t k = 0; k < columns.size(); ++k)
            page.paste(corner(row, k), tiles[row * columns.size() + k]);
    }
    return page;
}

/// What the solvers make of at most so many calls, one row for each solver, and the exact end.
inline canvas gallery(const std::string& title, const std::vector<std::size_t>& calls,
                      const std::vector<record>& records, const state& exact,
                      const std::function<canvas(const state&)>& tile) {
    std::vector<std::string> columns, rows;
    std::vector<canvas> tiles;
    const canvas last = tile(exact);
    for (const std::size_t n : calls) columns.push_back(std::to_string(n) + " calls");
    columns.push_back("exact");
    for (const record& r : records) {
        rows.push_back(r.name);
        for (const std::size_t n : calls) {
            const outcome* o = r.within(n);
            tiles.push_back(o != nullptr ? tile(o->end) : canvas(last.width(), last.height()));
        }
        tiles.push_back(last);
    }
    return tile_page(title, columns, rows, tiles);
}

/// The density of points in the plane, x and y in turn.
inline canvas density_tile(const state& x, double reach) {
    constexpr std::size_t cells = 40, zoom = 2;
    std::vector<point> points;
    for (std::size_t i = 0; i + 1 < x.size(); i += 2) points.push_back({x[i], x[i + 1]});
    const axis a{-reach, reach, {}, false};
    const density_map map = density_map::of(points, a, a, cells, cells);
    canvas tile(cells * zoom, cells * zoom);
    for (std::size_t row = 0; row < cells; ++row)
        for (std::size_t column = 0; column < cells; ++column) {
            const point corner{double(column * zoom), double((cells - 1 - row) * zoom)};
            tile.fill(corner, {corner.x + double(zoom), corner.y + double(zoom)},
                      ink_shade(std::sqrt(map.values[row * cells + column])));
        }
    return tile;
}

/// The first few of a batch of grey pictures, side by side.
inline canvas picture_tile(const state& x, std::size_t height, std::size_t width,
                           std::size_t count) {
    constexpr std::size_t zoom = 2;
    canvas tile(count * width * zoom, height * zoom);
    for (std::size_t i = 0; i < count; ++i) {
        const auto first = x.begin() + std::ptrdiff_t(i * height * width);
        const std::vector<float> values(first, first + std::ptrdiff_t(height * width));
        tile.picture({double(i * width * zoom), 0}, values, width, zoom);
    }
    return tile;
}

}  // namespace examples
