#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include <diffusion/denoiser/prediction.hpp>
#include <diffusion/denoiser/time_input.hpp>
#include <diffusion/schedule/continuous.hpp>
#include <diffusion/schedule/discrete.hpp>
#include <diffusion/tensor/std.hpp>

using namespace diffusion;
using doctest::Approx;

TEST_CASE("a network is told the schedule's time, a continuous one, sigma or the log-SNR") {
    const discrete_schedule<> schedule;
    const node t = node_at(schedule, 249);
    CHECK(sees_time{}(t) == 249);
    CHECK(sees_continuous_time{}(t) == 0.25);
    CHECK(sees_continuous_time{500}(t) == 0.5);
    CHECK(sees_scaled_time{}(node_at(flow_schedule{}, 0.25)) == 250);
    CHECK(sees_sigma{}(node_at(edm_schedule{}, 2.5)) == 2.5);
    CHECK(sees_log_snr{}(t) ==
          Approx(std::log(schedule.alpha_bar(249) / (1 - schedule.alpha_bar(249)))).epsilon(1e-12));
}

TEST_CASE("the time input is the second argument of a prediction, and may be one's own") {
    using vector = std::vector<double>;
    const auto tells = [](const vector&, double t) { return vector{t}; };
    const node t = node_at(edm_schedule{}, 2);
    vector x0(1);
    predicts_data(tells, sees_sigma{})(vector{0}, t, x0);
    CHECK(x0[0] == 2);
    predicts_data(tells, [](const node& n) { return 0.25 * std::log(n.sigma); })(vector{0}, t, x0);
    CHECK(x0[0] == 0.25 * std::log(2.0));
}
