#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <vector>

#include <diffusion/grid/spacing.hpp>
#include <diffusion/random/gaussian_noise.hpp>
#include <diffusion/sampler/warm_start.hpp>
#include <diffusion/schedule/discrete.hpp>
#include <diffusion/tensor/std.hpp>

using namespace diffusion;
using doctest::Approx;
using vector = std::vector<double>;

TEST_CASE("a start from data is the forward process at the first node of what is left of a grid") {
    const time_grid rest = start_at(trailing(discrete_schedule<>{}, 20), 0.5);
    const node& t = rest.front();
    const vector picture{1, -2, 0.5};
    vector x(3), z(3);
    draw_start(x, picture, t, gaussian_noise{3});
    draw_prior(z, t, gaussian_noise{3});
    for (std::size_t e = 0; e < 3; ++e)
        CHECK(x[e] == Approx(t.alpha * picture[e] + z[e]).epsilon(1e-15));
    draw_start(x, picture, rest.back(), gaussian_noise{3});
    CHECK(x == picture);  // at clean data
}

TEST_CASE("a plan whose first steps are done is moved up, and its last step repeated") {
    vector plan{1, 10, 2, 20, 3, 30, 4, 40};  // 4 steps of 2 numbers
    shift_items(plan, 4, 1);
    CHECK(plan == vector{2, 20, 3, 30, 4, 40, 4, 40});
    shift_items(plan, 4, 0);
    CHECK(plan == vector{2, 20, 3, 30, 4, 40, 4, 40});
    shift_items(plan, 4, 2);
    CHECK(plan == vector{4, 40, 4, 40, 4, 40, 4, 40});
    plan = {1, 2, 3, 4};
    shift_items(plan, 4, 9);
    CHECK(plan == vector{4, 4, 4, 4});
    plan = {1, 2, 3, 4};
    shift_items(plan, 4, static_cast<std::size_t>(-1));
    CHECK(plan == vector{4, 4, 4, 4});
    CHECK_THROWS_AS(shift_items(plan, 3, 1), std::invalid_argument);
    CHECK_THROWS_AS(shift_items(plan, 0, 1), std::invalid_argument);
}
