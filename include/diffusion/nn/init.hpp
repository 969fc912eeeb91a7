#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <diffusion/random/gaussian_noise.hpp>
#include <span>
#include <string_view>

namespace diffusion::detail {

/// FNV-1a, 64 bits: turns a parameter's name into the counter of its random numbers.
constexpr std::uint64_t name_hash(std::string_view name) {
    std::uint64_t h = 14695981039346656037U;
    for (char c : name) h = (h ^ static_cast<unsigned char>(c)) * 1099511628211U;
    return h;
}

}  // namespace diffusion::detail

namespace diffusion::nn {

/// How a parameter starts: a constant, or random numbers with a given width.
struct initial {
    enum class kind { constant, uniform, normal };

    kind what = kind::constant;
    double value = 0;  ///< the constant, the bound of (-bound, bound), or the standard deviation

    static constexpr initial constant(double c) { return {kind::constant, c}; }
    static constexpr initial zero() { return {kind::constant, 0.0}; }
    static constexpr initial one() { return {kind::constant, 1.0}; }
    static constexpr initial uniform(double bound) { return {kind::uniform, bound}; }
    static constexpr initial normal(double deviation) { return {kind::normal, deviation}; }

    /// Uniform in +-1/sqrt(fan_in): the start of linear and convolution layers, weights and biases,
    /// in PyTorch (LeCun et al. 1998, "Efficient BackProp", section 4.6, up to a constant).
    /// `fan_in`: number of inputs that one output sees.
    static initial fan_in(std::size_t inputs) {
        return uniform(1 / std::sqrt(static_cast<double>(inputs)));
    }

    /// Kaiming: normal with variance 2/fan_in, which keeps the second moment through a rectifier
    /// (He et al. 2015, eq. 10).
    static initial kaiming(std::size_t inputs) {
        return normal(std::sqrt(2 / static_cast<double>(inputs)));
    }

    /// Xavier: uniform with variance 2/(fan_in + fan_out), a compromise between forward and
    /// backward (Glorot and Bengio 2010, eq. 16).
    static initial xavier(std::size_t inputs, std::size_t outputs) {
        return uniform(std::sqrt(6 / static_cast<double>(inputs + outputs)));
    }
};

/// Fills one parameter. The numbers depend on the seed, the parameter's name and the element only:
/// the same seed gives the same network everywhere, and a layer more elsewhere changes nothing
/// here.
template <class T>
void fill(std::span<T> values, initial start, std::uint64_t seed, std::string_view name) {
    const noise_address where{noise_stream::parameters, diffusion::detail::name_hash(name)};
    switch (start.what) {
        case initial::kind::constant:
            std::fill(values.begin(), values.end(), static_cast<T>(start.value));
            break;
        case initial::kind::uniform:
            fill_uniform<T>(values, seed, where);
            for (T& v : values) v = static_cast<T>(start.value * (2 * static_cast<double>(v) - 1));
            break;
        case initial::kind::normal:
            fill_normal<T>(values, seed, where);
            for (T& v : values) v = static_cast<T>(start.value * static_cast<double>(v));
            break;
    }
}

}  // namespace diffusion::nn
