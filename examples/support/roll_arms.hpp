#pragma once

#include "point.hpp"
#include "swiss_roll.hpp"

#include <cmath>
#include <cstddef>
#include <cstdio>
#include <span>
#include <vector>

namespace examples {

/// Where a vertical line cuts the roll: its arms there, and how likely each is, by integrating the
/// density along the line.
class roll_arms {
public:
    roll_arms(const swiss_roll& roll, double x) : step_(0.25 * roll.noise()), bins_(columns, 0.0) {
        double sum = 0, last = -2 * reach;
        for (double y = -reach; y < reach; y += step_) {
            const double p = std::exp(roll.log_density({x, y}));
            if (!(p > 1e-12)) continue;
            if (y - last > 0.1) arms_.push_back({y, 0});  // a new one begins
            last = y;
            // its place: the mean, as it is met
            point& arm = arms_.back();
            arm.y += p;
            arm.x += p / arm.y * (y - arm.x);
            bins_[bin(y)] += p;
            sum += p;
        }
        for (point& arm : arms_) arm.y /= sum;
        for (double& value : bins_) value /= sum * 2 * reach / columns;
    }

    /// The density along the line as a histogram: the middle of each bin, and its height.
    std::vector<point> density() const {
        std::vector<point> heights;
        for (std::size_t k = 0; k < columns; ++k)
            heights.push_back({reach * (2 * (double(k) + 0.5) / columns - 1), bins_[k]});
        return heights;
    }

    /// Prints the share of each arm among these points, beside the truth.
    void print(std::span<const float> points) const {
        std::vector<double> drawn(arms_.size(), 0.0);
        double off = 0;
        for (std::size_t i = 0; i < points.size(); i += 2) {
            std::size_t nearest = 0;
            for (std::size_t k = 0; k < arms_.size(); ++k)
                if (std::abs(points[i + 1] - arms_[k].x) <
                    std::abs(points[i + 1] - arms_[nearest].x))
                    nearest = k;
            drawn[nearest] += 2 / double(points.size());
        }
        std::printf("share of each arm (truth)");
        for (std::size_t k = 0; k < arms_.size(); ++k) {
            std::printf(", %.2f (%.2f)", drawn[k], arms_[k].y);
            off += 0.5 * std::abs(drawn[k] - arms_[k].y);
        }
        std::printf("; %.2f are in a wrong one\n", off);
    }

private:
    static constexpr double reach = 2.4;
    static constexpr std::size_t columns = 60;

    static std::size_t bin(double y) {
        return std::min(std::size_t((y + reach) / (2 * reach) * columns), columns - 1);
    }

    double step_;
    std::vector<double> bins_;
    std::vector<point> arms_;  // x: where on the line, y: how likely
};

}  // namespace examples
