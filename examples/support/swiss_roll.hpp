#pragma once

#include "point.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numbers>
#include <span>
#include <vector>

#include <diffusion/kernel/divergence.hpp>
#include <diffusion/random/fill.hpp>

namespace examples {

/// The Swiss roll in the plane: a spiral of one and a half turns, angle uniform in [3 pi/2, 9 pi/2]
/// and radius proportional to it, and normal noise around it. Mean 0 and variance 1 along each
/// axis, noise included. Its density is an integral along the spiral, which is taken numerically.
class swiss_roll {
public:
    explicit swiss_roll(double noise) : noise_(noise), spine_(nodes) {
        for (std::size_t j = 0; j < nodes; ++j) {
            const double angle = 1.5 * std::numbers::pi * (1 + 2 * part(j));
            spine_[j] = {angle * std::cos(angle), angle * std::sin(angle)};
        }
        standardise([](point& p) -> double& { return p.x; });
        standardise([](point& p) -> double& { return p.y; });
    }

    /// The roll with this mean log-likelihood, in bits. Thinner is higher: in a band that is
    /// locally straight, log p grows by one bit where the noise is halved, which is Newton's step
    /// here.
    static swiss_roll with_likelihood(double bits) {
        double noise = 0.005, found = 0;
        for (int k = 0; k < 6; ++k, noise *= std::exp2(found - bits))
            found = swiss_roll(noise).mean_log_likelihood() / std::numbers::ln2;
        return swiss_roll(noise);
    }

    double noise() const { return noise_; }

    /// Fills x with points, two numbers each: set `number` of all that there could be, as a
    /// function of (seed, number) and their count alone.
    void draw(std::span<float> x, std::uint64_t seed, std::uint64_t number = 0) const {
        std::vector<double> u(x.size() / 2), z(x.size());
        const auto at = [&](std::uint32_t sub_draw) {
            return diffusion::noise_address{diffusion::noise_stream::data, number, sub_draw};
        };
        diffusion::fill_uniform<double>(u, seed, at(1));
        diffusion::fill_normal<double>(z, seed, at(2));
        for (std::size_t i = 0; i < u.size(); ++i) {
            const point on = spine_[std::min(std::size_t(u[i] * nodes), nodes - 1)];
            x[2 * i] = float(on.x + noise_ * z[2 * i]);
            x[2 * i + 1] = float(on.y + noise_ * z[2 * i + 1]);
        }
    }

    /// log p(x), in nats; `first` and `past`: the part of the spiral that counts.
    double log_density(point x, std::size_t first = 0, std::size_t past = nodes) const {
        double sum = 0;
        for (std::size_t j = first; j < past; ++j) {
            const double dx = x.x - spine_[j].x, dy = x.y - spine_[j].y;
            sum += std::exp(-0.5 * (dx * dx + dy * dy) / (noise_ * noise_));
        }
        return std::log(sum / nodes) - std::log(2 * std::numbers::pi * noise_ * noise_);
    }

    /// E log p(x) in nats: the integral over the place on the spiral and over the noise, by the
    /// trapezoidal rule, which is exact to rounding for a normal weight.
    double mean_log_likelihood() const {
        constexpr int reach = 6, per_deviation = 2, places = 150;
        double sum = 0, weights = 0;
        for (int k = 0; k < places; ++k) {
            const auto j = std::size_t((k + 0.5) * nodes / places);
            // 14 deviations of noise on the spiral, where it runs slowest; turns are further apart
            const std::size_t near = std::size_t(14 * noise_ / 7.0 * nodes) + 1;
            const std::size_t first = j - std::min(j, near), past = std::min(j + near, nodes);
            for (int a = -reach * per_deviation; a <= reach * per_deviation; ++a)
                for (int b = -reach * per_deviation; b <= reach * per_deviation; ++b) {
                    const double u = double(a) / per_deviation, v = double(b) / per_deviation;
                    const double weight = std::exp(-0.5 * (u * u + v * v));
                    const point x{spine_[j].x + noise_ * u, spine_[j].y + noise_ * v};
                    sum += weight * log_density(x, first, past);
                    weights += weight;
                }
        }
        return sum / weights;
    }

    /// The distance of a point to the spiral.
    double distance(point x) const {
        double least = std::numeric_limits<double>::infinity();
        for (const point& on : spine_)
            least = std::min(least, (x.x - on.x) * (x.x - on.x) + (x.y - on.y) * (x.y - on.y));
        return std::sqrt(least);
    }

    /// The share of points whose distance to the spiral is at most so many times the noise.
    double share_within(std::span<const float> x, double deviations) const {
        double inside = 0;
        for (std::size_t i = 0; i < x.size(); i += 2)
            inside += distance({x[i], x[i + 1]}) <= deviations * noise_ ? 1 : 0;
        return 2 * inside / double(x.size());
    }

private:
    static constexpr std::size_t nodes = 9000;  // closer together than the noise is wide

    static double part(std::size_t j) { return (double(j) + 0.5) / nodes; }

    template <class Axis>
    void standardise(Axis&& axis) {
        double mean = 0, variance = 0;
        for (point& p : spine_) mean += axis(p) / nodes;
        for (point& p : spine_) variance += (axis(p) - mean) * (axis(p) - mean) / nodes;
        const double scale = std::sqrt((1 - noise_ * noise_) / variance);
        for (point& p : spine_) axis(p) = scale * (axis(p) - mean);
    }

    double noise_;
    std::vector<point> spine_;
};

}  // namespace examples
