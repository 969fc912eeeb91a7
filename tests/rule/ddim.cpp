#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <limits>
#include <ostream>
#include <stdexcept>

#include <diffusion/kernel/posterior.hpp>
#include <diffusion/rule/ddim.hpp>
#include <diffusion/rule/ddpm.hpp>

#include "rule/invariants.hpp"

using namespace diffusion;
using doctest::Approx;

TEST_CASE("DDIM transports the marginals for every eta") {
    for (const named_grid& g : grids())
        for (const double eta : {0.0, 0.3, 0.5, 1.0}) {
            const deviation found = marginal_deviation(ddim{eta}, g.grid);
            CAPTURE(g.name);
            CAPTURE(eta);
            CHECK(found.mean < 1e-13);
            CHECK(found.variance < 1e-13);
        }
}

TEST_CASE("DDIM with eta = 1 is DDPM") {
    for (const named_grid& g : grids())
        for (std::size_t i = 0; i + 1 < g.grid.size(); ++i) {
            CAPTURE(g.name);
            CAPTURE(i);
            CHECK(difference(kernel_of(ddim{1}, g.grid, i), kernel_of(ddpm{}, g.grid, i)) < 2e-13);
        }
}

TEST_CASE("DDIM is equations (12) and (16) of Song, Meng and Ermon, in alpha-bars") {
    const discrete_schedule<> schedule;
    const time_grid grid = linspace(schedule, 50);
    for (std::size_t i = 0; i + 2 < grid.size(); ++i)
        for (const double eta : {0.0, 0.5, 1.0}) {
            const double bar_t = schedule.alpha_bar(static_cast<std::size_t>(grid[i].t)),
                         bar_s = schedule.alpha_bar(static_cast<std::size_t>(grid[i + 1].t));
            const double std =
                eta * std::sqrt((1 - bar_s) / (1 - bar_t)) * std::sqrt(1 - bar_t / bar_s);
            const double direction = std::sqrt(1 - bar_s - std * std);
            const auto kernel = kernel_of(ddim{eta}, grid, i);  // eps = (x - alpha_t x0)/sigma_t
            CHECK(kernel.a == Approx(direction / std::sqrt(1 - bar_t)).epsilon(1e-11));
            CHECK(kernel.b[0] ==
                  Approx(std::sqrt(bar_s) - direction * std::sqrt(bar_t / (1 - bar_t)))
                      .epsilon(1e-9));
            CHECK(kernel.c == Approx(std).epsilon(1e-11));
            const auto published = kernel_of(ddim_published{eta}, grid, i);
            CHECK(published.a == 0);
            CHECK(published.b[0] == Approx(std::sqrt(bar_s)).epsilon(1e-12));
            CHECK(published.b[1] == Approx(direction).epsilon(1e-11));
            CHECK(published.c == kernel.c);
        }
}

TEST_CASE("the published form is the plain one where nothing is clipped") {
    // x = alpha_t x0 + sigma_t eps turns one kernel into the other
    for (const named_grid& g : grids())
        for (std::size_t i = 0; i + 1 < g.grid.size(); ++i)
            for (const double eta : {0.0, 0.5, 1.0}) {
                const node& t = g.grid[i];
                const auto plain = kernel_of(ddim{eta}, g.grid, i);
                const auto published = kernel_of(ddim_published{eta}, g.grid, i);
                CHECK(published.b[0] == Approx(plain.b[0] + plain.a * t.alpha).epsilon(1e-13));
                CHECK(published.b[1] == Approx(plain.a * t.sigma).epsilon(1e-13));
                CHECK(published.c == plain.c);
            }
}

TEST_CASE("deterministic DDIM draws no noise, and the step to clean data gives x0 for every eta") {
    const node t = node_at(vp_linear{}, 0.5), clean = clean_node(vp_linear{});
    const node seen[] = {t};
    CHECK(ddim{}(seen, node_at(vp_linear{}, 0.25)).c == 0);
    for (const double eta : {0.0, 0.5, 1.0})
        CHECK(ddim{eta}(seen, clean) == gaussian_kernel<1>{0, {1}, 0});
}

TEST_CASE("a stochastic step from pure noise keeps the levels, whatever eta") {
    const node pure = node_at(flow_schedule{}, 1), s = node_at(flow_schedule{}, 0.5);
    const node seen[] = {pure};
    const auto kernel = ddim{0.6}(seen, s);
    CHECK(kernel.c == Approx(0.6 * 0.5));
    CHECK(kernel.a == Approx(0.8 * 0.5));
    CHECK(kernel.b[0] == 0.5);
}

TEST_CASE("inversion is DDIM with the two ends exchanged") {
    const node t = node_at(vp_linear{}, 0.25), s = node_at(vp_linear{}, 0.5);
    const node seen[] = {t};
    CHECK(ddim_inversion{}(seen, s) == gaussian_kernel<2>{0, {s.alpha, s.sigma}, 0});
    const node clean[] = {clean_node(vp_linear{})};
    CHECK(ddim_inversion{}(clean, s) == gaussian_kernel<2>{0, {s.alpha, s.sigma}, 0});
}

TEST_CASE("an eta that is negative, or asks for more noise than there is, is refused") {
    const node seen[] = {node_at(vp_linear{}, 0.5)};
    const node s = node_at(vp_linear{}, 0.25);
    CHECK_THROWS_WITH_AS((ddim{-0.5}(seen, s)),
                         "diffusion::ddim: eta must not be negative, got -0.5",
                         std::invalid_argument);
    CHECK_THROWS_WITH_AS((ddim{2}(seen, s)),
                         "diffusion::ddim: eta asks for more noise than the next level has, got 2",
                         std::invalid_argument);
    CHECK_THROWS_AS((ddim_published{-1}(seen, s)), std::invalid_argument);
    CHECK_THROWS_AS((ddim{std::numeric_limits<double>::quiet_NaN()}(seen, s)),
                    std::invalid_argument);
    const node close[] = {node_at(vp_linear{}, 0.2501)};
    CHECK_NOTHROW((ddim{1.5}(close, s)));  // there is room for it in a short step
    CHECK(ddim{1.5}(close, clean_node(vp_linear{})) == gaussian_kernel<1>{0, {1}, 0});
}
