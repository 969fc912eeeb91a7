#pragma once

#include "digit_reader.hpp"
#include "frechet.hpp"
#include "labelled_images.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <span>
#include <vector>

#include <diffusion/nn/nn.hpp>
#include <diffusion/random/fill.hpp>

namespace examples {

/// How far the drawn digits are from real ones, beside the floor (real ones from other real ones)
/// and the ceiling (noise). `real` and `other` hold at least as many digits as are drawn.
inline void print_distance(const std::vector<float>& drawn, const labelled_images& real,
                           const labelled_images& other, std::uint64_t seed) {
    std::vector<float> noise(drawn.size());
    diffusion::fill_normal<float>(noise, seed, {diffusion::noise_stream::user, 1});
    const auto statistics = [&](const std::vector<float>& pictures) {
        return feature_statistics::of(std::span<const float>(pictures).first(drawn.size()),
                                      real.height, real.width);
    };
    const auto reference = statistics(real.pixels);
    std::printf("Frechet distance to %zu real digits: %.2f  (other real digits %.2f, noise %.2f)\n",
                drawn.size() / real.area(), frechet_distance(reference, statistics(drawn)),
                frechet_distance(reference, statistics(other.pixels)),
                frechet_distance(reference, statistics(noise)));
}

/// How many of the digits, drawn with this guidance, show what was asked for. The judge is a
/// `digit_reader` that learns here, from the real digits in `known`; how well it reads those in
/// `other`, which it has never seen, stands beside.
inline void print_readings(const std::vector<float>& drawn, const std::vector<std::size_t>& asked,
                           double guidance, const labelled_images& known,
                           const labelled_images& other, diffusion::nn::lanes<float>& lanes) {
    digit_reader reader(1);
    reader.learn(known, lanes, known.area() > 16 * 16 ? 1000 : 300);
    const std::vector<int> expected(asked.begin(), asked.end());
    const auto share = [&](std::span<const float> pictures, std::span<const int> labels) {
        return 100 * agreement(reader.read(pictures, known.height, known.width, lanes), labels);
    };
    std::printf("read as what was asked for at guidance %g: %.1f %%  (other real digits %.1f %%)\n",
                guidance, share(drawn, expected), share(other.pixels, other.labels));
}

}  // namespace examples
