#pragma once

#include "canvas.hpp"
#include "plot.hpp"
#include "point.hpp"
#include "swiss_roll.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace examples {

/// Points of a batch of two-dimensional items.
inline std::vector<point> points_of(std::span<const float> x) {
    std::vector<point> points;
    for (std::size_t i = 0; i + 1 < x.size(); i += 2) points.push_back({x[i], x[i + 1]});
    return points;
}

/// side x side points, evenly spaced in the square from -reach to reach.
inline std::vector<float> lattice_of_points(double reach, std::size_t side) {
    std::vector<float> points;
    for (std::size_t i = 0; i < side * side; ++i)
        for (const std::size_t k : {i % side, i / side})
            points.push_back(float(reach * (2 * double(k) / double(side - 1) - 1)));
    return points;
}

/// The mean distance of points to the roll.
inline double mean_distance(const swiss_roll& roll, std::span<const float> x) {
    double sum = 0;
    for (const point& p : points_of(x)) sum += roll.distance(p);
    return 2 * sum / double(x.size());
}

/// Three rows of panels, as figure 1 of Sohl-Dickstein et al. (2015): data into noise, noise into
/// data, and the drift of the reverse process, each at the same times, the data on the left.
class roll_page {
public:
    explicit roll_page(const std::vector<std::string>& columns)
        : page_(left + columns.size() * (side + gap), top + 3 * (side + gap)) {
        for (std::size_t k = 0; k < columns.size(); ++k)
            page_.text({corner(k, 0).x + side / 2.0, 10}, columns[k], black, 2, align::centre);
        const char* names[3][2] = {{"q(x_t)", "data into noise"},
                                   {"p(x_t)", "noise into data"},
                                   {"f_mu - x_t", "the way back"}};
        for (std::size_t row = 0; row < 3; ++row) {
            page_.text({8, corner(0, row).y + side / 2.0 - 16}, names[row][0], black, 2);
            page_.text({8, corner(0, row).y + side / 2.0 + 6}, names[row][1], grey, 1);
        }
    }

    void cloud(std::size_t column, std::size_t row, std::span<const float> x) {
        canvas panel = empty();
        for (const point& p : points_of(x))
            panel.disc(place(p), 1.1, row == 0 ? blue : orange, 0.5);
        page_.paste(corner(column, row), panel);
    }

    /// Arrows from the points of a lattice, half of them longer than half a lattice step, and none
    /// longer than one.
    void arrows(std::size_t column, std::span<const float> from, std::span<const float> way) {
        canvas panel = empty();
        const auto start = points_of(from), drift = points_of(way);
        std::vector<double> lengths;
        for (const point& d : drift) lengths.push_back(std::hypot(d.x, d.y));
        std::vector<double> sorted = lengths;
        std::sort(sorted.begin(), sorted.end());
        constexpr double step = 0.3;
        for (std::size_t i = 0; i < start.size(); ++i) {
            const double scale = step * std::min(0.5 / sorted[sorted.size() / 2], 1 / lengths[i]);
            const point tip{start[i].x + scale * drift[i].x, start[i].y + scale * drift[i].y};
            panel.line(place(start[i]), place(tip), green, 1.2);
            panel.disc(place(tip), 1.9, green);
        }
        page_.paste(corner(column, 2), panel);
    }

    void save(const std::string& path) const { page_.save(path); }

private:
    static constexpr std::size_t side = 280, gap = 8, left = 150, top = 34;

    static canvas empty() { return canvas(side, side, {244, 246, 249}); }
    static point place(point p) {  // 2.7 standard deviations to each side
        return {side / 2.0 * (1 + p.x / 2.7), side / 2.0 * (1 - p.y / 2.7)};
    }
    static point corner(std::size_t column, std::size_t row) {
        return {double(left + column * (side + gap)), double(top + row * (side + gap))};
    }

    canvas page_;
};

/// What r(x) makes of the roll: points of which one coordinate is known, their other coordinate
/// against its true distribution, and points that were received with noise.
inline canvas factor_page(std::span<const float> roll, double known,
                          std::span<const float> inpainted, const std::vector<point>& conditional,
                          std::span<const float> noisy, std::span<const float> denoised) {
    canvas page(1500, 540);
    const axis across{-2.4, 2.4, "x", false}, up{-2.4, 2.4, "y", false};
    const auto pale = mix(white, grey, 0.7);
    plot left(page, {0, 8}, {500, 540}, "x is known", across, up);
    left.scatter(points_of(roll), pale, 1.2);
    left.line(std::vector<point>{{known, -2.4}, {known, 2.4}}, pale, 1);
    left.scatter(points_of(inpainted), orange, 2.5);
    left.legend("x given, y drawn", orange);

    double highest = 0;
    for (const point& p : conditional) highest = std::max(highest, p.y);
    plot middle(page, {500, 8}, {1000, 540}, "its y", {-2.4, 2.4, "y", false},
                {0, 1.25 * highest, "density", false});
    std::vector<double> y;
    for (const point& p : points_of(inpainted)) y.push_back(p.y);
    middle.histogram(y, conditional.size(), orange, 0.7);
    for (const point& p : conditional)  // a bar's top, where there is one
        if (p.y > 0)
            middle.line(std::vector<point>{{p.x - 2.4 / double(conditional.size()), p.y},
                                           {p.x + 2.4 / double(conditional.size()), p.y}},
                        blue, 3);
    middle.legend("truth", blue);
    middle.legend("drawn", orange);

    plot right(page, {1000, 8}, {1500, 540}, "received with noise", across, up);
    right.scatter(points_of(roll), pale, 1.2);
    const auto before = points_of(noisy), after = points_of(denoised);
    for (std::size_t i = 0; i < before.size(); ++i)
        right.line(std::vector<point>{before[i], after[i]}, mix(white, blue, 0.4), 1);
    right.scatter(before, black, 2, 0.9);
    right.scatter(after, orange, 3, 1);
    right.legend("received", black);
    right.legend("denoised", orange);
    return page;
}

}  // namespace examples
