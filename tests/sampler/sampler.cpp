#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <span>
#include <stdexcept>
#include <vector>

#include <diffusion/denoiser/prediction.hpp>
#include <diffusion/grid/uniform.hpp>
#include <diffusion/random/gaussian_noise.hpp>
#include <diffusion/rule/ddim.hpp>
#include <diffusion/rule/heun.hpp>
#include <diffusion/sampler/multistep.hpp>
#include <diffusion/sampler/sample.hpp>
#include <diffusion/sampler/singlestep.hpp>
#include <diffusion/sampler/steps.hpp>
#include <diffusion/schedule/continuous.hpp>
#include <diffusion/tensor/span.hpp>
#include <diffusion/tensor/std.hpp>

#include "support/archetypes.hpp"
#include "support/gaussian_toy.hpp"

using namespace diffusion;
using vector = std::vector<double>;

namespace {

/// The least that a sampler must be: it jumps to x0-hat at every step.
struct jumps_to_data {
    time_grid nodes;
    std::size_t size() const { return nodes.size() - 1; }
    const time_grid& grid() const { return nodes; }
    vector init(const vector& x) const { return like(x); }
    const vector& x0(const vector& memory) const { return memory; }
    template <class D, class Z>
    void step(std::size_t i, vector& x, vector& memory, D& denoise, Z&) const {
        denoise(std::as_const(x), nodes[i], memory);
        x = memory;
    }
};
struct without_grid {
    std::size_t size() const { return 0; }
    vector init(const vector& x) const { return x; }
    const vector& x0(const vector& memory) const { return memory; }
};
struct without_estimate {
    time_grid nodes;
    std::size_t size() const { return 0; }
    const time_grid& grid() const { return nodes; }
    vector init(const vector& x) const { return x; }
};
struct without_memory {
    time_grid nodes;
    std::size_t size() const { return 0; }
    const time_grid& grid() const { return nodes; }
};

}  // namespace

TEST_CASE("a sampler is a plan that makes the memory of a run") {
    static_assert(sampler<multistep<ddim>, vector>);
    static_assert(sampler<multistep<ddim>, std::span<float>>);
    static_assert(sampler<singlestep<heun>, vector>);
    static_assert(sampler<jumps_to_data, vector>);
    static_assert(!sampler<jumps_to_data, std::vector<float>>);
    static_assert(!sampler<without_grid, vector>);
    static_assert(!sampler<without_estimate, vector>);
    static_assert(!sampler<without_memory, vector>);
    static_assert(!sampler<multistep<ddim>, std::vector<int>>);
    static_assert(!sampler<ddim, vector>);
}

TEST_CASE("a sampler of one's own runs like the library's") {
    vector x{5, 7};
    const jumps_to_data own{uniform_time(flow_schedule{}, 3)};
    CHECK(sample(x, own, support::gaussian_toy{2, 1e-9}) == 3);
    CHECK(x[0] == doctest::Approx(2));
    CHECK(x[1] == doctest::Approx(2));
}

TEST_CASE("a tensor of one's own, and a window on one, are sampled in place") {
    support::my_image picture{4, 4, {}};
    picture.pixels.fill(0.5F);
    support::my_image same = picture;
    const multistep plan(ddim{}, uniform_time(vp_linear{}, 5));
    sample(picture, plan, support::gaussian_toy{});
    sample(support::image_view{&same}, plan, support::gaussian_toy{});
    CHECK(picture.pixels == same.pixels);
    CHECK(picture.pixels[0] != 0.5F);

    support::minimal_tensor least({1, 2, 3});
    sample(least, plan, support::gaussian_toy{});
    CHECK(elements(least)[0] != 1);
}

TEST_CASE("the prior is noise with the variance of the first node") {
    vector z(4), x(4), again(4);
    gaussian_noise{7}(z, {noise_stream::start, 0, 0, 80, 80});
    draw_prior(x, node_at(edm_schedule{}, 80), gaussian_noise{7});
    draw_prior(again, node_at(edm_schedule{}, 80), gaussian_noise{7});
    CHECK(x == again);
    for (std::size_t e = 0; e < 4; ++e) CHECK(x[e] == 80 * z[e]);
    draw_prior(x, node{1, 0, 1, 0}, gaussian_noise{7});
    CHECK(x == z);
    std::span<double> window(x);
    draw_prior(window, node{1, 0, 1, 0}, gaussian_noise{8});
    CHECK(x != z);
}

TEST_CASE("the prior has mean 0 and standard deviation sigma") {
    std::vector<float> x(100000);
    draw_prior(x, node{1, 0.6, 0.8, 0}, gaussian_noise{1});
    double sum = 0, squares = 0;
    for (const float e : x) {
        sum += static_cast<double>(e);
        squares += static_cast<double>(e) * static_cast<double>(e);
    }
    CHECK(std::abs(sum / 1e5) < 5 * 0.8 / std::sqrt(1e5));
    CHECK(std::abs(squares / 1e5 - 0.64) < 5 * 0.64 * std::sqrt(2 / 1e5));
}

TEST_CASE("each step's noise has an address of its own, other than the prior's") {
    const node t{3, 0.6, 0.8, 0}, s{2, 0.8, 0.6, 1};
    const noise_address where = step_noise(4, t, s);
    CHECK(where.stream == noise_stream::step);
    CHECK(where.step == 4);
    CHECK(where.sub_draw == 0);
    CHECK(where.sigma_t == doctest::Approx(0.8 / 0.6));
    CHECK(where.sigma_s == doctest::Approx(0.75));
    CHECK(step_noise(4, t, s, 1).sub_draw == 1);
}

TEST_CASE("a stochastic sampler without a noise source says so") {
    vector x(2);
    const multistep plan(ddim{1}, uniform_time(vp_linear{}, 5));
    CHECK_THROWS_WITH_AS(sample(x, plan, support::gaussian_toy{}),
                         "diffusion::no_noise: this sampler draws noise; pass a noise source such "
                         "as gaussian_noise{seed}",
                         std::logic_error);
}

TEST_CASE("a denoiser that cannot be evaluated on the grid is refused before the run") {
    const time_grid from_pure_noise = uniform_time(flow_schedule{}, 4);
    const multistep plan(ddim{}, from_pure_noise);
    int asked = 0;
    const auto net = [&](const vector& x, double) {
        ++asked;
        return x;
    };
    vector x{1, 2};
    CHECK_THROWS_AS(check(plan, predicts_noise(net)), std::invalid_argument);
    CHECK_THROWS_AS(sample(x, plan, predicts_noise(net)), std::invalid_argument);
    CHECK_THROWS_AS(steps(x, plan, predicts_noise(net)), std::invalid_argument);
    CHECK(asked == 0);
    CHECK(x == vector{1, 2});
    CHECK_NOTHROW(sample(x, plan, predicts_velocity(net)));
    CHECK(asked == 4);
}
