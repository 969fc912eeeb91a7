#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>

namespace diffusion::nn {

/// The sizes of a value: items (images of a batch), height, width, channels; channels lie together
/// in memory (NHWC). A vector per item is {items, 1, 1, channels}, a sequence of tokens is
/// {items, 1, length, channels}, a number is {1, 1, 1, 1}.
struct shape {
    std::size_t items = 1;
    std::size_t height = 1;
    std::size_t width = 1;
    std::size_t channels = 1;

    /// Positions of one item.
    constexpr std::size_t pixels() const { return height * width; }

    /// Positions of all items: the rows of the matrix rows x channels that the value is in memory.
    constexpr std::size_t rows() const { return items * height * width; }

    /// Elements of all items.
    constexpr std::size_t size() const { return items * height * width * channels; }

    /// The same with another number of channels.
    constexpr shape with_channels(std::size_t c) const { return {items, height, width, c}; }

    friend constexpr bool operator==(const shape&, const shape&) = default;
};

/// "(64, 28, 28, 1)", for messages.
inline std::string to_string(const shape& s) {
    std::string text = "(";
    for (std::size_t n : {s.items, s.height, s.width, s.channels}) {
        if (text.size() > 1) text += ", ";
        text += std::to_string(n);
    }
    text += ")";
    return text;
}

}  // namespace diffusion::nn

namespace diffusion::detail {

/// Checks shapes while a network runs: "function: rule, got (2, 8, 8, 3) and (2, 4, 4, 3)".
inline void require_shapes(bool ok, const char* function, const char* rule, const nn::shape& a,
                           const nn::shape& b) {
    if (!ok)
        throw std::invalid_argument(std::string(function) + ": " + rule + ", got " +
                                    nn::to_string(a) + " and " + nn::to_string(b));
}

/// The same with one shape.
inline void require_shape(bool ok, const char* function, const char* rule, const nn::shape& s) {
    if (!ok)
        throw std::invalid_argument(std::string(function) + ": " + rule + ", got " +
                                    nn::to_string(s));
}

}  // namespace diffusion::detail
