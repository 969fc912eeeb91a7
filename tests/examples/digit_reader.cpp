#include "../../examples/support/digit_reader.hpp"

#include "../../examples/support/drawn_digits.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

TEST_CASE("a small network reads real digits that it has never seen, and no wrong labels") {
    const auto known = examples::drawn_digits(5, 0, 2000, 16);
    const auto asked = examples::drawn_digits(6, 0, 200, 16);
    diffusion::nn::lanes<float> lanes(2);
    examples::digit_reader reader(1);
    reader.learn(known, lanes, 100, 32);
    const std::vector<int> readings = reader.read(asked.pixels, 16, 16, lanes);
    CHECK(examples::agreement(readings, asked.labels) > 0.95);
    std::vector<int> wrong = asked.labels;
    for (int& label : wrong) label = (label + 1) % 10;
    CHECK(examples::agreement(readings, wrong) < 0.05);
}

TEST_CASE("before it has learned it reads as badly as anyone who guesses") {
    const auto asked = examples::drawn_digits(6, 0, 200, 16);
    diffusion::nn::lanes<float> lanes(1);
    examples::digit_reader reader(1);
    CHECK(examples::agreement(reader.read(asked.pixels, 16, 16, lanes), asked.labels) < 0.4);
}

TEST_CASE("what it reads is the same for one thread and for three") {
    const auto known = examples::drawn_digits(5, 0, 100, 16);
    diffusion::nn::lanes<float> one(1), three(3);
    examples::digit_reader a(1), b(1);
    a.learn(known, one, 5, 16);
    b.learn(known, three, 5, 16);
    const auto same = [&](auto x, auto y) { return std::equal(x.begin(), x.end(), y.begin()); };
    CHECK(same(std::as_const(a).parameters().values(), std::as_const(b).parameters().values()));
    CHECK(a.read(known.pixels, 16, 16, one) == b.read(known.pixels, 16, 16, three));
}
