#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <vector>

#include <diffusion/random/gaussian_noise.hpp>
#include <diffusion/random/scaled_noise.hpp>
#include <diffusion/tensor/std.hpp>

using namespace diffusion;
using vector = std::vector<double>;

TEST_CASE("scaled noise is its source's in steps, times the factor, and its source's elsewhere") {
    const gaussian_noise source{7};
    const scaled_noise scaled(source, 1.5);
    vector z(10), expected(10);
    const noise_address step{.step = 3, .sub_draw = 1};
    scaled(z, step);
    source(expected, step);
    for (std::size_t e = 0; e < 10; ++e) CHECK(z[e] == 1.5 * expected[e]);
    const noise_address start{.stream = noise_stream::start};
    scaled(z, start);
    source(expected, start);
    CHECK(z == expected);
}

TEST_CASE("a source with a state keeps it in there") {
    int calls = 0;
    scaled_noise scaled(
        [&calls](vector& z, const noise_address&) mutable {
            for (double& e : z) e = ++calls;
        },
        2);
    vector z(2);
    scaled(z, {});
    scaled(z, {});
    CHECK(z == vector{6, 8});
}

TEST_CASE("a factor that is negative or not finite is refused") {
    for (const double bad : {-1.0, double(NAN), double(INFINITY)})
        CHECK_THROWS_AS(scaled_noise(gaussian_noise{1}, bad), std::invalid_argument);
    CHECK_NOTHROW(scaled_noise(gaussian_noise{1}, 0));
}
