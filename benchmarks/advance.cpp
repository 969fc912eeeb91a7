// Claim: advancing a state by one step costs one fused pass over its tensors, at any size.
//
// Each benchmark times a hand-written pass and the sampler's `advance` in turn, over the same tensors, and reports the
// median of the ratios (and, where a step takes nanoseconds, of the differences). The network's call is left out.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstddef>
#include <vector>

#include <diffusion/diffusion.hpp>

#include "timing.hpp"

namespace {

using namespace diffusion;

/// x <- a x + b D, as one would write it for exactly this purpose.
[[gnu::noinline]] void by_hand(float* __restrict x, const float* __restrict D, std::size_t n,
                               float a, float b) {
    for (std::size_t e = 0; e < n; ++e) x[e] = a * x[e] + b * D[e];
}

/// x <- a x + b D + c E, for methods that keep one past prediction.
[[gnu::noinline]] void by_hand(float* __restrict x, const float* __restrict D,
                               const float* __restrict E, std::size_t n, float a, float b,
                               float c) {
    for (std::size_t e = 0; e < n; ++e) x[e] = a * x[e] + b * D[e] + c * E[e];
}

using benchmarks::median;

template <class F>
double nanoseconds(std::size_t repetitions, F&& f) {
    const double time = benchmarks::seconds([&] {
        for (std::size_t r = 0; r < repetitions; ++r) f();
    });
    return 1e9 * time / static_cast<double>(repetitions);
}

template <class Ours, class Hand>
void compare(benchmark::State& state, std::size_t n, Ours&& ours, Hand&& hand) {
    const std::size_t repetitions = std::max<std::size_t>(1, (std::size_t{1} << 20) / n);
    std::vector<double> ratios, differences, passes;
    for (auto _ : state) {
        const double by_hand_ns = nanoseconds(repetitions, hand),
                     ours_ns = nanoseconds(repetitions, ours);
        ratios.push_back(ours_ns / by_hand_ns);
        differences.push_back(ours_ns - by_hand_ns);
        passes.push_back(by_hand_ns);
    }
    state.counters["by_hand_ns"] = median(passes);
    state.counters["ratio"] = median(ratios);
    state.counters["more_ns"] = median(differences);
}

template <class Rule>
void advance(benchmark::State& state) {
    const auto n = static_cast<std::size_t>(state.range(0));
    const multistep sampler(Rule{}, leading(discrete_schedule(cosine_beta{}), 50));
    std::vector<float> x(n, 1.0f);
    auto memory = sampler.init(x);
    // The same tensors for both, since where they lie in memory matters: E was predicted before D.
    std::vector<float>& E = sampler.prediction_slot(memory);
    E.assign(n, 0.25f);
    std::vector<float>& D = sampler.prediction_slot(memory);
    D.assign(n, 0.5f);
    const std::size_t i = 20;
    const auto kernel = sampler.kernel(i);
    const auto a = static_cast<float>(kernel.a), b = static_cast<float>(kernel.b[0]);
    const auto ours = [&] {
        sampler.advance(i, x, memory, no_noise{});
        benchmark::DoNotOptimize(x.data());
        benchmark::ClobberMemory();
    };
    if constexpr (Rule::order == 1) {
        compare(state, n, ours, [&] {
            by_hand(x.data(), D.data(), n, a, b);
            benchmark::DoNotOptimize(x.data());
            benchmark::ClobberMemory();
        });
    } else {
        const auto c = static_cast<float>(kernel.b[1]);
        compare(state, n, ours, [&] {
            by_hand(x.data(), D.data(), E.data(), n, a, b, c);
            benchmark::DoNotOptimize(x.data());
            benchmark::ClobberMemory();
        });
    }
}

BENCHMARK(advance<ddim>)->Arg(112)->Arg(16384)->Arg(1 << 20);
BENCHMARK(advance<dpm_solver_pp_2m>)->Arg(112)->Arg(16384)->Arg(1 << 20);

}  // namespace
