#pragma once

#include "point.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <span>
#include <vector>

#include <Eigen/Core>
#include <diffusion/random/fill.hpp>

namespace examples {

/// Sixteen actions of a robot's hand, one a column: where to be next (x, y, z), where to point
/// (cosine and sine of the heading), the tilt, the gripper (-1 open, 1 closed).
using trajectory = Eigen::Matrix<float, 7, 16>;
using action = Eigen::Matrix<float, 7, 1>;

/// What the robot sees: x and y of its hand, of the obstacle and of the goal.
using observation = std::array<float, 6>;

/// A plan, and what it took.
struct planned {
    trajectory actions;
    std::size_t calls;  ///< of the network
    double milliseconds;
};

inline point place_of(const action& a) { return {double(a(0)), double(a(1))}; }

/// A hand that is to be led around a round obstacle, to the left or to the right: both are equally
/// good.
struct scene {
    point start{-1, 0};
    point obstacle{0, 0};
    point goal{1, 0};
    static constexpr double radius = 0.28;

    observation seen_from(point hand) const {
        return {float(hand.x),     float(hand.y), float(obstacle.x),
                float(obstacle.y), float(goal.x), float(goal.y)};
    }

    action home() const { return demonstrated(0, 0); }

    /// How far a place lies to the left of the straight way, in the direction of travel.
    double side(point p) const {
        const double x = goal.x - start.x, y = goal.y - start.y;
        return (x * (p.y - start.y) - y * (p.x - start.x)) / std::hypot(x, y);
    }

    /// The way that a plan takes: +1 left of the obstacle, -1 right of it, 0 through it.
    int way(const trajectory& p) const {
        double nearest = 1e300, at_side = 0;
        for (Eigen::Index k = 0; k + 1 < p.cols(); ++k) {
            const point a = place_of(p.col(k)), b = place_of(p.col(k + 1));
            for (int part = 0; part <= 8; ++part) {
                const point q{a.x + (b.x - a.x) * part / 8, a.y + (b.y - a.y) * part / 8};
                const double distance = std::hypot(q.x - obstacle.x, q.y - obstacle.y);
                if (distance >= nearest) continue;
                nearest = distance;
                at_side = side(q) - side(obstacle);
            }
        }
        return nearest < radius ? 0 : at_side > 0 ? 1 : -1;
    }

    /// Action k = 0 .. 15 of a demonstration that passes at the distance `width`, on the left if
    /// that is positive: a straight way and a bulge, at a height that is greatest in the middle.
    action demonstrated(std::size_t k, double width) const {
        const auto at = [&](double u) {
            const double pi = std::numbers::pi, part = u * u * (3 - 2 * u);
            const double bulge = width * std::pow(std::sin(pi * part), 2);
            const double x = goal.x - start.x, y = goal.y - start.y, length = std::hypot(x, y);
            return point{start.x + part * x - bulge * y / length,
                         start.y + part * y + bulge * x / length};
        };
        const double u = double(std::min<std::size_t>(k, 15)) / 15;
        const point p = at(u), before = at(std::max(u - 0.01, 0.0)),
                    after = at(std::min(u + 0.01, 1.0));
        const double heading = std::atan2(after.y - before.y, after.x - before.x);
        action a;
        a << float(p.x), float(p.y), float(0.1 + 0.5 * std::sin(std::numbers::pi * u)),
            float(std::cos(heading)), float(std::sin(heading)),
            float(0.4 * std::cos(std::numbers::pi * u)), float(std::tanh(12 * (0.85 - u)));
        return a;
    }
};

/// What an expert did, and what was seen before: plans one behind the other, as in memory.
struct demonstrations {
    std::vector<float> plans;
    std::vector<observation> seen;
    std::vector<int> numbers;  ///< 0, 1, 2, ...: which observation belongs to a plan

    /// Random scenes. Half of the plans begin at the start, the others on the way, a bit off the
    /// track to which they lead back: what a robot needs that is pushed.
    static demonstrations draw(std::size_t count, std::uint64_t seed) {
        demonstrations all;
        for (std::size_t i = 0; i < count; ++i) {
            std::array<double, 9> luck;
            diffusion::fill_uniform<double>(luck, seed, {diffusion::noise_stream::user, i});
            const auto between = [&](std::size_t k, double low, double high) {
                return low + (high - low) * luck[k];
            };
            scene s;
            s.start = {between(0, -1.1, -0.9), between(1, -0.3, 0.3)};
            s.goal = {between(2, 0.9, 1.1), between(3, -0.3, 0.3)};
            const double part = between(4, 0.42, 0.58);
            s.obstacle = {s.start.x + part * (s.goal.x - s.start.x),
                          s.start.y + part * (s.goal.y - s.start.y)};
            const double width = between(5, 0.5, 0.62) * (i % 2 == 0 ? 1 : -1);
            const auto first = luck[6] < 0.5 ? 0 : std::size_t(between(6, -14, 16));
            const double off = first == 0 ? 0 : 0.06;
            const double off_x = between(7, -off, off), off_y = between(8, -off, off);
            trajectory p;
            for (std::size_t k = 0; k < 16; ++k) {
                p.col(Eigen::Index(k)) = s.demonstrated(first + k, width);
                p(0, Eigen::Index(k)) += float(off_x * std::pow(0.5, double(k)));
                p(1, Eigen::Index(k)) += float(off_y * std::pow(0.5, double(k)));
            }
            all.plans.insert(all.plans.end(), p.data(), p.data() + p.size());
            all.seen.push_back(s.seen_from(place_of(p.col(0))));
            all.numbers.push_back(int(i));
        }
        return all;
    }
};

}  // namespace examples
