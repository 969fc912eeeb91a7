#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

#include <diffusion/denoiser/prediction.hpp>
#include <diffusion/denoiser/threshold.hpp>
#include <diffusion/grid/spacing.hpp>
#include <diffusion/grid/time_grid.hpp>
#include <diffusion/random/gaussian_noise.hpp>
#include <diffusion/rule/ddim.hpp>
#include <diffusion/rule/deis.hpp>
#include <diffusion/rule/heun.hpp>
#include <diffusion/sampler/any_sampler.hpp>
#include <diffusion/sampler/multistep.hpp>
#include <diffusion/sampler/sample.hpp>
#include <diffusion/sampler/singlestep.hpp>
#include <diffusion/sampler/steps.hpp>
#include <diffusion/schedule/discrete.hpp>
#include <diffusion/tensor/span.hpp>
#include <diffusion/tensor/std.hpp>

#include "support/counting_new.hpp"

using namespace diffusion;
using vector = std::vector<double>;
using any = any_sampler<vector>;

namespace {

const time_grid grid = linspace(discrete_schedule<>{}, 8);

struct net {
    template <class X, class Y>
    void operator()(const X& x, double t, Y& out) const {
        for (std::size_t e = 0; e < x.size(); ++e)
            out[e] = x[e] * static_cast<scalar_t<X>>(t / 1000);
    }
};

template <class S>
vector result(const S& plan) {
    vector x{0.5, -1, 2, 0.1};
    sample(x, plan, clipped(predicts_noise(net{}), -2, 2), gaussian_noise{3});
    return x;
}

template <class S>
void check_same(const S& plan) {
    CHECK(result(any(plan)) == result(plan));
}

}  // namespace

TEST_CASE("any sampler runs as the sampler inside, bit for bit") {
    static_assert(sampler<any, vector>);
    check_same(multistep(ddim{}, grid));
    check_same(multistep(ddim_published{0.5}, grid));  // asks for raw noise
    check_same(multistep(deis<3>{}, grid));            // asks for noise
    check_same(singlestep(heun{}, grid));
}

TEST_CASE("any sampler knows the grid, the steps and the nodes that are asked") {
    const any one(multistep(ddim{}, grid)), two(singlestep(heun{}, grid));
    CHECK(one.size() == 8);
    CHECK(one.grid() == grid);
    REQUIRE(one.asked(2).size() == 1);
    CHECK(one.asked(2)[0] == grid[2]);
    REQUIRE(two.asked(2).size() == 2);
    CHECK(two.asked(2)[1] == grid[3]);
    CHECK(any(multistep(ddim{}, start_at(grid, 0.5))).size() == 4);
}

TEST_CASE("any sampler serves an observer, the range of steps and an own loop alike") {
    const any plan(multistep(ddim{0.7}, grid));
    const vector wanted = result(plan);

    vector x{0.5, -1, 2, 0.1}, last_x0;
    auto denoise = clipped(predicts_noise(net{}), -2, 2);
    const std::size_t done = sample(x, plan, denoise, gaussian_noise{3}, [&](const auto& view) {
        last_x0 = view.x0;
        return view.i < 4;
    });
    CHECK(done == 5);
    auto memory = plan.init(x);
    for (std::size_t i = done; i < plan.size(); ++i)  // order 1: nothing of the past is needed
        plan.step(i, x, memory, denoise, gaussian_noise{3});
    CHECK(x == wanted);
    CHECK(plan.x0(memory) != last_x0);

    vector y{0.5, -1, 2, 0.1};
    std::size_t count = 0;
    for (const auto view : steps(y, plan, denoise, gaussian_noise{3})) count = view.i + 1;
    CHECK(count == plan.size());
    CHECK(y == wanted);
}

TEST_CASE("copies share one plan") {
    const any plan(multistep(ddim{1}, grid)), copy = plan;
    CHECK(&copy.grid() == &plan.grid());
    CHECK(result(copy) == result(plan));
}

TEST_CASE("a step of any sampler allocates nothing, and init one place more than the sampler") {
    const multistep inside(ddim{1}, grid);
    const any plan(inside);
    vector x{0.5, -1, 2, 0.1};
    auto denoise = predicts_noise(net{});
    std::size_t before = support::allocations();
    auto memory_inside = inside.init(x);
    const std::size_t of_inside = support::allocations() - before;
    before = support::allocations();
    auto memory = plan.init(x);
    CHECK(support::allocations() - before == of_inside + 1);
    before = support::allocations();
    for (std::size_t i = 0; i < plan.size(); ++i)
        plan.step(i, x, memory, denoise, gaussian_noise{3});
    CHECK(support::allocations() == before);
}

TEST_CASE("any sampler runs on memory that somebody else owns") {
    std::array<float, 3> pixels{1, 2, 3};
    std::span<float> x(pixels);
    const any_sampler<std::span<float>> plan(multistep(ddim{1}, grid));
    sample(x, plan, predicts_noise(net{}), gaussian_noise{3});
    std::vector<float> y{1, 2, 3};
    sample(y, multistep(ddim{1}, grid), predicts_noise(net{}), gaussian_noise{3});
    CHECK(std::vector<float>(pixels.begin(), pixels.end()) == y);
}

TEST_CASE("any sampler refuses a node that its denoiser refuses") {
    vector x{1, 2};
    const time_grid from_pure_noise{{999, 0, 1, -HUGE_VAL}, grid[4], grid.back()};
    const any plan(multistep(ddim{}, from_pure_noise));
    CHECK_THROWS_AS(sample(x, plan, predicts_noise(net{})), std::invalid_argument);
    CHECK_NOTHROW(sample(x, plan, predicts_velocity(net{})));
}
