#include <doctest/doctest.h>
#include <diffusion/nn/activations.hpp>
#include <diffusion/nn/checkpoint.hpp>
#include <diffusion/nn/dropout.hpp>
#include <diffusion/nn/elementwise.hpp>
#include <diffusion/nn/loss.hpp>
#include <diffusion/nn/unet.hpp>
#include <nn/gradient_check.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <vector>

namespace nn = diffusion::nn;

namespace {

/// A chain of operations with a parameter, a draw and an input that is read twice.
struct chain {
    static constexpr nn::shape s{2, 3, 5, 4};
    nn::parameters<double> store{1};
    nn::conv2d<double> conv{store, "conv", 4, 4};
    std::vector<double> x = diffusion::test::normals(s.size(), 1);
    std::vector<double> side = diffusion::test::normals(s.size(), 2);
    std::vector<double> target = diffusion::test::normals(s.size(), 3);

    nn::var<double> piece(const nn::var<double>& a, const nn::var<double>& b) const {
        const auto h = nn::dropout(nn::silu(conv(a)), {.rate = 0.4, .seed = 3});
        return nn::add(nn::silu(nn::add(h, b)), a);
    }

    /// Loss, gradients of both inputs and of the parameters, of a net that `run`s this piece
    /// thrice.
    template <class Run>
    std::vector<double> differentiate(Run run) {
        nn::tape<double> tape;
        std::vector<double> gradient(store.values().size());
        tape.collect(store, gradient);
        const auto a = tape.input(s, x.data()), b = tape.input(s, side.data());
        nn::var<double> h = a;
        for (int i = 0; i < 3; ++i) h = run(h, b);
        const auto loss = nn::mse_loss(h, std::span<const double>(target));
        tape.backward(loss);
        CHECK(tape.recorded() == 0);
        std::vector<double> all{loss.item()};
        for (const auto& part : {a.gradient(), b.gradient(), std::span<const double>(gradient)})
            all.insert(all.end(), part.begin(), part.end());
        return all;
    }
};

}  // namespace

TEST_CASE("what is computed twice has the bits of what is kept, its draws included") {
    chain net;
    using v = nn::var<double>;
    const auto once = [&](const v& a, const v& b) { return net.piece(a, b); };
    const std::vector<double> kept = net.differentiate(once);
    CHECK(net.differentiate([&](const v& a, const v& b) { return nn::checkpointed(once, a, b); }) ==
          kept);
    SUBCASE("a piece may be cut into pieces again") {
        const auto outer = [&](const v& a, const v& b) {
            return nn::checkpointed(
                [&](const v& c, const v& d) { return nn::checkpointed(once, c, d); }, a, b);
        };
        CHECK(net.differentiate(outer) == kept);
    }
    SUBCASE("a handle that the function holds itself counts like an input") {
        CHECK(net.differentiate([&](const v& a, const v& b) {
            return nn::checkpointed([&net, b](const v& c) { return net.piece(c, b); }, a);
        }) == kept);
    }
    SUBCASE("an input that passes through unchanged receives its gradient once") {
        CHECK(net.differentiate([&](const v& a, const v& b) {
            return once(nn::checkpointed([](const v& c) { return c; }, a), b);
        }) == kept);
    }
    SUBCASE("a value between two operations may be left out alone") {
        CHECK(net.differentiate([&](const v& a, const v& b) {
            const auto h = nn::through([a] { return nn::scale(a, 1.0); }, net.conv);
            const auto kept_out = nn::dropout(nn::silu(h), {.rate = 0.4, .seed = 3});
            return nn::add(nn::silu(nn::add(kept_out, b)), a);
        }) == kept);
    }
}

TEST_CASE("a checkpointed piece is recorded only if something in it wants a gradient") {
    chain net;
    nn::tape<double> tape;
    std::vector<double> gradient(net.store.values().size());
    tape.collect(net.store, gradient);
    const auto a = tape.constant(chain::s, net.x.data());
    const auto run = [&] {
        return nn::checkpointed([&net](const auto& in) { return net.piece(in, in); }, a);
    };
    const auto y = run();
    CHECK(tape.recorded() == 1);
    tape.backward(y, net.target);
    CHECK(std::ranges::any_of(gradient, [](double g) { return g != 0; }));
    net.store.freeze("conv");
    CHECK(!run().needs_gradient());
    CHECK(tape.recorded() == 0);
    nn::without_recording off(tape);
    net.store.thaw("conv");
    CHECK(!run().needs_gradient());
}

TEST_CASE("the gradient of a parameter is handed over when it is complete") {
    chain net;
    using v = nn::var<double>;
    struct taken {
        const nn::parameters<double>& of;
        std::vector<double> sum = std::vector<double>(of.values().size());
        int calls = 0, complete = 0;
        static void take(void* who, std::size_t index, std::span<const double> g, bool whole) {
            taken& self = *static_cast<taken*>(who);
            for (std::size_t i = 0; i < g.size(); ++i)
                self.sum[self.of.info(index).offset + i] += g[i];
            ++self.calls;
            self.complete += whole;
        }
    };
    const auto run = [&](const auto& piece, bool keep_handle) {
        taken to{net.store};
        nn::tape<double> tape;
        tape.collect(net.store, {&to, &taken::take});
        const auto handle = keep_handle ? tape.use(net.conv.weight) : v();
        v h = tape.constant(chain::s, net.x.data());
        for (int i = 0; i < 3; ++i) h = piece(h, tape.constant(chain::s, net.side.data()));
        tape.backward(nn::mse_loss(h, std::span<const double>(net.target)));
        return to;
    };
    std::vector<double> expected(net.store.values().size());
    const auto once = [&](const v& a, const v& b) { return net.piece(a, b); };
    {
        nn::tape<double> tape;
        tape.collect(net.store, expected);
        v h = tape.constant(chain::s, net.x.data());
        for (int i = 0; i < 3; ++i) h = once(h, tape.constant(chain::s, net.side.data()));
        tape.backward(nn::mse_loss(h, std::span<const double>(net.target)));
    }
    const auto twice = [&](const v& a, const v& b) { return nn::checkpointed(once, a, b); };
    for (const bool keep_handle : {false, true}) {
        const taken whole = run(once, keep_handle);
        CHECK(whole.sum == expected);
        CHECK(whole.calls == 2);  // weight and bias, each used thrice
        CHECK(whole.complete == 2);
    }
    const taken pieces = run(twice, false);
    for (std::size_t i = 0; i < expected.size(); ++i)
        CHECK(pieces.sum[i] == doctest::Approx(expected[i]).epsilon(1e-13));
    CHECK(pieces.calls == 6);
    CHECK(pieces.complete == 0);
    net.store.freeze("conv.bias");
    CHECK(run(once, false).calls == 1);
}

TEST_CASE("a handle of a parameter counts for every backward, and for none that fails") {
    nn::parameters<double> store(1);
    const auto p = store.add("p", {1}, nn::parameter_layout::plain, nn::initial::one());
    double sum = 0;
    nn::tape<double> tape;
    const auto take = [](void* to, std::size_t, std::span<const double> g, bool) {
        *static_cast<double*>(to) += g[0];
    };
    tape.collect(store, {&sum, take});
    const auto w = tape.use(p);
    tape.backward(nn::scale(w, 1.0));
    CHECK(sum == 1);
    tape.backward(nn::scale(w, 10.0));
    CHECK(sum == 11);

    const auto y = nn::scale(w, 5.0);
    const auto faulty = tape.result(y.shape(), y, w);
    *faulty.fill() = 0;
    tape.record(faulty, [dy = nn::adjoint_slot<double>(y),
                         dw = nn::adjoint_slot<double>(w)](const nn::adjoint_slot<double>&) {
        *dw.write_zeroed() += 100;
        throw std::runtime_error("fault");
    });
    CHECK_THROWS_AS(tape.backward(faulty), std::runtime_error);
    tape.clear();
    CHECK(sum == 11);
    tape.backward(nn::scale(w, 1000.0));
    CHECK(sum == 1011);

    std::vector<double> direct(store.values().size());  // from now on there
    tape.collect(store, direct);
    tape.backward(nn::scale(tape.use(p), 3.0));
    CHECK(direct[0] == 3);
    CHECK(sum == 1011);
}

TEST_CASE("a chain cut into pieces keeps their inputs and the values of one piece") {
    const std::vector<double> x(1000, 0.5);
    const std::size_t bytes = x.size() * sizeof(double);
    const auto peak = [&](bool cut) {
        nn::tape<double> tape;
        const auto four = [](nn::var<double> v) {
            for (int i = 0; i < 4; ++i) v = nn::silu(v);
            return v;
        };
        nn::var<double> h = tape.input({1, 1, 1, x.size()}, x.data());
        for (int i = 0; i < 10; ++i) h = cut ? nn::checkpointed(four, h) : four(h);
        const auto loss = nn::mse_loss(h, std::span<const double>(x));
        h = {};
        CHECK(tape.memory().bytes_in_use() == (cut ? 10 : 40) * bytes + sizeof(double));
        tape.backward(loss);
        return tape.memory().peak_bytes();
    };
    CHECK(peak(false) <= 42 * bytes + 100);
    CHECK(peak(true) <= 16 * bytes + 100);
}

TEST_CASE("a function that computes another shape the second time is refused") {
    nn::tape<double> tape;
    const std::vector<double> x(6, 0.5);
    const auto in = tape.input({1, 1, 1, 6}, x.data());
    int calls = 0;
    const auto fickle = [&calls](const nn::var<double>& v) {
        return calls++ == 0 ? nn::silu(v) : nn::mse_loss(v, v.values());
    };
    const auto y = nn::checkpointed(fickle, in);
    CHECK_THROWS_AS(tape.backward(y, x), std::invalid_argument);
    CHECK(tape.mode().keeping);
}

TEST_CASE("a checkpointed U-Net has the same bits in less than 40 % of the memory") {
    const std::size_t items = 2, size = 28;
    std::vector<float> x(items * size * size);
    diffusion::fill_normal<float>(std::span<float>(x), 1, {});
    const std::vector<double> t = {20, 700};
    const auto run = [&](bool checkpoint, std::vector<float>& gradient) {
        nn::unet<float> net({.zero_last = false, .checkpoint = checkpoint}, 1);
        gradient.assign(net.parameters().values().size(), 0.0F);
        nn::tape<float> tape;
        tape.collect(net.parameters(), gradient);
        const auto loss = nn::mse_loss(net(tape.constant({items, size, size, 1}, x.data()), t),
                                       std::span<const float>(x));
        tape.backward(loss);
        gradient.push_back(loss.item());
        return tape.memory().peak_bytes();
    };
    std::vector<float> kept, again;
    const std::size_t all = run(false, kept), less = run(true, again);
    CHECK(kept == again);
    CHECK(less * 100 < all * 40);
}
