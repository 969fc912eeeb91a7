#include <doctest/doctest.h>
#include <diffusion/nn/loss.hpp>
#include <diffusion/nn/parallel.hpp>
#include <diffusion/nn/unet.hpp>
#include <nn/torch_numbers.hpp>
#include <support/refusal.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace nn = diffusion::nn;
namespace test = diffusion::test;

namespace {

/// `options`: but for what the file says, base and channels.
void compare_with_pytorch(const std::string& name, nn::unet_options options,
                          const std::vector<std::size_t>& labels = {}) {
    const test::torch_numbers torch("unet_torch.txt", name);
    const auto sizes = std::span<const std::size_t, 5>(torch.sizes());
    const nn::shape s{sizes[1], sizes[3], sizes[4], sizes[2]};
    options.base = sizes[0];
    options.image_channels = s.channels;
    nn::unet<double> net(options);
    test::fill_as_torch(net.parameters());
    const auto x = test::from_torch(test::formula(s.size(), 1000, 1), s);
    const auto target = test::from_torch(test::formula(s.size(), 2000, 1), s);
    std::vector<double> t(s.items), gradient(net.parameters().values().size());
    for (std::size_t i = 0; i < t.size(); ++i) t[i] = 17 * static_cast<double>(i) + 3;

    nn::tape<double> tape;
    tape.collect(net.parameters(), gradient);
    const auto in = tape.input(s, x.data());
    const auto y = net(in, t, labels);
    const auto loss = nn::mse_loss(y, std::span<const double>(target));
    tape.backward(loss);

    CHECK(torch.size() == net.parameters().size() + 2);
    CHECK(std::abs(loss.item() / torch.number("loss") - 1) < 1e-12);
    CHECK(torch.difference("output", test::in_torch_order(y.values(), s)) < 1e-12);
    CHECK(torch.difference("input", test::in_torch_order(in.gradient(), s)) < 1e-12);
    torch.check_gradients(net.parameters(), gradient);
}

}  // namespace

TEST_CASE("the U-Net's output, loss, input gradient and all parameter gradients equal PyTorch's") {
    SUBCASE("three levels, the net that is timed") { compare_with_pytorch("default", {}); }
    SUBCASE("two levels of two blocks, colour, attention on the lower level") {
        compare_with_pytorch("two_levels",
                             {.multipliers = {1, 2}, .blocks = 2, .attention = {false, true}});
    }
    SUBCASE("one level, odd sizes, a group for each two channels") {
        compare_with_pytorch("one_level", {.multipliers = {2}, .attention = {true}});
    }
    SUBCASE("classes, one picture without a label, attention with four heads") {
        compare_with_pytorch(
            "labelled",
            {.multipliers = {1, 2}, .attention = {false, true}, .heads = 4, .classes = 3},
            {2, 3, 0});
    }
}

TEST_CASE("a net whose last layers start at zero predicts zero, and learns all the same") {
    nn::unet<float> net({.base = 8, .multipliers = {1, 2}, .attention = {false, true}}, 1);
    const std::vector<float> x(2 * 4 * 4, 0.5F), target(2 * 4 * 4, 1.0F);
    const double t = 3;
    nn::lanes<float> lanes(1);
    lanes.train(net.parameters(), 2, [&](nn::tape<float>& tape, std::size_t first, std::size_t n) {
        const auto y =
            net(tape.constant({n, 4, 4, 1}, x.data() + 16 * first), std::span<const double>(&t, 1));
        CHECK(std::ranges::all_of(y.values(), [](float v) { return v == 0; }));
        return nn::mse_loss(y, std::span<const float>(target).subspan(16 * first, 16 * n));
    });
    CHECK(net.parameters().at("out.bias").gradient()[0] == doctest::Approx(-2));
}

TEST_CASE("drawing keeps no more in memory than the skip connections") {
    nn::unet<float> net({.base = 16}, 1);
    const std::vector<float> x(28 * 28, 0.5F);
    const double t = 3;
    const auto peak = [&](bool recording) {
        nn::tape<float> tape;
        std::vector<float> gradient(net.parameters().values().size());
        tape.collect(net.parameters(), gradient);
        tape.recording(recording);
        const auto y = net(tape.constant({1, 28, 28, 1}, x.data()), std::span<const double>(&t, 1));
        CHECK(tape.memory().bytes_in_use() >= y.size() * sizeof(float));
        if (!recording) CHECK(tape.memory().bytes_in_use() == y.size() * sizeof(float));
        return tape.memory().peak_bytes();
    };
    CHECK(3 * peak(false) < peak(true));
}

TEST_CASE("a U-Net says what is wrong with its input") {
    nn::unet<float> net({.base = 8});
    nn::tape<float> tape;
    const std::vector<float> x(7 * 8, 0.0F);
    const double t = 3;
    const std::size_t label = 0;
    const std::span<const double> times(&t, 1);
    CHECK_THROWS_WITH_AS(net(tape.constant({1, 7, 8, 1}, x.data()), times),
                         "diffusion::nn::unet: x must have image_channels, and a height and width "
                         "divisible by 2^(levels - 1), got \"(1, 7, 8, 1)\"",
                         std::invalid_argument);
    CHECK_THROWS_AS(net(tape.constant({1, 4, 4, 1}, x.data()), times, {&label, 1}),
                    std::invalid_argument);
}

TEST_CASE("a U-Net that could not be called is not built, and says which option is to blame") {
    const auto refused = [](const nn::unet_options& o) {
        return support::refusal([&] { nn::unet<float>{o}; });
    };
    const std::string of = "diffusion::nn::unet: ";
    CHECK(refused({.multipliers = {}, .attention = {}}) == of + "there must be a level, got 0");
    CHECK(refused({.multipliers = {1}}) == of + "attention needs one entry for each level, got 3");
    CHECK(refused({.image_channels = 0}) == of + "there must be an image channel, got 0");
    for (const std::size_t base : {std::size_t{0}, std::size_t{33}})
        CHECK(refused({.base = base}) ==
              of + "base must be even, for the sines and cosines of the time, got " +
                  std::to_string(base));
    for (const std::size_t groups : {std::size_t{0}, std::size_t{12}})
        CHECK(refused({.groups = groups}) ==
              of + "the groups must divide base, got " + std::to_string(groups));
    CHECK(refused({.multipliers = {1, 0, 2}}) == of + "each multiplier must be at least 1, got 0");
    for (const std::size_t heads : {std::size_t{0}, std::size_t{3}}) {
        const std::string rule = of + "the heads must divide the channels where there is attention";
        CHECK(refused({.heads = heads}) == rule + ", got " + std::to_string(heads));
        CHECK(refused({.attention = {false, false, false}, .heads = heads}) ==  // the middle's
              rule + ", got " + std::to_string(heads));
    }
    CHECK(refused({.time_factor = std::numeric_limits<double>::infinity()}) ==
          of + "time_factor must be finite, got inf");
    CHECK(refused({.map_channels = 2, .map_hidden = 0}) ==
          of + "a map needs map_hidden channels, got 0");
    CHECK(refused({.blocks = 63}) ==
          of + "there may be at most 63 stages on the way down, got 191");
}
