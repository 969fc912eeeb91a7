#pragma once
// The schedules and grids on which every rule is tried.

#include <string>
#include <vector>

#include <diffusion/grid/spacing.hpp>
#include <diffusion/grid/uniform.hpp>
#include <diffusion/schedule/continuous.hpp>
#include <diffusion/schedule/discrete.hpp>

struct named_grid {
    std::string name;
    diffusion::time_grid grid;
};

/// Grids to clean data on variance-preserving, exploding and straight schedules, with and without a
/// start at alpha = 0.
inline std::vector<named_grid> grids() {
    using namespace diffusion;
    const discrete_schedule<> linear;
    const discrete_schedule cosine(cosine_beta{}, 1000);
    const discrete_schedule scaled(scaled_linear_beta{}, 1000);
    const discrete_schedule sigmoid(sigmoid_beta{}, 100);
    return {{"linear, leading 50", leading(linear, 50)},
            {"linear, all 1000", all_steps(linear)},
            {"cosine, trailing 20", trailing(cosine, 20)},
            {"scaled linear, linspace 7", linspace(scaled, 7)},
            {"sigmoid, quadratic 30", quadratic(sigmoid, 30)},
            {"linear, one step", trailing(linear, 1)},
            {"VP linear, uniform time 25", uniform_time(vp_linear{}, 25)},
            {"VP cosine from alpha = 0, uniform time 10", uniform_time(vp_cosine{}, 10)},
            {"VP cosine, uniform lambda 15", uniform_lambda(vp_cosine{}, 15, 0.99, 0.01)},
            {"VE, uniform time 12", uniform_time(ve_geometric{}, 12)},
            {"flow from alpha = 0, uniform time 8", uniform_time(flow_schedule{}, 8)},
            {"flow, own list", make_grid(flow_schedule{}, {0.99, 0.7, 0.65, 0.1})},
            {"EDM, uniform lambda 18", uniform_lambda(edm_schedule{}, 18, 80, 0.002)}};
}
