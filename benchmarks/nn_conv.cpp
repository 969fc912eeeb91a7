// Claim: on one thread, with -O3 -march=native, 3x3 convolutions of 28x28 and 14x14 images reach at
// least 140 % of the core's fused multiply-add peak forward and in the gradient of the input
// (Winograd's F(4x4, 3x3) needs a quarter of the multiplications). The gradient of the weights,
// with four images at a time, reaches 130 % at 28x28 and about 100 % at 14x14, where summing into
// 36 planes weighs more; strided convolutions and matrix products reach 50 to 80 %.
//
// GFLOP/s are effective: operations of the definition over time. The peak (twelve running sums in
// registers, nothing else) is measured before and after each repetition, in processor time of the
// thread, so that neither a slower clock nor a busy neighbour counts against the kernel; `of_peak`
// is the median of the ratios.
//
//     bench_nn_conv --benchmark_filter=forward

#include <algorithm>
#include <cstddef>
#include <ctime>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include <diffusion/nn/conv/conv3x3.hpp>

#include "timing.hpp"

namespace {

using namespace diffusion::nn;

double thread_seconds() {
    timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

template <class F>
double seconds(F&& f) {
    const double begin = thread_seconds();
    f();
    return thread_seconds() - begin;
}

using benchmarks::median;

/// Operations per second of multiplications and additions that wait for nothing.
double peak_rate() {
    constexpr std::size_t sums = 12, rounds = 20000;
    detail::vec<float> sum[sums] = {}, factor{};
    factor += 0.999f;
    const double time = seconds([&] {
        for (std::size_t round = 0; round < rounds; ++round) {
            detail::unrolled<sums>([&](auto i) __attribute__((always_inline)) {
                sum[i] = sum[i] * factor + factor;
            });
            asm volatile("" : "+x"(factor));
        }
    });
    for (auto& s : sum) benchmark::DoNotOptimize(s);
    return 2.0 * sums * rounds * static_cast<double>(detail::width<float>) / time;
}

/// Numbers on a 64-byte boundary, as the tape's arena has them: vectors that straddle two lines
/// cost a third.
struct numbers {
    workspace memory;
    float* values;

    explicit numbers(std::size_t count) : values(memory.take<float>(count)) {
        unsigned state = 1;
        for (std::size_t i = 0; i < count; ++i)
            values[i] = static_cast<float>((state = state * 1664525u + 1013904223u) >> 8) * 1e-8f;
    }
    float* data() { return values; }
};

template <class F>
void report(benchmark::State& state, double operations, F&& once) {
    const auto repeats = static_cast<std::size_t>(std::max(1.0, 1e8 / operations));
    std::vector<double> rates, of_peak;
    once();
    for (auto _ : state) {
        const double before = peak_rate();
        const double time = seconds([&] {
            for (std::size_t i = 0; i < repeats; ++i) once();
        });
        const double peak = 0.5 * (before + peak_rate());
        state.SetIterationTime(time / static_cast<double>(repeats));
        rates.push_back(operations * static_cast<double>(repeats) / time);
        of_peak.push_back(rates.back() / peak);
    }
    state.counters["GFLOP/s"] = 1e-9 * median(rates);
    state.counters["of_peak_%"] = 100 * median(of_peak);
}

struct problem {
    conv_shape s;
    numbers x, w, bias, y, prepared;
    workspace scratch;

    explicit problem(const conv_shape& shape)
        : s(shape),
          x(numbers(s.input_size())),
          w(numbers(s.weight_size())),
          bias(numbers(s.out)),
          y(numbers(s.output_size())),
          prepared(conv_prepared_size<float>(s)) {}
};

void forward(benchmark::State& state, conv_shape s) {
    problem p(s);
    conv_prepare_forward(s, p.w.data(), p.prepared.data());
    report(state, s.operations(), [&] {
        conv_forward_prepared(s, p.x.data(), p.prepared.data(), p.bias.data(), p.y.data(),
                              p.scratch);
    });
}

void backward_data(benchmark::State& state, conv_shape s) {
    problem p(s);
    conv_prepare_backward_data(s, p.w.data(), p.prepared.data());
    report(state, s.operations(), [&] {
        conv_backward_data_prepared(s, p.y.data(), p.prepared.data(), p.x.data(), p.scratch);
    });
}

void backward_weights(benchmark::State& state, conv_shape s) {
    problem p(s);
    report(state, s.operations(), [&] {
        conv_backward_weights(s, p.x.data(), p.y.data(), p.w.data(), p.bias.data(), p.scratch,
                              true);
    });
}

/// Bringing the weights into Winograd's form, in the operations of the convolution that waits for
/// it.
void prepare(benchmark::State& state, conv_shape s) {
    problem p(s);
    report(state, s.operations(), [&] { conv_prepare_forward(s, p.w.data(), p.prepared.data()); });
}

const bool registered = [] {
    const conv_shape shapes[] = {
        {4, 28, 28, 32, 32},
        {4, 28, 28, 96, 32},
        {4, 28, 28, 64, 64},
        {4, 14, 14, 64, 64},
        {4, 14, 14, 128, 64},
        {4, 7, 7, 64, 64},
        {32, 7, 7, 64, 64},
        {32, 28, 28, 32, 32},
        {32, 28, 28, 64, 64},
        {32, 14, 14, 64, 64},
        {4, 32, 32, 128, 128},
        {1, 28, 28, 32, 32},
        {1, 14, 14, 64, 64},
        {1, 7, 7, 64, 64},
        {4, 28, 28, 32, 32, 3, 2},
        {4, 14, 14, 64, 64, 3, 2},
        {4, 28, 28, 1, 32},
        {4, 28, 28, 32, 1},
        {4, 28, 28, 3, 32},
        {4, 28, 28, 32, 3},
        {4, 28, 28, 33, 35},
        {4, 7, 7, 64, 64, 3, 1, true},
        {4, 14, 14, 64, 64, 3, 1, true},
        {4, 28, 28, 64, 64, 1},
        {4, 7, 7, 64, 192, 1},
        {64, 1, 1, 128, 64, 1},
    };
    struct pass {
        const char* name;
        void (*run)(benchmark::State&, conv_shape);
    };
    const pass passes[] = {{"forward", forward},
                           {"backward_data", backward_data},
                           {"backward_weights", backward_weights},
                           {"prepare", prepare}};
    for (const auto& [name, run] : passes)
        for (const conv_shape& s : shapes) {
            if (name == std::string("prepare") && (s.batch != 1 || s.stride != 1)) continue;
            const std::string text = std::string(name) + "/" + std::to_string(s.batch) + "x" +
                                     std::to_string(s.height) + "x" + std::to_string(s.width) +
                                     "/" + std::to_string(s.in) + "->" + std::to_string(s.out) +
                                     (s.kernel == 1   ? "/1x1"
                                      : s.doubled     ? "/doubled"
                                      : s.stride == 2 ? "/stride2"
                                                      : "");
            benchmark::RegisterBenchmark(text.c_str(), run, s)->UseManualTime()->MinTime(0.05);
        }
    return true;
}();

}  // namespace
