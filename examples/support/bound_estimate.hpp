#pragma once

#include "heartbeat.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <diffusion/discrete/binomial_bound.hpp>
#include <diffusion/kernel/bits.hpp>
#include <diffusion/likelihood/edge_step.hpp>
#include <diffusion/likelihood/variational_bound.hpp>
#include <diffusion/random/gaussian_noise.hpp>
#include <diffusion/tensor/std.hpp>

namespace examples {

/// The mean of numbers in bits, and how uncertain it is.
class bound_estimate {
public:
    void add(double bits) {
        ++count_;
        const double off = bits - mean_;
        mean_ += off / count_;
        squares_ += off * (bits - mean_);  // Welford 1962
    }
    double mean() const { return mean_; }
    double error() const { return count_ > 1 ? std::sqrt(squares_ / (count_ - 1) / count_) : 0; }

private:
    double count_ = 0, mean_ = 0, squares_ = 0;
};

/// K of points of the plane. `grid`: x_T, ..., x_1, and clean data at last; `denoiser(n)` makes one
/// for n points, whose variance is that of x_0.
template <class Denoiser>
bound_estimate roll_bound(const diffusion::time_grid& grid, std::span<const float> x_0,
                          Denoiser&& denoiser, std::uint64_t seed) {
    const diffusion::variational_bound bound(grid, diffusion::variance_output::data_log_variance,
                                             diffusion::edge_step(grid[grid.size() - 2]));
    bound_estimate K;
    for (; !x_0.empty(); ++seed) {
        const auto part = x_0.first(std::min<std::size_t>(x_0.size(), 500));
        const std::vector<float> points(part.begin(), part.end());
        const auto terms = bound(points, points.size() / 2, denoiser(points.size() / 2),
                                 diffusion::gaussian_noise{seed});
        for (const double total : terms.total) K.add(-diffusion::in_bits(total));
        x_0 = x_0.subspan(part.size());
    }
    return K;
}

/// K of heartbeats as the paper has it, and with a last step that is learned, too.
struct heartbeat_estimate {
    bound_estimate paper, learned_end;
};

/// The same for a reverse kernel of bits, from `draws` estimates of all five sequences, `copies`
/// times each.
template <class Reverse>
heartbeat_estimate heartbeat_bound(const diffusion::binomial_process& process, Reverse& reverse,
                                   std::size_t copies, std::size_t draws, std::uint64_t seed) {
    const auto x_0 = heartbeat::all<std::size_t>(copies);
    heartbeat_estimate K;
    for (std::size_t k = 0; k < draws; ++k) {
        const auto found = diffusion::binomial_lower_bound(
            process, std::span<const std::size_t>(x_0), heartbeat::length, reverse, seed + k);
        K.paper.add(diffusion::in_bits(found.nats()));
        K.learned_end.add(diffusion::in_bits(found.nats_with_learned_end()));
    }
    return K;
}

}  // namespace examples
