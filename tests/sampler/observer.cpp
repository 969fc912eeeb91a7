#include <doctest/doctest.h>

#include <cstddef>
#include <ostream>
#include <string>
#include <vector>

#include <diffusion/grid/uniform.hpp>
#include <diffusion/rule/ddim.hpp>
#include <diffusion/rule/exponential_adams.hpp>
#include <diffusion/rule/heun.hpp>
#include <diffusion/sampler/multistep.hpp>
#include <diffusion/sampler/observer.hpp>
#include <diffusion/sampler/sample.hpp>
#include <diffusion/sampler/singlestep.hpp>
#include <diffusion/sampler/unipc.hpp>
#include <diffusion/schedule/continuous.hpp>
#include <diffusion/tensor/std.hpp>

#include "support/gaussian_toy.hpp"

using namespace diffusion;
using vector = std::vector<double>;
using doctest::Approx;

namespace {

const time_grid grid = uniform_time(vp_linear{}, 6);

/// The estimate shown after a step is that of the state before it.
template <class S>
void check_estimates(const S& plan) {
    const support::gaussian_toy toy;
    vector x{1, -2}, before = x;
    sample(x, plan, toy, no_noise{}, [&](const step_view<vector>& now) {
        for (std::size_t e = 0; e < 2; ++e)
            CHECK(now.x0[e] == Approx(toy.data(before[e], grid[now.i])).epsilon(1e-10));
        before = now.x;
    });
}

}  // namespace

TEST_CASE("an observer is a callable on a step that returns nothing or whether to go on") {
    const auto silent = [](const step_view<vector>&) {};
    const auto generic = [](const auto&) { return true; };
    const auto no_view = [](const vector&) {};
    const auto mutable_view = [](step_view<vector>&) {};
    const auto text = [](const step_view<vector>&) { return std::string(); };
    static_assert(observer<decltype(silent), vector>);
    static_assert(observer<decltype(generic), vector>);
    static_assert(observer<no_observer, vector>);
    static_assert(!observer<decltype(no_view), vector>);
    static_assert(!observer<decltype(mutable_view), vector>);
    static_assert(!observer<decltype(text), vector>);
    static_assert(!observer<decltype(silent), std::vector<float>>);
    static_cast<void>(silent), static_cast<void>(generic), static_cast<void>(no_view);
    static_cast<void>(mutable_view), static_cast<void>(text);
}

TEST_CASE("an observer sees (i, n, t, x, x0) after each step") {
    vector x{1, 2};
    std::size_t calls = 0;
    const multistep plan(ddim{}, grid);
    const std::size_t done =
        sample(x, plan, support::gaussian_toy{}, no_noise{}, [&](const step_view<vector>& now) {
            CHECK(now.i == calls++);
            CHECK(now.n == 6);
            CHECK(now.t == grid[now.i + 1]);
            CHECK(&now.x == &x);
        });
    CHECK(calls == 6);
    CHECK(done == 6);
}

TEST_CASE("the estimate that an observer sees is x0, whatever the method extrapolates") {
    check_estimates(multistep(ddim{}, grid));
    check_estimates(multistep(ddim_published{}, grid));
    check_estimates(multistep(exponential_adams<3>{}, grid));
    check_estimates(multistep(exponential_adams<3, prediction::noise>{}, grid));
    check_estimates(unipc<2>(grid));
    check_estimates(unipc<2, prediction::noise>(grid));
}

TEST_CASE("of a step with several evaluations an observer sees the latest estimate") {
    const support::gaussian_toy toy;
    const time_grid last = make_grid(vp_linear{}, {0.5, 0.3}, grid_end::last_time);
    vector x{1}, middle{1};
    sample(middle, multistep(ddim{}, last), toy);
    sample(x, singlestep(heun{}, last), toy, no_noise{}, [&](const step_view<vector>& now) {
        CHECK(now.x0[0] == Approx(toy.data(middle[0], last[1])).epsilon(1e-10));
    });
}

TEST_CASE("an observer that returns false stops the run after the step it has seen") {
    vector x{1, 2}, at_stop;
    const std::size_t done = sample(x, multistep(ddim{}, grid), support::gaussian_toy{}, no_noise{},
                                    [&](const auto& now) {
                                        at_stop = now.x;
                                        return now.i < 2;
                                    });
    CHECK(done == 3);
    CHECK(x == at_stop);
}

TEST_CASE("observing does not change the run") {
    vector x{1, 2}, unseen{1, 2};
    std::size_t last = 0;
    sample(x, multistep(ddim{}, grid), support::gaussian_toy{}, no_noise{},
           [&](const auto& now) { last = now.i; });
    sample(unseen, multistep(ddim{}, grid), support::gaussian_toy{});
    CHECK(x == unseen);
    CHECK(last == 5);
}
