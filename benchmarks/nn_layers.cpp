// Layers that a text-conditioned network spends time in, forward and back on one core: their cost
// for each element of the result, and for attention the rate of its products.
#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <diffusion/nn/nn.hpp>
#include <diffusion/random/fill.hpp>
#include <span>
#include <vector>

namespace nn = diffusion::nn;

namespace {

constexpr nn::shape image{8, 16, 16, 128};

std::vector<float> numbers(std::size_t count) {
    std::vector<float> x(count);
    diffusion::fill_normal<float>(std::span<float>(x), 1, {});
    return x;
}

/// Times f(x) and its way back.
template <class F>
void forward_and_back(benchmark::State& state, F&& f) {
    const std::vector<float> x = numbers(image.size());
    nn::tape<float> tape;
    for (auto _ : state) {
        const nn::var<float> in = tape.input(image, x.data());
        const nn::var<float> y = f(tape, in);
        tape.backward(y, y.values());
        benchmark::DoNotOptimize(in.gradient().data());
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(image.size()));
}

/// To as many tokens as the argument says, with 4 heads.
void cross_attention(benchmark::State& state) {
    const auto tokens = static_cast<std::size_t>(state.range(0));
    const nn::shape text{image.items, 1, tokens, 2 * image.channels};
    const std::vector<float> kv = numbers(text.size());
    forward_and_back(state, [&](nn::tape<float>& tape, const nn::var<float>& x) {
        return nn::cross_attention(x, tape.input(text, kv.data()), 4);
    });
    // six products (two forward, four back) of queries x keys x channels
    state.counters["flop/s"] = benchmark::Counter(12.0 * static_cast<double>(image.size() * tokens),
                                                  benchmark::Counter::kIsIterationInvariantRate,
                                                  benchmark::Counter::kIs1000);
}
BENCHMARK(cross_attention)->Arg(16)->Arg(77)->Arg(256)->Unit(benchmark::kMillisecond);

/// Over as many positions as the argument says, with 4 heads.
void self_attention(benchmark::State& state) {
    const auto positions = static_cast<std::size_t>(state.range(0));
    const nn::shape s{image.rows() / positions, 1, positions, 3 * image.channels};
    const std::vector<float> qkv = numbers(s.size());
    nn::tape<float> tape;
    for (auto _ : state) {
        const nn::var<float> in = tape.input(s, qkv.data());
        const nn::var<float> y = nn::self_attention(in, 4);
        tape.backward(y, y.values());
        benchmark::DoNotOptimize(in.gradient().data());
    }
    state.counters["flop/s"] = benchmark::Counter(
        12.0 * static_cast<double>(image.size() * positions),
        benchmark::Counter::kIsIterationInvariantRate, benchmark::Counter::kIs1000);
}
BENCHMARK(self_attention)->Arg(64)->Arg(256)->Arg(1024)->Unit(benchmark::kMillisecond);

void layer_norm(benchmark::State& state) {
    forward_and_back(state,
                     [](nn::tape<float>&, const nn::var<float>& x) { return nn::layer_norm(x); });
}
BENCHMARK(layer_norm)->Unit(benchmark::kMillisecond);

void normalize_length(benchmark::State& state) {
    forward_and_back(
        state, [](nn::tape<float>&, const nn::var<float>& x) { return nn::normalize_length(x); });
}
BENCHMARK(normalize_length)->Unit(benchmark::kMillisecond);

void batch_norm(benchmark::State& state) {
    const std::vector<float> one(image.channels, 1.0F);
    forward_and_back(state, [&](nn::tape<float>& tape, const nn::var<float>& x) {
        const nn::var<float> ones = tape.constant({1, 1, 1, image.channels}, one.data());
        return nn::batch_norm(x, ones, ones);
    });
}
BENCHMARK(batch_norm)->Unit(benchmark::kMillisecond);

void softmax(benchmark::State& state) {
    forward_and_back(state,
                     [](nn::tape<float>&, const nn::var<float>& x) { return nn::softmax(x); });
}
BENCHMARK(softmax)->Unit(benchmark::kMillisecond);

void silu(benchmark::State& state) {
    forward_and_back(state, [](nn::tape<float>&, const nn::var<float>& x) { return nn::silu(x); });
}
BENCHMARK(silu)->Unit(benchmark::kMillisecond);

void gelu(benchmark::State& state) {
    forward_and_back(state, [](nn::tape<float>&, const nn::var<float>& x) { return nn::gelu(x); });
}
BENCHMARK(gelu)->Unit(benchmark::kMillisecond);

void gelu_tanh(benchmark::State& state) {
    forward_and_back(state,
                     [](nn::tape<float>&, const nn::var<float>& x) { return nn::gelu_tanh(x); });
}
BENCHMARK(gelu_tanh)->Unit(benchmark::kMillisecond);

void dropout(benchmark::State& state) {
    forward_and_back(state, [](nn::tape<float>&, const nn::var<float>& x) {
        return nn::dropout(x, {.rate = 0.1});
    });
}
BENCHMARK(dropout)->Unit(benchmark::kMillisecond);

}  // namespace
