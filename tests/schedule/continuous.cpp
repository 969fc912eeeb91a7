#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <ostream>
#include <stdexcept>
#include <string_view>

#include <diffusion/schedule/continuous.hpp>

#include "schedule/levels.hpp"

using namespace diffusion;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

template <noise_schedule S>
void check_against_table(const S& schedule, std::string_view name, int wanted) {
    int rows = 0;
    for (const exact_level& exact : exact_levels) {
        if (exact.schedule != name) continue;
        CAPTURE(name);
        CAPTURE(exact.t);
        CHECK(relative_error(schedule(exact.t), exact) < 1e-12);
        ++rows;
    }
    CHECK(rows == wanted);
}

}  // namespace

TEST_CASE("alpha, sigma and lambda keep 12 digits from clean data to pure noise") {
    check_against_table(vp_linear{}, "vp_linear", 30);
    check_against_table(vp_cosine{}, "vp_cosine", 29);
    check_against_table(flow_schedule{}, "flow", 29);
    check_against_table(ve_geometric{}, "ve_geometric", 31);
    check_against_table(edm_schedule{}, "edm", 11);
}

TEST_CASE("lambda falls strictly with time") {
    const auto falls = [](const auto& schedule) {
        double before = infinity;
        const double from = schedule.t_min(), to = schedule.t_max();
        for (int i = 1; i < 1000; ++i) {
            const double lambda = schedule(from + (to - from) * i / 1000).lambda;
            if (!(lambda < before)) return false;
            before = lambda;
        }
        return schedule(from).lambda > schedule(to).lambda;
    };
    CHECK(falls(vp_linear{}));
    CHECK(falls(vp_cosine{}));
    CHECK(falls(ve_geometric{}));
    CHECK(falls(edm_schedule{}));
    CHECK(falls(flow_schedule{}));
}

TEST_CASE("at t = 0 there is no noise, where the schedule goes so far") {
    CHECK(vp_linear{}(0) == clean_data);
    CHECK(flow_schedule{}(0) == clean_data);
    CHECK(vp_cosine{}(0).sigma == 0);
    CHECK(vp_cosine{}(0).alpha == doctest::Approx(1).epsilon(1e-15));
    CHECK(vp_cosine{}(0).lambda == infinity);
    CHECK(ve_geometric{}(0).sigma == doctest::Approx(0.01).epsilon(1e-15));
}

TEST_CASE("at t = 1 the cosine and the straight line have no signal left") {
    CHECK(flow_schedule{}(1) == noise_level{0, 1, -infinity});
    CHECK(vp_cosine{}(1).alpha == 0);
    CHECK(vp_cosine{}(1).sigma == doctest::Approx(1).epsilon(1e-15));
    CHECK(vp_cosine{}(1).lambda == -infinity);
    CHECK(vp_linear{}(1).alpha == doctest::Approx(std::exp(-5.025)).epsilon(1e-14));
}

TEST_CASE("halfway along the straight line there is as much noise as signal") {
    CHECK(flow_schedule{}(0.5) == noise_level{0.5, 0.5, 0});
}

TEST_CASE("in Karras' schedule time is the noise level") {
    CHECK(edm_schedule{}(2.5) == variance_exploding_level(2.5));
    CHECK(edm_schedule{}.t_min() == 0.002);
    CHECK(edm_schedule{}.t_max() == 80);
}

TEST_CASE("a time outside the interval is refused by name and value") {
    CHECK_THROWS_WITH_AS(vp_linear{}(1.5), "diffusion::vp_linear: t must lie in [0, 1], got 1.5",
                         std::invalid_argument);
    CHECK_THROWS_WITH_AS(vp_cosine{}(-0.5), "diffusion::vp_cosine: t must lie in [0, 1], got -0.5",
                         std::invalid_argument);
    CHECK_THROWS_WITH_AS(ve_geometric{}(2), "diffusion::ve_geometric: t must lie in [0, 1], got 2",
                         std::invalid_argument);
    CHECK_THROWS_WITH_AS(flow_schedule{}(2),
                         "diffusion::flow_schedule: t must lie in [0, 1], got 2",
                         std::invalid_argument);
    CHECK_THROWS_WITH_AS(edm_schedule{}(100),
                         "diffusion::edm_schedule: t must lie in [sigma_min, sigma_max], got 100",
                         std::invalid_argument);
    CHECK_THROWS_AS(flow_schedule{}(NAN), std::invalid_argument);
    CHECK_THROWS_AS(edm_schedule{}(NAN), std::invalid_argument);
    CHECK_THROWS_AS(edm_schedule{}(0.001), std::invalid_argument);
}

TEST_CASE("parameters that make no schedule are refused by name and value") {
    CHECK_THROWS_WITH_AS((vp_linear{1, 0.5}(0.5)),
                         "diffusion::vp_linear: beta_max must exceed beta_min, which must not be "
                         "negative; beta_max is wrong, got 0.5",
                         std::invalid_argument);
    CHECK_THROWS_AS((vp_linear{-1, 0.5}(0.5)), std::invalid_argument);
    CHECK_THROWS_WITH_AS((vp_cosine{-0.1}(0.5)),
                         "diffusion::vp_cosine: s must be finite and not negative, got -0.1",
                         std::invalid_argument);
    CHECK_THROWS_AS((ve_geometric{0, 1}(0.5)), std::invalid_argument);
    CHECK_THROWS_AS((ve_geometric{2, 1}(0.5)), std::invalid_argument);
    CHECK_THROWS_AS((edm_schedule{0, 1}(0.5)), std::invalid_argument);
}
