// Schedules, grids, samplers, divergences and training quantities against OpenAI's
// guided-diffusion.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <diffusion/grid/spacing.hpp>
#include <diffusion/kernel/bits.hpp>
#include <diffusion/kernel/discretized_gaussian.hpp>
#include <diffusion/kernel/divergence.hpp>
#include <diffusion/kernel/forward.hpp>
#include <diffusion/kernel/posterior.hpp>
#include <diffusion/kernel/q_sample.hpp>
#include <diffusion/likelihood/variational_bound.hpp>
#include <diffusion/objective/weighting.hpp>
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

double error_of_decoder(const record& c) {
    const diffusion::discretized_gaussian decoder{256, diffusion::normal_cdf::published};
    const auto x = c.numbers("x"), mean = c.numbers("means"), log_std = c.numbers("log_scales");
    std::vector<double> ours;
    for (std::size_t i = 0; i < x.size(); ++i)
        ours.push_back(decoder(x[i], mean[i], std::exp(log_std[i])));
    return elementwise_error(ours, c.numbers("result"));
}

// The reference's decoder, and the variance that a case names.
diffusion::variational_bound<> bound_of(const record& c, const time_grid& grid) {
    const diffusion::discretized_gaussian decoder{256, diffusion::normal_cdf::published};
    if (c.text("model_var_type") == "LEARNED_RANGE")
        return diffusion::variational_bound(grid, diffusion::variance_output::range, decoder, 1.0);
    return diffusion::variational_bound(grid, variance_of(c), decoder, 1.0);
}

// The error of each quantity, of which all must be small: relative to the largest of the list, but
// that of the prior, a KL of 1e-9 with an absolute error of some 1e-16.
double worst_of(const std::map<std::string, double>& errors) {
    double error = 0;
    for (const auto& quantity : errors) {
        CHECK_MESSAGE(quantity.second <= 1e-11, quantity.first << " is off by " << quantity.second);
        error = std::max(error, quantity.second);
    }
    return error;
}

double error_of_prior(const record& c, std::vector<double> nats) {
    const std::vector<double> reference = c.numbers("prior_bpd");
    for (double& prior : nats) prior = diffusion::bits_per_dim(-prior, elements_of_x / items);
    return relative_error(nats, reference) * reference[0];
}

double error_of_bound(const record& c) {
    const schedule levels = levels_of(c);
    settings s;
    s.clip = c.flag("clip_denoised", false) ? 1 : 0;
    const time_grid grid = diffusion::make_grid(levels, spaced_times(c.count("T"), c.text("spec")));
    counted_noise noise;
    const auto terms = bound_of(c, grid)(picture(), items,
                                         denoiser_with_variance<double>{denoiser_of<double>(
                                             gauss_network<double>(levels, s.kind), s)},
                                         noise);
    // x_0-hat = (x_t - sigma eps-hat)/alpha loses digits where alpha is small: compared by alpha's
    // measure.
    std::vector<double> steps, x0_mse, reference_x0_mse = c.numbers("xstart_mse_item0"), eps_mse,
                                       total;
    for (std::size_t i = 0; i < terms.steps.size(); i += items) {
        steps.push_back(diffusion::bits_per_dim(-terms.steps[i], terms.dimensions));
        x0_mse.push_back(grid[i / items].alpha * terms.x0_mse[i]);
        reference_x0_mse[i / items] *= grid[i / items].alpha;
        eps_mse.push_back(terms.eps_mse[i]);
    }
    for (std::size_t k = 0; k < items; ++k) total.push_back(terms.bits_per_dim(k));
    return worst_of({{"prior", error_of_prior(c, terms.prior)},
                     {"terms", relative_error(steps, c.numbers("vb_item0"))},
                     {"x0_mse", relative_error(x0_mse, reference_x0_mse)},
                     {"eps_mse", relative_error(eps_mse, c.numbers("mse_item0"))},
                     {"total", elementwise_error(total, c.numbers("total_bpd"))}});
}

// All quantities of a training step of four items, each at its own time.
double error_of_training(const record& c) {
    const schedule levels = levels_of(c);
    const settings s = settings_of_run(c);
    const std::vector<double> x_0 = picture(), eps = first_noise(), times = c.numbers("t");
    const std::size_t n = elements_of_x / items;

    std::vector<diffusion::noise_level> at;
    for (const double t : times) at.push_back(levels(t));
    std::vector<double> x_t(x_0.size());
    diffusion::q_sample(x_t, x_0, std::span<const diffusion::noise_level>(at), eps);

    denoiser_with_variance<double> denoise{
        denoiser_of<double>(gauss_network<double>(levels, s.kind), s)};
    const time_grid grid = diffusion::all_steps(levels);
    const auto bound = bound_of(c, grid);
    auto memory = bound.init(x_0);
    const auto noise = [&](std::vector<double>& z, const diffusion::noise_address&) { z = eps; };
    const bool learned = c.text("model_var_type") == "LEARNED_RANGE";
    std::vector<double> q_mean(x_0.size()), q_posterior_mean(x_0.size()), p_mean(x_0.size()),
        p_log_variance(x_0.size()), q_variance, errors, variational, loss;
    for (std::size_t k = 0; k < items; ++k) {
        const std::size_t i = grid.size() - 2 - static_cast<std::size_t>(times[k]);
        const node t = grid[i], clean = grid[i + 1];
        std::vector<double> terms(items), x0_mse(items);
        bound.step(i, x_0, memory, denoise, noise, terms, x0_mse);
        const auto q = diffusion::posterior(t, clean);
        for (std::size_t e = k * n; e < (k + 1) * n; ++e) {
            q_mean[e] = diffusion::forward_kernel(t).a * x_0[e];
            q_posterior_mean[e] = q.a * x_t[e] + q.b[0] * x_0[e];
            p_mean[e] = q.a * x_t[e] + q.b[0] * memory.x0[e];
            p_log_variance[e] = bound.log_variance(i, learned ? memory.v[e] : 0);
        }
        q_variance.push_back(std::pow(diffusion::forward_kernel(t).c, 2));
        errors.push_back(s.kind == "sample" ? x0_mse[k]
                                            : diffusion::signal_to_noise(t) * x0_mse[k]);
        variational.push_back(diffusion::bits_per_dim(-terms[k], n));
        // L_simple, L_hybrid with 0.001 T = 1, L_vlb, and L_vlb times T, of its mean over t
        const std::string& kind = c.text("loss_type");
        loss.push_back(kind == "MSE"            ? errors[k]
                       : kind == "RESCALED_MSE" ? errors[k] + variational[k]
                       : kind == "KL"           ? variational[k]
                                                : variational[k] * c.number("T"));
    }
    return worst_of(
        {{"q_sample", relative_error(c, "q_sample", x_t)},
         {"q_mean", relative_error(c, "q_mean", q_mean)},
         {"q_posterior_mean", relative_error(c, "q_posterior_mean", q_posterior_mean)},
         {"p_mean", relative_error(c, "p_mean_clip0", p_mean)},
         {"p_log_variance", relative_error(c, "p_log_variance_clip0", p_log_variance)},
         {"q_variance", elementwise_error(q_variance, c.numbers("q_variance_per_item"))},
         {"prior", error_of_prior(c, bound.prior(x_0, items))},
         {"training_mse",
          c.has("training_mse") ? relative_error(errors, c.numbers("training_mse")) : 0},
         {"variational", relative_error(variational, c.numbers("vb_terms_bpd_clip0"))},
         {"loss", relative_error(loss, c.numbers("training_loss"))}});
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
            const double error = kind == "losses"          ? error_of_training(c)
                                 : kind == "calc_bpd_loop" ? error_of_bound(c)
                                                           : error_of_decoder(c);
            judge(result, c, error, INFINITY);
        }
    }
    result.finish();
}
