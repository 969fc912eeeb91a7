#pragma once

#include "canvas.hpp"
#include "tiny_unet.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace examples {

/// A value of a network with its gradient, kept when the tape is gone.
struct kept_value {
    std::string name;
    std::size_t side, channels;
    std::vector<float> values, gradient;

    kept_value(std::string called, const diffusion::nn::var<float>& v)
        : name(std::move(called)),
          side(v.shape().width),
          channels(v.shape().channels),
          values(v.values().begin(), v.values().end()),
          gradient(v.gradient().begin(), v.gradient().end()) {}

    static double root_mean_square(std::span<const float> x) {
        double sum = 0;
        for (const float v : x) sum += double(v) * double(v);
        return std::sqrt(sum / double(x.size()));
    }
};

/// One moment of a network's life: the pictures, and what was inside while it looked at one.
struct moment {
    using tiles = std::vector<std::pair<std::string, std::vector<float>>>;

    std::string title;
    tiles pictures;    ///< grey, -1 to 1
    tiles signs = {};  ///< of either sign
    std::vector<kept_value> levels = {};

    /// Keeps all levels, and prints how large they and their gradients are.
    void keep(const tiny_unet::activations& a) {
        levels = {{"fine", a.fine},
                  {"middle", a.middle},
                  {"coarse", a.coarse},
                  {"deep", a.deep},
                  {"joined middle", a.joined_middle},
                  {"joined fine", a.joined_fine}};
        for (const kept_value& v : levels)
            std::printf("  %-13s %2zux%-2zu x %2zu   values %.2f   gradients %.2f / 1000\n",
                        v.name.c_str(), v.side, v.side, v.channels,
                        kept_value::root_mean_square(v.values),
                        1000 * kept_value::root_mean_square(v.gradient));
    }
};

/// Draws moments below each other. Grey tiles are pictures; in coloured ones blue is negative,
/// orange positive and white nothing. Each row of levels shows eight channels, their values on the
/// left and their gradients on the right.
class gradient_page {
public:
    explicit gradient_page(std::size_t moments)
        : paper_(left + 2 * 8 * step + gap, moments * (height + 7 * step), white) {}

    void add(const moment& m) {
        paper_.text({8, y_ + 8}, m.title, black, 2);
        double x = left;
        for (const auto& [name, picture] : m.pictures) {
            const std::size_t side = side_of(picture);
            paper_.text({x, y_ + 32}, name);
            paper_.picture({x, y_ + 46}, picture, side, tile / side);
            x += step + 36;
        }
        for (const auto& [name, values] : m.signs) {
            paper_.text({x, y_ + 32}, name);
            signed_tile({x, y_ + 46}, values.data(), side_of(values), 1, largest(values));
            x += step + 36;
        }
        y_ += 46 + step + 14;
        paper_.text({left, y_ - 4}, "values, eight channels of each level");
        paper_.text({left + 8 * step + gap, y_ - 4}, "their gradients");
        y_ += 12;
        for (const kept_value& level : m.levels) {
            paper_.text({8, y_ + 18}, level.name);
            paper_.text({8, y_ + 32},
                        std::to_string(level.side) + "x" + std::to_string(level.side) + "x" +
                            std::to_string(level.channels),
                        grey);
            for (std::size_t c = 0; c < 8; ++c) {
                const double at = left + double(c) * step;
                signed_tile({at, y_}, level.values.data() + c, level.side, level.channels,
                            largest(level.values));
                signed_tile({at + 8 * step + gap, y_}, level.gradient.data() + c, level.side,
                            level.channels, largest(level.gradient));
            }
            y_ += step;
        }
        y_ += 16;
    }

    const canvas& page() const { return paper_; }

private:
    static constexpr std::size_t tile = 64, step = tile + 4, left = 104, gap = 24;
    static constexpr std::size_t height = 46 + 14 + 12 + 16;

    static std::size_t side_of(const std::vector<float>& picture) {
        return std::size_t(std::lround(std::sqrt(double(picture.size()))));
    }
    static double largest(const std::vector<float>& values) {
        double most = 1e-30;
        for (const float v : values) most = std::max(most, std::abs(double(v)));
        return most;
    }

    /// One channel; `full` is the magnitude of the deepest colour.
    void signed_tile(point where, const float* values, std::size_t side, std::size_t channels,
                     double full) {
        const double zoom = double(tile) / double(side);
        for (std::size_t i = 0; i < side * side; ++i) {
            const double part = double(values[i * channels]) / full;
            const point corner{where.x + zoom * double(i % side),
                               where.y + zoom * double(i / side)};
            // the root, so that small ones are seen too
            const colour ink = mix(white, part < 0 ? blue : orange, std::sqrt(std::abs(part)));
            paper_.fill(corner, {corner.x + zoom, corner.y + zoom}, ink);
        }
        for (const double edge : {0.0, double(tile)}) {
            paper_.line({where.x + edge, where.y}, {where.x + edge, where.y + tile}, light_grey, 1);
            paper_.line({where.x, where.y + edge}, {where.x + tile, where.y + edge}, light_grey, 1);
        }
    }

    canvas paper_;
    double y_ = 0;
};

}  // namespace examples
