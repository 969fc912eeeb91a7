// Tables of diffusers' schedulers: betas, variances of ancestral sampling, noised data, velocities.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <diffusion/grid/sigma_grid.hpp>
#include <diffusion/kernel/forward.hpp>
#include <diffusion/kernel/posterior.hpp>
#include <diffusion/kernel/q_sample.hpp>
#include <diffusion/objective/target.hpp>
#include <diffusion/schedule/alpha_bar_beta.hpp>
#include <diffusion/schedule/continuous.hpp>

#include "runs.hpp"

using namespace golden;
using diffusion::node;
using diffusion::noise_level;

namespace {

template <class Beta>
schedule betas_by(const Beta& beta, std::size_t T) {
    std::vector<double> betas(T);
    for (std::size_t t = 0; t < T; ++t) betas[t] = beta(t, T);
    return diffusion::discrete_schedule_of(std::move(betas));
}

double error_of_betas(const record& c) {
    const schedule levels = c.text("config.beta_schedule", "") == "exp"
                                ? betas_by(diffusion::exponential_beta{}, c.count("T"))
                                : schedule_of(c);
    double sum = 0, sum_of_products = 0;
    for (std::size_t t = 0; t < levels.size(); ++t) {
        sum += levels.beta(t);
        sum_of_products += levels.alpha_bar(t);
    }
    std::vector<double> betas{sum}, products{sum_of_products};
    for (const double index : c.numbers("index")) {
        betas.push_back(levels.beta(static_cast<std::size_t>(index)));
        products.push_back(levels.alpha_bar(static_cast<std::size_t>(index)));
    }
    std::vector<double> beta_table = c.numbers("betas"), table = c.numbers("alphas_cumprod");
    beta_table.insert(beta_table.begin(), c.number("betas_sum"));
    table.insert(table.begin(), c.number("alphas_cumprod_sum"));
    return std::max(elementwise_error(betas, beta_table), elementwise_error(products, table));
}

// The variance between neighbouring times, as one of the reference's six kinds. It raises
// beta-tilde, which is 0 in the step to clean data, to `lowest`.
double error_of_variance(const record& c, double lowest) {
    const std::string kind = c.text("variance_type");
    const schedule levels = schedule_of(c);
    const double stride = static_cast<double>(
        c.has("num_inference_steps") ? levels.size() / c.count("num_inference_steps") : 1);
    const std::vector<double> times = c.numbers("t"), v = c.numbers("predicted_variance");
    double error = 0;
    for (std::size_t i = 0; i < times.size(); ++i) {
        const node t = diffusion::node_at(levels, times[i]);
        const node s = times[i] >= stride ? diffusion::node_at(levels, times[i] - stride)
                                          : diffusion::clean_node(levels);
        diffusion::learned_range_kernel range = diffusion::learned_range(t, s);
        range.log_variance_small = std::max(range.log_variance_small, std::log(lowest));
        const double small = std::max(std::pow(diffusion::posterior(t, s).c, 2), lowest);
        const double large = std::pow(diffusion::forward_kernel(s, t).c, 2);
        std::vector<double> ours;
        for (const double learned : v)
            ours.push_back(kind == "fixed_small"       ? small
                           : kind == "fixed_small_log" ? std::sqrt(small)
                           : kind == "fixed_large"     ? large
                           : kind == "fixed_large_log" ? std::log(large)
                           : kind == "learned"         ? learned
                                                       : range.log_variance((learned + 1) / 2));
        error = std::max(error, elementwise_error(ours, c.numbers("result." + std::to_string(i))));
    }
    return error;
}

// The levels of a Karras grid at the four listed indices.
template <diffusion::noise_schedule S>
std::vector<noise_level> karras_levels(const record& c, const S& schedule) {
    const diffusion::time_grid grid = diffusion::grid_of_sigmas(
        schedule, diffusion::karras_sigmas(c.count("num_inference_steps"),
                                           diffusion::sigma_range_of(schedule)));
    std::vector<noise_level> levels;
    for (const double i : c.numbers("timestep_indices_per_item"))
        levels.push_back(grid.at(static_cast<std::size_t>(i)));
    return levels;
}

// The levels at which the four items of the batch are noised.
std::vector<noise_level> levels_of_items(const record& c) {
    const std::string scheduler = c.text("cls");
    if (scheduler.starts_with("EDM")) return karras_levels(c, diffusion::edm_schedule{});
    if (c.flag("config.use_karras_sigmas", false)) return karras_levels(c, schedule_of(c));
    if (scheduler.starts_with("FlowMatch"))
        return std::vector<noise_level>(items,
                                        diffusion::flow_schedule{}(c.number("timestep") / 1000));

    record named = c;  // with the defaults of its class
    if (scheduler == "UnCLIPScheduler") named.set("config.beta_schedule", "squaredcos_cap_v2");
    if (scheduler == "LCMScheduler") {
        named.set("config.beta_schedule", "scaled_linear");
        named.set("config.beta_start", "0.00085");
        named.set("config.beta_end", "0.012");
    }
    if (scheduler == "HeunDiscreteScheduler") {
        named.set("config.beta_start", "0.00085");
        named.set("config.beta_end", "0.012");
    }
    const schedule levels = schedule_of(named);
    // Schedulers that count in sigma keep x/alpha as their state.
    const bool over_alpha = scheduler.starts_with("Euler") || scheduler.starts_with("Heun");
    std::vector<noise_level> result;
    for (const double t : c.numbers("timesteps_per_item"))
        result.push_back(
            over_alpha ? diffusion::variance_exploding_level(diffusion::noise_to_signal(levels(t)))
                       : levels(t));
    return result;
}

double error_of_noised(const record& c) {
    const std::vector<noise_level> levels = levels_of_items(c);
    const std::vector<double> x_0 = initial_sample<double>(), eps = first_noise();
    std::vector<double> out(x_0.size());
    diffusion::q_sample(out, x_0, std::span<const noise_level>(levels), eps);
    double error = relative_error(c, "result", out);
    if (c.has("velocity.sum")) {
        diffusion::training_target(out, diffusion::target::velocity, x_0,
                                   std::span<const noise_level>(levels), eps);
        error = std::max(error, relative_error(c, "velocity", out));
    }
    return error;
}

}  // namespace

TEST_CASE("schedules, variances and noised data give the numbers of diffusers' tables") {
    tally result("diffusers_tables");
    for (const record& c : read("diffusers_tables")) {
        CAPTURE(c.id);
        const std::string kind = c.text("kind");
        double own = INFINITY, by_kernels = INFINITY;
        if (kind == "betas") {
            own = error_of_betas(c);
        } else if (kind == "ddpm_get_variance") {
            own = error_of_variance(c, 0);
            by_kernels = error_of_variance(c, 1e-20);
        } else {
            own = error_of_noised(c);
        }
        judge(result, c, own, by_kernels);
    }
    result.finish();
}
