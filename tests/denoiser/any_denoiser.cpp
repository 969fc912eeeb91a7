#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

#include <diffusion/denoiser/any_denoiser.hpp>
#include <diffusion/denoiser/prediction.hpp>
#include <diffusion/denoiser/threshold.hpp>
#include <diffusion/grid/spacing.hpp>
#include <diffusion/schedule/discrete.hpp>
#include <diffusion/tensor/std.hpp>

using namespace diffusion;
using vector = std::vector<double>;

namespace {

const node t = node_at(discrete_schedule<>{}, 700), pure_noise{999, 0, 1, -HUGE_VAL};
const vector x{0.3, -2, 5};

void halves(const vector& in, double, vector& out) {
    for (std::size_t e = 0; e < in.size(); ++e) out[e] = in[e] / 2;
}

struct results {
    vector data{0, 0, 0}, x0{0, 0, 0}, eps{0, 0, 0}, clipped_x0{0, 0, 0}, raw_eps{0, 0, 0};
    bool operator==(const results&) const = default;
};

template <class D>
results all_of(D& denoise) {
    results r;
    denoise(x, t, r.data);
    detail::denoise_with_noise(denoise, x, t, r.x0, r.eps);
    detail::denoise_with_raw_noise(denoise, x, t, r.clipped_x0, r.raw_eps);
    return r;
}

struct with_variance_of_three {
    void operator()(const vector&, const node&, vector& x0) const { x0 = {1, 1, 1}; }
    void with_variance(const vector&, const node&, vector& x0, vector& v) const {
        x0 = {1, 1, 1};
        v = {3, 3, 3};
    }
};

/// It has no optional member.
struct bare {
    void operator()(const vector& in, const node&, vector& x0) const { x0 = in; }
};

}  // namespace

TEST_CASE("a look at a denoiser does what the denoiser does, with and without optional members") {
    auto clips = clipped(predicts_noise(halves), -1, 1);
    denoiser_ref<vector> look(clips);
    CHECK(all_of(look) == all_of(clips));
    CHECK(all_of(look).eps != all_of(look).raw_eps);  // the network's own is not the clipped one's
    CHECK_THROWS_AS(look.check(pure_noise), std::invalid_argument);

    bare without;
    denoiser_ref<vector> other(without);
    CHECK(all_of(other) == all_of(without));
    CHECK_NOTHROW(other.check(pure_noise));
}

TEST_CASE("with_variance is passed on, and missed where the denoiser has none") {
    const with_variance_of_three says;
    const denoiser_ref<vector> look(says);
    vector x0(3), v(3);
    look.with_variance(x, t, x0, v);
    CHECK(v == vector{3, 3, 3});
    const bare without;
    const denoiser_ref<vector> other(without);
    CHECK_THROWS_AS(other.with_variance(x, t, x0, v), std::logic_error);
}

TEST_CASE("an owned denoiser keeps what it was made of, and may move") {
    auto clips = clipped(predicts_noise(halves), -1, 1);
    any_denoiser<vector> made = [] {
        return any_denoiser<vector>(clipped(predicts_noise(halves), -1, 1));
    }();
    CHECK(all_of(made) == all_of(clips));
    any_denoiser<vector> moved(std::move(made));
    CHECK(all_of(moved) == all_of(clips));
    any_denoiser<vector> again(clipped(std::move(moved), -0.5, 0.5));
    CHECK(all_of(again).data == vector{0.5, -0.5, 0.5});
    static_assert(denoiser<any_denoiser<vector>, vector>);
    static_assert(!std::is_copy_constructible_v<any_denoiser<vector>>);  // its memory is its own
}
