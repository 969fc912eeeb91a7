#include "../../examples/support/canvas.hpp"

#include "../../examples/support/filmstrip.hpp"
#include "../../examples/support/plot.hpp"

#include <cmath>
#include <cstddef>
#include <filesystem>
#include <numbers>
#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace {

// How much black lies on the white paper, in pixels.
double ink(const examples::canvas& paper) {
    double sum = 0;
    for (std::size_t y = 0; y < paper.height(); ++y)
        for (std::size_t x = 0; x < paper.width(); ++x) sum += 1 - paper.at(x, y).red / 255.0;
    return sum;
}

constexpr examples::colour pure_black{0, 0, 0};

}  // namespace

TEST_CASE("an anti-aliased line covers its length times its thickness at every angle") {
    for (int k = 0; k < 12; ++k) {
        const double angle = 0.3 + k * std::numbers::pi / 6;
        examples::canvas paper(100, 100);
        paper.line({50 - 30 * std::cos(angle), 50 - 30 * std::sin(angle)},
                   {50 + 30 * std::cos(angle), 50 + 30 * std::sin(angle)}, pure_black, 3);
        CHECK(ink(paper) == doctest::Approx(60 * 3 + std::numbers::pi * 1.5 * 1.5).epsilon(0.02));
    }
}

TEST_CASE("a disc covers pi r^2 and its opacity scales the ink") {
    examples::canvas paper(60, 60), pale(60, 60);
    paper.disc({30.3, 29.8}, 20, pure_black);
    pale.disc({30.3, 29.8}, 20, pure_black, 0.5);
    CHECK(ink(paper) == doctest::Approx(std::numbers::pi * 400).epsilon(0.01));
    CHECK(ink(pale) == doctest::Approx(0.5 * std::numbers::pi * 400).epsilon(0.02));
}

TEST_CASE("what lies outside of a canvas is cut off") {
    examples::canvas paper(10, 10);
    paper.line({-50, -50}, {60, 60}, pure_black);
    paper.disc({-5, 5}, 7, pure_black);
    paper.fill({-3, -3}, {2, 2}, pure_black);
    paper.text({-4, 8}, "cut", pure_black, 3);
    paper.text_upwards({8, 30}, "cut", pure_black, 2);
    CHECK(paper.at(0, 0) == pure_black);
}

TEST_CASE("every printable character has a glyph of its own") {
    for (int a = 33; a < 127; ++a) {
        CHECK(examples::font_5x9[std::size_t(a - 32)] != 0);
        for (int b = a + 1; b < 127; ++b)
            CHECK(examples::font_5x9[std::size_t(a - 32)] !=
                  examples::font_5x9[std::size_t(b - 32)]);
    }
    CHECK(examples::font_ink('L', 0, 0));
    CHECK_FALSE(examples::font_ink('L', 0, 4));
    CHECK_FALSE(examples::font_ink('\n', 0, 0));
}

TEST_CASE("ticks are round numbers inside of the range") {
    CHECK(examples::round_ticks(0, 10, 5) == std::vector<double>{0, 2, 4, 6, 8, 10});
    CHECK(examples::round_ticks(-0.3, 0.3, 3) == std::vector<double>{-0.2, 0, 0.2});
    CHECK(examples::round_ticks(4, 4, 5) == std::vector<double>{4});
    for (const double tick : examples::round_ticks(151.3, 199.9, 7)) {
        CHECK(tick >= 151.3);
        CHECK(tick <= 199.9);
        CHECK(std::fmod(tick, 10) == doctest::Approx(0));
    }
}

TEST_CASE("a density map sums to one over its area") {
    std::vector<examples::point> points;
    for (int i = 0; i < 1000; ++i) points.push_back({std::sin(i * 1.7), 2 * std::cos(i * 0.9)});
    const auto map = examples::density_map::of(points, {-2, 2, ""}, {-3, 3, ""}, 20, 30);
    double mass = 0;
    for (const double value : map.values) mass += value * (4.0 / 20) * (6.0 / 30);
    CHECK(mass == doctest::Approx(1));
}

TEST_CASE("a filmstrip puts picture (row, column) where the caption says") {
    std::vector<float> pictures(6 * 4, -1.0f);
    for (std::size_t p = 0; p < 4; ++p) pictures[4 * 4 + p] = 1.0f;  // number 4 of 0 to 5 is white
    const examples::filmstrip strip{.columns = 3, .zoom = 5, .title = "x"};
    const auto page = strip.draw(pictures, 2, 2);
    std::size_t bright = 0, sum_x = 0, sum_y = 0;
    for (std::size_t y = 26; y < page.height(); ++y) {
        for (std::size_t x = 0; x < page.width(); ++x) {
            if (!(page.at(x, y) == examples::white)) continue;
            ++bright;
            sum_x += x;
            sum_y += y;
        }
    }
    CHECK(bright == 100);
    CHECK(double(sum_x) / 100 == doctest::Approx(4 + 14 + 4.5));       // second column
    CHECK(double(sum_y) / 100 == doctest::Approx(4 + 22 + 14 + 4.5));  // second row
}

TEST_CASE("pictures of three channels keep their colours, grey ones are grey") {
    examples::canvas page(4, 2);
    const std::vector<float> colours{1, -1, -1, -1, 1, -1};  // a red pixel and a green one
    page.picture({0, 0}, colours, 2, 1, 3);
    page.picture({2, 0}, std::vector<float>{-1, 1}, 2, 1);
    CHECK(page.at(0, 0) == examples::colour{255, 0, 0});
    CHECK(page.at(1, 0) == examples::colour{0, 255, 0});
    CHECK(page.at(2, 0) == examples::colour{0, 0, 0});
    CHECK(page.at(3, 0) == examples::colour{255, 255, 255});
    CHECK(page.at(0, 1) == examples::white);
}

TEST_CASE("a loss curve survives no steps, one step and equal losses") {
    for (const auto& losses : {std::vector<double>{}, {0.3}, {0.2, 0.2, 0.2}, {1.0, 0.1, 0.01}}) {
        const auto page = examples::loss_curve(losses, "loss");
        CHECK(page.width() == 900);
    }
}

TEST_CASE("saving a canvas makes the folder and a PNG file in it") {
    const auto folder = std::filesystem::temp_directory_path() / "diffusion_canvas_test";
    std::filesystem::remove_all(folder);
    examples::canvas(8, 8).save(folder / "deeper" / "page.png");
    CHECK(std::filesystem::file_size(folder / "deeper" / "page.png") > 60);
    std::filesystem::remove_all(folder);
}
