// What the tape itself costs: chains of operations on a single number, forward and back.
#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <diffusion/nn/elementwise.hpp>
#include <diffusion/nn/tape.hpp>

namespace nn = diffusion::nn;

namespace {

constexpr std::size_t operations = 1000;

void record_and_walk_back(benchmark::State& state) {
    nn::tape<float> tape;
    const float one = 1;
    for (auto _ : state) {
        const auto x = tape.input({1, 1, 1, 1}, &one);
        auto y = nn::scale(x, 1.0F);
        for (std::size_t i = 1; i < operations; ++i) y = nn::scale(y, 1.0F);
        tape.backward(y);
        benchmark::DoNotOptimize(x.gradient().data());
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(operations));
}
BENCHMARK(record_and_walk_back)->Unit(benchmark::kMicrosecond);

void without_recording(benchmark::State& state) {
    nn::tape<float> tape;
    const nn::without_recording off(tape);
    const float one = 1;
    for (auto _ : state) {
        auto y = nn::scale(tape.input({1, 1, 1, 1}, &one), 1.0F);
        for (std::size_t i = 1; i < operations; ++i) y = nn::scale(y, 1.0F);
        benchmark::DoNotOptimize(y.data());
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(operations));
}
BENCHMARK(without_recording)->Unit(benchmark::kMicrosecond);

}  // namespace
