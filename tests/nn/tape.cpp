#include <doctest/doctest.h>
#include <diffusion/nn/activations.hpp>
#include <diffusion/nn/elementwise.hpp>
#include <diffusion/nn/loss.hpp>
#include <diffusion/nn/tape.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

namespace nn = diffusion::nn;

TEST_CASE("a value used twice receives the sum of both gradients") {
    nn::tape<double> tape;
    const double three = 3;
    const auto x = tape.input({1, 1, 1, 1}, &three);
    tape.backward(nn::add(nn::scale(x, 2.0), nn::add(x, x)));
    CHECK(x.gradient()[0] == 4);
}

TEST_CASE("gradients of input values can be read as long as their handles live") {
    nn::tape<double> tape;
    const std::array<double, 2> data = {1, -2}, seed = {10, 100};
    const auto x = tape.input({1, 1, 1, 2}, data.data());
    const auto h = nn::scale(x, 3.0);
    const auto y = nn::scale(h, 5.0);
    tape.backward(y, seed);
    CHECK(h.gradient()[0] == 50);
    CHECK(x.gradient()[1] == 1500);
}

TEST_CASE(
    "values and gradients are views, so those of a handle that is about to die do not compile") {
    const auto can_be_read =
                   [](auto&&v) {
                       using V = decltype(v);
                       return std::array{requires {std::forward<V>(v).values();
                   },
               requires {
        std::forward<V>(v).gradient();
    }
};
}
;
nn::tape<double> tape;
const double one = 1;
auto x = tape.constant({1, 1, 1, 1}, &one);
CHECK(can_be_read(x) == std::array{true, true});
CHECK(can_be_read(std::as_const(x)) == std::array{true, true});
CHECK(can_be_read(nn::scale(x, 2.0)) == std::array{false, false});
CHECK(can_be_read(std::move(x)) == std::array{false, false});
}

TEST_CASE("nothing is recorded below what needs no gradient") {
    nn::tape<double> tape;
    const double one = 1;
    const auto c = tape.constant({1, 1, 1, 1}, &one);
    const auto y = nn::silu(nn::scale(c, 2.0));
    CHECK(!y.needs_gradient());
    CHECK(tape.recorded() == 0);
    const auto x = tape.input({1, 1, 1, 1}, &one);
    const auto z = nn::add(y, x);
    CHECK(z.needs_gradient());
    CHECK(tape.recorded() == 1);
    tape.backward(z);
    CHECK(c.gradient().empty());
}

TEST_CASE("without recording a value is freed with its last handle") {
    nn::tape<double> tape;
    const std::vector<double> data(1000, 1.0);
    const auto x = tape.input({10, 1, 1, 100}, data.data());
    {
        nn::without_recording off(tape);
        nn::var<double> h = nn::scale(x, 2.0);
        for (int i = 0; i < 50; ++i) h = nn::silu(nn::scale(h, 1.5));
        CHECK(tape.recorded() == 0);
        CHECK(tape.memory().bytes_in_use() == 1000 * sizeof(double));
    }
    CHECK(tape.memory().bytes_in_use() == 0);
    CHECK(tape.memory().peak_bytes() == 3 * 1000 * sizeof(double));
    CHECK(tape.recording());
}

TEST_CASE(
    "recording keeps a value only if an adjoint will read it, and backward frees everything") {
    nn::tape<double> tape;
    const std::vector<double> data(100, 1.0);
    const std::size_t bytes = 100 * sizeof(double);
    const auto x = tape.input({1, 1, 1, 100}, data.data());
    {
        auto h = nn::scale(x, 2.0);  // its adjoint needs no value
        h = nn::scale(h, 3.0);
        CHECK(tape.memory().bytes_in_use() == bytes);
        h = nn::silu(h);  // needs its input
        h = nn::silu(h);
        CHECK(tape.memory().bytes_in_use() == 3 * bytes);
        tape.backward(nn::mse_loss(h, std::span<const double>(data)));
    }
    CHECK(tape.memory().bytes_in_use() == bytes);  // the gradient of x
}

TEST_CASE("an addition writes over its first term only if nobody else can see it") {
    nn::tape<double> tape;
    const std::vector<double> data = {1, 2, 3, 4};
    const auto x = tape.input({1, 1, 1, 4}, data.data());
    auto a = nn::scale(x, 2.0);
    const double* memory = a.data();
    const auto copy = a;
    const auto y = nn::add(a, x);
    CHECK(y.data() != memory);
    CHECK(copy.data()[3] == 8);
    auto b = nn::scale(x, 3.0);
    memory = b.data();
    const auto z = nn::add(std::move(b), x);
    CHECK(z.data() == memory);
    CHECK(z.data()[3] == 16);
    CHECK(nn::add(x, x).data() != data.data());  // the user's memory is not ours to write
    CHECK(data[3] == 4);
    auto s = nn::scale(x, 1.0);
    const auto kept_by_adjoint = nn::silu(s);  // its adjoint reads s
    memory = s.data();
    CHECK(nn::add(std::move(s), x).data() != memory);
}

TEST_CASE("a loss must be a number and a seed must fit") {
    nn::tape<double> tape;
    const std::array<double, 2> data = {1, 2};
    const auto x = tape.input({1, 1, 1, 2}, data.data());
    const double one = 1;
    CHECK_THROWS_AS(tape.backward(x), std::invalid_argument);
    CHECK_THROWS_AS(tape.backward(x, std::span<const double>(&one, 1)), std::invalid_argument);
    CHECK_THROWS_WITH(nn::add(x, tape.constant({1, 1, 1, 1}, &one)),
                      "diffusion::nn::add: both terms must have the same shape, got (1, 1, 1, 2) "
                      "and (1, 1, 1, 1)");
}

TEST_CASE("a value from outside has at least one element") {
    nn::tape<double> tape;
    const double one = 1;
    CHECK_THROWS_WITH(tape.constant({2, 0, 3, 1}, &one),
                      "diffusion::nn::tape: a value must have at least one element, got (2, 0, 3, "
                      "1)");
    CHECK_THROWS_AS(tape.input({0, 1, 1, 1}, &one), std::invalid_argument);
}

TEST_CASE("clearing drops what was recorded") {
    nn::tape<double> tape;
    const double one = 1;
    const auto x = tape.input({1, 1, 1, 1}, &one);
    for (int i = 0; i < 3000; ++i) nn::silu(x);  // more than one page of closures
    CHECK(tape.recorded() == 3000);
    tape.clear();
    CHECK(tape.recorded() == 0);
    CHECK(tape.memory().bytes_in_use() == 0);
    CHECK(x.gradient().empty());
}

TEST_CASE("an adjoint may record a piece of tape of its own and walk back over it") {
    // recomputation instead of memory: y = silu(silu(x)) keeps x alone
    nn::tape<double> tape;
    const double point = 0.7;
    const auto twice = [](const nn::var<double>& v) { return nn::silu(nn::silu(v)); };
    const auto x = tape.input({1, 1, 1, 1}, &point);
    tape.backward(twice(x));
    const double expected = x.gradient()[0];

    const auto z = tape.input({1, 1, 1, 1}, &point);
    nn::var<double> y = tape.result({1, 1, 1, 1}, z);
    {
        nn::without_recording off(tape);
        *y.fill() = twice(z).item();
    }
    tape.record(y, [z, twice, &tape](const nn::adjoint_slot<double>& dy) {
        const std::size_t mark = tape.recorded();
        const auto again = twice(z);
        nn::adjoint_slot<double>(again).add(dy.read());
        tape.walk_back(mark);
    });
    tape.backward(y);
    CHECK(z.gradient()[0] == expected);
}

TEST_CASE("an adjoint that reads a value through a pointer, without a handle, finds NaN there") {
#ifndef NDEBUG
    nn::tape<double> tape;
    const std::vector<double> data = {1, 2, 3};
    const auto sum_of_squares = [&tape](const nn::var<double>& x, bool with_handle) {
        const auto y = tape.result({1, 1, 1, 1}, x);
        *y.fill() = 0;
        for (double v : x.values()) *y.fill() += v * v;
        tape.record(y, [handle = with_handle ? x : nn::var<double>(), in = x.data(),
                        dx = nn::adjoint_slot<double>(x)](const nn::adjoint_slot<double>& dy) {
            std::vector<double> share(in, in + dx.size());
            for (double& v : share) v *= 2 * *dy.read();
            dx.add(share.data());
        });
        return y;
    };
    const auto slope = [&](bool with_handle) {
        const auto x = tape.input({1, 1, 1, 3}, data.data());
        const auto y = sum_of_squares(nn::scale(x, 1.0), with_handle);
        tape.backward(y);  // the handle of what was squared is gone
        return x.gradient()[1];
    };
    CHECK(slope(true) == 4);
    CHECK(std::isnan(slope(false)));  // not the stale 4 that would hide the mistake
#endif
}

TEST_CASE("an adjoint may write over a gradient that it is the last to see, and only then") {
    nn::tape<double> tape;
    const std::vector<double> data = {1, 2, 3};
    const double* given = nullptr;
    const double* taken = nullptr;
    const auto twice = [&](const nn::var<double>& x) {
        const auto y = tape.result(x.shape(), x);
        for (std::size_t i = 0; i < x.size(); ++i) y.fill()[i] = 2 * x.data()[i];
        tape.record(y, [&, dx = nn::adjoint_slot<double>(x)](const nn::adjoint_slot<double>& dy) {
            given = dy.read();
            const auto [to, first] = dx.write_over(dy);
            taken = to;
            for (std::size_t i = 0; i < dx.size(); ++i)
                to[i] = (first ? 0 : to[i]) + 2 * dy.read()[i];
        });
        return y;
    };
    const auto x = tape.input({1, 1, 1, 3}, data.data());
    const auto end = nn::scale(twice(x), 5.0);
    tape.backward(end, data);
    CHECK(given == taken);
    CHECK(x.gradient()[2] == 30);

    const auto z = tape.input({1, 1, 1, 3}, data.data());
    const auto y = twice(z);  // this handle lets the user read the gradient afterwards
    tape.backward(y, data);
    CHECK(given != taken);
    CHECK(y.gradient()[2] == 3);
    CHECK(z.gradient()[2] == 6);

    const auto w = tape.input({1, 1, 1, 3}, data.data());
    const auto sum = nn::add(nn::scale(twice(w), 5.0), w);  // w has a gradient already
    tape.backward(sum, data);
    CHECK(given != taken);
    CHECK(w.gradient()[2] == 33);
}
