#pragma once

#include "canvas.hpp"
#include "drawn_digits.hpp"
#include "filmstrip.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace examples {

/// Drawn digits number 0 .. count - 1 of `seed`, their grey rounded down to levels 0 .. levels - 1.
inline std::vector<std::size_t> digits_in_levels(std::uint64_t seed, std::size_t count,
                                                 std::size_t side, std::size_t levels) {
    std::vector<std::size_t> states;
    for (const float v : drawn_digits(seed, 0, count, side).pixels)
        states.push_back(std::min(levels - 1, std::size_t((v + 1) / 2 * float(levels))));
    return states;
}

/// Pictures whose pixels are states, one process below the other: on the left a draw from noise to
/// data, on the right samples. Levels are grey; the mask, the state behind them, is blue.
class discrete_page {
public:
    discrete_page(std::size_t side, std::size_t levels) : side_(side), levels_(levels) {}

    void add(const std::string& name, double bits, std::span<const std::vector<std::size_t>> film,
             std::span<const std::size_t> samples) {
        char title[96];
        const bool masked = film.front().front() >= levels_;
        std::snprintf(title, sizeof title, "%s%s: %.3f bits/dim", name.c_str(),
                      masked ? ", masks blue" : "", bits);
        const std::size_t area = side_ * side_, columns = 10;
        std::vector<float> frames, drawn;
        for (std::size_t star = 0; star < film.front().size(); star += area)
            for (const auto& frame : film) paint(std::span(frame).subspan(star, area), frames);
        paint(samples, drawn);
        std::vector<std::string> names(film.size());
        names.front() = "noise";
        names.back() = "x_0";
        rows_.push_back(
            {filmstrip{.columns = film.size(), .zoom = 4, .title = title, .column_names = names}
                 .draw(frames, side_, side_, 3),
             filmstrip{.columns = columns, .zoom = 4, .title = "samples"}.draw(drawn, side_, side_,
                                                                               3)});
    }

    void save(const std::filesystem::path& path) const {
        std::size_t middle = 0, width = 0, height = 0;
        for (const auto& [left, right] : rows_) {
            middle = std::max(middle, left.width() + 16);
            width = std::max(width, right.width());
            height += std::max(left.height(), right.height()) + 8;
        }
        canvas page(middle + width, height, filmstrip{}.paper);
        double top = 0;
        for (const auto& [left, right] : rows_) {
            page.paste({0, top}, left);
            page.paste({double(middle), top}, right);
            top += double(std::max(left.height(), right.height()) + 8);
        }
        page.save(path);
    }

private:
    struct row {
        canvas left, right;
    };

    /// Three channels in [-1, 1] for each state.
    void paint(std::span<const std::size_t> states, std::vector<float>& out) const {
        for (const std::size_t state : states) {
            const float shade = float(2 * double(state) / double(levels_ - 1) - 1);
            const std::array<float, 3> pixel = state < levels_
                                                   ? std::array<float, 3>{shade, shade, shade}
                                                   : std::array<float, 3>{-0.6F, -0.2F, 0.7F};
            out.insert(out.end(), pixel.begin(), pixel.end());
        }
    }

    std::size_t side_, levels_;
    std::vector<row> rows_;
};

}  // namespace examples
