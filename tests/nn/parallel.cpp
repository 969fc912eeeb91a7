#include <doctest/doctest.h>
#include <diffusion/nn/activations.hpp>
#include <diffusion/nn/checkpoint.hpp>
#include <diffusion/nn/convolution.hpp>
#include <diffusion/nn/ema.hpp>
#include <diffusion/nn/inference.hpp>
#include <diffusion/nn/loss.hpp>
#include <diffusion/nn/optimizer.hpp>
#include <diffusion/nn/parallel.hpp>
#include <diffusion/nn/unet.hpp>
#define SUPPORT_COUNTING_NEW_IMPLEMENTATION  // for the whole of test_nn
#include <support/counting_new.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <vector>

namespace nn = diffusion::nn;

namespace {

nn::unet_options small(bool checkpoint) {
    return {.image_channels = 2,
            .base = 16,
            .multipliers = {1, 2},
            .attention = {false, true},
            .heads = 2,
            .classes = 3,
            .zero_last = false,
            .checkpoint = checkpoint};
}

/// A net with everything that its training needs, on fixed data.
struct training {
    static constexpr std::size_t items = 13, size = 12, image = size * size * 2;
    nn::unet<float> net;
    nn::lanes<float> lanes;
    nn::adam<float> optimizer{net.parameters()};
    nn::ema<float> average{net.parameters()};
    std::vector<float> x, target;
    std::vector<double> t;
    std::vector<std::size_t> labels;

    explicit training(std::size_t threads, std::size_t count = 8, bool checkpoint = false)
        : net(small(checkpoint), 1),
          lanes(nn::lanes_options{.threads = threads, .lanes = count}),
          x(items * image),
          target(x.size()) {
        diffusion::fill_normal<float>(std::span<float>(x), 1, {});
        diffusion::fill_normal<float>(std::span<float>(target), 2, {});
        for (std::size_t i = 0; i < items; ++i) {
            t.push_back(static_cast<double>(70 * i));
            labels.push_back(i % 4);
        }
    }
    double step() {
        const double loss = lanes.train(
            net.parameters(), items, [&](nn::tape<float>& tape, std::size_t first, std::size_t n) {
                const auto in = tape.constant({n, size, size, 2}, x.data() + first * image);
                return nn::mse_loss(
                    net(in, std::span<const double>(t).subspan(first, n),
                        std::span<const std::size_t>(labels).subspan(first, n)),
                    std::span<const float>(target).subspan(first * image, n * image));
            });
        nn::clip_gradient(net.parameters(), 1.0);
        optimizer.step(1e-3);
        average.update();
        return loss;
    }
};

}  // namespace

TEST_CASE("training and drawing give the same bits for any number of threads") {
    training reference(1);
    std::vector<double> losses;
    for (int i = 0; i < 3; ++i) losses.push_back(reference.step());
    std::vector<float> drawn(reference.x.size());
    const nn::shape s{training::items, training::size, training::size, 2};
    nn::evaluate(reference.net, reference.lanes, s, std::span<const float>(reference.x),
                 std::span<const double>(reference.t), {}, std::span<float>(drawn));
    for (const std::size_t threads : {1U, 2U, 3U, 4U, 8U}) {
        const bool checkpoint = threads != 3;
        INFO(threads, " threads, pieces computed ", checkpoint ? "twice" : "once");
        training other(threads, 8, checkpoint);
        for (int i = 0; i < 3; ++i) CHECK(other.step() == losses[static_cast<std::size_t>(i)]);
        CHECK(std::ranges::equal(other.net.parameters().values(),
                                 reference.net.parameters().values()));
        CHECK(std::ranges::equal(other.average.values(), reference.average.values()));
        std::vector<float> again(drawn.size());
        nn::evaluate(other.net, other.lanes, s, std::span<const float>(other.x),
                     std::span<const double>(other.t), {}, std::span<float>(again));
        CHECK(again == drawn);
    }
}

TEST_CASE("shared weights get the same bits for any number of threads, computed once or twice") {
    nn::parameters<float> store(1);
    const nn::conv2d<float> conv(store, "conv", 32, 32);  // whose gradient is added at once
    const nn::shape s{1, 6, 6, 32};
    std::vector<float> x(16 * s.size());
    diffusion::fill_normal<float>(std::span<float>(x), 3, {});
    const auto gradient = [&](std::size_t threads, bool twice) {
        nn::lanes<float> lanes(threads);
        lanes.train(store, 16, [&](nn::tape<float>& tape, std::size_t first, std::size_t n) {
            auto h = tape.constant({n, 6, 6, 32}, x.data() + first * s.size());
            const auto piece = [&](const nn::var<float>& v) { return nn::silu(conv(v)); };
            for (int i = 0; i < 3; ++i) h = twice ? nn::checkpointed(piece, h) : piece(h);
            return nn::mse_loss(h, std::span<const float>(x).subspan(0, h.size()));
        });
        return std::vector<float>(store.gradient().begin(), store.gradient().end());
    };
    const std::vector<float> once = gradient(1, false);
    CHECK(std::ranges::any_of(once, [](float g) { return g != 0; }));
    for (const std::size_t threads : {1U, 2U, 5U})
        for (const bool twice : {false, true})
            for (int repeat = 0; repeat < 5; ++repeat) CHECK(gradient(threads, twice) == once);
}

TEST_CASE("gradients that come in several gifts get the same bits for any number of threads") {
    nn::parameters<float> store(1);
    const nn::conv2d<float> a(store, "a", 3, 5), b(store, "b", 5, 3);
    const nn::shape s{1, 6, 6, 3};
    std::vector<float> x(16 * s.size());
    diffusion::fill_normal<float>(std::span<float>(x), 3, {});
    const auto gradient = [&](std::size_t threads) {
        nn::lanes<float> lanes(threads);
        lanes.train(store, 16, [&](nn::tape<float>& tape, std::size_t first, std::size_t n) {
            nn::var<float> last;
            for (int i = 0; i < 3; ++i) {  // the last loss is left to the lanes
                if (last) tape.backward(last);
                const auto in = tape.constant({n, 6, 6, 3}, x.data() + first * s.size());
                const auto h = i == 1 ? a(in) : nn::checkpointed(a, in);
                const auto y =
                    nn::add(nn::checkpointed(b, h), i == 2 ? b(h) : nn::checkpointed(b, h));
                last = nn::mse_loss(y, std::span<const float>(x).subspan(0, y.size()));
            }
            return last;
        });
        return std::vector<float>(store.gradient().begin(), store.gradient().end());
    };
    const std::vector<float> once = gradient(1);
    for (const std::size_t threads : {2U, 5U})
        for (int repeat = 0; repeat < 10; ++repeat) CHECK(gradient(threads) == once);
}

TEST_CASE("the gradient of the lanes together is that of the whole batch") {
    training t(2);
    nn::tape<float> tape;
    std::vector<float> gradient(t.net.parameters().values().size(), 0.0F);
    tape.collect(t.net.parameters(), gradient);
    const auto in = tape.constant({training::items, training::size, training::size, 2}, t.x.data());
    const auto loss = nn::mse_loss(t.net(in, t.t, t.labels), std::span<const float>(t.target));
    tape.backward(loss);
    const double mean = t.step();  // clips, but the norm is compared below
    CHECK(mean == doctest::Approx(static_cast<double>(loss.item())).epsilon(1e-6));
    double dot = 0, one = 0, other = 0;
    for (std::size_t i = 0; i < gradient.size(); ++i) {
        const double a = static_cast<double>(gradient[i]);
        const double b = static_cast<double>(t.net.parameters().gradient()[i]);
        dot += a * b;
        one += a * a;
        other += b * b;
    }
    CHECK(dot / std::sqrt(one * other) == doctest::Approx(1).epsilon(1e-9));
}

TEST_CASE("after the first step neither training nor drawing calls the heap") {
    const auto step_and_draw = [](training& t, std::vector<float>& out) {
        t.step();
        nn::evaluate(t.net, t.lanes, {training::items, training::size, training::size, 2},
                     std::span<const float>(t.x), std::span<const double>(t.t), {},
                     std::span<float>(out));
    };
    for (const bool checkpoint : {false, true}) {
        training alone(1, 1, checkpoint);  // one lane of 13: the shapes do not fit a short string
        std::vector<float> out(alone.x.size());
        std::size_t before = support::allocations();
        step_and_draw(alone, out);
        const std::size_t first = support::allocations() - before;
        CHECK(first > 0);
        before = support::allocations();
        for (int i = 0; i < 5; ++i) step_and_draw(alone, out);
        CHECK(support::allocations() == before);
    }

    std::size_t before = support::allocations();
    training one(1);
    std::vector<float> out(one.x.size());
    step_and_draw(one, out);
    const std::size_t most = 2 * (support::allocations() - before);

    // Which of two threads takes which lane is chance, but each fills its memory only once.
    training both(2);
    before = support::allocations();
    for (int i = 0; i < 20; ++i) step_and_draw(both, out);
    CHECK(support::allocations() - before <= most);
}

TEST_CASE("an exception in a lane reaches the caller, and training can go on") {
    training t(2);
    const auto faulty = [&](nn::tape<float>& tape, std::size_t first, std::size_t n) {
        if (first > 4) throw std::runtime_error("no data");
        const auto in = tape.constant({n, training::size, training::size, 2}, t.x.data());
        const auto y = t.net(in, std::span<const double>(t.t).first(n));
        return nn::mse_loss(y, std::span<const float>(t.x).first(n * training::image));
    };
    CHECK_THROWS_WITH_AS(t.lanes.train(t.net.parameters(), training::items, faulty), "no data",
                         std::runtime_error);
    training fresh(1);
    CHECK(t.step() == fresh.step());
    CHECK_THROWS_AS(t.lanes.train(t.net.parameters(), 0, faulty), std::invalid_argument);
}
