#pragma once

#include "canvas.hpp"
#include "filmstrip.hpp"
#include "frechet.hpp"
#include "plot.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace examples {

/// The share of points, x and y in turn, that are nearer to (-5, -5) than to (5, 5).
inline double weight_of_the_left(std::span<const float> points) {
    std::size_t left = 0;
    for (std::size_t i = 0; i < points.size(); i += 2) left += points[i] + points[i + 1] < 0;
    return double(left) / double(points.size() / 2);
}

/// How far pictures of digits are from real ones: the Frechet distance of `frechet.hpp`.
class digit_judge {
public:
    digit_judge(std::span<const float> real, std::size_t side)
        : side_(side), real_(feature_statistics::of(real, side, side)) {}

    double operator()(std::span<const float> pictures) const {
        return frechet_distance(real_, feature_statistics::of(pictures, side_, side_));
    }

private:
    std::size_t side_;
    feature_statistics real_;
};

/// Clouds of points around two modes in panels, four in a row, each with the weight of the left
/// mode.
class mode_page {
public:
    explicit mode_page(std::size_t panels)
        : page_(std::min(panels, columns) * side, (panels + columns - 1) / columns * side) {}

    void show(const std::string& title, std::span<const float> points, colour ink) {
        const point low{double(shown_ % columns * side), double(shown_ / columns * side)};
        const axis range{-10, 10, {}};
        axis x = range;
        char text[64];
        const double left = weight_of_the_left(points);
        std::snprintf(text, sizeof text, "weights %.2f and %.2f", left, 1 - left);
        x.label = text;
        plot graph(page_, low, {low.x + side, low.y + side}, title, x, range);
        std::vector<point> places;
        for (std::size_t i = 0; i < points.size(); i += 2)
            places.push_back({points[i], points[i + 1]});
        graph.scatter(places, ink, 1.8, 0.5);
        ++shown_;
    }

    void save(const std::string& path) const { page_.save(path); }

private:
    static constexpr std::size_t columns = 4, side = 380;
    canvas page_;
    std::size_t shown_ = 0;
};

/// What a few pictures look like at about ten levels of a walk. The first is shown before it is
/// touched; states are divided by max(1, sigma), lest noise be all black and white.
class walk_film {
public:
    walk_film(std::size_t levels, std::size_t rows, std::size_t area)
        : levels_(levels), rows_(rows), area_(area) {}

    /// What an observer of `sample` does.
    template <class View>
    void see(const View& step) {
        const std::size_t frames = std::min<std::size_t>(levels_, 10);
        bool shown = step.i + 1 == levels_;
        for (std::size_t k = 1; k < frames; ++k) shown |= step.i == k * levels_ / frames - 1;
        if (!shown) return;
        const double sigma = step.i + 1 == levels_ ? 0 : step.t.sigma;
        char name[32];
        std::snprintf(name, sizeof name, "%.2g", sigma);
        names_.push_back(sigma == 0 ? "end" : name);
        for (std::size_t e = 0; e < rows_ * area_; ++e)
            frames_.push_back(step.x[e] / float(std::max(1.0, sigma)));
    }

    canvas page(const std::string& title, std::size_t side) const {
        std::vector<float> pictures;
        for (std::size_t row = 0; row < rows_; ++row)
            for (std::size_t k = 0; k < names_.size(); ++k) {
                const auto first = frames_.begin() + std::ptrdiff_t((k * rows_ + row) * area_);
                pictures.insert(pictures.end(), first, first + std::ptrdiff_t(area_));
            }
        return filmstrip{
            .columns = names_.size(), .zoom = 64 / side, .title = title, .column_names = names_}
            .draw(pictures, side, side);
    }

private:
    std::size_t levels_, rows_, area_;
    std::vector<std::string> names_;
    std::vector<float> frames_;
};

/// The films of both versions, and up to 64 digits of each, under each other.
inline canvas both_versions(const walk_film& film_1, const walk_film& film_2,
                            std::span<const float> digits_1, std::span<const float> digits_2,
                            std::size_t side) {
    const auto grid = [side](const char* title, std::span<const float> digits) {
        return filmstrip{.columns = 16, .zoom = 40 / side, .title = title}.draw(
            digits.first(std::min(digits.size(), 64 * side * side)), side, side);
    };
    const canvas parts[] = {film_1.page("v1: states by sigma", side),
                            film_2.page("v2: states by sigma", side), grid("v1", digits_1),
                            grid("v2", digits_2)};
    std::size_t width = 0, height = 0;
    for (const canvas& part : parts) {
        width = std::max(width, part.width());
        height += part.height();
    }
    canvas page(width, height, filmstrip{}.paper);
    double top = 0;
    for (const canvas& part : parts) {
        page.paste({0, top}, part);
        top += double(part.height());
    }
    return page;
}

}  // namespace examples
