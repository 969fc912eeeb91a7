#pragma once
// L5: DPM-Solver-fast, a grid and a rule that belong together.

#include <cstddef>
#include <utility>
#include <vector>

#include <diffusion/detail/require.hpp>
#include <diffusion/grid/call_groups.hpp>
#include <diffusion/grid/sigmas.hpp>
#include <diffusion/grid/time_grid.hpp>
#include <diffusion/rule/ancestral.hpp>
#include <diffusion/rule/dpm_solver_singlestep.hpp>
#include <diffusion/sampler/singlestep.hpp>

namespace diffusion {

/// DPM-Solver-fast (Lu et al. 2022a, section 3.4; "dpm_fast" of k-diffusion): n evaluations on
/// steps of equal length in lambda, between the two levels of `range` in sigma/alpha, as many of
/// DPM-Solver-3 as n allows and then one of DPM-Solver-2 or -1, or both. `nodes` gives the node of
/// any rho = sigma/alpha:
///
///     sample(x, dpm_fast(nodes_of{schedule}, 20, sigma_range_of(schedule)), D);
///
/// Ends at range.lowest, not at clean data. With eta > 0 the steps are `ancestral`, and never go
/// below range.lowest. Throws std::invalid_argument as `call_groups`, `exponential_sigmas`,
/// `ancestral` and `singlestep` do.
template <class Nodes>
auto dpm_fast(const Nodes& nodes, std::size_t n, const sigma_range& range, double eta = 0) {
    const std::vector<std::size_t> groups = call_groups(n, 3);
    time_grid grid;
    for (const double rho : exponential_sigmas(groups.size() + 1, range))
        grid.push_back(nodes(rho));
    return singlestep(ancestral(dpm_solver<3>(in_lambda(nodes, groups)), eta, range.lowest), grid);
}

}  // namespace diffusion
