#pragma once

#include <cmath>
#include <cstddef>
#include <diffusion/nn/tape.hpp>
#include <numbers>
#include <span>
#include <string>

namespace diffusion::nn::detail {

inline void require_times(std::span<const double> t, std::size_t items, const char* function) {
    diffusion::detail::require(t.size() == items || t.size() == 1, function,
                               "there must be one time for each item, or one for all", t.size());
}

/// Row n of y: the sines of frequency(i) t_n, then the cosines, or the other way round.
template <class T, class Frequency>
void fill_waves(const var<T>& y, std::span<const double> t, bool cosine_first,
                Frequency&& frequency) {
    const nn::shape s = y.shape();
    const std::size_t half = s.channels / 2;
    for (std::size_t i = 0; i < half; ++i) {
        const double f = frequency(i);
        for (std::size_t n = 0; n < s.items; ++n) {
            const double angle = f * t[t.size() == 1 ? 0 : n];
            T* row = y.fill() + n * s.channels;
            row[i + (cosine_first ? half : 0)] = static_cast<T>(std::sin(angle));
            row[i + (cosine_first ? 0 : half)] = static_cast<T>(std::cos(angle));
        }
    }
}

}  // namespace diffusion::nn::detail

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
    detail::require_times(t, items, "diffusion::nn::time_embedding");
    diffusion::detail::require(!options.reach_longest || half > 1, "diffusion::nn::time_embedding",
                               "reach_longest needs at least 4 channels", options.channels);
    const double steps = static_cast<double>(options.reach_longest ? half - 1 : half);
    const var<T> y = tape.result({items, 1, 1, options.channels});
    detail::fill_waves(y, t, options.cosine_first, [&](std::size_t i) {
        return options.factor *
               std::exp(-std::log(options.longest) * static_cast<double>(i) / steps);
    });
    return y;
}

/// Random Fourier features of a time per item (Rahimi and Recht 2007; Tancik et al. 2020; for
/// diffusion Song et al. 2021, appendix C), {items, 1, 1, 2 half}:
///
///     sin(2 pi f_i t), i = 0 ... half - 1, then cos(2 pi f_i t)
///
/// `frequencies`: half numbers, usually random and fixed, learned if a gradient is wanted. `t`: one
/// time for each item, or a single one for all; viewed, it must stay in place until `backward`.
/// `cosine_first`: the cosines before the sines, as in EDM's code.
template <class T>
var<T> fourier_embedding(const var<T>& frequencies, std::size_t items, std::span<const double> t,
                         bool cosine_first = false) {
    detail::require_times(t, items, "diffusion::nn::fourier_embedding");
    const std::size_t half = frequencies.size();
    nn::tape<T>& tape = frequencies.tape();
    const var<T> y = tape.result({items, 1, 1, 2 * half}, frequencies);
    detail::fill_waves(y, t, cosine_first, [&](std::size_t i) {
        return 2 * std::numbers::pi * static_cast<double>(frequencies.data()[i]);
    });
    tape.record(y, [half, items, t, cosine_first, y,
                    df = adjoint_slot<T>(frequencies)](const adjoint_slot<T>& dy) {
        T* to = df.write_zeroed();
        const std::size_t sine = cosine_first ? half : 0, cosine = cosine_first ? 0 : half;
        for (std::size_t i = 0; i < half; ++i) {
            double sum = 0;
            for (std::size_t n = 0; n < items; ++n) {
                const T* row = y.data() + n * 2 * half + i;
                const T* g = dy.read() + n * 2 * half + i;
                sum += t[t.size() == 1 ? 0 : n] *
                       static_cast<double>(g[sine] * row[cosine] - g[cosine] * row[sine]);
            }
            to[i] += static_cast<T>(2 * std::numbers::pi * sum);
        }
    });
    return y;
}

/// Fourier features with their frequencies `name`.weight, normal with deviation `scale` and frozen.
template <class T>
struct fourier_embedding_layer {
    parameter<T> weight;
    bool cosine_first = false;

    fourier_embedding_layer() = default;

    /// `channels` of the result: twice the number of frequencies, so even.
    fourier_embedding_layer(parameters<T>& store, const std::string& name, std::size_t channels,
                            double scale = 16, bool cosines_first = false)
        : cosine_first(cosines_first) {
        diffusion::detail::require(channels > 0 && channels % 2 == 0,
                                   "diffusion::nn::fourier_embedding_layer",
                                   "the channels must be even", channels);
        weight = store.add(name + ".weight", {channels / 2}, parameter_layout::plain,
                           initial::normal(scale));
        store.fix(weight);
    }

    var<T> operator()(nn::tape<T>& tape, std::size_t items, std::span<const double> t) const {
        return fourier_embedding(tape.use(weight), items, t, cosine_first);
    }
};

}  // namespace diffusion::nn
