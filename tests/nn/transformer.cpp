#include <doctest/doctest.h>
#include <diffusion/nn/loss.hpp>
#include <diffusion/nn/optimizer.hpp>
#include <diffusion/nn/transformer.hpp>
#include <nn/network_check.hpp>
#include <nn/torch_numbers.hpp>
#include <support/refusal.hpp>
#include <support/worse.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace nn = diffusion::nn;
namespace test = diffusion::test;

namespace {

const std::vector<std::size_t> captions = {3, 1, 4, 1, 5, /**/ 2, 6, 0, 0, 0, /**/ 5, 3, 5, 0, 0};
const std::vector<std::size_t> lengths = {5, 2, 3};

const nn::transformer_options tiny{
    .vocabulary = 7, .length = 6, .channels = 6, .blocks = 2, .heads = 3, .ratio = 1};

nn::transformer_options with(nn::transformer_options o, nn::token_positions positions,
                             bool causal = false) {
    o.positions = positions;
    o.causal = causal;
    return o;
}

std::vector<double> encode(const nn::transformer<double>& net,
                           const std::vector<std::size_t>& tokens,
                           const std::vector<std::size_t>& ends) {
    nn::tape<double> tape;
    const nn::without_recording off(tape);
    const auto y = net(tape, tokens, ends);
    return {y.values().begin(), y.values().end()};
}

/// The largest difference between `count` tokens of a from number i and those of b from number j.
double distance(const std::vector<double>& a, std::size_t i, const std::vector<double>& b,
                std::size_t j, std::size_t count) {
    double worst = 0;
    for (std::size_t k = 0; k < count * tiny.channels; ++k)
        worst =
            support::worse(worst, std::abs(a[i * tiny.channels + k] - b[j * tiny.channels + k]));
    return worst;
}

void compare_with_pytorch(const std::string& name, const nn::transformer_options& options) {
    const test::torch_numbers torch("nets_torch.txt", name);
    nn::transformer<double> net(options);
    test::fill_as_torch(net.parameters());
    std::vector<double> gradient(net.parameters().values().size());
    const auto target = test::formula(15 * options.channels, 2000, 1);
    nn::tape<double> tape;
    tape.collect(net.parameters(), gradient);
    const auto y = net(tape, captions, lengths);
    REQUIRE(y.shape() == nn::shape{3, 1, 5, options.channels});
    const auto loss = nn::mse_loss(y, std::span<const double>(target));
    tape.backward(loss);
    CHECK(torch.size() == net.parameters().size() + 2);
    CHECK(torch.difference("loss", {loss.item()}) < 1e-12);
    CHECK(torch.difference("output", {y.values().begin(), y.values().end()}) < 1e-12);
    torch.check_gradients(net.parameters(), gradient);
}

/// All captions of a 1, a 2 and three 3: does the 1 come first?
struct word_order {
    std::vector<std::size_t> tokens, ends, answers;

    word_order() {
        for (std::size_t one = 0; one < 5; ++one)
            for (std::size_t two = 0; two < 5; ++two) {
                if (one == two) continue;
                for (std::size_t i = 0; i < 5; ++i)
                    tokens.push_back(i == one ? 1 : i == two ? 2 : 3);
                ends.push_back(5);
                answers.push_back(one < two);
            }
    }
};

/// The loss of a small encoder after `steps` steps of learning the order; its first two channels,
/// pooled, are the scores of both answers.
double loss_after(int steps, nn::token_positions positions) {
    nn::transformer<float> net({.vocabulary = 4,
                                .length = 5,
                                .channels = 16,
                                .blocks = 2,
                                .heads = 2,
                                .positions = positions},
                               1);
    nn::lanes<float> lanes(2);
    nn::adam<float> adam(net.parameters());
    const word_order set;
    double loss = 0;
    for (int step = 0; step <= steps; ++step) {
        loss = lanes.train(
            net.parameters(), 20, [&](nn::tape<float>& tape, std::size_t first, std::size_t n) {
                const auto part = [&](const std::vector<std::size_t>& all, std::size_t each) {
                    return std::span<const std::size_t>(all).subspan(each * first, each * n);
                };
                const auto h = net(tape, part(set.tokens, 5), part(set.ends, 1));
                return nn::cross_entropy_loss(
                    nn::slice(nn::mean_of_tokens(h, part(set.ends, 1)), 0, 2),
                    part(set.answers, 1));
            });
        adam.step(5e-3);
    }
    return loss;
}

}  // namespace

TEST_CASE("the transformer and all its gradients equal PyTorch's, for captions of three lengths") {
    SUBCASE("learned positions") {
        compare_with_pytorch(
            "transformer", {.vocabulary = 7, .length = 6, .channels = 12, .blocks = 2, .heads = 3});
    }
    SUBCASE("sinusoidal positions, each token sees those before it") {
        compare_with_pytorch("transformer_causal", {.vocabulary = 7,
                                                    .length = 5,
                                                    .channels = 10,
                                                    .blocks = 3,
                                                    .heads = 1,
                                                    .ratio = 2,
                                                    .positions = nn::token_positions::sinusoidal,
                                                    .causal = true});
    }
}

TEST_CASE("the gradients of a transformer are right, for parameters and for embedded tokens") {
    for (const bool causal : {false, true}) {
        nn::transformer<double> net(with(tiny, nn::token_positions::learned, causal));
        test::randomize(net.parameters(), 0.5);
        test::check_parameter_gradients(
            net.parameters(), [&](nn::tape<double>& tape) { return net(tape, captions, lengths); });
        test::check_gradient({{3, 1, 5, 6}},
                             [&](auto&, const auto& v) { return net(v[0], lengths); });
    }
}

TEST_CASE("an encoder without positions is permutation equivariant, and one with them is not") {
    const std::vector<std::size_t> words = {3, 1, 4, 6, 5}, turned = {1, 6, 5, 3, 4};
    const std::array<std::size_t, 5> place = {3, 0, 4, 1, 2};  // of each word in `turned`
    for (const auto positions : {nn::token_positions::none, nn::token_positions::sinusoidal,
                                 nn::token_positions::learned}) {
        nn::transformer<double> net(with(tiny, positions));
        const auto y = encode(net, words, {5}), z = encode(net, turned, {5});
        double worst = 0;
        for (std::size_t i = 0; i < 5; ++i)
            worst = support::worse(worst, distance(y, i, z, place[i], 1));
        INFO(static_cast<int>(positions));
        CHECK((worst < 1e-14) == (positions == nn::token_positions::none));
        CHECK((worst > 1e-2) == (positions != nn::token_positions::none));
    }
}

TEST_CASE("what stands at the padding, and how much of it there is, changes no token") {
    nn::transformer<double> net(tiny);
    auto other = captions;
    other[7] = 4, other[9] = 1, other[13] = 6;
    const auto y = encode(net, captions, lengths), z = encode(net, other, lengths);
    for (std::size_t n = 0; n < 3; ++n) CHECK(distance(y, 5 * n, z, 5 * n, lengths[n]) == 0);
    CHECK(distance(y, 0, z, 0, 15) > 1e-2);  // at the padding itself
    CHECK(distance(encode(net, {2, 6}, {2}), 0, y, 5, 2) < 1e-14);
}

TEST_CASE("with a causal mask a word changes those after it and none before") {
    const std::vector<std::size_t> a = {3, 1, 4, 1, 5}, b = {3, 1, 6, 1, 5};
    nn::transformer<double> causal(with(tiny, nn::token_positions::learned, true)), both(tiny);
    const auto change = [&](const nn::transformer<double>& net, std::size_t i, std::size_t count) {
        return distance(encode(net, a, {5}), i, encode(net, b, {5}), i, count);
    };
    CHECK(change(causal, 0, 2) == 0);
    CHECK(change(both, 0, 2) > 1e-3);
    for (std::size_t i = 2; i < 5; ++i) CHECK(change(causal, i, 1) > 1e-3);
}

TEST_CASE(
    "a transformer with positions learns which of two words comes first; without, it cannot") {
    CHECK(loss_after(60, nn::token_positions::learned) < 0.1);
    CHECK(loss_after(60, nn::token_positions::sinusoidal) < 0.1);
    CHECK(loss_after(60, nn::token_positions::none) > 0.6);  // log 2 = 0.69: a coin
    CHECK(loss_after(0, nn::token_positions::learned) > 0.6);
}

TEST_CASE("a step of a transformer needs no memory and the same bits on all threads") {
    nn::transformer<float> net({.vocabulary = 7, .length = 5, .channels = 12, .heads = 3});
    std::vector<std::size_t> tokens, ends;
    for (std::size_t n = 0; n < 11; ++n) {
        ends.push_back(1 + n % 5);
        for (std::size_t i = 0; i < 5; ++i) tokens.push_back((n + i * i) % 7);
    }
    const std::vector<float> target(11 * 12, 1.0F);
    test::check_training_step(
        net.parameters(), 11, [&](nn::tape<float>& tape, std::size_t first, std::size_t n) {
            const auto of_these = std::span<const std::size_t>(ends).subspan(first, n);
            const auto h =
                net(tape, std::span<const std::size_t>(tokens).subspan(5 * first, 5 * n), of_these);
            return nn::mse_loss(
                nn::add(nn::mean_of_tokens(h, of_these), nn::last_token(h, of_these)),
                std::span<const float>(target).subspan(12 * first, 12 * n));
        });
}

TEST_CASE("a transformer says what is wrong with its options and its captions") {
    const auto of = [](const nn::transformer_options& options) {
        return support::refusal([&] { const nn::transformer<float> net(options); });
    };
    CHECK(of({.channels = 10, .heads = 4}) ==
          "diffusion::nn::transformer: the number of heads must divide the channels, got 4");
    CHECK(support::is_complete(of({.vocabulary = 0}), 0));
    CHECK(support::is_complete(of({.length = 0}), 0));
    CHECK(support::is_complete(of({.channels = 0}), 4));
    CHECK(support::is_complete(of({.blocks = 0}), 0));
    CHECK(support::is_complete(of({.heads = 0}), 0));
    CHECK(support::is_complete(of({.ratio = 0}), 0));
    CHECK(support::is_complete(
        of({.channels = 9, .heads = 3, .positions = nn::token_positions::sinusoidal}), 9));

    const nn::transformer<double> net(tiny);
    const auto given = [&](const std::vector<std::size_t>& tokens,
                           const std::vector<std::size_t>& ends) {
        return support::refusal([&] { encode(net, tokens, ends); });
    };
    CHECK(given({1, 2, 3}, {3}) == "no exception");
    CHECK(given({1, 2, 3}, {1, 1}) ==
          "diffusion::nn::transformer: all captions must have the same number of tokens, got 3");
    CHECK(given({1, 2, 3}, {4}) ==
          "diffusion::nn::token_mask: a caption must have at least one token, and not more than "
          "fit, got 4");
    CHECK(support::is_complete(given({1, 2, 3}, {0}), 0));
    CHECK(support::is_complete(given({}, {}), 0));
    CHECK(support::is_complete(given({1, 7, 3}, {3}), 7));
    CHECK(given(std::vector<std::size_t>(7), {7}) ==
          "diffusion::nn::transformer: captions must be {items, 1, at most length, channels}, got "
          "(1, 1, 7, 6)");
}
