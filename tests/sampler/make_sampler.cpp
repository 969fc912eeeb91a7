#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

#include <diffusion/grid/sigma_grid.hpp>
#include <diffusion/grid/sigmas.hpp>
#include <diffusion/grid/spacing.hpp>
#include <diffusion/random/gaussian_noise.hpp>
#include <diffusion/sampler/make_sampler.hpp>
#include <diffusion/sampler/sample.hpp>
#include <diffusion/schedule/discrete.hpp>
#include <diffusion/tensor/std.hpp>

#include "support/counting_new.hpp"  // allocation.cpp has the implementation
#include "support/gaussian_toy.hpp"

using namespace diffusion;
using vector = std::vector<double>;

namespace {

const discrete_schedule<> schedule;
/// It ends at a positive sigma, as some methods must.
const time_grid grid = grid_of_sigmas(
    schedule, karras_sigmas(21, sigma_range_of(schedule, 900, 10)), {.end = grid_end::last_time});

/// The perfect denoiser, which also says a variance.
struct toy_with_variance : support::gaussian_toy {
    void with_variance(const vector& x, const node& t, vector& x0, vector& v) const {
        (*this)(x, t, x0);
        for (double& e : v) e = -1;
    }
};

any_sampler<vector> made(const std::string& name, const sampler_options& options = {}) {
    return make_sampler<vector>(name, schedule, name == "ddim_inversion" ? inverted(grid) : grid,
                                options);
}

template <class S>
vector result(const S& plan) {
    vector x{0.5, -1, 2, 0.1};
    sample(x, plan, toy_with_variance{{0.7, 0.5}}, gaussian_noise{3});
    return x;
}

std::string message(const std::string& name, const sampler_options& options) {
    try {
        made(name, options);
    } catch (const std::invalid_argument& error) {
        return error.what();
    }
    return "";
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("every name makes a sampler that runs without an allocation") {
    const std::vector<std::string> names = sampler_names();
    CHECK(names.size() >= 37);
    CHECK(std::is_sorted(names.begin(), names.end()));
    for (const std::string& name : names) {
        CAPTURE(name);
        const any_sampler<vector> plan = made(name);
        vector x{0.5, -1, 2, 0.1};
        auto memory = plan.init(x);
        toy_with_variance denoise{{0.7, 0.5}};
        const std::size_t before = support::allocations();
        for (std::size_t i = 0; i < plan.size(); ++i)
            plan.step(i, x, memory, denoise, gaussian_noise{3});
        CHECK(support::allocations() == before);
        for (const double e : x) CHECK(std::isfinite(e));
    }
}

TEST_CASE("a name makes the sampler that has it, with the options given") {
    CHECK(result(made("ddim")) == result(multistep(ddim{}, grid)));
    CHECK(result(made("ddim", {.eta = 0.5})) == result(multistep(ddim{0.5}, grid)));
    CHECK(result(made("ddpm", {.variance = reverse_variance::large})) ==
          result(multistep(ddpm{reverse_variance::large}, grid)));
    CHECK(result(made("dpm_solver_pp_2m", {.eta = 1, .form = two_node_form::heun})) ==
          result(multistep(dpm_solver_pp_2m{1, two_node_form::heun}, grid)));
    CHECK(result(made("dpm_solver_pp_3m", {.ending = last_steps::falling_order})) ==
          result(multistep(dpm_solver_pp_3m{}, grid, last_steps::falling_order)));
    CHECK(result(made("lms", {.order = 2})) == result(multistep(lms<2>{}, grid)));
    CHECK(result(made("lms")) == result(multistep(lms<4>{}, grid)));
    CHECK(result(made("exponential_adams", {.order = 3, .on = prediction::noise})) ==
          result(multistep(deis<3>{}, grid)));
    CHECK(result(made("unipc", {.order = 3, .form = bh1})) ==
          result(unipc<3>(grid, {.form = bh1})));
    CHECK(result(made("sa_solver", {.order = 2, .corrector_order = 3, .tau = 0.3})) ==
          result(sa_solver<2, 3>(grid, constant_tau{0.3})));
    CHECK(result(made("heun")) == result(singlestep(heun{}, grid)));
    CHECK(result(made("euler")) == result(multistep(euler, grid)));
    const nodes_of held{schedule, told_time::exact, outside_range::hold_time};
    CHECK(result(made("heun", {.stir = churn{.amount = 5}})) ==
          result(singlestep(churned(heun{}, held, {.amount = 5}), grid)));
    CHECK(result(made("dpm_solver", {.order = 2})) ==
          result(singlestep(dpm_solver<2>(nodes_of{schedule}), grid)));
    const nodes_of nodes{schedule};
    CHECK(result(made("dpm_adaptive", {.order = 2})) == result(dpm_adaptive<2>(nodes, grid)));
    CHECK(result(made("dpm_fast", {.eta = 0.5})) ==
          result(dpm_fast(nodes, grid.size() - 1,
                          {noise_to_signal(grid.back()), noise_to_signal(grid.front())}, 0.5)));
    CHECK(result(made("er_sde")) == result(multistep(er_sde<3>{}, grid)));
    CHECK(result(made("gradient_estimation", {.gamma = 1.5})) ==
          result(multistep(gradient_estimation{1.5}, grid)));
    CHECK(result(made("restart")) == result(singlestep(heun{}, grid)));
    const std::vector<restart_interval> turns{{3, 2, 0.3, 0.8}};
    CHECK(result(made("restart", {.restarts = turns})) ==
          result(singlestep(heun{}, restart_path(grid, nodes, turns))));
    CHECK(result(made("pndm")) == result(pndm(schedule, grid)));
    CHECK(result(made("plms")) == result(pndm(grid)));
}

TEST_CASE("an unknown name is refused with the list of names") {
    const std::string text = message("dpm++_2m", {});
    CHECK(contains(text, "\"dpm++_2m\""));
    for (const std::string& name : sampler_names()) CHECK(contains(text, name));
    CHECK(message("", {}) != "");
}

TEST_CASE("an option that the method does not have is refused by name, with those that it has") {
    CHECK(contains(message("ddim", {.order = 2}), "\"ddim\" has no option order; it has eta"));
    CHECK(contains(message("lcm", {.eta = 0.5}), "\"lcm\" has no option eta; it has ending"));
    CHECK(contains(message("plms", {.tau = 1}), "\"plms\" has no option tau; it has none"));
    CHECK(contains(message("unipc", {.stir = churn{}}), "no option stir"));
    CHECK(contains(message("heun", {.floor = 0}), "no option floor; it has stir"));
}

TEST_CASE("bad values of options are refused") {
    CHECK(contains(message("ddim", {.eta = -1}), "eta must not be negative"));
    CHECK(contains(message("ddim", {.eta = NAN}), "eta"));
    CHECK(contains(message("lms", {.order = 5}), "order must lie in 1 .. 4, got 5"));
    CHECK(contains(message("lms", {.order = 0}), "order must lie in 1 .. 4, got 0"));
    CHECK(contains(message("sa_solver", {.corrector_order = 9}), "corrector_order"));
    CHECK(contains(message("dpm_adaptive", {.order = 1}), "order must be 2 or 3, got 1"));
    CHECK(contains(message("gradient_estimation", {.gamma = NAN}), "gamma must be finite"));
    CHECK(contains(message("unipc", {.on = prediction::data_and_noise}), "on must be"));
    CHECK(contains(message("heun", {.stir = churn{.amount = 0, .from = -1}}), "S_tmin"));
    CHECK_THROWS_AS(make_sampler<vector>("ddim", time_grid{}), std::invalid_argument);
}

TEST_CASE("methods that ask between the nodes need the schedule, and say so") {
    CHECK(result(make_sampler<vector>("heun", grid)) == result(made("heun")));
    for (const char* name : {"dpm2", "dpm_solver", "dpm_solver_pp_2s", "pndm", "tcd"}) {
        CAPTURE(name);
        try {
            make_sampler<vector>(name, grid);
            FAIL("nothing was thrown");
        } catch (const std::invalid_argument& error) {
            CHECK(contains(error.what(), "schedule"));
            CHECK(contains(error.what(), name));
        }
    }
    CHECK_THROWS_AS(make_sampler<vector>("heun", grid, {.stir = churn{.amount = 5}}),
                    std::invalid_argument);
}
