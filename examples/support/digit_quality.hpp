#pragma once

#include "frechet.hpp"
#include "labelled_images.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <span>
#include <vector>

#include <diffusion/random/fill.hpp>

namespace examples {

/// How far the drawn digits are from real ones, beside the floor (real ones from other real ones)
/// and the ceiling (noise); and how many of them a simple machine, which knows the digits in
/// `known`, reads as what was asked for. `real` and `other` hold at least as many digits as are
/// drawn.
inline void print_quality(const std::vector<float>& drawn, const std::vector<std::size_t>& labels,
                          const labelled_images& known, const labelled_images& real,
                          const labelled_images& other, std::uint64_t seed) {
    std::vector<float> noise(drawn.size());
    diffusion::fill_normal<float>(noise, seed, {diffusion::noise_stream::user, 1});

    const auto statistics = [&](const std::vector<float>& pictures) {
        return feature_statistics::of(std::span<const float>(pictures).first(drawn.size()),
                                      real.height, real.width);
    };
    const auto reference = statistics(real.pixels);
    std::printf("Frechet distance to %zu real digits: %.2f  (other real digits %.2f, noise %.2f)\n",
                labels.size(), frechet_distance(reference, statistics(drawn)),
                frechet_distance(reference, statistics(other.pixels)),
                frechet_distance(reference, statistics(noise)));

    const auto read = [&](const std::vector<float>& pictures, const std::vector<int>& expected) {
        return 100 * recognised_share(std::span<const float>(pictures).first(drawn.size()),
                                      expected, known);
    };
    const std::vector<int> asked(labels.begin(), labels.end());
    const std::vector<int> true_labels(other.labels.begin(),
                                       other.labels.begin() + std::ptrdiff_t(labels.size()));
    std::printf("read as what was asked for: %.1f %%  (other real digits %.1f %%, noise %.1f %%)\n",
                read(drawn, asked), read(other.pixels, true_labels), read(noise, asked));
}

}  // namespace examples
