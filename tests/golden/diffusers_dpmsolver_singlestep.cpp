// DPM-Solver and DPM-Solver++ with stages on the nodes of the grid, against diffusers'
// DPMSolverSinglestepScheduler.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <diffusion/grid/call_groups.hpp>
#include <diffusion/rule/dpm_solver_singlestep.hpp>
#include <diffusion/sampler/singlestep.hpp>

#include "multistep_runs.hpp"

using namespace golden;
using diffusion::prediction;
using diffusion::singlestep_form;
using diffusion::time_grid;

namespace {

// The reference gives up its full order where that cannot end at clean data, or does not come out
// even. With lower_order_final an even number of steps of order 2 ends with two of order 1, where
// the library asks for that at clean data alone.
std::vector<std::size_t> groups_of(const record& c, const time_grid& fine) {
    const std::size_t order = c.count("config.solver_order", 2), n = fine.size() - 1;
    const bool lowers = c.flag("config.lower_order_final", false);
    if (!lowers && fine.back().sigma > 0 && n % order == 0)
        return std::vector<std::size_t>(n / order, order);
    std::vector<std::size_t> groups = diffusion::call_groups(fine, order);
    if (lowers && order == 2 && groups.back() == 2) {
        groups.back() = 1;
        groups.push_back(1);
    }
    return groups;
}

// The states that the network is asked about, behind the first: the reference's after each of its
// steps.
template <class T>
struct watched {
    any_denoiser<T> denoise;
    std::vector<std::vector<T>>* states;
    std::size_t* calls;

    void note(const std::vector<T>& x) const {
        if (++*calls > 1 && states->size() < 3) states->push_back(x);
    }
    void operator()(const std::vector<T>& x, const diffusion::node& t, std::vector<T>& x0) const {
        note(x);
        denoise(x, t, x0);
    }
    void with_noise(const std::vector<T>& x, const diffusion::node& t, std::vector<T>& x0,
                    std::vector<T>& eps) const {
        note(x);
        denoise.with_noise(x, t, x0, eps);
    }
};

template <class T, std::size_t K, prediction P>
trajectory<T> run_with(const record& c, const multistep_case& its) {
    // A list of levels that ends at the lowest one has it twice: the last step does nothing, but
    // asks the network where it belongs to a group.
    time_grid fine = its.grid;
    if (its.ends_empty) fine.push_back(fine.back());
    std::vector<std::size_t> groups = groups_of(c, fine);
    if (its.ends_empty && groups.back() == 1) {
        fine.pop_back();
        groups.pop_back();
    }

    const singlestep_form form = c.text("config.solver_type", "midpoint") == "heun"
                                     ? singlestep_form::taylor
                                     : singlestep_form::midpoint;
    const double eta = c.text("config.algorithm_type", "").starts_with("sde-") ? 1 : 0;
    const diffusion::dpm_solver_singlestep<K, P, diffusion::at_nodes> rule{{fine}, form, eta};
    const diffusion::singlestep plan(rule, diffusion::coarse(fine, groups));
    std::vector<std::vector<T>> states;
    std::size_t calls = 0;
    const any_denoiser<T> denoise =
        any_denoiser<T>::of(watched<T>{denoiser_on<T>(c, its, its.grid), &states, &calls});
    trajectory<T> path = run<T>(plan, denoise);
    path.steps = states;
    CHECK(calls == fine.size() - 1);
    return path;
}

template <class T>
trajectory<T> run_case(const record& c, const multistep_case& its) {
    const std::size_t order = c.count("config.solver_order", 2);
    if (c.text("config.algorithm_type", "dpmsolver++") == "dpmsolver")
        return order == 2 ? run_with<T, 2, prediction::noise>(c, its)
                          : run_with<T, 3, prediction::noise>(c, its);
    return order == 1   ? run_with<T, 1, prediction::data>(c, its)
           : order == 2 ? run_with<T, 2, prediction::data>(c, its)
                        : run_with<T, 3, prediction::data>(c, its);
}

multistep_case singlestep_case_of(const record& c) {
    multistep_case its =
        multistep_case_of(c, c.text("config.final_sigmas_type", "zero") == "sigma_min");
    // Unlike its multistep relative this one rounds on the cosine schedule too.
    if (sigma_grid_of(c) == "karras") its.told = [](double t) { return std::nearbyint(t); };
    return its;
}

}  // namespace

TEST_CASE("DPM-Solver with stages on the grid gives the numbers of DPMSolverSinglestepScheduler") {
    check_family("diffusers_dpmsolver_singlestep", singlestep_case_of,
                 [](auto precision, const record& c, const multistep_case& its) {
                     return run_case<decltype(precision)>(c, its);
                 });
}
