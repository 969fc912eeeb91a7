// The samplers of k-diffusion; sample_lms is in lms.cpp, sample_dpm_fast and sample_dpm_adaptive
// are in files of their own.

#include <cmath>
#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <diffusion/random/scaled_noise.hpp>
#include <diffusion/rule/ancestral.hpp>
#include <diffusion/rule/churn.hpp>
#include <diffusion/rule/dpm2.hpp>
#include <diffusion/rule/dpm_solver.hpp>
#include <diffusion/rule/dpm_solver_pp_2s.hpp>
#include <diffusion/rule/euler.hpp>
#include <diffusion/rule/heun.hpp>
#include <diffusion/sampler/singlestep.hpp>

#include "sigma_space_runs.hpp"

using namespace diffusion;
using namespace golden;

namespace {

/// A case's run; none if it belongs to another file.
template <class T>
std::optional<trajectory<T>> run_case(const record& c) {
    const std::string name = c.text("sampler").substr(7);  // without "sample_"
    const time_grid grid = k_diffusion_grid(c);
    const any_denoiser<T> denoise = k_diffusion_denoiser<T>(c);
    const double eta = c.number("sampler_kwargs.eta", 1);
    const double s_noise = c.number("sampler_kwargs.s_noise", 1);
    const auto by = [&](const auto& sampler, std::size_t draws = 1) {
        const scaled_noise noise(noise_of_step{draws}, s_noise);
        std::size_t calls = 1;
        if constexpr (requires { sampler.asked(0); }) calls = sampler.asked(0).size();
        return run_asked_from<T>(grid[0].sigma, sampler, denoise, calls, noise);
    };
    const churn stir{.amount = c.number("sampler_kwargs.s_churn", 0),
                     .from = c.number("sampler_kwargs.s_tmin", 0),
                     .to = c.number("sampler_kwargs.s_tmax", INFINITY)};
    const auto nodes = sigma_node;
    if (name == "euler") return by(singlestep(churned(euler, nodes, stir), grid));
    if (name == "heun") return by(singlestep(churned(heun{}, nodes, stir), grid));
    if (name == "dpm_2") return by(singlestep(churned(dpm2(nodes), nodes, stir), grid));
    if (name == "euler_ancestral") return by(multistep(euler_ancestral(eta), grid));
    if (name == "dpm_2_ancestral") return by(singlestep(dpm2_ancestral(nodes, eta), grid));
    if (name == "dpmpp_2s_ancestral")
        return by(singlestep(dpm_solver_pp_2s_ancestral(nodes, eta), grid));
    if (name == "dpmpp_sde") return by(singlestep(dpm_solver_pp_sde(nodes, eta), grid), 2);
    if (name == "dpmpp_2m") return by(multistep(dpm_solver_pp_2m{}, grid));
    if (name == "dpmpp_2m_sde") {
        const bool exact = c.text("sampler_kwargs.solver_type", "midpoint") == "heun";
        const two_node_form form = exact ? two_node_form::heun : two_node_form::midpoint;
        return by(multistep(dpm_solver_pp_2m{eta, form}, grid));
    }
    if (name == "dpmpp_3m_sde")
        return by(multistep(dpm_solver_pp_3m{eta, two_node_form::heun}, grid));
    return {};
}

}  // namespace

TEST_CASE("the samplers of k-diffusion are rules of the library") {
    tally result("k_diffusion, samplers");
    double worst_float = 0;
    const std::set<std::string> elsewhere{"sample_lms", "sample_dpm_fast", "sample_dpm_adaptive"};
    for (const record& c : read("k_diffusion")) {
        if (c.text("kind") != "sampler" || elsewhere.contains(c.text("sampler"))) continue;
        CAPTURE(c.id);
        const auto path = run_case<double>(c);
        REQUIRE(path.has_value());
        const double error = k_diffusion_error(c, *path);
        result.add(c.id, error <= 1e-10 ? verdict::agrees : verdict::differs,
                   "relative error " + detail::shown(error));
        worst_float = std::max(worst_float, final_error(c, run_case<float>(c)->last));
    }
    result.finish();
    CHECK(worst_float < 2e-5);
}

TEST_CASE("the lists of levels of k-diffusion are the library's") {
    tally result("k_diffusion, sigmas");
    for (const record& c : read("k_diffusion")) {
        if (c.text("kind") != "sigmas") continue;
        CAPTURE(c.id);
        const std::string kind = c.text("schedule");
        const std::size_t n = c.count("n");
        const sigma_range range{c.number("kwargs.sigma_min", 1), c.number("kwargs.sigma_max", 2)};
        std::vector<double> sigmas =
            kind == "karras"            ? karras_sigmas(n, range, c.number("kwargs.rho", 7))
            : kind == "exponential"     ? exponential_sigmas(n, range)
            : kind == "polyexponential" ? polyexponential_sigmas(n, range, c.number("kwargs.rho"))
                                        : vp_sigmas(n);
        sigmas.push_back(0);
        const double error = elementwise_error(sigmas, c.numbers("sigmas"));
        result.add(c.id, error <= 1e-10 ? verdict::agrees : verdict::differs,
                   "relative error " + detail::shown(error));
    }
    result.finish();
}

TEST_CASE("the split of an ancestral step is DDIM's") {
    tally result("k_diffusion, get_ancestral_step");
    for (const record& c : read("k_diffusion")) {
        if (c.text("kind") != "get_ancestral_step") continue;
        const detail::ddim_split split(sigma_node(c.number("sigma_from")),
                                       sigma_node(c.number("sigma_to")), c.number("eta"));
        const std::vector<double> ours{split.direction, split.std};
        const std::vector<double> theirs{c.number("sigma_down"), c.number("sigma_up")};
        const double error = elementwise_error(ours, theirs);
        result.add(c.id, error <= 1e-10 ? verdict::agrees : verdict::differs,
                   "relative error " + detail::shown(error));
    }
    result.finish();
}
