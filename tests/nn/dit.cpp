#include <doctest/doctest.h>
#include <diffusion/nn/dit.hpp>
#include <diffusion/nn/loss.hpp>
#include <nn/network_check.hpp>
#include <nn/torch_numbers.hpp>
#include <support/refusal.hpp>
#include <support/worse.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace nn = diffusion::nn;
namespace test = diffusion::test;

namespace {

const nn::dit_options tiny{.image_channels = 2,
                           .patch = 3,
                           .channels = 8,
                           .blocks = 2,
                           .heads = 2,
                           .ratio = 1,
                           .classes = 2,
                           .learned_variance = true};

void compare_with_pytorch(const std::string& name, const nn::dit_options& options,
                          const nn::shape& s, const std::vector<std::size_t>& labels = {}) {
    const test::torch_numbers torch("nets_torch.txt", name);
    nn::dit<double> net(options);
    test::fill_as_torch(net.parameters());
    const nn::shape out = s.with_channels((options.learned_variance ? 2 : 1) * s.channels);
    const auto x = test::from_torch(test::formula(s.size(), 1000, 1), s);
    const auto target = test::from_torch(test::formula(out.size(), 2000, 1), out);
    std::vector<double> t(s.items), gradient(net.parameters().values().size());
    for (std::size_t i = 0; i < t.size(); ++i) t[i] = 17 * static_cast<double>(i) + 3;

    nn::tape<double> tape;
    tape.collect(net.parameters(), gradient);
    const auto in = tape.input(s, x.data());
    const auto y = net(in, t, labels);
    REQUIRE(y.shape() == out);
    const auto loss = nn::mse_loss(y, std::span<const double>(target));
    tape.backward(loss);
    CHECK(torch.size() == net.parameters().size() + 3);
    CHECK(torch.difference("loss", {loss.item()}) < 1e-12);
    CHECK(torch.difference("output", test::in_torch_order(y.values(), out)) < 1e-12);
    CHECK(torch.difference("input", test::in_torch_order(in.gradient(), s)) < 1e-12);
    torch.check_gradients(net.parameters(), gradient);
}

}  // namespace

TEST_CASE("the diffusion transformer and all its gradients equal PyTorch's") {
    SUBCASE("two blocks of four heads, no classes") {
        compare_with_pytorch("dit", {.patch = 2, .channels = 16, .blocks = 2}, {3, 6, 10, 1});
    }
    SUBCASE("three blocks, colour, labels, one of them the null label, learned variance") {
        nn::dit_options options = tiny;
        options.image_channels = 3;
        options.channels = 24;
        options.blocks = 3;
        options.ratio = 2;
        options.classes = 3;
        compare_with_pytorch("dit_labelled", options, {2, 9, 6, 3}, {3, 1});
    }
}

TEST_CASE("the gradients of a diffusion transformer are right, for pixels and parameters") {
    nn::dit<double> net(tiny);
    test::randomize(net.parameters(), 0.5);
    const std::vector<double> t = {3, 40};
    const std::vector<std::size_t> labels = {2, 0};
    const nn::shape s{2, 3, 6, 2};
    test::check_gradient({s}, [&](auto&, const auto& v) { return net(v[0], t, labels); });
    const std::vector<double> x = test::normals(s.size(), 1);
    test::check_parameter_gradients(net.parameters(), [&](nn::tape<double>& tape) {
        return net(tape.constant(s, x.data()), t, labels);
    });
}

TEST_CASE("at the start every block is the identity and the prediction is zero, yet it can learn") {
    nn::parameters<double> store(1);
    const nn::dit_block<double> block(store, "block", tiny);
    const std::vector<double> x = test::normals(2 * 3 * 5 * 8, 1), c = test::normals(2 * 8, 2);
    nn::tape<double> tape;
    const auto tokens = tape.constant({2, 3, 5, 8}, x.data());
    const auto same = block(tokens, tape.constant({2, 1, 1, 8}, c.data()));
    CHECK(std::ranges::equal(same.values(), x));

    nn::dit<double> net(tiny, 1);
    const double t = 5;
    std::vector<double> gradient(net.parameters().values().size());
    tape.collect(net.parameters(), gradient);
    const auto y = net(tape.constant({2, 3, 6, 2}, x.data()), {&t, 1});
    CHECK(std::ranges::all_of(y.values(), [](double v) { return v == 0; }));
    tape.backward(nn::mse_loss(y, std::span<const double>(x).first(y.size())));
    const auto of = [&](const char* name) {
        const auto& p = *net.parameters().find(name);
        return std::span<const double>(gradient).subspan(p.offset, p.size);
    };
    CHECK(std::ranges::any_of(of("out.weight"), [](double g) { return g != 0; }));
    CHECK(std::ranges::all_of(of("inp.weight"), [](double g) { return g == 0; }));
}

TEST_CASE("a block treats its tokens alike; only the positions tell the net which is where") {
    nn::parameters<double> store(1);
    const nn::dit_block<double> block(store, "block", tiny);
    test::randomize(store, 0.5);
    const std::vector<double> x = test::normals(5 * 8, 1), c = test::normals(8, 2);
    std::vector<double> turned(x.size()), turned_y(x.size());
    const auto turn = [](std::span<const double> from, std::vector<double>& to) {
        for (std::size_t p = 0; p < 5; ++p) std::copy_n(&from[p * 8], 8, &to[(2 * p + 1) % 5 * 8]);
    };
    turn(x, turned);
    nn::tape<double> tape;
    const auto condition = tape.constant({1, 1, 1, 8}, c.data());
    const auto y = block(tape.constant({1, 1, 5, 8}, x.data()), condition);
    const auto z = block(tape.constant({1, 1, 5, 8}, turned.data()), condition);
    turn(y.values(), turned_y);
    double worst = 0;
    for (std::size_t i = 0; i < x.size(); ++i)
        worst = support::worse(worst, std::abs(z.data()[i] - turned_y[i]));
    CHECK(worst < 1e-13);

    nn::dit<double> net({.patch = 1, .channels = 8, .blocks = 1, .heads = 1}, 1);
    test::randomize(net.parameters(), 0.5);
    const std::vector<double> ones(6, 1.0);
    const double t = 5;
    const auto image = net(tape.constant({1, 2, 3, 1}, ones.data()), {&t, 1});
    for (std::size_t i = 1; i < 6; ++i) CHECK(std::abs(image.data()[i] - image.data()[0]) > 1e-3);
}

TEST_CASE("a step of a diffusion transformer needs no memory and the same bits on all threads") {
    nn::dit<float> net({.patch = 2, .channels = 8, .blocks = 2, .heads = 2, .classes = 3});
    test::randomize(net.parameters(), 0.3);
    const std::vector<float> x(11 * 24, 0.5F), target(x.size(), 1.0F);
    const std::vector<double> t = {0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89};
    test::check_training_step(
        net.parameters(), 11, [&](nn::tape<float>& tape, std::size_t first, std::size_t n) {
            const auto y = net(tape.constant({n, 4, 6, 1}, x.data() + 24 * first),
                               std::span<const double>(t).subspan(first, n));
            return nn::mse_loss(y, std::span<const float>(target).subspan(24 * first, 24 * n));
        });
}

TEST_CASE("a diffusion transformer says what is wrong with its options and its input") {
    const auto of = [](const nn::dit_options& options) {
        return support::refusal([&] { const nn::dit<float> net(options); });
    };
    CHECK(of({.patch = 0}) == "diffusion::nn::dit: a patch must have a pixel, got 0");
    CHECK(support::is_complete(of({.image_channels = 0}), 0));
    CHECK(support::is_complete(of({.channels = 6, .heads = 1}), 6));
    CHECK(support::is_complete(of({.channels = 0}), 0));
    CHECK(support::is_complete(of({.heads = 3}), 3));
    CHECK(support::is_complete(of({.heads = 0}), 0));
    CHECK(support::is_complete(of({.blocks = 0}), 0));
    CHECK(support::is_complete(of({.ratio = 0}), 0));

    const nn::dit<float> net({.channels = 8, .blocks = 1});
    nn::tape<float> tape;
    const std::vector<float> x(64);
    const double t = 3;
    const std::size_t label = 0;
    CHECK(support::refusal([&] {
              net(tape.constant({1, 4, 6, 1}, x.data()), {&t, 1});
          }) ==
          "diffusion::nn::dit: x must have image_channels, and a height and width divisible by the "
          "patch, got \"(1, 4, 6, 1)\"");
    const auto ask = [&](std::size_t labels) {
        return support::refusal([&] {
            net(tape.constant({1, 4, 4, 1}, x.data()), {&t, 1}, {&label, labels});
        });
    };
    CHECK(ask(0) == "no exception");
    CHECK(support::is_complete(ask(1), 1));
}
