// DEIS against diffusers' DEISMultistepScheduler.

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <diffusion/rule/deis.hpp>

#include "multistep_runs.hpp"

using namespace golden;
using diffusion::time_grid;

namespace {

// The reference's last step on a list of levels is empty, but the order falls towards it. So it is
// planned, as a step to clean data, and not done.
template <std::size_t K, class T>
trajectory<T> run_with(const record& c, const multistep_case& its) {
    time_grid grid = its.grid;
    if (its.ends_empty) grid.push_back({0, 1, 0, INFINITY});
    const bool falls = grid.size() <= 15 && c.flag("config.lower_order_final", true);
    const diffusion::multistep plan(
        diffusion::deis<K>{}, grid,
        falls ? diffusion::last_steps::falling_order : diffusion::last_steps::full_order);
    trajectory<T> path;
    path.last = initial_sample<T>();
    diffusion::sample(path.last, plan, denoiser_on<T>(c, its, its.grid), diffusion::no_noise{},
                      [&](const auto& view) {
                          if (view.i < 3) path.steps.push_back(view.x);
                          return view.i + 2 < grid.size() - (its.ends_empty ? 1 : 0);
                      });
    return path;
}

template <class T>
trajectory<T> run_case(const record& c, const multistep_case& its) {
    switch (c.count("config.solver_order", 2)) {
        case 1:
            return run_with<1, T>(c, its);
        case 2:
            return run_with<2, T>(c, its);
        default:
            return run_with<3, T>(c, its);
    }
}

}  // namespace

TEST_CASE("DEIS gives the numbers of diffusers' DEISMultistepScheduler") {
    check_family(
        "diffusers_deis", [](const record& c) { return multistep_case_of(c, true); },
        [](auto precision, const record& c, const multistep_case& its) {
            return run_case<decltype(precision)>(c, its);
        });
}
