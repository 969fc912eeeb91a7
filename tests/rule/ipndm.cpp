#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>

#include <diffusion/rule/exponential_adams.hpp>
#include <diffusion/rule/ipndm.hpp>

#include "rule/invariants.hpp"
#include "rule/order.hpp"

using namespace diffusion;
using doctest::Approx;

TEST_CASE("iPNDM of every K is exact on constant noise") {
    for (const named_grid& g : grids()) {
        if (g.grid.front().alpha == 0) continue;
        CAPTURE(g.name);
        CHECK(constant_noise_deviation(ipndm<1>{}, g.grid) < 1e-13);
        CHECK(constant_noise_deviation(ipndm<2>{}, g.grid) < 1e-13);
        CHECK(constant_noise_deviation(ipndm<3>{}, g.grid) < 1e-13);
        CHECK(constant_noise_deviation(ipndm<4>{}, g.grid) < 1e-13);
    }
}

TEST_CASE("iPNDM is DDIM's step with the weights of Adams and Bashforth, whatever the grid") {
    const double weights[4][4] = {{1},
                                  {3. / 2, -1. / 2},
                                  {23. / 12, -16. / 12, 5. / 12},
                                  {55. / 24, -59. / 24, 37. / 24, -9. / 24}};
    const time_grid grid = uniform_time(vp_linear{}, 10);
    for (std::size_t i = 0; i + 1 < grid.size(); ++i) {
        const auto ddim = kernel_of(exponential_adams<1, prediction::noise>{}, grid, i);
        const auto kernel = kernel_of(ipndm<4>{}, grid, i);
        CAPTURE(i);
        CHECK(kernel.a == ddim.a);
        for (std::size_t k = 0; k < 4; ++k)
            CHECK(kernel.b[k] == Approx(ddim.b[0] * weights[i < 3 ? i : 3][k]).epsilon(1e-13));
    }
}

TEST_CASE("iPNDM has order 1 for K = 1 and order 2 above, with equal steps of time or lambda") {
    CHECK(std::abs(measured_order(ipndm<1>{}) - 1) < 0.3);
    CHECK(std::abs(measured_order(ipndm<2>{}, 512) - 2) < 0.3);
    CHECK(std::abs(measured_order(ipndm<3>{}, 512) - 2) < 0.3);
    CHECK(std::abs(measured_order(ipndm<4>{}, 512) - 2) < 0.3);
    CHECK(std::abs(measured_order(ipndm<2>{}, 512, equal_time{}) - 2) < 0.3);
    CHECK(std::abs(measured_order(ipndm<4>{}, 512, equal_time{}) - 2) < 0.3);
}
