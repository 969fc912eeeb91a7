#include <doctest/doctest.h>

#include <cstddef>
#include <span>
#include <vector>

#include <diffusion/denoiser/denoiser.hpp>
#include <diffusion/denoiser/prediction.hpp>
#include <diffusion/denoiser/threshold.hpp>
#include <diffusion/schedule/continuous.hpp>
#include <diffusion/tensor/span.hpp>
#include <diffusion/tensor/std.hpp>

#include "support/gaussian_toy.hpp"

using namespace diffusion;
using vector = std::vector<double>;

namespace {

struct data_is_zero {
    void operator()(const vector&, const node&, vector& x0) const { x0.assign(x0.size(), 0); }
};
struct counts_its_calls {
    int calls = 0;
    void operator()(const vector& x, const node&, vector& x0) { x0 = x, ++calls; }
};
struct returns_x0 {  // near-miss: a denoiser writes
    vector operator()(const vector& x, const node&) const { return x; }
};
struct knows_no_node {  // near-miss: a network
    void operator()(const vector&, double, vector&) const {}
};
struct changes_x {  // near-miss
    void operator()(vector&, const node&, vector&) const {}
};

}  // namespace

TEST_CASE("a denoiser is any callable D(x, t, x0) on tensors") {
    const auto lambda = [](const vector& x, const node& t, vector& x0) {
        for (std::size_t e = 0; e < x.size(); ++e) x0[e] = x[e] / t.alpha;
    };
    static_assert(denoiser<data_is_zero, vector>);
    static_assert(denoiser<counts_its_calls, vector>);
    static_assert(denoiser<decltype(lambda), vector>);
    static_assert(denoiser<support::gaussian_toy, std::vector<float>>);
    static_assert(denoiser<support::gaussian_toy, std::span<float>>);
    static_cast<void>(lambda);
}

TEST_CASE(
    "a network, a const object that must change, and a tensor of another kind are no denoisers") {
    static_assert(!denoiser<returns_x0, vector>);
    static_assert(!denoiser<knows_no_node, vector>);
    static_assert(!denoiser<changes_x, vector>);
    static_assert(!denoiser<const counts_its_calls, vector>);
    static_assert(!denoiser<data_is_zero, std::vector<float>>);
    static_assert(!denoiser<data_is_zero, std::vector<int>>);
}

TEST_CASE("a wrapper is a denoiser only around what it can wrap") {
    static_assert(denoiser<predicts_noise<knows_no_node>, vector>);
    static_assert(!denoiser<predicts_noise<data_is_zero>, vector>);
    static_assert(!denoiser<predicts_noise<knows_no_node>, std::vector<float>>);
    static_assert(denoiser<clipped<data_is_zero>, vector>);
    static_assert(!denoiser<clipped<knows_no_node>, vector>);
}

TEST_CASE("the noise that belongs to x0 is what is left of x") {
    const node t = node_at(flow_schedule{}, 0.25);
    const vector x{1, 2};
    vector x0(2), eps(2);
    data_is_zero zero;
    detail::denoise_with_noise(zero, x, t, x0, eps);
    CHECK(eps == vector{4, 8});
    detail::denoise_with_raw_noise(zero, x, t, x0, eps);
    CHECK(eps == vector{4, 8});
}

TEST_CASE("a denoiser without an opinion accepts every node") {
    CHECK_NOTHROW(detail::check_denoiser(data_is_zero{}, node{0, 0, 1, 0}));
}
