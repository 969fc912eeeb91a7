#include <doctest/doctest.h>
#include <diffusion/nn/init.hpp>
#include <diffusion/nn/parameter.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <vector>

namespace nn = diffusion::nn;
using nn::initial;
using nn::parameter_layout;

TEST_CASE("parameters lie one after the other, each on a cache line, with zeros between them") {
    nn::parameters<float> store(1);
    const auto a = store.add("a", {3}, parameter_layout::plain, initial::one());
    const auto b = store.add("b", {2, 5}, parameter_layout::linear, initial::one());
    CHECK(store.count() == 13);
    CHECK(store.size() == 2);
    CHECK(store.values().size() == 32);
    CHECK(b.info().offset == 16);
    CHECK(reinterpret_cast<std::uintptr_t>(a.values().data()) % nn::alignment == 0);
    double sum = 0;
    for (float v : store.values()) sum += static_cast<double>(v);
    CHECK(sum == 13);
    CHECK(store.find("b") != nullptr);
    CHECK(store.find("c") == nullptr);
    CHECK(store.at("b").index == 1);
    CHECK_THROWS_WITH_AS(store.at("c"),
                         "diffusion::nn::parameters::at: there must be a parameter of this name, "
                         "got \"c\"",
                         std::invalid_argument);
    CHECK_THROWS_AS(store.add("a", {1}, parameter_layout::plain, initial::one()),
                    std::invalid_argument);
    CHECK_THROWS_AS(store.add("d", {0}, parameter_layout::plain, initial::one()),
                    std::invalid_argument);
}

TEST_CASE("a parameter starts with numbers that depend on the seed and its name only") {
    nn::parameters<float> one(7), two(7), other(8);
    const auto p = one.add("p", {100}, parameter_layout::plain, initial::normal(1));
    two.add("before", {50}, parameter_layout::plain, initial::normal(1));
    const auto q = two.add("p", {100}, parameter_layout::plain, initial::normal(1));
    const auto r = other.add("p", {100}, parameter_layout::plain, initial::normal(1));
    const auto s = one.add("s", {100}, parameter_layout::plain, initial::normal(1));
    CHECK(std::ranges::equal(p.values(), q.values()));
    CHECK(!std::ranges::equal(p.values(), r.values()));
    CHECK(!std::ranges::equal(p.values(), s.values()));
}

TEST_CASE("the starting rules have the widths of their papers") {
    nn::parameters<double> store(1);
    const auto moments = [&](const char* name, initial start) {
        const auto p = store.add(name, {40000}, parameter_layout::plain, start);
        double sum = 0, squares = 0, largest = 0;
        for (double v : p.values()) {
            sum += v;
            squares += v * v;
            largest = std::max(largest, std::abs(v));
        }
        CHECK(std::abs(sum / 40000) < 4 * std::sqrt(squares) / 40000);
        return std::vector<double>{squares / 40000, largest};
    };
    CHECK(moments("kaiming", initial::kaiming(50))[0] == doctest::Approx(2.0 / 50).epsilon(0.03));
    CHECK(moments("xavier", initial::xavier(30, 20))[0] == doctest::Approx(2.0 / 50).epsilon(0.03));
    const auto fan = moments("fan_in", initial::fan_in(25));
    CHECK(fan[1] < 0.2);
    CHECK(fan[1] > 0.199);
    CHECK(fan[0] == doctest::Approx(0.04 / 3).epsilon(0.03));
}

TEST_CASE("freezing goes by name or pattern, and can be taken back") {
    nn::parameters<float> store;
    for (const char* name : {"down.1.bias", "down.1.weight", "down.10.weight", "up.1.weight"})
        store.add(name, {1}, parameter_layout::plain, initial::one());
    const auto frozen = [&] {
        std::vector<bool> all;
        for (const nn::parameter_info& p : store.list()) all.push_back(p.frozen);
        return all;
    };
    using flags = std::vector<bool>;
    CHECK(store.freeze("down") == 3);
    CHECK(frozen() == flags{true, true, true, false});
    CHECK(store.thaw("down.1") == 2);  // not down.10
    CHECK(frozen() == flags{false, false, true, false});
    CHECK(store.freeze("*.1.weight") == 2);
    CHECK(frozen() == flags{false, true, true, true});
    CHECK(store.thaw("*") == 4);
    CHECK(store.freeze("*.1") == 3);
    CHECK(frozen() == flags{true, true, false, true});
    CHECK_THROWS_WITH_AS(store.freeze("dow"),
                         "diffusion::nn::parameters::freeze: there must be a parameter whose name "
                         "fits, got \"dow\"",
                         std::invalid_argument);
    CHECK_THROWS_AS(store.thaw(""), std::invalid_argument);
    CHECK(frozen() == flags{true, true, false, true});
}

TEST_CASE("what a layer never learns is thawed by its whole name only") {
    nn::parameters<float> store;
    const auto mean = store.add("norm.mean", {1}, parameter_layout::plain, initial::zero());
    store.add("norm.weight", {1}, parameter_layout::plain, initial::one());
    store.fix(mean);
    CHECK(mean.info().frozen);
    store.freeze("*");
    store.thaw("*");
    store.thaw("norm");
    CHECK(mean.info().frozen);
    CHECK(!store.info(1).frozen);
    store.thaw("norm.mean");
    CHECK(!mean.info().frozen);
}
