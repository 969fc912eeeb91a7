#pragma once

#include "drawn_digits.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace examples {

/// The labels of a page of `count` digits: always the one asked for, or else each ten hold every
/// digit once, in an order of their own.
inline std::vector<std::size_t> labels_to_draw(std::optional<int> digit, std::size_t count,
                                               std::uint64_t seed) {
    std::vector<std::size_t> labels(count);
    for (std::size_t ten = 0; 10 * ten < count; ++ten) {
        std::vector<std::size_t> order{0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
        dice luck(seed, ten);
        for (std::size_t i = 9; i > 0; --i)
            std::swap(order[i], order[std::size_t(luck.uniform(0, double(i + 1)))]);
        for (std::size_t i = 10 * ten; i < std::min(count, 10 * ten + 10); ++i)
            labels[i] = digit ? std::size_t(*digit) : order[i % 10];
    }
    return labels;
}

}  // namespace examples
