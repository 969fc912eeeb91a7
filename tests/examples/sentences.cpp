#include "../../examples/support/sentences.hpp"

#include "../../examples/support/discrete_run.hpp"

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include <doctest/doctest.h>

namespace language = examples::sentences;
using doctest::Approx;

TEST_CASE("a sentence is as likely as there are few of its kind") {
    // 2 sizes x 4 shapes x 5 x 4 colours; the square of 8, 4 relations, 5 x 4 x 3 colours
    const auto text = language::written(1, 400);
    for (std::size_t i = 0; i < 400; ++i) {
        const auto sentence = std::span(text).subspan(i * language::length, language::length);
        const double count = i % 4 == 0 ? 4 * 160.0 : 4.0 / 3 * 64 * 4 * 60;
        CHECK(language::code_length(sentence) == Approx(std::log2(count)));
    }
    CHECK(language::entropy() == Approx(std::log2(640.0) / 4 + 3 * std::log2(4.0 / 3 * 15360) / 4));
    const language::marks marks(text);
    CHECK(marks.right == 400);
    CHECK(marks.different > 350);
    CHECK(marks.different < 400);
}

TEST_CASE("every sentence is written about as often as it is likely") {
    const auto share = language::frequencies(language::written(2, 20000));
    double colours = 0;
    for (std::size_t w = language::colour.first; w < language::colour.first + 5; ++w) {
        CHECK(share[w] == Approx(2.75 / 5 / 11).epsilon(0.03));  // 2 or 3 in a sentence
        colours += share[w];
    }
    CHECK(colours == Approx(2.75 / 11).epsilon(1e-9));
    CHECK(share[language::on] == Approx(1.0 / 11).epsilon(1e-9));
}

TEST_CASE("what breaks a rule is no sentence") {
    const auto right = [](std::vector<std::size_t> s) {
        return !std::isinf(language::code_length(s));
    };
    // a small red circle above a large blue star on white
    const std::vector<std::size_t> good = {0, 3, 5, 10, 14, 0, 4, 7, 13, 1, 9};
    REQUIRE(language::spelled(good) == "a small red circle above a large blue star on white");
    CHECK(right(good));
    for (std::size_t at = 0; at < good.size(); ++at) {
        auto bad = good;
        bad[at] =
            bad[at] == 1 ? 0 : 1;  // "on" where something else belongs, or the other way round
        CHECK(!right(bad));
        bad[at] = 18;  // a mask
        CHECK(!right(bad));
    }
    auto same_colour = good;
    same_colour[7] = 5;
    CHECK(!right(same_colour));
    same_colour = good;
    same_colour[10] = 7;
    CHECK(!right(same_colour));
    CHECK(right({0, 3, 5, 10, 1, 9, 2, 2, 2, 2, 2}));
    CHECK(!right({0, 3, 5, 10, 1, 9, 2, 2, 2, 2, 0}));
    CHECK(!right({0, 3, 5, 10, 1, 9, 2, 2, 2, 1, 2}));
}

TEST_CASE("words that are used alike have rows that are alike") {
    const auto rows = language::neighbourhoods(language::written(3, 4000));
    const std::size_t width = 2 * language::words.size();
    const auto distance = [&](std::size_t a, std::size_t b) {
        double sum = 0;
        for (std::size_t i = 0; i < width; ++i)
            sum += std::pow(rows[a * width + i] - rows[b * width + i], 2);
        return sum;
    };
    CHECK(distance(10, 13) < 0.02);  // circle and star
    CHECK(distance(5, 6) < 0.02);    // red and green
    CHECK(distance(10, 5) > 0.5);    // circle and red
}

TEST_CASE("the null model knows how frequent states are at each place, and no more") {
    const std::vector<std::size_t> data = {0, 0, 0, 1, 1, 0, 1, 1};  // four pairs, all alike
    const examples::null_model model(data, 2, 2);
    CHECK(model.bits(data) == Approx(2));
    const auto drawn = model.draw(1000, 1);
    double ones = 0;
    for (const std::size_t state : drawn) ones += double(state);
    CHECK(ones / 2000 == Approx(0.5).epsilon(0.1));
    const std::vector<std::size_t> sure = {0, 1, 0, 1, 0, 1};
    CHECK(examples::null_model(sure, 2, 2).bits(sure) == Approx(2 * std::log2(4 / 3.5)));
}
