// DPM2, DPM2 ancestral and DPM-Solver++ SDE against diffusers' KDPM2DiscreteScheduler,
// KDPM2AncestralDiscreteScheduler and DPMSolverSDEScheduler.

#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <diffusion/random/scaled_noise.hpp>
#include <diffusion/rule/ancestral.hpp>
#include <diffusion/rule/dpm2.hpp>
#include <diffusion/rule/dpm_solver_pp_2s.hpp>
#include <diffusion/sampler/singlestep.hpp>

#include "sigma_space_runs.hpp"

using namespace diffusion;
using namespace golden;

namespace {

/// The nodes of a schedule in sigma space.
struct sigma_space_nodes {
    nodes_of<schedule> inner;

    node operator()(double rho) const { return in_sigma_space({inner(rho)})[0]; }
};

/// All cases of a family, with sampler_of(nodes, grid).
template <class SamplerOf>
void check_family(const std::string& family, told_time told_by_karras, SamplerOf sampler_of) {
    check_sigma_space(family, [&](const record& as_stored) -> sigma_space_outcome {
        const record c = with_betas(as_stored, 0.00085, 0.012);
        const bool karras = c.flag("config.use_karras_sigmas", false);
        const schedule levels = schedule_of(c);
        const auto sampler =
            sampler_of(sigma_space_nodes{{levels, told_time::exact, outside_range::hold_time}},
                       sigma_space_grid(c, levels, karras ? told_by_karras : told_time::exact));
        std::vector<double> told;  // also between the nodes of the grid
        for (std::size_t i = 0; i < sampler.size(); ++i)
            for (const node& n : sampler.asked(i)) told.push_back(n.t);
        CHECK(relative_error(told, c.numbers("timesteps")) < 1e-10);
        const double start = c.number("init_noise_sigma", 1);
        const scaled_noise noise(counted_noise{}, c.number("step.s_noise", 1));
        const double error = error_of(c, [&] {
            return run_asked_from<double>(start, sampler, sigma_space_denoiser<double>(c), 1,
                                          noise);
        });
        return {error, error,
                run_from<float>(start, sampler, sigma_space_denoiser<float>(c), noise).last};
    });
}

}  // namespace

TEST_CASE("DPM2 gives the numbers of diffusers' KDPM2DiscreteScheduler") {
    check_family(
        "diffusers_kdpm2", told_time::nearest,
        [](const auto& nodes, const time_grid& grid) { return singlestep(dpm2(nodes), grid); });
}

TEST_CASE("DPM2 ancestral gives the numbers of diffusers' KDPM2AncestralDiscreteScheduler") {
    check_family("diffusers_kdpm2_ancestral", told_time::nearest,
                 [](const auto& nodes, const time_grid& grid) {
                     return singlestep(dpm2_ancestral(nodes), grid);
                 });
}

TEST_CASE("DPM-Solver++ SDE gives the numbers of diffusers' DPMSolverSDEScheduler") {
    check_family("diffusers_dpmsolver_sde", told_time::exact,
                 [](const auto& nodes, const time_grid& grid) {
                     return singlestep(dpm_solver_pp_sde(nodes), grid);
                 });
}

TEST_CASE("the reference's sigma_down loses digits in a long step, the library's does not") {
    const double t = 20291.169610019886, s = 31.48015047206664;  // of kdpm2_ancestral-002
    const double exact = s * s / t;
    const double up = std::sqrt(s * s * (t * t - s * s) / (t * t));
    CHECK(std::abs(std::sqrt(s * s - up * up) / exact - 1) > 5e-12);
    const detail::ddim_split split(sigma_node(t), sigma_node(s), 1);
    CHECK(std::abs(split.direction / exact - 1) < 1e-14);
}
