// Claim: advancing a state by one step costs one fused pass over its tensors, at any size.
//
// Each benchmark times a hand-written pass and the sampler's `advance` in turn, over the same
// tensors, and reports the median of the ratios (and, where a step takes nanoseconds, of the
// differences). The network's call is left out.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

#include <diffusion/diffusion.hpp>
#include <diffusion/sampler/sa_solver.hpp>
#include <diffusion/sampler/unipc.hpp>

#include "timing.hpp"

namespace {

using namespace diffusion;

/// x <- w_0 x + w_1 m_0 + ..., as one would write it for exactly this purpose and number of
/// tensors.
template <std::size_t N>
[[gnu::noinline]] void by_hand(float* __restrict x, std::size_t n,
                               const std::array<const float*, N>& m,
                               const std::array<float, N + 1>& w) {
    const float* __restrict const D = m[0];
    const float* __restrict const E = m[N > 1 ? 1 : 0];
    const float* __restrict const F = m[N > 2 ? 2 : 0];
    const float* __restrict const G = m[N > 3 ? 3 : 0];
    const float a = w[0], b = w[1], c = w[N > 1 ? 2 : 0], d = w[N > 2 ? 3 : 0],
                f = w[N > 3 ? 4 : 0];
    for (std::size_t e = 0; e < n; ++e) {
        if constexpr (N == 1) x[e] = a * x[e] + b * D[e];
        if constexpr (N == 2) x[e] = a * x[e] + b * D[e] + c * E[e];
        if constexpr (N == 3) x[e] = a * x[e] + b * D[e] + c * E[e] + d * F[e];
        if constexpr (N == 4) x[e] = a * x[e] + b * D[e] + c * E[e] + d * F[e] + f * G[e];
    }
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

/// A step in the middle of a run, with all of its predictions, and the noise if `Noisy`.
template <bool Noisy, class Sampler>
void advance(benchmark::State& state, const Sampler& sampler) {
    constexpr std::size_t K = Sampler::terms, N = K + (Noisy ? 1 : 0);
    const auto n = static_cast<std::size_t>(state.range(0));
    const std::size_t i = 20;
    std::vector<float> x(n, 1.0f);
    auto memory = sampler.init(x);
    // The same tensors for both, since where they lie in memory matters. The latest is asked for
    // last.
    std::array<const float*, N> m{};
    std::array<float, N + 1> w{};
    const auto kernel = sampler.kernel(i);
    w[0] = static_cast<float>(kernel.a);
    for (std::size_t k = K; k-- > 0;) {
        std::vector<float>& slot = sampler.prediction_slot(memory);
        slot.assign(n, 0.5f / static_cast<float>(k + 1));
        m[k] = slot.data();
        w[k + 1] = static_cast<float>(kernel.b[k]);
    }
    const auto step = [&](auto&& noise) {
        sampler.advance(i, x, memory, noise);
        benchmark::DoNotOptimize(x.data());
        benchmark::ClobberMemory();
    };
    step([&](std::vector<float>& z, const noise_address&) { m[N - 1] = z.data(); });
    if constexpr (Noisy) w[N] = static_cast<float>(kernel.c);
    compare(
        state, n,
        // Drawing the noise is not part of the pass.
        [&] { step([](std::vector<float>&, const noise_address&) {}); },
        [&] {
            by_hand(x.data(), n, m, w);
            benchmark::DoNotOptimize(x.data());
            benchmark::ClobberMemory();
        });
}

time_grid grid() { return leading(discrete_schedule(cosine_beta{}), 50); }

void ddim_eta_0(benchmark::State& state) { advance<false>(state, multistep(ddim{}, grid())); }
void dpm_solver_pp_2m_ode(benchmark::State& state) {
    advance<false>(state, multistep(dpm_solver_pp_2m{}, grid()));
}
void unipc_2(benchmark::State& state) { advance<false>(state, unipc<2>(grid())); }
void unipc_3(benchmark::State& state) { advance<false>(state, unipc<3>(grid())); }
void sa_solver_2_2(benchmark::State& state) { advance<true>(state, sa_solver<2, 2>(grid())); }

BENCHMARK(ddim_eta_0)->Arg(112)->Arg(16384)->Arg(1 << 20);
BENCHMARK(dpm_solver_pp_2m_ode)->Arg(112)->Arg(16384)->Arg(1 << 20);
BENCHMARK(unipc_2)->Arg(112)->Arg(16384)->Arg(1 << 20);
BENCHMARK(unipc_3)->Arg(112)->Arg(16384)->Arg(1 << 20);
BENCHMARK(sa_solver_2_2)->Arg(112)->Arg(16384)->Arg(1 << 20);

}  // namespace
