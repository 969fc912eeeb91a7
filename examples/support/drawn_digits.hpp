#pragma once

#include "labelled_images.hpp"
#include "point.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <diffusion/random/gaussian_noise.hpp>

/// Handwritten-looking digits made here, so that no example has to download anything.
///
/// A digit is a *skeleton* of one to three strokes in the unit box (x to the right, y downwards),
/// in one of the several ways people write it. The skeleton is bent by a smooth warp, scaled,
/// slanted and placed, and then drawn with a round pen whose width varies a little along the
/// stroke. A pixel's value follows from its signed distance to the pen's path, which gives clean
/// edges at every size.
///
/// Picture `index` of `seed` is a pure function of the two: no state, any order, any thread.
namespace examples {

/// The path of the pen, from point to point.
using stroke = std::vector<point>;

/// The random choices behind one picture: a stream of numbers that is a pure function of
/// (seed, index), drawn in blocks from the library's counter-based noise.
class dice {
public:
    dice(std::uint64_t seed, std::uint64_t index) : seed_(seed), index_(index) {}

    /// The next number, uniform on (low, high).
    double uniform(double low, double high) {
        if (used_ == block_.size()) {
            diffusion::noise_address where;
            where.stream = diffusion::noise_stream::data;
            where.step = index_;
            where.sub_draw = blocks_++;
            diffusion::fill_uniform<double>(block_, seed_, where);
            used_ = 0;
        }
        return low + (high - low) * block_[used_++];
    }

    /// True with the given probability.
    bool chance(double probability) { return uniform(0, 1) < probability; }

    /// Bell-shaped on (-1, 1) with standard deviation 0.41: the mean of two uniforms. Bounded on
    /// purpose, because a digit that is bent without bound is no digit any more.
    double wobble() { return 0.5 * (uniform(-1, 1) + uniform(-1, 1)); }

private:
    std::uint64_t seed_;
    std::uint64_t index_;
    std::uint32_t blocks_ = 0;
    std::array<double, 64> block_{};
    std::size_t used_ = 64;
};

namespace detail {

/// A writing hand: turns control points into strokes, each point a little off its place.
class hand {
public:
    explicit hand(dice& luck) : luck_(luck) {}

    /// Straight from point to point.
    void line(std::initializer_list<point> corners) {
        stroke path;
        for (const point& p : corners) path.push_back(near(p));
        strokes.push_back(path);
    }

    /// A smooth curve through all points: the uniform Catmull-Rom spline (Catmull, Rom 1974).
    void curve(std::initializer_list<point> controls) {
        std::vector<point> p;
        for (const point& control : controls) p.push_back(near(control));
        strokes.push_back(spline(p));
    }

    /// An ellipse, from `start` on (in turns, 0 = to the right, clockwise as y points down), with
    /// an `overlap` in turns: below zero it stays open.
    void loop(point centre, point radius, double start, double overlap) {
        constexpr int steps = 9;
        std::vector<point> p;
        for (int i = 0; i <= steps; ++i) {
            const double angle = 6.283185307179586 * (start - (1 + overlap) * i / steps);
            p.push_back(near(
                {centre.x + radius.x * std::cos(angle), centre.y + radius.y * std::sin(angle)}));
        }
        if (overlap >= 0)
            p.back() = {0.7 * p.front().x + 0.3 * p.back().x, 0.7 * p.front().y + 0.3 * p.back().y};
        strokes.push_back(spline(p));
    }

    std::vector<stroke> strokes;

private:
    point near(const point& p) {
        constexpr double off = 0.05;
        return {p.x + off * luck_.wobble(), p.y + off * luck_.wobble()};
    }

    static stroke spline(const std::vector<point>& p) {
        constexpr int pieces = 6;
        stroke path;
        const std::size_t last = p.size() - 1;
        for (std::size_t i = 0; i < last; ++i) {
            const point& p0 = p[i == 0 ? 0 : i - 1];
            const point& p1 = p[i];
            const point& p2 = p[i + 1];
            const point& p3 = p[std::min(i + 2, last)];
            const auto blend = [](double a, double b, double c, double d, double u) {
                return 0.5 * (2 * b + u * ((c - a) + u * ((2 * a - 5 * b + 4 * c - d) +
                                                          u * (3 * (b - c) + d - a))));
            };
            for (int k = 0; k < pieces; ++k) {
                const double u = double(k) / pieces;
                path.push_back(
                    {blend(p0.x, p1.x, p2.x, p3.x, u), blend(p0.y, p1.y, p2.y, p3.y, u)});
            }
        }
        path.push_back(p[last]);
        return path;
    }

    dice& luck_;
};

/// The strokes of one digit in the unit box, written one of the ways that people write it.
inline std::vector<stroke> skeleton(int digit, dice& luck) {
    hand pen(luck);
    switch (digit) {
        case 0:
            pen.loop({0.5, 0.5}, {0.5, 0.5}, luck.uniform(-0.32, -0.2), luck.uniform(-0.01, 0.05));
            break;
        case 1:
            if (luck.chance(0.4)) {
                pen.line({{0.5, 0}, {0.5, 1}});  // a bare stem
            } else {
                const double tip = luck.uniform(0.18, 0.3);
                pen.line({{0.5 - 1.3 * tip, tip}, {0.52, 0}, {0.52, 1}});  // with the up-stroke
                if (luck.chance(0.4)) pen.line({{0.2, 1}, {0.84, 1}});     // and a foot
            }
            break;
        case 2:
            if (luck.chance(0.65)) {
                pen.curve({{0.08, 0.24},
                           {0.24, 0.05},
                           {0.52, 0.0},
                           {0.82, 0.09},
                           {0.9, 0.3},
                           {0.74, 0.54},
                           {0.42, 0.8},
                           {0.04, 1.0}});
                pen.line({{0.04, 1.0}, {0.97, luck.uniform(0.95, 1.0)}});
            } else {  // the foot in one go, with a small loop
                pen.curve({{0.1, 0.2},
                           {0.28, 0.03},
                           {0.56, 0.0},
                           {0.82, 0.12},
                           {0.84, 0.34},
                           {0.64, 0.62},
                           {0.34, 0.9},
                           {0.1, 0.97},
                           {0.07, 0.86},
                           {0.26, 0.81},
                           {0.55, 0.95},
                           {0.8, 0.99},
                           {1.0, 0.9}});
            }
            break;
        case 3:
            if (luck.chance(0.7)) {
                pen.curve({{0.08, 0.14},
                           {0.32, 0.0},
                           {0.66, 0.02},
                           {0.85, 0.18},
                           {0.74, 0.38},
                           {0.38, 0.47}});
                pen.curve({{0.38, 0.47},
                           {0.76, 0.53},
                           {0.95, 0.74},
                           {0.8, 0.94},
                           {0.45, 1.0},
                           {0.16, 0.95},
                           {0.03, 0.84}});
            } else {  // with a flat roof
                pen.line({{0.08, 0.0}, {0.88, 0.0}, {0.42, 0.41}});
                pen.curve({{0.42, 0.41},
                           {0.77, 0.47},
                           {0.94, 0.69},
                           {0.8, 0.93},
                           {0.45, 1.0},
                           {0.05, 0.87}});
            }
            break;
        case 4:
            if (luck.chance(0.6)) {  // open
                const double bar = luck.uniform(0.52, 0.6);
                pen.curve({{0.2, 0.0}, {0.1, 0.3}, {0.04, bar}});
                pen.line({{0.04, bar}, {1.0, bar - 0.02}});
                pen.line({{0.78, luck.uniform(0.05, 0.22)}, {0.72, 1.0}});
            } else {  // closed
                pen.line({{0.68, 0.0}, {0.0, 0.66}, {1.0, 0.66}});
                pen.line({{0.68, 0.0}, {0.68, 1.0}});
            }
            break;
        case 5:
            if (luck.chance(0.6)) {
                pen.line({{0.92, 0.0}, {0.2, 0.0}, {0.13, 0.45}});
                pen.curve({{0.13, 0.45},
                           {0.45, 0.36},
                           {0.8, 0.44},
                           {0.95, 0.68},
                           {0.8, 0.92},
                           {0.45, 1.0},
                           {0.05, 0.9}});
            } else {  // a round belly, and the roof put on last
                pen.line({{0.22, 0.02}, {0.16, 0.42}});
                pen.curve({{0.16, 0.42},
                           {0.6, 0.4},
                           {0.9, 0.58},
                           {0.88, 0.84},
                           {0.55, 1.0},
                           {0.08, 0.96}});
                pen.line({{0.2, 0.02}, {0.96, luck.uniform(-0.04, 0.04)}});
            }
            break;
        case 6:
            if (luck.chance(0.6)) {
                pen.curve({{0.76, 0.0},
                           {0.42, 0.16},
                           {0.15, 0.46},
                           {0.07, 0.76},
                           {0.3, 0.98},
                           {0.64, 0.98},
                           {0.9, 0.82},
                           {0.84, 0.6},
                           {0.56, 0.5},
                           {0.26, 0.58},
                           {0.1, 0.76}});
            } else {  // a straighter stem
                pen.curve({{0.5, 0.0},
                           {0.24, 0.34},
                           {0.07, 0.7},
                           {0.24, 0.96},
                           {0.56, 1.0},
                           {0.86, 0.84},
                           {0.8, 0.58},
                           {0.5, 0.5},
                           {0.2, 0.62},
                           {0.08, 0.74}});
            }
            break;
        case 7: {
            if (luck.chance(0.3)) pen.line({{0.05, 0.17}, {0.05, 0.0}});  // a small beak
            const bool straight = luck.chance(0.5);
            const double foot = luck.uniform(0.22, 0.42);
            if (straight) {
                pen.line({{0.04, 0.0}, {0.94, 0.0}, {foot, 1.0}});
            } else {
                pen.line({{0.04, 0.02}, {0.94, 0.0}});
                pen.curve({{0.94, 0.0}, {0.66, 0.36}, {foot + 0.12, 0.66}, {foot, 1.0}});
            }
            if (luck.chance(0.35)) pen.line({{0.3, 0.5}, {0.9, 0.48}});  // the bar
            break;
        }
        case 8:
            if (luck.chance(0.65)) {  // in one stroke
                pen.curve({{0.8, 0.14},
                           {0.5, 0.0},
                           {0.16, 0.12},
                           {0.2, 0.34},
                           {0.52, 0.48},
                           {0.86, 0.66},
                           {0.85, 0.88},
                           {0.5, 1.0},
                           {0.13, 0.88},
                           {0.15, 0.66},
                           {0.5, 0.48},
                           {0.8, 0.34},
                           {0.82, 0.12}});
            } else {  // one ring on the other
                pen.loop({0.5, 0.24}, {0.36, 0.24}, luck.uniform(0, 1), 0.02);
                pen.loop({0.5, 0.74}, {0.46, 0.26}, luck.uniform(0, 1), 0.02);
            }
            break;
        default:
            pen.curve({{0.87, 0.22},
                       {0.7, 0.03},
                       {0.38, 0.0},
                       {0.1, 0.16},
                       {0.12, 0.41},
                       {0.42, 0.53},
                       {0.74, 0.44},
                       {0.88, 0.24}});
            if (luck.chance(0.5)) {
                pen.curve(
                    {{0.88, 0.1}, {0.87, 0.5}, {luck.uniform(0.66, 0.84), 1.0}});  // straight down
            } else {
                pen.curve({{0.88, 0.14},
                           {0.91, 0.56},
                           {0.74, 0.9},
                           {0.42, 1.0},
                           {0.12, 0.93}});  // with a tail
            }
    }
    return pen.strokes;
}

/// Bends the plane by two long waves in each direction (amplitudes below 0.07 of the digit's
/// height).
inline void warp(std::vector<stroke>& strokes, dice& luck) {
    std::array<double, 2> size_x{}, size_y{}, phase_x{}, phase_y{}, wave_x{}, wave_y{};
    for (std::size_t k = 0; k < 2; ++k) {
        size_x[k] = 0.07 * luck.wobble();
        size_y[k] = 0.07 * luck.wobble();
        phase_x[k] = luck.uniform(0, 6.283185307179586);
        phase_y[k] = luck.uniform(0, 6.283185307179586);
        wave_x[k] = luck.uniform(2, 5);
        wave_y[k] = luck.uniform(2, 5);
    }
    for (stroke& path : strokes) {
        for (point& p : path) {
            const point before = p;
            for (std::size_t k = 0; k < 2; ++k) {
                p.x += size_x[k] * std::sin(wave_x[k] * before.y + phase_x[k]);
                p.y += size_y[k] * std::sin(wave_y[k] * before.x + phase_y[k]);
            }
        }
    }
}

}  // namespace detail

/// Draws `digit` into a size x size picture: values in [-1, 1], ink 1, background -1.
///
/// The digit is about 0.62 to 0.78 of the picture's side high and its stroke a seventh of that
/// wide, at every size; nothing touches the frame. Throws std::invalid_argument for a digit outside
/// 0..9, a side below 8, or a span of another size.
inline void draw_digit(int digit, dice& luck, std::size_t size, std::span<float> pixels) {
    if (digit < 0 || digit > 9)
        throw std::invalid_argument("examples::draw_digit: digit must be 0 to 9, got " +
                                    std::to_string(digit));
    if (size < 8)
        throw std::invalid_argument("examples::draw_digit: size must be at least 8, got " +
                                    std::to_string(size));
    if (pixels.size() != size * size)
        throw std::invalid_argument("examples::draw_digit: needs size * size pixels, got " +
                                    std::to_string(pixels.size()));

    std::vector<stroke> strokes = detail::skeleton(digit, luck);
    detail::warp(strokes, luck);

    // From the unit box to pixels: height, aspect, slant and turn, then the place.
    const double side = double(size);
    const double height = side * luck.uniform(0.62, 0.78);
    const double width = height * luck.uniform(0.52, 0.78);
    const double slant = 0.12 + 0.28 * luck.wobble();  // most people lean to the right
    const double turn = 0.12 * luck.wobble();
    const double radius = height * luck.uniform(0.066, 0.09);
    const point shift{0.08 * side * luck.wobble(), 0.06 * side * luck.wobble()};
    for (stroke& path : strokes) {
        for (point& p : path) {
            const double y = height * (p.y - 0.5);
            const double x = width * (p.x - 0.5) - slant * y;
            p = {std::cos(turn) * x - std::sin(turn) * y, std::sin(turn) * x + std::cos(turn) * y};
        }
    }

    // Fit: shrink what is too large for the frame, then move it inside.
    constexpr double infinity = std::numeric_limits<double>::infinity();
    point low{infinity, infinity};
    point high{-infinity, -infinity};
    for (const stroke& path : strokes) {
        for (const point& p : path) {
            low = {std::min(low.x, p.x), std::min(low.y, p.y)};
            high = {std::max(high.x, p.x), std::max(high.y, p.y)};
        }
    }
    const double margin = 1.2 * radius + 0.5;
    const double room = side - 2 * margin;
    const double shrink = std::min({1.0, room / (high.x - low.x), room / (high.y - low.y)});
    const auto place = [&](double from, double to, double move) {  // the offset along one axis
        const double offset = 0.5 * side + move - 0.5 * shrink * (from + to);
        return std::clamp(offset, margin - shrink * from, side - margin - shrink * to);
    };
    const point offset{place(low.x, high.x, shift.x), place(low.y, high.y, shift.y)};

    // Signed distance of every pixel's centre to the pen's path; only pixels near a piece are
    // visited.
    std::vector<double> distance(size * size, infinity);
    for (const stroke& path : strokes) {
        const double swell = 0.18 * luck.uniform(0, 1);
        const double phase = luck.uniform(0, 6.283185307179586);
        const auto pen = [&](std::size_t i) {
            return radius * (1 + swell * std::sin(phase + 5.0 * double(i) / double(path.size())));
        };
        for (std::size_t i = 0; i + 1 < path.size(); ++i) {
            const point a{offset.x + shrink * path[i].x, offset.y + shrink * path[i].y};
            const point b{offset.x + shrink * path[i + 1].x, offset.y + shrink * path[i + 1].y};
            const double radius_a = pen(i);
            const double radius_b = pen(i + 1);
            const point d{b.x - a.x, b.y - a.y};
            const double length_2 = d.x * d.x + d.y * d.y;
            const double reach = std::max(radius_a, radius_b) + 1;
            const auto first = [&](double v) {
                return std::size_t(std::clamp(std::floor(v - reach), 0.0, side));
            };
            const auto past = [&](double v) {
                return std::size_t(std::clamp(std::ceil(v + reach), 0.0, side));
            };
            for (std::size_t row = first(std::min(a.y, b.y)); row < past(std::max(a.y, b.y));
                 ++row) {
                for (std::size_t column = first(std::min(a.x, b.x));
                     column < past(std::max(a.x, b.x)); ++column) {
                    const point q{double(column) + 0.5 - a.x, double(row) + 0.5 - a.y};
                    const double u = length_2 > 0
                                         ? std::clamp((q.x * d.x + q.y * d.y) / length_2, 0.0, 1.0)
                                         : 0.0;
                    const double to_path = std::hypot(q.x - u * d.x, q.y - u * d.y);
                    double& nearest = distance[row * size + column];
                    nearest = std::min(nearest, to_path - ((1 - u) * radius_a + u * radius_b));
                }
            }
        }
    }
    // A pixel that the edge crosses is covered in part: 1/2 minus the distance, one pixel wide.
    for (std::size_t i = 0; i < pixels.size(); ++i)
        pixels[i] = float(2 * std::clamp(0.5 - distance[i], 0.0, 1.0) - 1);
}

/// The label of drawn digit number `index`: any ten in a row hold one of each.
inline int drawn_digit_label(std::uint64_t index) { return int(index % 10); }

/// Drawn digits number first, ..., first + count - 1 of `seed`, each size x size. Two calls with
/// different seeds, or with ranges that do not meet, give independent pictures.
inline labelled_images drawn_digits(std::uint64_t seed, std::uint64_t first, std::size_t count,
                                    std::size_t size) {
    labelled_images set{count, size, size, std::vector<float>(count * size * size),
                        std::vector<int>(count)};
    for (std::size_t i = 0; i < count; ++i) {
        dice luck(seed, first + i);
        set.labels[i] = drawn_digit_label(first + i);
        draw_digit(set.labels[i], luck, size,
                   std::span<float>(set.pixels).subspan(i * size * size, size * size));
    }
    return set;
}

}  // namespace examples
