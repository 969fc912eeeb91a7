#pragma once

#include <cmath>
#include <cstddef>
#include <diffusion/nn/tape.hpp>
#include <span>

namespace diffusion::nn {

/// The conventions of the sinusoidal embedding, in which code bases differ.
struct time_embedding_options {
    std::size_t channels = 32;   ///< even
    double longest = 10000;      ///< ratio of the highest to the (limit of the) lowest frequency
    bool reach_longest = false;  ///< frequencies longest^(-i/(half - 1)), as in Ho et al.'s code;
                                 ///< else longest^(-i/half), as in Vaswani et al. and improved DDPM
    bool cosine_first = false;   ///< (cos, sin), as in improved DDPM; else (sin, cos)
    double factor = 1;           ///< multiplies t: 1000 for a time in [0, 1]
};

/// Sinusoidal embedding of a time per item (Vaswani et al. 2017, section 3.5), {items, 1, 1,
/// channels}:
///
///     sin(f_i t), i = 0 ... half - 1, then cos(f_i t);   f_i = longest^(-i/half)
///
/// `t`: one time for each item, or a single one for all.
template <class T>
var<T> time_embedding(nn::tape<T>& tape, std::size_t items, std::span<const double> t,
                      const time_embedding_options& options) {
    const std::size_t half = options.channels / 2;
    diffusion::detail::require(half > 0 && options.channels % 2 == 0,
                               "diffusion::nn::time_embedding", "the channels must be even",
                               options.channels);
    diffusion::detail::require(t.size() == items || t.size() == 1, "diffusion::nn::time_embedding",
                               "there must be one time for each item, or one for all", t.size());
    diffusion::detail::require(!options.reach_longest || half > 1, "diffusion::nn::time_embedding",
                               "reach_longest needs at least 4 channels", options.channels);
    const double steps = static_cast<double>(options.reach_longest ? half - 1 : half);
    const var<T> y = tape.result({items, 1, 1, options.channels});
    for (std::size_t i = 0; i < half; ++i) {
        const double frequency =
            options.factor * std::exp(-std::log(options.longest) * static_cast<double>(i) / steps);
        for (std::size_t n = 0; n < items; ++n) {
            const double angle = frequency * t[t.size() == 1 ? 0 : n];
            T* row = y.fill() + n * options.channels;
            row[i + (options.cosine_first ? half : 0)] = static_cast<T>(std::sin(angle));
            row[i + (options.cosine_first ? 0 : half)] = static_cast<T>(std::cos(angle));
        }
    }
    return y;
}

}  // namespace diffusion::nn
