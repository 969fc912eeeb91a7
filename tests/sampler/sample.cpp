#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include <diffusion/denoiser/prediction.hpp>
#include <diffusion/grid/spacing.hpp>
#include <diffusion/random/gaussian_noise.hpp>
#include <diffusion/rule/ddim.hpp>
#include <diffusion/rule/ddpm.hpp>
#include <diffusion/rule/dpm_solver.hpp>
#include <diffusion/rule/exponential_adams.hpp>
#include <diffusion/rule/heun.hpp>
#include <diffusion/sampler/sa_solver.hpp>
#include <diffusion/sampler/singlestep.hpp>
#include <diffusion/sampler/unipc.hpp>
#include <diffusion/schedule/discrete.hpp>
#include <diffusion/tensor/span.hpp>
#include <diffusion/tensor/std.hpp>

#include "sampler/usage.hpp"
#include "support/gaussian_toy.hpp"

using namespace diffusion;

namespace {

/// Some network: smooth, not linear.
struct net {
    template <tensor X>
    void operator()(const X& x, double t, owner_t<X>& out) const {
        const auto in = elements(x);
        for (std::size_t e = 0; e < in.size(); ++e)
            elements(out)[e] =
                static_cast<scalar_t<X>>(std::sin(1.3 * static_cast<double>(in[e])) + 1e-3 * t);
    }
};

time_grid grid() { return linspace(discrete_schedule<>{}, 12); }

template <class X>
X start() {
    X x{};
    if constexpr (requires { x.resize(7); }) x.resize(7);
    draw_prior(x, grid().front(), gaussian_noise{5});
    return x;
}

template <class X, class S>
void check_loops(const S& plan) {
    const predicts_noise<net> denoise{net{}};
    const auto noise = gaussian_noise{5};
    auto D = denoise;
    const X wanted = usage::by_sample(start<X>(), plan, D, noise);
    CHECK(wanted != start<X>());
    CHECK(usage::by_steps(start<X>(), plan, D, noise) == wanted);
    CHECK(usage::by_own_loop(start<X>(), plan, D, noise) == wanted);
    X x = start<X>();
    sample(std::span(x), plan, D, noise);
    CHECK(x == wanted);
}

template <class X, class Rule>
void check_rule(const Rule& rule) {
    const multistep plan(rule, grid());
    check_loops<X>(plan);
    predicts_noise D(net{});
    CHECK(usage::by_ask_and_tell(start<X>(), plan, D, gaussian_noise{5}) ==
          usage::by_sample(start<X>(), plan, D, gaussian_noise{5}));
}

template <class X>
void check_all() {
    check_rule<X>(ddim{});
    check_rule<X>(ddim{0.5});
    check_rule<X>(ddpm{});
    check_rule<X>(ddpm{reverse_variance::large});
    check_rule<X>(ddim_published{0.5});
    check_rule<X>(dpm_solver_pp_2m{});
    check_rule<X>(dpm_solver_pp_2m{1});
    check_rule<X>(exponential_adams<3>{0.5});
    check_rule<X>(exponential_adams<3, prediction::noise>{});
    check_loops<X>(singlestep(heun{}, grid()));
    check_loops<X>(unipc<2>(grid()));
    check_loops<X>(sa_solver<2, 2>(grid()));
}

}  // namespace

TEST_CASE("the whole loop, the range of steps, one's own loop and ask-and-tell agree bit for bit") {
    check_all<std::vector<float>>();
    check_all<std::vector<double>>();
    check_all<std::array<double, 5>>();
}

TEST_CASE("a run is a pure function of start and seed") {
    const multistep plan(ddpm{}, grid());
    const support::gaussian_toy toy;
    using vector = std::vector<float>;
    const vector once = usage::by_sample(start<vector>(), plan, toy, gaussian_noise{1});
    CHECK(usage::by_sample(start<vector>(), plan, toy, gaussian_noise{1}) == once);
    CHECK(usage::by_sample(start<vector>(), plan, toy, gaussian_noise{2}) != once);
}

TEST_CASE("float and double runs agree to the precision of float") {
    predicts_noise D(net{});
    const auto in_float =
        usage::by_sample(std::vector<float>{0.5F, -1, 2}, multistep(ddim{}, grid()), D, no_noise{});
    const auto in_double =
        usage::by_sample(std::vector<double>{0.5, -1, 2}, multistep(ddim{}, grid()), D, no_noise{});
    for (std::size_t e = 0; e < 3; ++e)
        CHECK(static_cast<double>(in_float[e]) == doctest::Approx(in_double[e]).epsilon(1e-3));
}

TEST_CASE("a perfect denoiser of a point finds the point, from anywhere") {
    const support::gaussian_toy point{0.7, 0};
    std::vector<double> x{-3, 0, 5};
    sample(x, multistep(ddim{}, grid()), point);
    for (const double e : x) CHECK(e == doctest::Approx(0.7).epsilon(1e-14));
}

TEST_CASE("a run of one step ends at the estimate of the data") {
    std::vector<double> x{0.25, 1};
    const time_grid one = trailing(discrete_schedule<>{}, 1);
    std::vector<double> x0(2);
    const support::gaussian_toy toy;
    toy(x, one[0], x0);
    sample(x, multistep(ddim{}, one), toy);
    CHECK(x == x0);
}
