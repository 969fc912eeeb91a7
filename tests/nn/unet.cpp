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

/// What unet_make.py writes of a tensor, and the tensor in its order.
using numbers = std::vector<double>;

template <class Where>
numbers in_torch_order(std::span<const double> x, const Where& where) {
    numbers there(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) there[i] = x[place(where, i)];
    return there;
}

/// Projections onto three vectors whose elements are spread evenly over [-1, 1].
numbers projections(const numbers& x) {
    const numbers w = formula(3 * x.size(), 3000, 1);
    numbers sums(3);
    for (std::size_t i = 0; i < w.size(); ++i) sums[i % 3] += w[i] * x[i / 3];
    return sums;
}

/// The largest difference, relative to the largest element of the tensor and, for sums of `terms`
/// elements, to the square root of their number: what a sum with random signs amounts to.
double difference(const numbers& a, const numbers& b, const numbers& tensor, double terms) {
    REQUIRE(a.size() == b.size());
    double largest = 0, worst = 0;
    for (double v : tensor) largest = std::max(largest, std::abs(v));
    for (std::size_t i = 0; i < a.size(); ++i)
        if (const double d = std::abs(a[i] - b[i]); !(d <= worst)) worst = d;  // also if it is NaN
    return worst / (largest * std::sqrt(terms));
}

struct golden {
    nn::unet_options options;
    nn::shape shape;
    std::map<std::string, numbers> of;  ///< projections; under NAME[] the tensor
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
        } else if (reading) {
            for (double v; words >> v;) g.of[key].push_back(v);
        }
    }
    REQUIRE(g.of.size() > 10);
    g.options.image_channels = g.shape.channels;
    return g;
}

/// Compares a tensor with what PyTorch has under this name; false if it is not there.
template <class Where>
bool is_torchs(const golden& g, const std::string& name, std::span<const double> x,
               const Where& where) {
    INFO(name);
    const numbers there = in_torch_order(x, where);
    const auto found = g.of.find(name), whole = g.of.find(name + "[]");
    if (found == g.of.end()) return false;
    const double terms = static_cast<double>(x.size());
    CHECK(difference(projections(there), found->second, there, terms) < 1e-12);
    if (whole != g.of.end()) CHECK(difference(there, whole->second, there, 1) < 1e-12);
    return true;
}

void compare_with_pytorch(const golden& g, const std::vector<std::size_t>& labels = {}) {
    nn::unet<double> net(g.options);
    std::vector<std::string> names;
    for (const nn::parameter_info& p : net.parameters().list()) names.push_back(p.name);
    std::sort(names.begin(), names.end());
    CHECK(std::ranges::count_if(g.of, [](const auto& entry) {
              return !entry.first.ends_with("[]");
          }) == static_cast<std::ptrdiff_t>(names.size() + 2));
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
    const auto y = net(in, t, labels);
    const auto loss = nn::mse_loss(y, std::span<const double>(target));
    tape.backward(loss);

    CHECK(std::abs(loss.item() / g.of.at("loss[]")[0] - 1) < 1e-12);
    CHECK(is_torchs(g, "output", y.values(), g.shape));
    CHECK(is_torchs(g, "input", in.gradient(), g.shape));
    for (const nn::parameter_info& p : net.parameters().list())
        CHECK(is_torchs(g, p.name, std::span<const double>(gradient).subspan(p.offset, p.size), p));
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
    SUBCASE("classes, one picture without a label, attention with four heads") {
        golden g = read_golden("labelled");
        g.options.multipliers = {1, 2};
        g.options.attention = {false, true};
        g.options.classes = 3;
        g.options.heads = 4;
        compare_with_pytorch(g, {2, 3, 0});
    }
}

TEST_CASE("three projections and the small tensors show an element that is wrong by 1e-9") {
    const numbers right = formula(36864, 7, 1);
    for (const std::size_t wrong : {0U, 20000U, 36863U}) {
        numbers x = right;
        x[wrong] += 1e-9;
        CHECK(difference(projections(x), projections(right), x, 36864.0) > 1e-12);
        CHECK(difference(x, right, x, 1) > 1e-12);
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
