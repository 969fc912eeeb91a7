#include <doctest/doctest.h>
#include <diffusion/nn/loss.hpp>
#include <diffusion/nn/parallel.hpp>
#include <diffusion/nn/unet.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <map>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace nn = diffusion::nn;

namespace {

/// The numbers with which unet_make.py fills its tensors.
std::vector<double> formula(std::size_t count, std::uint64_t key, double scale) {
    std::vector<double> x(count);
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint64_t h = (i * 2654435761U + i * i * 40503U + key * 1234567U) % (1ULL << 32);
        x[i] = scale * (static_cast<double>(h) / 2147483648.0 - 1);
    }
    return x;
}

/// The place here of element `i` of a tensor in PyTorch's order.
std::size_t place(const nn::parameter_info& p, std::size_t i) {
    if (p.layout == nn::parameter_layout::linear) {
        const std::size_t in = p.sizes[0], out = p.sizes[1];
        return i % in * out + i / in;
    }
    if (p.layout == nn::parameter_layout::conv) {
        const std::size_t taps = p.sizes[0] * p.sizes[1], in = p.sizes[2], out = p.sizes[3];
        return (i % taps * in + i / taps % in) * out + i / (taps * in);
    }
    return i;
}

/// The same for images: (item, channel, row, column) there.
std::size_t place(const nn::shape& s, std::size_t i) {
    const std::size_t pixels = s.pixels(), c = i / pixels % s.channels;
    return (i / (pixels * s.channels) * pixels + i % pixels) * s.channels + c;
}

struct digest {
    double sum = 0, weighted = 0, first = 0, last = 0;
};

template <class Where>
digest digest_of(std::span<const double> x, const Where& where) {
    digest d;
    for (std::size_t i = 0; i < x.size(); ++i) {
        const double v = x[place(where, i)];
        d.sum += v;
        d.weighted += v * std::sin(1 + static_cast<double>(i));
    }
    d.first = x[place(where, 0)];
    d.last = x[place(where, x.size() - 1)];
    return d;
}

/// The largest difference, relative to the largest element times the square root of the count: what
/// a sum of such elements with random signs amounts to.
double difference(const digest& a, const digest& b, std::span<const double> x) {
    double largest = 0;
    for (double v : x) largest = std::max(largest, std::abs(v));
    const double scale = largest * std::sqrt(static_cast<double>(x.size()));
    return std::max({std::abs(a.sum - b.sum), std::abs(a.weighted - b.weighted),
                     std::abs(a.first - b.first), std::abs(a.last - b.last)}) /
           scale;
}

struct golden {
    nn::unet_options options;
    nn::shape shape;
    double loss = 0;
    std::map<std::string, digest> numbers;
};

golden read_golden(const std::string& wanted) {
    std::ifstream file(DIFFUSION_TEST_DATA "/golden/unet_torch.txt");
    REQUIRE(file);
    golden g;
    bool reading = false;
    for (std::string line; std::getline(file, line);) {
        std::istringstream words(line);
        std::string key, name;
        words >> key;
        if (key == "case") {
            words >> name;
            reading = name == wanted;
            if (reading)
                words >> g.options.base >> g.shape.items >> g.shape.channels >> g.shape.height >>
                    g.shape.width;
        } else if (reading && key == "loss") {
            words >> g.loss;
        } else if (reading) {
            digest& d = g.numbers[key];
            words >> d.sum >> d.weighted >> d.first >> d.last;
        }
    }
    REQUIRE(g.numbers.size() > 10);
    g.options.image_channels = g.shape.channels;
    return g;
}

void compare_with_pytorch(golden g) {
    nn::unet<double> net(g.options);
    std::vector<std::string> names;
    for (const nn::parameter_info& p : net.parameters().list()) names.push_back(p.name);
    std::sort(names.begin(), names.end());
    CHECK(names.size() + 2 == g.numbers.size());
    for (std::size_t key = 0; key < names.size(); ++key) {
        const nn::parameter<double> p = net.parameters().at(names[key]);
        const nn::parameter_info& info = p.info();
        double fan_in = 10;
        if (info.layout == nn::parameter_layout::linear)
            fan_in = static_cast<double>(info.sizes[0]);
        if (info.layout == nn::parameter_layout::conv)
            fan_in = static_cast<double>(info.size / info.sizes[3]);
        const std::vector<double> w = formula(info.size, key, std::sqrt(3 / fan_in));
        const std::span<double> values = p.change_values();
        for (std::size_t i = 0; i < w.size(); ++i) values[place(info, i)] = w[i];
    }

    const std::size_t n = g.shape.size();
    const std::vector<double> x_there = formula(n, 1000, 1), target_there = formula(n, 2000, 1);
    std::vector<double> x(n), target(n), t(g.shape.items),
        gradient(net.parameters().values().size());
    for (std::size_t i = 0; i < n; ++i) {
        x[place(g.shape, i)] = x_there[i];
        target[place(g.shape, i)] = target_there[i];
    }
    for (std::size_t i = 0; i < t.size(); ++i) t[i] = 17 * static_cast<double>(i) + 3;

    nn::tape<double> tape;
    tape.collect(net.parameters(), gradient);
    const auto in = tape.input(g.shape, x.data());
    const auto y = net(in, t);
    const auto loss = nn::mse_loss(y, std::span<const double>(target));
    tape.backward(loss);

    CHECK(loss.item() == doctest::Approx(g.loss).epsilon(1e-12));
    CHECK(difference(digest_of(y.values(), g.shape), g.numbers["output"], y.values()) < 1e-12);
    CHECK(difference(digest_of(in.gradient(), g.shape), g.numbers["input"], in.gradient()) < 1e-12);
    for (const nn::parameter_info& p : net.parameters().list()) {
        INFO(p.name);
        REQUIRE(g.numbers.count(p.name) == 1);
        const auto piece = std::span<const double>(gradient).subspan(p.offset, p.size);
        CHECK(difference(digest_of(piece, p), g.numbers[p.name], piece) < 1e-12);
    }
}

}  // namespace

TEST_CASE("the U-Net's output, loss, input gradient and all parameter gradients equal PyTorch's") {
    SUBCASE("three levels, the net that is timed") {
        golden g = read_golden("default");
        compare_with_pytorch(g);
    }
    SUBCASE("two levels of two blocks, colour, attention on the lower level") {
        golden g = read_golden("two_levels");
        g.options.multipliers = {1, 2};
        g.options.blocks = 2;
        g.options.attention = {false, true};
        compare_with_pytorch(g);
    }
    SUBCASE("one level, odd sizes, a group for each two channels") {
        golden g = read_golden("one_level");
        g.options.multipliers = {2};
        g.options.attention = {true};
        compare_with_pytorch(g);
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
    CHECK_THROWS_AS(nn::unet<float>({.multipliers = {1}}), std::invalid_argument);
    CHECK_THROWS_AS(nn::unet<float>({.multipliers = {}, .attention = {}}), std::invalid_argument);
}
