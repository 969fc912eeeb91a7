#include <doctest/doctest.h>
#include <diffusion/nn/conditions.hpp>
#include <diffusion/nn/inference.hpp>
#include <diffusion/nn/loss.hpp>
#include <diffusion/nn/transformer.hpp>
#include <diffusion/nn/unet.hpp>
#include <nn/gradient_check.hpp>
#include <nn/network_check.hpp>
#include <nn/torch_numbers.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace nn = diffusion::nn;
using diffusion::test::check_gradient;
using diffusion::test::check_training_step;
using diffusion::test::normals;
using diffusion::test::randomize;

namespace {

/// Two levels, everything small, with one kind of condition or all.
nn::unet_options tiny() {
    return {.image_channels = 2,
            .base = 4,
            .multipliers = {1, 2},
            .attention = {false, true},
            .heads = 2,
            .groups = 2,
            .zero_last = false};
}

const std::vector<double> times = {3, 400};

nn::unet_options with_tokens() {
    nn::unet_options o = tiny();
    o.token_channels = 5;
    return o;
}
nn::unet_options with_image() {
    nn::unet_options o = tiny();
    o.extra_channels = 3;
    return o;
}
nn::unet_options with_map() {
    nn::unet_options o = tiny();
    o.map_channels = 3;
    o.map_hidden = 4;
    return o;
}
nn::unet_options with_all() {
    nn::unet_options o = with_tokens();
    o.classes = 3;
    o.extra_channels = 1;
    o.map_channels = 2;
    o.map_hidden = 3;
    o.scale_shift = true;
    o.learned_variance = true;
    return o;
}

constexpr nn::shape image{2, 4, 6, 2}, caption{2, 1, 3, 5};

/// What the nets above are told, of `items` items of 6x6 pixels with as many conditions as they
/// want.
template <class T>
struct told {
    std::vector<std::size_t> labels;
    nn::condition_values<T> given;

    told(const nn::unet_options& o, std::size_t items) {
        if (o.classes > 0)
            for (std::size_t i = 0; i < items; ++i) labels.push_back(i % (o.classes + 1));
        const auto fill = [](nn::item_values<T>& v, const nn::shape& s, std::uint64_t seed) {
            if (s.channels == 0) return;
            const std::vector<double> z = normals(s.size(), seed);
            v = {s, std::vector<T>(z.begin(), z.end())};
        };
        fill(given.tokens, {items, 1, 3, o.token_channels}, 1);
        fill(given.image, {items, 6, 6, o.extra_channels}, 2);
        fill(given.map, {items, 6, 6, o.map_channels}, 3);
    }
};

/// Compares output, loss and all gradients with PyTorch's.
void compare_with_pytorch(const std::string& name, const nn::unet_options& o, const nn::shape& s,
                          std::size_t length, const std::vector<std::size_t>& labels = {},
                          const std::vector<double>& mask = {}) {
    using namespace diffusion::test;
    const torch_numbers torch("unet_conditions_torch.txt", name);
    nn::unet<double> net(o);
    fill_as_torch(net.parameters());
    const nn::shape tokens{s.items, 1, length, o.token_channels};
    const nn::shape beside = s.with_channels(o.extra_channels);
    const nn::shape labelled = s.with_channels(o.map_channels);
    const auto t = std::vector<double>{3, 20};
    const auto x = from_torch(formula(s.size(), 1000, 1), s);
    const auto caption_values = formula(tokens.size(), 3001, 1);
    const auto image_values = from_torch(formula(beside.size(), 3002, 1), beside);
    const auto map_values = from_torch(formula(labelled.size(), 3003, 1), labelled);

    nn::tape<double> tape;
    std::vector<double> gradient(net.parameters().values().size());
    tape.collect(net.parameters(), gradient);
    const auto in = tape.input(s, x.data());
    nn::conditions<double> given{.labels = labels};
    if (length > 0) given.tokens = tape.input(tokens, caption_values.data());
    if (!mask.empty()) given.token_mask = tape.constant({s.items, 1, 1, length}, mask.data());
    if (o.extra_channels > 0) given.image = tape.input(beside, image_values.data());
    if (o.map_channels > 0) given.map = tape.input(labelled, map_values.data());
    const auto y = net(in, t, given);
    const auto target = from_torch(formula(y.size(), 2000, 1), y.shape());
    const auto loss = nn::mse_loss(y, std::span<const double>(target));
    tape.backward(loss);

    CHECK(std::abs(loss.item() / torch.number("loss") - 1) < 1e-12);
    CHECK(torch.difference("output", in_torch_order(y.values(), y.shape())) < 1e-12);
    CHECK(torch.difference("input", in_torch_order(in.gradient(), s)) < 1e-12);
    if (given.tokens) {
        const auto g = given.tokens.gradient();
        CHECK(torch.difference("given.tokens", {g.begin(), g.end()}) < 1e-12);
    }
    if (given.image)
        CHECK(torch.difference("given.image", in_torch_order(given.image.gradient(), beside)) <
              1e-12);
    if (given.map)
        CHECK(torch.difference("given.map", in_torch_order(given.map.gradient(), labelled)) <
              1e-12);
    torch.check_gradients(net.parameters(), gradient);
    CHECK(torch.size() == net.parameters().size() + 3 + (length > 0) + (o.extra_channels > 0) +
                              (o.map_channels > 0));
}

}  // namespace

TEST_CASE("a U-Net that is told captions, images and maps is PyTorch's, with all its gradients") {
    SUBCASE("captions, one of them with padding") {
        compare_with_pytorch("captions",
                             {.image_channels = 2,
                              .base = 8,
                              .multipliers = {1, 2},
                              .attention = {false, true},
                              .heads = 2,
                              .groups = 4,
                              .token_channels = 5},
                             {2, 4, 6, 2}, 3, {}, {1, 1, 1, 1, 1, 0});
    }
    SUBCASE("everything, scale and shift, learned variance") {
        compare_with_pytorch("everything",
                             {.base = 8,
                              .multipliers = {1, 1, 2},
                              .attention = {false, true, true},
                              .groups = 2,
                              .classes = 3,
                              .token_channels = 3,
                              .extra_channels = 2,
                              .map_channels = 3,
                              .map_hidden = 4,
                              .scale_shift = true,
                              .learned_variance = true},
                             {2, 4, 8, 1}, 4, {3, 1});
    }
    SUBCASE("a map, through SPADE that the time shifts") {
        compare_with_pytorch("map",
                             {.base = 4,
                              .multipliers = {1, 2},
                              .blocks = 2,
                              .attention = {false, false},
                              .groups = 2,
                              .map_channels = 2,
                              .map_hidden = 6},
                             {2, 6, 4, 1}, 0);
    }
}

TEST_CASE("the gradient of a U-Net that reads a caption is right in x and in the tokens") {
    const nn::unet<double> net(with_tokens(), 1);
    const std::vector<double> mask = {1, 1, 0, 1, 0.5, 1};
    check_gradient(
        {image, caption},
        [&](auto& tape, const auto& v) {
            return net(v[0], times,
                       {.tokens = v[1], .token_mask = tape.constant({2, 1, 3, 1}, mask.data())});
        },
        1e-6);
}

TEST_CASE("the gradient of a U-Net beside whose x an image stands is right in both") {
    const nn::unet<double> net(with_image(), 1);
    check_gradient(
        {image, image.with_channels(3)},
        [&](auto&, const auto& v) { return net(v[0], times, {.image = v[1]}); }, 1e-6);
}

TEST_CASE("the gradient of a U-Net that reads a map of labels is right in x and in the map") {
    const nn::unet<double> net(with_map(), 1);
    check_gradient(
        {image, image.with_channels(3)},
        [&](auto&, const auto& v) { return net(v[0], times, {.map = v[1]}); }, 1e-6);
}

TEST_CASE("the gradient of a U-Net that is told everything is right in all of it") {
    nn::unet<double> net(with_all(), 1);
    randomize(net.parameters(), 0.3);  // FiLM starts with zeros
    const std::vector<std::size_t> labels = {2, 3};
    check_gradient(
        {image, caption, image.with_channels(1), image.with_channels(2)},
        [&](auto&, const auto& v) {
            return net(v[0], times, {.labels = labels, .tokens = v[1], .image = v[2], .map = v[3]});
        },
        1e-6);
}

TEST_CASE("with every kind of condition 1, 2 and 4 threads train alike, without calling the heap") {
    for (const nn::unet_options& o : {with_tokens(), with_image(), with_map(), with_all()}) {
        constexpr std::size_t items = 5, size = 36 * 2;
        nn::unet<float> net(o, 1);
        randomize(net.parameters(), 0.2);
        const told<float> said(o, items);
        const std::vector<double> z = normals(2 * items * size, 4), t = {1, 20, 300, 44, 500};
        const std::vector<float> x(z.begin(), z.end());
        check_training_step(
            net.parameters(), items,
            [&](nn::tape<float>& tape, std::size_t first, std::size_t count) {
                const auto labels = std::span<const std::size_t>(said.labels);
                const auto y =
                    net(tape.constant({count, 6, 6, 2}, x.data() + first * size),
                        std::span(t).subspan(first, count),
                        said.given.on(tape, first, count,
                                      labels.empty() ? labels : labels.subspan(first, count)));
                return nn::mse_loss(y, std::span<const float>(x).first(y.size()));
            });
    }
}

TEST_CASE("drawing gives each picture its own caption and map, and the variance apart") {
    constexpr std::size_t items = 5, size = 36 * 2;
    nn::unet<float> net(with_all(), 1);
    randomize(net.parameters(), 0.2);
    const told<float> said(with_all(), items);
    const std::vector<double> z = normals(items * size, 4);
    const std::vector<float> x(z.begin(), z.end());
    nn::lanes<float> lanes(nn::lanes_options{.threads = 2, .chunk = 2});
    std::vector<float> y(x.size()), v(x.size()), alone(x.size());
    const auto draw = nn::as_network(net, lanes, 6, 6, said.labels, said.given);
    draw(x, 30.0, y, v);
    draw(x, 30.0, alone);
    CHECK(alone == y);
    CHECK(v != y);

    nn::tape<float> tape;
    const double t = 30;
    const auto third =
        net(tape.constant({1, 6, 6, 2}, x.data() + 3 * size), std::span(&t, 1),
            said.given.on(tape, 3, 1, std::span<const std::size_t>(said.labels).subspan(3, 1)));
    for (std::size_t p = 0; p < 36; ++p)
        for (std::size_t c = 0; c < 2; ++c) {
            CHECK(third.data()[4 * p + c] ==
                  doctest::Approx(y[3 * size + 2 * p + c]).epsilon(1e-4));
            CHECK(third.data()[4 * p + 2 + c] ==
                  doctest::Approx(v[3 * size + 2 * p + c]).epsilon(1e-4));
        }

    std::vector<float> four(x.begin(), x.end() - size), out(four.size());
    CHECK_THROWS_WITH_AS(draw(four, 30.0, out),
                         "diffusion::nn::evaluate: there must be one label for each item, one for "
                         "all, or none, got 5",
                         std::invalid_argument);
    nn::unet<float> plain(with_image(), 1);
    const auto no_variance =
        nn::as_network(plain, lanes, 6, 6, {}, told<float>(with_image(), 5).given);
    no_variance(x, 30.0, y);
    CHECK_THROWS_AS(no_variance(x, 30.0, y, v), std::invalid_argument);
    CHECK_THROWS_WITH_AS(no_variance(four, 30.0, out),
                         "diffusion::nn::evaluate: there must be conditions for each item, got 4",
                         std::invalid_argument);
}

TEST_CASE("a U-Net says which condition is missing, unknown or of the wrong shape") {
    nn::tape<double> tape;
    const std::vector<double> zeros(200);
    const auto some = [&](const nn::shape& s) { return tape.constant(s, zeros.data()); };
    const auto x = some(image);
    const nn::unet<double> captions(with_tokens()), images(with_image()), maps(with_map());
    CHECK_THROWS_WITH_AS(captions(x, times),
                         "diffusion::nn::unet: this net wants tokens {items, 1, length, "
                         "token_channels}, got \"nothing\"",
                         std::invalid_argument);
    CHECK_THROWS_WITH_AS(captions(x, times, {.tokens = some({2, 1, 3, 4})}),
                         "diffusion::nn::unet: this net wants tokens {items, 1, length, "
                         "token_channels}, got \"(2, 1, 3, 4)\"",
                         std::invalid_argument);
    CHECK_THROWS_AS(captions(x, times, {.tokens = some({1, 1, 3, 5})}), std::invalid_argument);
    CHECK_THROWS_AS(captions(x, times, {.tokens = some({2, 1, 0, 5})}), std::invalid_argument);
    CHECK_THROWS_AS(captions(x, times, {.tokens = some({2, 2, 3, 5})}), std::invalid_argument);
    CHECK_THROWS_AS(captions(x, times, {.tokens = some(caption), .token_mask = some({2, 1, 1, 4})}),
                    std::invalid_argument);
    CHECK_THROWS_WITH_AS(images(x, times, {.tokens = some(caption)}),
                         "diffusion::nn::unet: tokens need a net with token_channels, got \"(2, 1, "
                         "3, 5)\"",
                         std::invalid_argument);
    CHECK_THROWS_AS(
        images(x, times, {.token_mask = some({2, 1, 1, 3}), .image = some({2, 4, 6, 3})}),
        std::invalid_argument);
    CHECK_THROWS_WITH_AS(images(x, times),
                         "diffusion::nn::unet: this net wants an image {items, height, width, "
                         "extra_channels}, got \"nothing\"",
                         std::invalid_argument);
    CHECK_THROWS_AS(images(x, times, {.image = some({2, 6, 4, 3})}), std::invalid_argument);
    CHECK_THROWS_AS(maps(x, times, {.image = some({2, 4, 6, 3})}), std::invalid_argument);
    CHECK_THROWS_WITH_AS(maps(x, times, {.map = some({2, 4, 6, 2})}),
                         "diffusion::nn::unet: this net wants a map {items, height, width, "
                         "map_channels}, got \"(2, 4, 6, 2)\"",
                         std::invalid_argument);
    CHECK_THROWS_AS(captions(x, times, {.tokens = some(caption), .map = some({2, 4, 6, 3})}),
                    std::invalid_argument);
}

TEST_CASE("a hook sees each attention of a U-Net by its name, and edits it on any thread alike") {
    nn::unet<float> net(with_tokens());
    randomize(net.parameters(), 0.3);
    constexpr std::size_t items = 5;
    const nn::shape s{items, 6, 6, 2};
    const told<float> what(with_tokens(), items);
    const std::vector<double> z = normals(s.size(), 4);
    const std::vector<float> x(z.begin(), z.end());
    const auto run = [&](auto&& network, std::size_t threads) {
        std::vector<float> out(s.size());
        nn::lanes<float> lanes(nn::lanes_options{.threads = threads, .chunk = 2});
        nn::evaluate(network, lanes, s, std::span<const float>(x),
                     std::span<const double>(times).first(1), {}, std::span<float>(out),
                     what.given);
        return out;
    };
    std::vector<std::string> layers;
    nn::hooked_network reader(net, [&](const nn::attention_map<float>& map) {
        if (map.item == 0 && map.head == 0) layers.emplace_back(map.layer);
        CHECK(map.columns == (map.layer.ends_with("2") || map.layer == "mx" ? 3 : map.rows()));
    });
    const std::vector<float> plain = run(net, 1);
    CHECK(run(reader, 1) == plain);
    const std::vector<std::string> chunk = {"down.2.1", "down.2.2", "ma",     "mx",
                                            "up.0.1",   "up.0.2",   "up.1.1", "up.1.2"};
    REQUIRE(layers.size() == 3 * chunk.size());
    CHECK(std::equal(chunk.begin(), chunk.end(), layers.begin()));

    nn::hooked_network editor(net, [](const nn::attention_map<float>& map) {
        if (map.layer == "up.0.2")
            for (std::size_t i = 0; i < map.rows(); ++i) map.row(i)[1] *= 3;
    });
    const std::vector<float> edited = run(editor, 1);
    CHECK(edited != plain);
    CHECK(run(editor, 2) == edited);
    CHECK(run(editor, 4) == edited);
}

TEST_CASE("an encoder of captions learns with the U-Net that it tells them") {
    nn::unet<double> net({.base = 4,
                          .multipliers = {1},
                          .attention = {true},
                          .groups = 2,
                          .zero_last = false,
                          .token_channels = 6});
    const std::size_t alone = net.parameters().size();
    const nn::transformer<double> text(
        net.parameters(), "text.",
        {.vocabulary = 5, .length = 3, .channels = 6, .blocks = 1, .heads = 2, .ratio = 1});
    CHECK(net.parameters().size() > alone);
    CHECK(net.parameters().find("text.blocks.0.q.weight") != nullptr);
    randomize(net.parameters(), 0.3);
    const std::vector<double> x = normals(2 * 2 * 3, 1);
    const std::vector<std::size_t> lengths = {3, 2};
    const auto draw = [&](nn::tape<double>& tape, const std::vector<std::size_t>& words) {
        return net(tape.constant({2, 2, 3, 1}, x.data()), times,
                   nn::conditions<double>{.tokens = text(tape, words, lengths),
                                          .token_mask = nn::token_mask(tape, lengths, 3)});
    };
    const std::vector<std::size_t> words = {4, 1, 0, 2, 4, 1};
    diffusion::test::check_parameter_gradients(
        net.parameters(), [&](nn::tape<double>& tape) { return draw(tape, words); });

    nn::tape<double> tape;
    const auto y = draw(tape, words), padded = draw(tape, {4, 1, 0, 2, 4, 3}),
               other = draw(tape, {4, 1, 0, 3, 4, 1});
    CHECK(std::ranges::equal(y.values(), padded.values()));
    CHECK(std::ranges::equal(y.values().first(6), other.values().first(6)));
    CHECK(!std::ranges::equal(y.values(), other.values()));
}
