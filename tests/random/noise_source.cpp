#include <diffusion/random/noise_source.hpp>

#include <random>
#include <vector>

#include <doctest/doctest.h>
#include <diffusion/random/gaussian_noise.hpp>
#include <diffusion/random/sequential.hpp>
#include <diffusion/tensor/std.hpp>

using namespace diffusion;

namespace {
using state = std::vector<float>;
struct no_address {
    void operator()(state&) const {}
};
struct wrong_tensor {
    void operator()(std::vector<int>&, const noise_address&) const {}
};
const auto zeros = [](state& z, const noise_address&) { z.assign(z.size(), 0.0f); };
}  // namespace

TEST_CASE("A noise source is anything that fills a tensor at an address, also a lambda") {
    static_assert(noise_source<gaussian_noise, state>);
    static_assert(noise_source<const gaussian_noise, state>);
    static_assert(noise_source<per_item_noise, state>);
    static_assert(noise_source<sequential<std::mt19937>, state>);
    static_assert(noise_source<sequential<std::mt19937&>, state>);
    static_assert(noise_source<decltype(zeros), state>);
    state z{1, 2, 3};
    zeros(z, {});
    CHECK(z == state{0, 0, 0});
}

TEST_CASE("A callable without address, for another type, or for no tensor is not a noise source") {
    static_assert(!noise_source<no_address, state>);
    static_assert(!noise_source<wrong_tensor, state>);
    static_assert(!noise_source<gaussian_noise, std::vector<int>>);
    static_assert(!noise_source<std::mt19937, state>);
    static_assert(!noise_source<const sequential<std::mt19937>, state>);  // it has a state
}

TEST_CASE("By default an address is the first draw of step 0") {
    const noise_address where;
    CHECK(where.stream == noise_stream::step);
    CHECK(where == noise_address{.stream = noise_stream::step, .step = 0, .sub_draw = 0});
    CHECK(where != noise_address{.step = 1});
}
