#pragma once

#include "canvas.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace examples {

/// One direction of a plot: what range it shows, what is written beside it.
struct axis {
    double low = 0;
    double high = 1;
    std::string label;
    bool logarithmic = false;  ///< then low > 0
};

/// Round numbers inside [low, high], about `wanted` of them: steps of 1, 2 or 5 times a power of
/// ten.
inline std::vector<double> round_ticks(double low, double high, int wanted = 6) {
    const double rough = (high - low) / wanted;
    if (!(rough > 0)) return {low};
    const double decade = std::pow(10.0, std::floor(std::log10(rough)));
    double step = 10 * decade;
    for (const double digit : {5.0, 2.0, 1.0})
        if (digit * decade >= rough) step = digit * decade;
    std::vector<double> ticks;
    for (double k = std::ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; ++k)
        ticks.push_back(k == 0 ? 0 : k * step);
    return ticks;
}

/// A number as a short text: six digits at most, no trailing zeros.
inline std::string short_number(double value) {
    char buffer[32];
    std::snprintf(buffer, sizeof buffer, "%.4g", value);
    return buffer;
}

/// An axis that holds all values, with a margin on both sides (as part of the range).
inline axis axis_for(std::span<const double> values, std::string label, double margin = 0.04) {
    double low = 0, high = 1;
    if (!values.empty()) {
        const auto [least, most] = std::minmax_element(values.begin(), values.end());
        low = *least;
        high = *most;
    }
    if (high - low < 1e-12 * (1 + std::abs(low))) high = low + 1;
    const double room = margin * (high - low);
    return {low - room, high + room, std::move(label), false};
}

/// Counts over a rectangle of cells, as a density: rows from y.low upwards, each cell's value is
/// its share of the points over its area.
struct density_map {
    std::size_t columns = 0;
    std::size_t rows = 0;
    std::vector<double> values;

    static density_map of(std::span<const point> points, const axis& x, const axis& y,
                          std::size_t columns, std::size_t rows) {
        density_map map{columns, rows, std::vector<double>(columns * rows, 0.0)};
        const double cell = (x.high - x.low) / double(columns) * (y.high - y.low) / double(rows);
        for (const point& p : points) {
            const double u = (p.x - x.low) / (x.high - x.low) * double(columns);
            const double v = (p.y - y.low) / (y.high - y.low) * double(rows);
            if (u < 0 || v < 0 || u >= double(columns) || v >= double(rows)) continue;
            map.values[std::size_t(v) * columns + std::size_t(u)] +=
                1 / (cell * double(points.size()));
        }
        return map;
    }
};

/// White over blue to nearly black, for densities: part 0 to 1.
inline colour ink_shade(double part) {
    const double u = std::clamp(part, 0.0, 1.0);
    constexpr colour pale{176, 205, 236}, dark{12, 22, 62};
    if (u < 1.0 / 3) return mix(white, pale, 3 * u);
    if (u < 2.0 / 3) return mix(pale, blue, 3 * u - 1);
    return mix(blue, dark, 3 * u - 2);
}

/// A frame with labelled axes on a part of a canvas, and the marks in it.
class plot {
public:
    /// The axes' ticks and labels lie inside of [low, high] too: the frame is that much smaller.
    plot(canvas& paper, point low, point high, std::string title, axis x, axis y)
        : paper_(&paper),
          low_{low.x + 74, low.y + 26},
          high_{high.x - 16, high.y - 44},
          x_(std::move(x)),
          y_(std::move(y)) {
        const double middle = 0.5 * (low_.x + high_.x);
        paper.text({middle, low.y + 4}, title, black, 2, align::centre);
        paper.text({middle, high_.y + 28}, x_.label, black, 1, align::centre);
        paper.text_upwards({low.x + 8, 0.5 * (low_.y + high_.y)}, y_.label, black, 1,
                           align::centre);
        const double width = high_.x - low_.x;
        for (const double tick : ticks(x_, width / 60)) {
            const double at = horizontal(tick);
            paper.line({at, low_.y}, {at, high_.y}, light_grey, 1);
            paper.text({at, high_.y + 9}, short_number(tick), black, 1, align::centre);
        }
        for (const double tick : ticks(y_, (high_.y - low_.y) / 40)) {
            const double at = vertical(tick);
            paper.line({low_.x, at}, {high_.x, at}, light_grey, 1);
            paper.text({low_.x - 6, at - 4}, short_number(tick), black, 1, align::right);
        }
        frame();
    }

    /// Where a data point lies on the canvas.
    point place(point data) const { return {horizontal(data.x), vertical(data.y)}; }

    /// A curve through the points, in order; the parts outside of the frame are left out.
    void line(std::span<const point> points, colour ink, double thickness = 2) {
        for (std::size_t i = 0; i + 1 < points.size(); ++i)
            if (inside(points[i]) && inside(points[i + 1]))
                paper_->line(place(points[i]), place(points[i + 1]), ink, thickness);
    }

    void scatter(std::span<const point> points, colour ink, double radius = 1.5,
                 double opacity = 0.5) {
        for (const point& p : points)
            if (inside(p)) paper_->disc(place(p), radius, ink, opacity);
    }

    /// A density as shades of ink; `full` is the value of the darkest one.
    void heat(const density_map& map, double full) {
        const double width = (high_.x - low_.x) / double(map.columns);
        const double height = (high_.y - low_.y) / double(map.rows);
        for (std::size_t row = 0; row < map.rows; ++row) {
            for (std::size_t column = 0; column < map.columns; ++column) {
                const double value = map.values[row * map.columns + column];
                if (!(value > 0)) continue;
                const point corner{low_.x + double(column) * width,
                                   high_.y - double(row + 1) * height};
                paper_->fill(corner, {corner.x + width, corner.y + height},
                             ink_shade(std::sqrt(value / full)));
            }
        }
        frame();
    }

    /// Bars of equal width over the x axis, one for each of `bins` ranges; heights are densities.
    void histogram(std::span<const double> values, std::size_t bins, colour ink,
                   double opacity = 0.5) {
        std::vector<double> heights(bins, 0.0);
        const double width = (x_.high - x_.low) / double(bins);
        for (const double value : values) {
            const double u = (value - x_.low) / width;
            if (u >= 0 && u < double(bins))
                heights[std::size_t(u)] += 1 / (width * double(values.size()));
        }
        for (std::size_t k = 0; k < bins; ++k) {
            const double top = std::min(heights[k], y_.high);
            paper_->fill(place({x_.low + double(k) * width, top}),
                         place({x_.low + double(k + 1) * width, y_.low}), ink, opacity);
        }
    }

    /// Where the legend starts, as a part of the frame's height from its top.
    void legend_from(double part) { legend_ = low_.y + part * (high_.y - low_.y); }

    /// The same, and the names stand at the frame's left side.
    void legend_on_the_left(double part) {
        legend_from(part);
        legend_left_ = true;
    }

    /// A name beside a spot of its colour, by default at the frame's right side; one line each
    /// call.
    void legend(const std::string& name, colour ink) {
        const double x = legend_left_ ? low_.x + 24 : high_.x - 12 - canvas::text_width(name);
        const point where{x, legend_ + 10 + 16 * entries_++};
        paper_->disc({where.x - 9, where.y + 3.5}, 4, ink);
        paper_->text(where, name);
    }

private:
    static std::vector<double> ticks(const axis& a, double wanted) {
        if (!a.logarithmic) return round_ticks(a.low, a.high, std::max(2, int(wanted)));
        std::vector<double> ticks;
        for (double power = std::floor(std::log10(a.low)); power <= std::log10(a.high); ++power)
            for (const double digit : {1.0, 2.0, 5.0})
                if (const double tick = digit * std::pow(10.0, power);
                    tick >= a.low && tick <= a.high)
                    ticks.push_back(tick);
        return ticks;
    }

    static double part(const axis& a, double value) {
        if (a.logarithmic) return std::log(value / a.low) / std::log(a.high / a.low);
        return (value - a.low) / (a.high - a.low);
    }

    bool inside(const point& p) const {
        return p.x >= x_.low && p.x <= x_.high && p.y >= y_.low && p.y <= y_.high;
    }
    double horizontal(double x) const { return low_.x + part(x_, x) * (high_.x - low_.x); }
    double vertical(double y) const { return high_.y - part(y_, y) * (high_.y - low_.y); }

    void frame() {
        paper_->line(low_, {high_.x, low_.y}, grey, 1);
        paper_->line(low_, {low_.x, high_.y}, grey, 1);
        paper_->line({high_.x, low_.y}, high_, grey, 1);
        paper_->line({low_.x, high_.y}, high_, grey, 1);
    }

    canvas* paper_;
    point low_;
    point high_;
    axis x_;
    axis y_;
    double legend_ = low_.y;
    double entries_ = 0;
    bool legend_left_ = false;
};

/// A loss curve: every value pale, over it the mean of the `window` values around each; the loss is
/// drawn on a logarithmic scale, as most of its way is made in the first steps.
inline canvas loss_curve(std::span<const double> losses, std::string title,
                         std::size_t window = 51) {
    canvas paper(900, 520);
    std::vector<point> raw, smooth;
    double low = 1e300, high = 0;
    for (std::size_t i = 0; i < losses.size(); ++i) {
        const std::size_t first = i - std::min(i, window / 2);
        const std::size_t past = std::min(losses.size(), i + window / 2 + 1);
        double sum = 0;
        for (std::size_t k = first; k < past; ++k) sum += losses[k];
        raw.push_back({double(i), losses[i]});
        smooth.push_back({double(i), sum / double(past - first)});
        low = std::min(low, losses[i]);
        high = std::max(high, losses[i]);
    }
    if (!(low > 0 && high > low)) {
        low = low > 0 && low < 1e300 ? low : 1e-3;
        high = 10 * low;
    }
    const axis steps{0, std::max(1.0, double(losses.size())), "training step", false};
    plot graph(paper, {0, 8}, {900, 520}, std::move(title), steps,
               {0.95 * low, 1.05 * high, "loss (mean squared error)", true});
    graph.line(raw, mix(white, blue, 0.3), 1);
    graph.line(smooth, blue, 2.5);
    graph.legend("each step", mix(white, blue, 0.3));
    graph.legend("mean of " + std::to_string(window) + " steps", blue);
    return paper;
}

}  // namespace examples
