// The text-conditioned U-Net of torch_text_unet.py, timed in the same manner: a training step and a
// forward pass of 32 images of 32x32x3, each with 16 tokens of 64 numbers as its caption. Run both
// in turn on the same cores and compare. The argument of each line is the number of threads.
//
//     bench_nn_text_unet
//     /usr/bin/python3 benchmarks/torch_text_unet.py 1
//     /usr/bin/python3 benchmarks/torch_text_unet.py 2
#include <benchmark/benchmark.h>

#include <cstddef>
#include <diffusion/nn/nn.hpp>
#include <diffusion/random/fill.hpp>
#include <span>
#include <stdexcept>
#include <vector>

namespace nn = diffusion::nn;

namespace {

constexpr std::size_t batch = 32, size = 32, channels = 3, length = 16, token_channels = 64;

struct data {
    std::vector<float> x, tokens;
    std::vector<double> t;

    data() : x(batch * size * size * channels), tokens(batch * length * token_channels), t(batch) {
        diffusion::fill_normal<float>(std::span<float>(x), 1, {});
        diffusion::fill_normal<float>(std::span<float>(tokens), 2, {});
        for (std::size_t i = 0; i < batch; ++i) t[i] = static_cast<double>(i * 37 % 1000);
    }
};

nn::unet<float> make_net() {
    nn::unet<float> net({.image_channels = channels,
                         .base = 64,
                         .attention = {false, true, true},
                         .heads = 4,
                         .zero_last = false,
                         .token_channels = token_channels},
                        1);
    // torch_text_unet.py asserts the same number
    if (net.parameters().count() != 4986051) throw std::logic_error("not the twin's size");
    return net;
}

/// net(x, t, tokens) for the items first, ..., first + count - 1.
nn::var<float> predict(nn::unet<float>& net, const data& d, nn::tape<float>& tape,
                       std::size_t first, std::size_t count) {
    const auto x =
        tape.constant({count, size, size, channels}, d.x.data() + first * size * size * channels);
    const auto tokens = tape.constant({count, 1, length, token_channels},
                                      d.tokens.data() + first * length * token_channels);
    return net(x, std::span<const double>(d.t).subspan(first, count), {.tokens = tokens});
}

void training_step(benchmark::State& state) {
    const data d;
    nn::unet<float> net = make_net();
    nn::lanes<float> lanes(static_cast<std::size_t>(state.range(0)));
    nn::adam<float> optimizer(net.parameters());
    const auto step = [&] {
        lanes.train(net.parameters(), batch,
                    [&](nn::tape<float>& tape, std::size_t first, std::size_t count) {
                        constexpr std::size_t image = size * size * channels;
                        const std::span<const float> x(d.x);
                        return nn::mse_loss(predict(net, d, tape, first, count),
                                            x.subspan(first * image, count * image));
                    });
        optimizer.step(1e-3);
    };
    step();
    for (auto _ : state) step();
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(batch));
    state.counters["MB"] = static_cast<double>(lanes.bytes_held()) / 1e6;
}
BENCHMARK(training_step)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();

void forward(benchmark::State& state) {
    const data d;
    nn::unet<float> net = make_net();
    nn::lanes<float> lanes(static_cast<std::size_t>(state.range(0)));
    net.parameters().prepare(false);
    for (auto _ : state)
        lanes.evaluate(batch, [&](nn::tape<float>& tape, std::size_t first, std::size_t count) {
            benchmark::DoNotOptimize(predict(net, d, tape, first, count).data());
        });
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(batch));
}
BENCHMARK(forward)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
