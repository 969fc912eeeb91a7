#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include <diffusion/discrete/binomial_process.hpp>
#include <diffusion/nn/nn.hpp>

namespace examples {

/// The binary heartbeat (Sohl-Dickstein et al. 2015, section 3.1.2): sequences of twenty bins, a 1
/// in every fifth of them, and nothing else to learn but the phase. So there are five, and the true
/// log-likelihood of each is log2(1/5) = -2.322 bits.
struct heartbeat {
    static constexpr std::size_t length = 20, period = 5;

    /// Whether bin i has a beat in the sequence with this phase.
    static bool beats(std::size_t phase, std::size_t i) { return i % period == phase; }

    /// All five sequences, `copies` times, one behind the other.
    template <class T>
    static std::vector<T> all(std::size_t copies = 1) {
        std::vector<T> bits;
        for (std::size_t k = 0; k < copies * period; ++k)
            for (std::size_t i = 0; i < length; ++i) bits.push_back(beats(k % period, i) ? 1 : 0);
        return bits;
    }

    /// The phase of a sequence; `period` if it is no heartbeat.
    static std::size_t phase_of(std::span<const std::size_t> x) {
        for (std::size_t phase = 0; phase < period; ++phase) {
            bool same = true;
            for (std::size_t i = 0; i < length; ++i) same = same && (x[i] == 1) == beats(phase, i);
            if (same) return phase;
        }
        return period;
    }

    /// How many of the sequences in x have each phase; the last number: how many none.
    static std::array<std::size_t, period + 1> count(std::span<const std::size_t> x) {
        std::array<std::size_t, period + 1> counts{};
        for (std::size_t first = 0; first < x.size(); first += length)
            ++counts[phase_of(x.subspan(first, length))];
        return counts;
    }

    /// What a perfect network would say, P(x_0 = 1 | x_t), by Bayes' rule over the five.
    static void guess(const diffusion::binomial_process& process, std::span<const std::size_t> x_t,
                      std::size_t t, std::span<double> one) {
        const auto jump = process.kernel(0, t);
        for (std::size_t first = 0; first < x_t.size(); first += length) {
            std::array<double, period> weight{};
            double sum = 0;
            for (std::size_t phase = 0; phase < period; ++phase) {
                weight[phase] = 1;
                for (std::size_t i = 0; i < length; ++i)
                    weight[phase] *= 2 * jump(beats(phase, i) ? 1 : 0, x_t[first + i]);
                sum += weight[phase];
            }
            for (std::size_t i = 0; i < length; ++i) one[first + i] = weight[i % period] / sum;
        }
    }
};

/// A perceptron with one input and one output for each bin, as in the paper.
inline diffusion::nn::mlp<float> heartbeat_net(std::uint64_t seed) {
    return diffusion::nn::mlp<float>(
        {.in = heartbeat::length, .hidden = 64, .out = heartbeat::length, .time_factor = 100},
        seed);
}

}  // namespace examples
