// The U-Net of torch_unet.py, timed in the same manner: a training step at batch 64, forward passes
// at batch 1, 16 and 64, for 28x28 and 16x16 pixels. Run both in turn on the same cores and
// compare.
//
//     bench_nn_unet                      as many threads as the machine has
//     bench_nn_unet --threads=1
//     bench_nn_unet --threads=2 --lanes=4     pieces of a batch: as few as four threads need
//     /usr/bin/python3 benchmarks/torch_unet.py 2
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <diffusion/nn/nn.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nn = diffusion::nn;

namespace {

nn::lanes_options how;

struct data {
    std::vector<float> x;
    std::vector<double> t;

    data(std::size_t batch, std::size_t size) : x(batch * size * size), t(batch) {
        diffusion::fill_normal<float>(std::span<float>(x), 1, {});
        for (std::size_t i = 0; i < batch; ++i) t[i] = static_cast<double>(i * 37 % 1000);
    }
};

void training_step(benchmark::State& state, bool checkpoint) {
    const auto size = static_cast<std::size_t>(state.range(0));
    const auto batch = static_cast<std::size_t>(state.range(1));
    const std::size_t image = size * size;
    const data d(batch, size);
    nn::unet<float> net({.zero_last = false, .checkpoint = checkpoint}, 1);
    nn::lanes<float> lanes(how);
    nn::adam<float> optimizer(net.parameters());
    const auto step = [&] {
        lanes.train(net.parameters(), batch,
                    [&](nn::tape<float>& tape, std::size_t first, std::size_t count) {
                        const float* x = d.x.data() + first * image;
                        const auto y = net(tape.constant({count, size, size, 1}, x),
                                           std::span<const double>(d.t).subspan(first, count));
                        return nn::mse_loss(y, std::span<const float>(x, count * image));
                    });
        optimizer.step(1e-3);
    };
    step();
    for (auto _ : state) step();
    state.SetItemsProcessed(state.iterations() * state.range(1));
    state.counters["MB"] = static_cast<double>(lanes.bytes_held()) / 1e6;
}

void forward(benchmark::State& state) {
    const auto size = static_cast<std::size_t>(state.range(0));
    const auto batch = static_cast<std::size_t>(state.range(1));
    const data d(batch, size);
    nn::unet<float> net({.zero_last = false}, 1);
    nn::lanes<float> lanes(how);
    std::vector<float> y(d.x.size());
    const auto step = [&] {
        nn::evaluate(net, lanes, {batch, size, size, 1}, std::span<const float>(d.x),
                     std::span<const double>(d.t), {}, std::span<float>(y));
    };
    step();
    for (auto _ : state) step();
    state.SetItemsProcessed(state.iterations() * state.range(1));
}

}  // namespace

int main(int argc, char** argv) {
    const auto take = [&](std::string_view name, std::size_t& to) {
        for (int i = 1; i < argc; ++i)
            if (const std::string_view word(argv[i]); word.starts_with(name)) {
                to = static_cast<std::size_t>(std::atoi(argv[i] + name.size()));
                std::copy(argv + i + 1, argv + argc, argv + i);
                --argc;
                return;
            }
    };
    take("--threads=", how.threads);
    take("--lanes=", how.lanes);
    for (const long size : {28, 16}) {
        for (const bool checkpoint : {false, true})
            benchmark::RegisterBenchmark(
                checkpoint ? "training_step_checkpointed" : "training_step", training_step,
                checkpoint)
                ->Args({size, 64})
                ->Unit(benchmark::kMillisecond)
                ->UseRealTime();
        for (const long batch : {1, 16, 64})
            benchmark::RegisterBenchmark("forward", forward)
                ->Args({size, batch})
                ->Unit(benchmark::kMillisecond)
                ->UseRealTime();
    }
    benchmark::Initialize(&argc, argv);
    benchmark::RunSpecifiedBenchmarks();
}
