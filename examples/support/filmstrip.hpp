#pragma once

#include "canvas.hpp"

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace examples {

/// Pictures in rows and columns, with names beside them: a page of digits, or a process in
/// time.
struct filmstrip {
    std::size_t columns = 10;
    std::size_t zoom = 3;  ///< side of a pixel on the page
    std::string title = {};
    std::vector<std::string> column_names = {};  ///< over the columns; may be empty
    std::vector<std::string> row_names = {};     ///< left of the rows; may be empty
    colour paper = {58, 62, 72};
    colour ink = {238, 238, 240};

    /// The page. `pictures` is (count, height, width, channels), laid out row by row; 1 or 3
    /// channels, values in [-1, 1].
    canvas draw(std::span<const float> pictures, std::size_t height, std::size_t width,
                std::size_t channels = 1) const {
        constexpr std::size_t gap = 4;
        const std::size_t area = height * width * channels, count = pictures.size() / area;
        const std::size_t rows = std::max<std::size_t>(1, (count + columns - 1) / columns);
        std::size_t longest = 0;
        for (const std::string& name : row_names) longest = std::max(longest, name.size());
        const std::size_t left = gap + (longest > 0 ? 6 * longest + 6 : 0);
        const std::size_t top = gap + (title.empty() ? 0 : 22) + (column_names.empty() ? 0 : 13);
        const std::size_t step_x = width * zoom + gap;
        const std::size_t step_y = height * zoom + gap;
        const std::size_t page_width =
            std::max(left + columns * step_x, 2 * gap + std::size_t(canvas::text_width(title, 2)));
        canvas page(page_width, top + rows * step_y, paper);
        page.text({gap, gap + 1}, title, ink, 2);
        for (std::size_t k = 0; k < std::min(columns, column_names.size()); ++k)
            page.text({double(left + k * step_x) + 0.5 * double(width * zoom), double(top - 11)},
                      column_names[k], ink, 1, align::centre);
        for (std::size_t k = 0; k < std::min(rows, row_names.size()); ++k)
            page.text({gap, double(top + k * step_y) + 0.5 * double(height * zoom) - 4},
                      row_names[k], ink);
        for (std::size_t i = 0; i < count; ++i)
            page.picture({double(left + i % columns * step_x), double(top + i / columns * step_y)},
                         pictures.subspan(i * area, area), width, zoom, channels);
        return page;
    }
};

}  // namespace examples
