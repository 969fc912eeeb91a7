#pragma once

#include "canvas.hpp"
#include "heartbeat.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace examples {

/// Sequences of bits as rows of cells, blocks of them side by side: one process above the other,
/// its times from left to right.
class heartbeat_page {
public:
    heartbeat_page(std::size_t columns, std::size_t rows)
        : page_(left + columns * (width + gap), rows * (height + gap + title)) {}

    /// The first few sequences of x; beats are dark. `known`: bits that r(x) says, in colour.
    void show(std::size_t column, std::size_t row, const std::string& name,
              std::span<const std::size_t> x, std::size_t known = 0) {
        const double x_0 = double(left + column * (width + gap));
        const double y_0 = double(row * (height + gap + title) + title);
        page_.text({x_0 + width / 2.0, y_0 - 20}, name, black, 2, align::centre);
        for (std::size_t k = 0; k < shown * heartbeat::length && k < x.size(); ++k) {
            const std::size_t i = k % heartbeat::length;
            const point corner{x_0 + double(cell * i),
                               y_0 + double(cell * (k / heartbeat::length))};
            const colour ink = x[k] == 1 ? (i < known ? orange : black)
                                         : (i < known ? mix(white, orange, 0.25) : light_grey);
            page_.fill(corner, {corner.x + cell - 1, corner.y + cell - 1}, ink);
        }
    }

    void name(std::size_t row, const std::string& first, const std::string& second) {
        const double y = double(row * (height + gap + title) + title) + height / 2.0;
        page_.text({8, y - 16}, first, black, 2);
        page_.text({8, y + 6}, second, grey, 1);
    }

    void save(const std::string& path) const { page_.save(path); }

private:
    static constexpr std::size_t shown = 14, cell = 10, gap = 14, title = 28, left = 170;
    static constexpr std::size_t width = cell * heartbeat::length, height = cell * shown;

    canvas page_;
};

}  // namespace examples
