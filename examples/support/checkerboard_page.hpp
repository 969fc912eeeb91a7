#pragma once

#include "filmstrip.hpp"
#include "spectrum.hpp"

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace examples {

/// The page of the checkerboard: rows of moments, each with the first pictures of both nets and
/// the spectrum of all of them.
class checkerboard_page {
public:
    checkerboard_page(std::size_t size, std::size_t shown) : size_(size), shown_(shown) {}

    /// The left (0) or the right (1) half of the next row, and its name.
    void add(std::size_t half, const std::string& name, const std::vector<float>& pictures,
             const spectrum& waves) {
        std::vector<float> row(pictures.begin(),
                               pictures.begin() + std::ptrdiff_t(shown_ * size_ * size_));
        const auto [low, high] = std::minmax_element(row.begin(), row.end());
        const float from = *low, range = *high - *low;
        if (range < 0.5F && range > 0)  // so faint that nothing would be seen: stretched
            for (float& v : row) v = 2 * (v - from) / range - 1;
        const std::vector<float> shades = waves.picture(1e-3, 1e4);
        row.insert(row.end(), shades.begin(), shades.end());
        halves_[half].push_back(std::move(row));
        if (half == 0) names_.push_back(name);
    }

    canvas draw(const std::string& left, const std::string& right) const {
        filmstrip page{.columns = 2 * (shown_ + 1),
                       .zoom = 3,
                       .title = "removing noise; a period of 2 pixels is at the spectra's edge",
                       .row_names = names_};
        for (const std::string& name : {left, right}) {
            page.column_names.push_back(name);
            page.column_names.insert(page.column_names.end(), shown_ - 1, "");
            page.column_names.push_back("spectrum");
        }
        std::vector<float> tiles;
        for (std::size_t row = 0; row < std::min(halves_[0].size(), halves_[1].size()); ++row)
            for (const auto& half : halves_)
                tiles.insert(tiles.end(), half[row].begin(), half[row].end());
        return page.draw(tiles, size_, size_);
    }

private:
    std::size_t size_, shown_;
    std::vector<std::vector<float>> halves_[2];
    std::vector<std::string> names_;
};

}  // namespace examples
