// Schedules, grids, samplers, divergences and training quantities against OpenAI's
// guided-diffusion.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <map>
#include <numbers>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <diffusion/kernel/divergence.hpp>
#include <diffusion/kernel/forward.hpp>
#include <diffusion/kernel/posterior.hpp>
#include <diffusion/kernel/q_sample.hpp>
#include <diffusion/rule/ddim.hpp>
#include <diffusion/rule/ddpm.hpp>

#include "variance_runs.hpp"

using namespace golden;
using diffusion::node;
using diffusion::time_grid;

namespace {

schedule levels_of(const record& c) {
    return diffusion::discrete_schedule_of(betas_of(c.text("schedule"), 1e-4, 0.02, c.count("T")));
}

node node_below(const schedule& levels, double t) {
    return t > 0 ? diffusion::node_at(levels, t - 1) : diffusion::clean_node(levels);
}

// The arrays that the reference keeps, at time t. It writes log(beta-tilde) of t = 1 at t = 0.
std::map<std::string, double> arrays_at(const schedule& levels, double t) {
    const node now = diffusion::node_at(levels, t), s = node_below(levels, t);
    const double last = levels.t_max();
    const double above = t < last ? diffusion::node_at(levels, t + 1).alpha : 0;
    const auto q = diffusion::posterior(now, s);
    const double lowest = std::max(t, 1.0);
    const auto range =
        diffusion::learned_range(diffusion::node_at(levels, lowest), node_below(levels, lowest));
    return {{"betas", levels.beta(static_cast<std::size_t>(t))},
            {"alphas_cumprod", now.alpha * now.alpha},
            {"alphas_cumprod_prev", s.alpha * s.alpha},
            {"alphas_cumprod_next", above * above},
            {"sqrt_alphas_cumprod", now.alpha},
            {"sqrt_one_minus_alphas_cumprod", now.sigma},
            {"log_one_minus_alphas_cumprod", 2 * std::log(now.sigma)},
            {"sqrt_recip_alphas_cumprod", 1 / now.alpha},
            {"sqrt_recipm1_alphas_cumprod", std::exp(-now.lambda)},
            {"posterior_variance", q.c * q.c},
            {"posterior_log_variance_clipped", range.log_variance_small},
            {"posterior_mean_coef1", q.b[0]},
            {"posterior_mean_coef2", q.a},
            {"snr", std::exp(2 * now.lambda)}};
}

double error_of_arrays(const record& c) {
    const schedule levels = levels_of(c);
    std::map<std::string, double> sums;
    std::vector<std::map<std::string, double>> rows;
    for (std::size_t t = 0; t < levels.size(); ++t) {
        rows.push_back(arrays_at(levels, static_cast<double>(t)));
        for (const auto& [name, value] : rows.back()) sums[name] += value;
    }
    double error = 0;
    for (const auto& [name, sum] : sums) {
        std::vector<double> ours;
        for (const double index : c.numbers("index"))
            ours.push_back(rows[static_cast<std::size_t>(index)].at(name));
        // log(1 - alpha-bar) vanishes where alpha-bar does: the reference has no digits there.
        error =
            std::max(error, name.starts_with("log_") ? relative_error(ours, c.numbers(name))
                                                     : elementwise_error(ours, c.numbers(name)));
        if (c.has(name + "_sum")) {
            const double reference = c.number(name + "_sum");
            error = std::max(error, std::abs(sum - reference) / std::abs(reference));
        }
    }
    return error;
}

// "ddim50": every (T/50)-th time. "10,15,20": T is cut into three parts of equal length, and that
// many times are spread over each.
std::vector<double> spaced_times(std::size_t T, const std::string& spec) {
    if (spec.starts_with("ddim")) return diffusion::leading_times(T, std::stoull(spec.substr(4)));
    std::vector<std::size_t> counts;
    std::string words = spec;
    std::replace(words.begin(), words.end(), ' ', ',');
    for (std::size_t from = 0; from <= words.size();) {
        const std::size_t to = std::min(words.find(',', from), words.size());
        counts.push_back(std::stoull(words.substr(from, to - from)));
        from = to + 1;
    }
    std::vector<double> times;
    for (std::size_t part = counts.size(), end = T; part > 0; --part) {
        const std::size_t k = part - 1;
        const std::size_t length = T / counts.size() + (k < T % counts.size() ? 1 : 0);
        end -= length;
        for (const double t : diffusion::linspace_times(length, counts[k]))
            times.push_back(static_cast<double>(end) + t);
    }
    return times;
}

double error_of_spacing(const record& c) {
    if (!c.has("timesteps")) return INFINITY;  // the reference refuses
    std::vector<double> times = spaced_times(c.count("T"), c.text("spec"));
    std::reverse(times.begin(), times.end());
    double sum = 0;
    for (const double t : times) sum += t;
    if (times.size() != c.count("count") || sum != c.number("sum")) return INFINITY;
    if (c.has("truncated_to_first")) times.resize(c.count("truncated_to_first"));
    return elementwise_error(times, c.numbers("timesteps"));
}

double error_of_divergence(const record& c) {
    const auto mean_p = c.numbers("mean1"), log_p = c.numbers("logvar1"),
               mean_q = c.numbers("mean2"), log_q = c.numbers("logvar2");
    std::vector<double> ours;
    for (std::size_t i = 0; i < mean_p.size(); ++i)
        ours.push_back(diffusion::kl_divergence(mean_p[i], std::exp(log_p[i] / 2), mean_q[i],
                                                std::exp(log_q[i] / 2)));
    return elementwise_error(ours, c.numbers("result"));
}

settings settings_of_run(const record& c) {
    settings s;
    s.kind = c.text("model_mean_type") == "START_X" ? "sample" : "epsilon";
    s.clip = c.flag("clip_denoised", false) ? 1 : 0;
    return s;
}

diffusion::reverse_variance variance_of(const record& c) {
    return c.text("model_var_type") == "FIXED_LARGE" ? diffusion::reverse_variance::large
                                                     : diffusion::reverse_variance::small;
}

// The errors by the library's own loop and by the bare kernels.
std::pair<double, double> errors_of_run(const record& c) {
    const schedule levels = levels_of(c);
    const settings s = settings_of_run(c);
    const auto denoise = denoiser_of<double>(gauss_network<double>(levels, s.kind), s);
    std::vector<double> times = spaced_times(c.count("T"), c.text("spec"));
    CHECK(std::vector<double>(times.rbegin(), times.rend()) == c.numbers("timestep_map"));
    const time_grid grid = diffusion::make_grid(levels, times);

    const std::string mode = c.text("mode");
    if (mode == "ddim") {
        const diffusion::ddim rule{c.number("eta")};
        return {error_of(c, [&] { return run<double>(diffusion::multistep(rule, grid), denoise); }),
                INFINITY};
    }
    if (mode == "ddim_reverse") {  // each step shows the network its clean end, and the last one
                                   // goes to pure noise
        time_grid backwards(grid.rbegin() + 1, grid.rend());
        backwards.push_back({levels.t_max() + 1, 0, 1, -INFINITY});
        const diffusion::multistep plan(diffusion::ddim_inversion{}, backwards);
        return {error_of(c, [&] { return run<double>(plan, denoise); }), INFINITY};
    }
    if (c.text("model_var_type") == "LEARNED_RANGE")
        return {error_of(c, [&] { return run_learned<double>(grid, denoise); }), INFINITY};
    const diffusion::multistep plan(diffusion::ddpm{variance_of(c)}, grid);
    return {error_of(c, [&] { return run<double>(plan, denoise); }), INFINITY};
}

// Data on the 256 levels of a picture.
std::vector<double> picture() {
    std::vector<double> x_0(elements_of_x);
    for (std::size_t i = 0; i < x_0.size(); ++i)
        x_0[i] = static_cast<double>(i * 256 / x_0.size()) / 127.5 - 1;
    return x_0;
}

// mean over an item, in bits
template <class F>
double mean_bits(std::size_t item, F&& nats) {
    const std::size_t n = elements_of_x / items;
    double sum = 0;
    for (std::size_t e = item * n; e < (item + 1) * n; ++e) sum += nats(e);
    return sum / static_cast<double>(n) / std::numbers::ln2;
}

// All quantities of a training step but the likelihood of 8-bit data, which the step to clean data
// needs.
double error_of_training(const record& c) {
    const schedule levels = levels_of(c);
    const settings s = settings_of_run(c);
    const std::vector<double> x_0 = picture(), eps = first_noise(), times = c.numbers("t");
    const std::size_t n = elements_of_x / items;

    std::vector<diffusion::noise_level> at;
    for (const double t : times) at.push_back(levels(t));
    std::vector<double> x_t(x_0.size());
    diffusion::q_sample(x_t, x_0, std::span<const diffusion::noise_level>(at), eps);

    const diffusion::noise_level top = levels(levels.t_max());
    std::vector<double> q_mean(x_0.size()), q_posterior_mean(x_0.size()), p_mean(x_0.size()),
        p_log_variance(x_0.size()), x0(x_0.size()), q_variance, prior, errors, variational,
        variational_of_reference;
    auto denoise = denoiser_of<double>(gauss_network<double>(levels, s.kind), s);
    for (std::size_t i = 0; i < items; ++i) {
        const node t = diffusion::node_at(levels, times[i]), clean = node_below(levels, times[i]);
        const auto q = diffusion::posterior(t, clean);
        denoise(x_t, t, x0);
        // At t = 0, where beta-tilde is 0, the reference takes that of t = 1 for both variances.
        const node t1 = diffusion::node_at(levels, std::max(times[i], 1.0));
        diffusion::learned_range_kernel range =
            diffusion::learned_range(t1, node_below(levels, t1.t));
        const double beta = diffusion::forward_kernel(clean, t).c;
        for (std::size_t e = i * n; e < (i + 1) * n; ++e) {
            q_mean[e] = diffusion::forward_kernel(t).a * x_0[e];
            q_posterior_mean[e] = q.a * x_t[e] + q.b[0] * x_0[e];
            p_mean[e] = q.a * x_t[e] + q.b[0] * x0[e];
            if (c.text("model_var_type") == "LEARNED_RANGE") {
                range.log_variance_large = 2 * std::log(beta);
                p_log_variance[e] = range.log_variance(learned_weight(e));
            } else if (c.text("model_var_type") == "FIXED_LARGE") {
                p_log_variance[e] =
                    times[i] > 0 ? range.log_variance_large : range.log_variance_small;
            } else {
                p_log_variance[e] = range.log_variance_small;
            }
        }
        q_variance.push_back(std::pow(diffusion::forward_kernel(t).c, 2));
        prior.push_back(mean_bits(i, [&](std::size_t e) {
            return diffusion::kl_divergence(top.alpha * x_0[e], top.sigma, 0, 1);
        }));
        double sum = 0;
        for (std::size_t e = i * n; e < (i + 1) * n; ++e) {
            const double eps_of_network = (x_t[e] - t.alpha * x0[e]) / t.sigma;
            const double d = s.kind == "sample" ? x0[e] - x_0[e] : eps_of_network - eps[e];
            sum += d * d;
        }
        errors.push_back(sum / static_cast<double>(n));
        if (times[i] > 0) {
            variational.push_back(mean_bits(i, [&](std::size_t e) {
                return diffusion::kl_divergence(q_posterior_mean[e], q.c, p_mean[e],
                                                std::exp(p_log_variance[e] / 2));
            }));
            variational_of_reference.push_back(c.numbers("vb_terms_bpd_clip0")[i]);
        }
    }
    const std::map<std::string, double> found{
        {"q_sample", relative_error(c, "q_sample", x_t)},
        {"q_mean", relative_error(c, "q_mean", q_mean)},
        {"q_posterior_mean", relative_error(c, "q_posterior_mean", q_posterior_mean)},
        {"p_mean", relative_error(c, "p_mean_clip0", p_mean)},
        {"p_log_variance", relative_error(c, "p_log_variance_clip0", p_log_variance)},
        {"q_variance", elementwise_error(q_variance, c.numbers("q_variance_per_item"))},
        // a KL of 1e-9, which the reference computes with an absolute error of some 1e-16
        {"prior", relative_error(prior, c.numbers("prior_bpd")) * c.numbers("prior_bpd")[0]},
        {"training_mse",
         c.has("training_mse") ? relative_error(errors, c.numbers("training_mse")) : 0},
        {"variational", relative_error(variational, variational_of_reference)}};
    double error = 0;
    for (const auto& quantity : found) {
        CHECK_MESSAGE(quantity.second <= 1e-11, quantity.first << " is off by " << quantity.second);
        error = std::max(error, quantity.second);
    }
    return error;
}

}  // namespace

TEST_CASE("schedules, grids, divergences and samplers give the numbers of guided-diffusion") {
    tally result("guided_diffusion");
    for (const record& c : read("guided_diffusion")) {
        CAPTURE(c.id);
        const std::string kind = c.text("kind");
        if (kind == "schedule_arrays") judge(result, c, error_of_arrays(c), INFINITY);
        else if (kind == "space_timesteps") judge(result, c, error_of_spacing(c), INFINITY);
        else if (kind == "normal_kl") judge(result, c, error_of_divergence(c), INFINITY);
        else if (kind == "sampler") {
            const auto [own, by_kernels] = errors_of_run(c);
            judge(result, c, own, by_kernels);
        } else {
            result.add(c.id, verdict::differs, "there is no likelihood of 8-bit data yet");
        }
    }
    result.finish();
}

TEST_CASE("noising, posterior, prior term and training error are guided-diffusion's") {
    for (const record& c : read("guided_diffusion")) {
        CAPTURE(c.id);
        if (c.text("kind") == "losses") CHECK(error_of_training(c) <= 1e-11);
    }
}
