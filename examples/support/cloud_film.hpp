#pragma once

#include "canvas.hpp"
#include "ink_drop.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace examples {

/// Pictures of clouds in rows, one column for each of the times `shown`. Rows that run backwards
/// meet the same times in the other order.
class cloud_film {
public:
    cloud_film(const std::vector<std::size_t>& shown, std::size_t rows)
        : page_(left + shown.size() * (side + gap), top + rows * (side + gap)) {
        for (std::size_t k = 0; k < shown.size(); ++k)
            page_.text({corner(k, 0).x + side / 2.0, 8},
                       "t=" + std::to_string(shown[k]) + " / " +
                           std::to_string(shown[shown.size() - 1 - k]),
                       black, 2, align::centre);
    }

    void name(std::size_t row, const std::string& first, const std::string& second) {
        const double y = corner(0, row).y + side / 2.0;
        page_.text({8, y - 18}, first, black, 2);
        page_.text({8, y + 4}, second, grey, 2);
    }
    void show(std::size_t column, std::size_t row, const cloud& x) {
        canvas water(side, side, {240, 245, 250});
        const double scale = side / 5.6;  // 2.8 standard deviations of the noise to each side
        for (std::size_t i = 0; i < x.size(); i += 2)
            water.disc({side / 2.0 + scale * x[i], side / 2.0 - scale * x[i + 1]}, 1.1,
                       {24, 44, 120}, 0.35);
        page_.paste(corner(column, row), water);
    }
    void save(const std::string& path) const { page_.save(path); }

private:
    static constexpr std::size_t side = 170, gap = 8, left = 150, top = 34;
    static point corner(std::size_t column, std::size_t row) {
        return {double(left + column * (side + gap)), double(top + row * (side + gap))};
    }
    canvas page_;
};

}  // namespace examples
