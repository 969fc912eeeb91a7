#pragma once

#include "font.hpp"
#include "point.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <diffusion/io/png.hpp>

namespace examples {

/// A colour on the screen, each part 0 to 255.
struct colour {
    std::uint8_t red = 0;
    std::uint8_t green = 0;
    std::uint8_t blue = 0;

    friend bool operator==(const colour&, const colour&) = default;
};

/// The mixture (1 - part) a + part b.
inline colour mix(colour a, colour b, double part) {
    const auto blend = [part](std::uint8_t x, std::uint8_t y) {
        return std::uint8_t(std::lround((1 - part) * double(x) + part * double(y)));
    };
    return {blend(a.red, b.red), blend(a.green, b.green), blend(a.blue, b.blue)};
}

inline constexpr colour black{20, 22, 28};
inline constexpr colour white{255, 255, 255};
inline constexpr colour grey{150, 152, 158};
inline constexpr colour light_grey{228, 229, 232};
inline constexpr colour blue{38, 98, 178};
inline constexpr colour orange{222, 112, 24};
inline constexpr colour green{44, 140, 84};

/// Where a text lies relative to the point that it is given.
enum class align { left, centre, right };

/// A picture to draw on: anti-aliased lines and discs, rectangles, text. Coordinates are pixels,
/// the centre of the first pixel is at (0.5, 0.5); what falls outside is cut off.
class canvas {
public:
    canvas(std::size_t width, std::size_t height, colour paper = white)
        : width_(width), height_(height), pixels_(width * height, paper) {}

    std::size_t width() const { return width_; }
    std::size_t height() const { return height_; }
    colour at(std::size_t x, std::size_t y) const { return pixels_[y * width_ + x]; }

    /// Covers a part (0 to 1) of one pixel with ink; outside of the canvas nothing happens.
    void cover(std::ptrdiff_t x, std::ptrdiff_t y, colour ink, double part = 1) {
        if (x < 0 || y < 0 || x >= std::ptrdiff_t(width_) || y >= std::ptrdiff_t(height_)) return;
        colour& pixel = pixels_[std::size_t(y) * width_ + std::size_t(x)];
        pixel = mix(pixel, ink, std::clamp(part, 0.0, 1.0));
    }

    /// Fills the rectangle from `low` to `high`, edges rounded to whole pixels.
    void fill(point low, point high, colour ink, double opacity = 1) {
        for (auto y = std::lround(std::max(low.y, 0.0));
             y < std::lround(std::min(high.y, double(height_))); ++y)
            for (auto x = std::lround(std::max(low.x, 0.0));
                 x < std::lround(std::min(high.x, double(width_))); ++x)
                cover(x, y, ink, opacity);
    }

    /// A straight line with round ends.
    void line(point a, point b, colour ink, double thickness = 1.5) {
        const point d{b.x - a.x, b.y - a.y};
        const double length_2 = d.x * d.x + d.y * d.y;
        near({std::min(a.x, b.x), std::min(a.y, b.y)}, {std::max(a.x, b.x), std::max(a.y, b.y)},
             0.5 * thickness, ink, 1, [&](point p) {
                 const point q{p.x - a.x, p.y - a.y};
                 const double along = (q.x * d.x + q.y * d.y) / length_2;
                 const double u = length_2 > 0 ? std::clamp(along, 0.0, 1.0) : 0.0;
                 return std::hypot(q.x - u * d.x, q.y - u * d.y) - 0.5 * thickness;
             });
    }

    /// A filled circle.
    void disc(point centre, double radius, colour ink, double opacity = 1) {
        near(centre, centre, radius, ink, opacity,
             [&](point p) { return std::hypot(p.x - centre.x, p.y - centre.y) - radius; });
    }

    /// The width in pixels of a text of one line.
    static double text_width(std::string_view text, int scale = 1) {
        return text.empty() ? 0 : double(scale) * (6 * double(text.size()) - 1);
    }

    /// One line of text with its top at `where.y`; capitals are 7 * scale pixels high.
    void text(point where, std::string_view text, colour ink = black, int scale = 1,
              align side = align::left) {
        where.x -= shift(text_width(text, scale), side);
        glyphs(text, scale, [&](double along, double down) {
            fill({where.x + along, where.y + down},
                 {where.x + along + scale, where.y + down + scale}, ink);
        });
    }

    /// The same, turned by a quarter: it runs upwards and its left edge is at `where.x`.
    void text_upwards(point where, std::string_view text, colour ink = black, int scale = 1,
                      align side = align::left) {
        where.y += shift(text_width(text, scale), side);
        glyphs(text, scale, [&](double along, double down) {
            fill({where.x + down, where.y - along - scale},
                 {where.x + down + scale, where.y - along}, ink);
        });
    }

    /// A picture of 1 channel (grey) or 3 (red, green, blue), values in [-1, 1] (-1 black; values
    /// beyond are cut), each pixel zoom x zoom.
    void picture(point where, std::span<const float> values, std::size_t width, std::size_t zoom,
                 std::size_t channels = 1) {
        const auto level = [&](std::size_t i) {
            return std::uint8_t(
                std::lround(127.5 * (std::clamp(double(values[i]), -1.0, 1.0) + 1)));
        };
        for (std::size_t i = 0; i < values.size() / channels; ++i) {
            const std::size_t first = i * channels, last = first + channels - 1;
            const point corner{where.x + double(i % width * zoom),
                               where.y + double(i / width * zoom)};
            fill(corner, {corner.x + double(zoom), corner.y + double(zoom)},
                 {level(first), level((first + last) / 2), level(last)});
        }
    }

    /// Puts another canvas onto this one.
    void paste(point where, const canvas& other) {
        for (std::size_t y = 0; y < other.height(); ++y)
            for (std::size_t x = 0; x < other.width(); ++x)
                cover(std::lround(where.x) + std::ptrdiff_t(x),
                      std::lround(where.y) + std::ptrdiff_t(y), other.at(x, y));
    }

    /// The picture in the form that the library's writers take.
    diffusion::io::image image() const {
        diffusion::io::image result;
        result.height = height_;
        result.width = width_;
        result.channels = 3;
        result.pixels.reserve(3 * pixels_.size());
        for (const colour& pixel : pixels_)
            result.pixels.insert(result.pixels.end(), {pixel.red, pixel.green, pixel.blue});
        return result;
    }

    /// Writes a PNG file; makes its folder if there is none.
    void save(const std::filesystem::path& path) const {
        if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path());
        diffusion::io::write_png(path, image());
    }

private:
    // Inks every pixel by its signed distance to a shape that lies within `reach` of [low, high].
    template <class Distance>
    void near(point low, point high, double reach, colour ink, double opacity, Distance distance) {
        const auto first = [reach](double v) {
            return std::ptrdiff_t(std::floor(std::max(v - reach - 1, 0.0)));
        };
        const auto past = [reach](double v, std::size_t size) {
            return std::ptrdiff_t(std::ceil(std::min(v + reach + 1, double(size))));
        };
        for (std::ptrdiff_t y = first(low.y); y < past(high.y, height_); ++y) {
            for (std::ptrdiff_t x = first(low.x); x < past(high.x, width_); ++x) {
                const double part = 0.5 - distance(point{double(x) + 0.5, double(y) + 0.5});
                if (part > 0) cover(x, y, ink, opacity * std::min(part, 1.0));
            }
        }
    }

    static double shift(double width, align side) {
        if (side == align::left) return 0;
        return side == align::right ? width : std::floor(0.5 * width);
    }

    template <class Dot>
    static void glyphs(std::string_view text, int scale, Dot dot) {
        for (std::size_t k = 0; k < text.size(); ++k)
            for (std::size_t row = 0; row < 9; ++row)
                for (std::size_t column = 0; column < 5; ++column)
                    if (font_ink(text[k], row, column))
                        dot(double(scale) * double(6 * k + column), double(scale) * double(row));
    }

    std::size_t width_;
    std::size_t height_;
    std::vector<colour> pixels_;
};

}  // namespace examples
