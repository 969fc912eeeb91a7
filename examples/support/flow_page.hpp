#pragma once

#include "canvas.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace examples {

/// The page of `flow_matching`: a column for each method, with the paths of some particles on top
/// and below what comes out after 1, 2, 4, ... calls of the network.
class flow_page {
public:
    flow_page(std::vector<std::string> methods, std::vector<std::size_t> calls)
        : methods_(std::move(methods)),
          calls_(std::move(calls)),
          paper_(left + std::size_t(side + gap) * methods_.size(),
                 top + std::size_t(side + 2 * gap) * (calls_.size() + 1)) {
        for (std::size_t m = 0; m < methods_.size(); ++m)
            paper_.text({corner(m, 0).x + 0.5 * side, 12}, methods_[m], black, 2, align::centre);
        paper_.text({8, corner(0, 0).y + 0.5 * side}, "paths");
        for (std::size_t k = 0; k < calls_.size(); ++k)
            paper_.text({8, corner(0, k + 1).y + 0.5 * side},
                        std::to_string(calls_[k]) + (calls_[k] == 1 ? " call" : " calls"));
    }

    /// Paths of a method: `states` holds the particles' places at one time after the other, each
    /// for 2 n numbers. Begins are grey, ends orange.
    void paths(std::size_t method, const std::vector<std::vector<float>>& states, double S) {
        for (std::size_t i = 0; i + 1 < states.front().size(); i += 2) {
            for (std::size_t k = 0; k + 1 < states.size(); ++k)
                paper_.line(place(method, 0, states[k], i), place(method, 0, states[k + 1], i),
                            mix(grey, blue, double(k) / double(states.size() - 1)), 1);
            paper_.disc(place(method, 0, states.front(), i), 1.8, grey);
            paper_.disc(place(method, 0, states.back(), i), 2.2, orange);
        }
        char text[48];
        std::snprintf(text, sizeof text, "straightness %.3f", S);
        finish(method, 0, text);
    }

    /// A column without paths says why.
    void no_paths(std::size_t method, const std::string& why) { finish(method, 0, why); }

    /// What comes out of row `row` (of the calls).
    void points(std::size_t method, std::size_t row, std::span<const float> all, double distance) {
        for (std::size_t i = 0; i + 1 < all.size(); i += 2)
            paper_.disc(place(method, row + 1, all, i), 1, blue, 0.45);
        char text[48];
        std::snprintf(text, sizeof text, "distance %.4f", distance);
        finish(method, row + 1, text);
    }

    void save(const std::string& path) const { paper_.save(path); }

private:
    static constexpr double side = 210, gap = 14, reach = 3.2;  // a panel shows [-reach, reach]
    static constexpr std::size_t left = 70, top = 40;

    static point corner(std::size_t method, std::size_t row) {
        return {double(left) + double(method) * (side + gap),
                double(top) + double(row) * (side + 2 * gap)};
    }

    /// Where a point lies, at the edge if it is outside.
    static point place(std::size_t method, std::size_t row, std::span<const float> all,
                       std::size_t i) {
        const auto inside = [](float v) {
            return std::clamp(0.5 * (double(v) / reach + 1), 0.004, 0.996);
        };
        const point from = corner(method, row);
        return {from.x + side * inside(all[i]), from.y + side * (1 - inside(all[i + 1]))};
    }

    /// The frame, and the text below it.
    void finish(std::size_t method, std::size_t row, const std::string& text) {
        const point a = corner(method, row), b{a.x + side, a.y + side};
        paper_.line(a, {b.x, a.y}, grey, 1);
        paper_.line(a, {a.x, b.y}, grey, 1);
        paper_.line(b, {b.x, a.y}, grey, 1);
        paper_.line(b, {a.x, b.y}, grey, 1);
        paper_.text({a.x + 0.5 * side, b.y + 5}, text, black, 1, align::centre);
    }

    std::vector<std::string> methods_;
    std::vector<std::size_t> calls_;
    canvas paper_;
};

}  // namespace examples
