#include <doctest/doctest.h>

#include <cstddef>
#include <stop_token>
#include <vector>

#include <diffusion/grid/uniform.hpp>
#include <diffusion/rule/ddim.hpp>
#include <diffusion/sampler/multistep.hpp>
#include <diffusion/sampler/sample.hpp>
#include <diffusion/sampler/stop.hpp>
#include <diffusion/schedule/continuous.hpp>
#include <diffusion/tensor/std.hpp>

#include "support/gaussian_toy.hpp"

using namespace diffusion;

TEST_CASE("a stop that is requested ends the run after the current step") {
    const multistep plan(ddim{}, uniform_time(vp_linear{}, 10));
    const support::gaussian_toy toy;
    std::vector<double> x{1};
    std::stop_source source;
    CHECK(sample(x, plan, toy, no_noise{}, until_stopped(source.get_token())) == 10);

    const auto stops_itself = [&](const auto& now) {
        if (now.i == 3) source.request_stop();
    };
    CHECK(sample(x, plan, toy, no_noise{}, until_stopped(source.get_token(), stops_itself)) == 4);
    CHECK(sample(x, plan, toy, no_noise{}, until_stopped(source.get_token())) == 1);
}

TEST_CASE(
    "until a stop is requested, the inner observer sees every step and may end the run itself") {
    const multistep plan(ddim{}, uniform_time(vp_linear{}, 10));
    std::vector<double> x{1};
    std::stop_source source;
    std::size_t seen = 0;
    const auto twice = [&](const auto&) { return ++seen < 2; };
    CHECK(sample(x, plan, support::gaussian_toy{}, no_noise{},
                 until_stopped(source.get_token(), twice)) == 2);
    CHECK(seen == 2);
}
