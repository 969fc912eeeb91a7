#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include <support/ncsn_page.hpp>
#include <support/score_walk.hpp>

using diffusion::noise_ladder;
using doctest::Approx;
using examples::score_walk;

namespace {

/// Counts its calls, and keeps the first state that it is shown.
struct onlooker {
    std::size_t calls = 0;
    std::vector<float> first;

    void operator()(const std::vector<float>& x, const diffusion::node&, std::vector<float>& x0) {
        if (calls++ == 0) first = x;
        std::fill(x0.begin(), x0.end(), 0.0F);
    }
};

double deviation(const std::vector<float>& x) {
    double squares = 0;
    for (const float e : x) squares += double(e) * double(e);
    return std::sqrt(squares / double(x.size()));
}

}  // namespace

TEST_CASE("a walk says how many calls it takes, and begins where it says") {
    score_walk walk{"walk", noise_ladder({4, 2}), {.step_size = 0.1, .steps = 3}};
    for (const bool denoise : {true, false}) {
        walk.how.denoise = denoise;
        onlooker seen;
        walk.run(seen, 2000, 1);
        CHECK(seen.calls == walk.calls());
        CHECK(deviation(seen.first) == Approx(4).epsilon(0.06));  // noise of the first level
    }
    walk.reach = 3;
    onlooker seen;
    walk.run(seen, 2000, 1);
    CHECK(std::ranges::all_of(seen.first, [](float e) { return std::abs(e) <= 3; }));
    CHECK(deviation(seen.first) == Approx(3 / std::sqrt(3.0)).epsilon(0.06));  // evenly
}

TEST_CASE("a walk on data that is one point ends there") {
    score_walk walk{"walk", noise_ladder({2, 1, 0.5}), {.step_size = 0.5, .steps = 10}};
    onlooker seen;
    CHECK(deviation(walk.run(seen, 100, 1)) == 0);
    walk.how.denoise = false;  // with the noise of the last level: 1/(1 - e/2) of its variance
    CHECK(deviation(walk.run(seen, 2000, 1)) == Approx(0.5 * std::sqrt(4.0 / 3)).epsilon(0.06));
}

TEST_CASE("the weight of the left mode is the share of points on its side") {
    const std::vector<float> points{-5, -5, 5, 5, -1, 0, 2, -1};
    CHECK(examples::weight_of_the_left(points) == 0.5);
}
