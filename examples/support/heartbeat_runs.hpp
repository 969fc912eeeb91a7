#pragma once

#include "heartbeat.hpp"
#include "heartbeat_page.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include <diffusion/discrete/binomial_reverse.hpp>

namespace examples {

/// Coin tosses into heartbeats, by the reverse kernel alone, by its product with an r(x) that knows
/// the first five bits, as the paper has it, and with the weights Z, which the paper leaves out.
template <class Reverse>
void run_heartbeats(const diffusion::binomial_process& process, Reverse reverse, std::size_t count,
                    std::uint64_t seed, const std::string& path) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    constexpr std::size_t known = 5, phase = 2;
    const std::size_t T = process.steps();
    std::vector<double> odds(heartbeat::length, 1);
    for (std::size_t i = 0; i < known; ++i) odds[i] = heartbeat::beats(phase, i) ? infinity : 0;
    auto inpaint = diffusion::multiplied_bits(reverse, odds, T);

    heartbeat_page page(5, 4);
    const auto name = [](std::size_t t) { return "t = " + std::to_string(t); };
    const auto x_0 = heartbeat::all<std::size_t>(10);
    for (std::size_t k = 0; k < 5; ++k) {
        const std::size_t t = T * k / 4;
        std::vector<std::size_t> x_t(x_0.size());
        diffusion::q_sample(process.kernel(0, t), std::span<const std::size_t>(x_0), std::span(x_t),
                            seed, {diffusion::noise_stream::user, t});
        page.show(k, 0, name(t), x_t);
    }
    page.name(0, "q(x_t)", "data into coins");
    page.name(1, "p(x_t)", "coins into data");
    page.name(2, "p(x_t) r(x_t)", "five bits known");
    page.name(3, "the same", "weighted by Z");

    const diffusion::binomial_sampler sampler(process);
    const char* const what[] = {"samples", "five bits known", "and weighted by Z"};
    for (std::size_t row = 1; row < 4; ++row) {
        const std::size_t coloured = row > 1 ? known : 0;
        std::vector<std::size_t> x(count * heartbeat::length);
        auto memory = sampler.init(x.size());
        sampler.start(std::span(x), seed + row);
        page.show(0, row, name(T), x, coloured);
        for (std::size_t i = 0; i < T; ++i) {
            if (row == 1) sampler.step(i, std::span(x), memory, reverse, seed + row);
            else sampler.step(i, std::span(x), memory, inpaint, seed + row);
            if (row == 3)
                diffusion::resample(std::span(x), inpaint.log_weights, seed,
                                    {diffusion::noise_stream::user, i}, i + 1 < T ? 0.5 : 1);
            if ((i + 1) % (T / 4) == 0)
                page.show((i + 1) / (T / 4), row, name(T - i - 1), x, coloured);
        }
        inpaint.log_weights.clear();
        const auto counts = heartbeat::count(x);
        std::printf("%-18s %5.1f %% are heartbeats; of each phase:", what[row - 1],
                    100 - 100.0 * double(counts[heartbeat::period]) / double(count));
        for (std::size_t k = 0; k < heartbeat::period; ++k) std::printf(" %zu", counts[k]);
        std::printf(row > 1 ? "; right is number %zu\n" : "\n", phase + 1);
    }
    page.save(path);
}

}  // namespace examples
