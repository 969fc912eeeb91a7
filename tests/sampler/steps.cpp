#include <doctest/doctest.h>

#include <cstddef>
#include <iterator>
#include <ostream>
#include <span>
#include <vector>

#include <diffusion/grid/uniform.hpp>
#include <diffusion/rule/ddim.hpp>
#include <diffusion/sampler/multistep.hpp>
#include <diffusion/sampler/steps.hpp>
#include <diffusion/schedule/continuous.hpp>
#include <diffusion/tensor/span.hpp>
#include <diffusion/tensor/std.hpp>

#include "support/gaussian_toy.hpp"

using namespace diffusion;
using vector = std::vector<double>;

namespace {

struct counting_toy {
    int* calls;
    void operator()(const vector& x, const node& t, vector& x0) const {
        ++*calls;
        support::gaussian_toy{}(x, t, x0);
    }
};

}  // namespace

TEST_CASE("the steps of a run are a lazy range: a step is done when its turn comes") {
    int calls = 0;
    vector x{1, 2};
    const multistep plan(ddim{}, uniform_time(vp_linear{}, 5));
    auto range = steps(x, plan, counting_toy{&calls});
    CHECK(calls == 0);
    CHECK(x == vector{1, 2});
    auto it = range.begin();
    CHECK(calls == 1);
    ++it;
    CHECK(calls == 2);
    CHECK_FALSE(it == range.end());
}

TEST_CASE("each step shows its number, the node it reached, the state and the estimate") {
    vector x{1, 2};
    const multistep plan(ddim{}, uniform_time(vp_linear{}, 5));
    std::size_t expected = 0;
    for (auto [i, n, t, x_i, x0] : steps(x, plan, support::gaussian_toy{})) {
        CHECK(i == expected++);
        CHECK(n == 5);
        CHECK(t == plan.grid()[i + 1]);
        CHECK(&x_i == &x);
        CHECK(x0.size() == 2);
    }
    CHECK(expected == 5);
}

TEST_CASE("a loop over the steps may be left early") {
    int calls = 0;
    vector x{1, 2}, all{1, 2};
    const multistep plan(ddim{}, uniform_time(vp_linear{}, 5));
    for (auto [i, n, t, x_i, x0] : steps(x, plan, counting_toy{&calls})) {
        static_cast<void>(n), static_cast<void>(t), static_cast<void>(x_i), static_cast<void>(x0);
        if (i == 2) break;
    }
    CHECK(calls == 3);
    auto memory = plan.init(all);
    support::gaussian_toy toy;
    for (std::size_t i = 0; i < 3; ++i) plan.step(i, all, memory, toy, no_noise{});
    CHECK(x == all);
}

TEST_CASE("the range may own its sampler and its denoiser") {
    vector x{1, 2};
    std::size_t count = 0;
    for (auto step :
         steps(x, multistep(ddim{}, uniform_time(vp_linear{}, 4)), support::gaussian_toy{0.7, 0})) {
        static_cast<void>(step);
        ++count;
    }
    CHECK(count == 4);
    CHECK(x[0] == doctest::Approx(0.7));
}

TEST_CASE("a span is advanced in place by its steps") {
    vector x{1, 2}, same{1, 2};
    std::span<double> window(x);
    const multistep plan(ddim{}, uniform_time(vp_linear{}, 4));
    for (auto step : steps(window, plan, support::gaussian_toy{})) static_cast<void>(step);
    for (auto step : steps(same, plan, support::gaussian_toy{})) static_cast<void>(step);
    CHECK(x == same);
}
