// What diffusers' own tests expect: whole runs in float from a scheduler's config, of which sum and
// mean of |x| are known to the published digits. Loops and starts are those of its tests.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <diffusion/grid/sigmas.hpp>
#include <diffusion/io/diffusers_config.hpp>
#include <diffusion/kernel/posterior.hpp>
#include <diffusion/random/torch_cpu.hpp>
#include <diffusion/rule/ddim.hpp>
#include <diffusion/rule/ddpm.hpp>
#include <diffusion/rule/dpm_solver.hpp>
#include <diffusion/rule/lms.hpp>
#include <diffusion/sampler/any_sampler.hpp>
#include <diffusion/sampler/multistep.hpp>
#include <diffusion/tensor/std.hpp>

#include "support.hpp"

using namespace golden;
using diffusion::any_denoiser;
using diffusion::any_sampler;
using diffusion::multistep;
using diffusion::node;
using diffusion::noise_address;
using diffusion::time_grid;
using diffusion::io::run_options;
using diffusion::io::scheduler_config;
using X = std::vector<float>;

namespace {

// ---- the tests' start, noise and network --------------------------------------------------------

/// x[b, c, h, w] = (((c 8 + h) 8 + w) 4 + b)/N of shape (4, 3, 8, 8), or without h.
X sample_of_size(std::size_t n) {
    X x(n);
    for (std::size_t i = 0; i < n; ++i)
        x[i] = static_cast<float>(i % (n / 4) * 4 + i / (n / 4)) / static_cast<float>(n);
    return x;
}

/// The same numbers from the last to the first.
X noise_of_size(std::size_t n) {
    X z = sample_of_size(n);
    for (float& e : z) e = static_cast<float>(n - 1) / static_cast<float>(n) - e;
    return z;
}

/// torch.randn, one call after the other; SA-Solver's test draws in every step, used or not.
struct torch_calls {
    diffusion::torch_cpu torch;
    bool every_step;
    std::size_t calls = 0;

    void operator()(X& z, const noise_address& where) {
        const std::size_t wanted = every_step ? where.step + 1 : calls + 1;
        for (; calls < wanted; ++calls) torch(z, where);
    }
};

/// out = x t/(t + 1), where x is the state of the test, `undo` times what the network is shown.
struct dummy_network {
    const float& undo;

    void operator()(const X& x, double t, X& out) const {
        const auto factor = static_cast<float>(t / (t + 1));
        for (std::size_t e = 0; e < x.size(); ++e) out[e] = x[e] * undo * factor;
    }
};

// ---- the tests' loop ----------------------------------------------------------------------------

/// What the reference multiplies its state with before a call. The loops of these classes keep the
/// product as the state.
double input_scale(const scheduler_config& c, const node& t) {
    return diffusion::io::detail::in_sigma_space(c) ? t.alpha : 1;
}

/// The denoiser as these loops ask it: the network is shown the state itself.
struct asked_by_tests {
    const scheduler_config& config;
    any_denoiser<X>& inner;
    float& undo;
    std::size_t& stage;

    void operator()(const X& x, const node& t, X& x0) const {
        prepare(t);
        inner(x, t, x0);
    }
    void with_noise(const X& x, const node& t, X& x0, X& eps) const {
        // A second stage takes the slope at the scaled state, the step goes on from the first one.
        X shown = x;
        if (prepare(t) > 0)
            for (float& e : shown) e *= static_cast<float>(input_scale(config, t));
        inner.with_noise(shown, t, x0, eps);
    }
    void with_raw_noise(const X& x, const node& t, X& x0, X& eps) const {
        prepare(t);
        inner.with_raw_noise(x, t, x0, eps);
    }

private:
    /// The number of the call in its step.
    std::size_t prepare(const node& t) const {
        const bool raw = config.class_name == "EDMDPMSolverMultistepScheduler";
        undo = static_cast<float>(raw ? std::hypot(t.sigma, config.sigma_data)
                                      : 1 / input_scale(config, t));
        return stage++;
    }
};

/// Samplers one after the other; the first starts at one of its steps.
struct plan {
    std::vector<any_sampler<X>> parts;
    std::size_t first = 0;
};

plan plan_of(const scheduler_config& c, const record& test, std::size_t start) {
    const std::size_t n = test.count("steps", c.num_train_timesteps);
    if (start == 0) {
        run_options options;
        if (c.class_name == "TCDScheduler") options.eta = 0;
        if (test.has("timesteps")) options.timesteps = test.numbers("timesteps");
        return {{c.sampler<X>(n, options)}};
    }
    const time_grid grid = c.grid(n);
    const auto from = [&](std::size_t i) {
        run_options rest;
        for (; i < n; ++i) rest.timesteps.push_back(grid.at(i).t);
        return c.sampler<X>(n, rest);
    };
    if (c.class_name == "UniPCMultistepScheduler" || c.class_name == "LMSDiscreteScheduler")
        return {{from(start)}};  // with nothing in memory
    if (c.class_name == "EDMDPMSolverMultistepScheduler")
        return {{any_sampler<X>(multistep(diffusion::dpm_solver_pp_2m{},
                                          time_grid(grid.begin() + long(start), grid.end())))}};
    if (c.class_name == "DPMSolverSinglestepScheduler")  // in the middle of a pair of evaluations
        return {{any_sampler<X>(
                     multistep(diffusion::ddim{}, time_grid{grid.at(start), grid.at(start + 1)})),
                 from(start + 1)}};
    return {{c.sampler<X>(n)}, start};
}

std::size_t elements_of(const record& test) {
    return test.id.find("_1D") != std::string::npos ? 96 : 768;
}

std::size_t start_of(const scheduler_config& c, const record& test) {
    if (!test.id.ends_with("with_noise")) return 0;
    const bool dpm = c.class_name == "DPMSolverSinglestepScheduler" ||
                     c.class_name == "EDMDPMSolverMultistepScheduler";
    return dpm ? 5 : test.count("steps", c.num_train_timesteps) - 2;
}

X run(const scheduler_config& c, const record& test, const plan& all) {
    const bool with_noise = test.id.ends_with("with_noise");
    const std::size_t elements = elements_of(test);
    const std::size_t n = test.count("steps", c.num_train_timesteps);
    const node first = all.parts.front().grid().at(all.first);
    const bool sigma_space = diffusion::io::detail::in_sigma_space(c);
    X x = sample_of_size(elements), z = noise_of_size(elements);
    const double scale =
        c.class_name == "EDMDPMSolverMultistepScheduler" ? 1 : c.init_noise_sigma(n);
    for (std::size_t e = 0; e < elements; ++e) {
        const double clean = scale * x[e];
        x[e] = static_cast<float>(with_noise    ? first.alpha * clean + first.sigma * z[e]
                                  : sigma_space ? first.alpha * clean
                                                : clean);
    }

    float undo = 1;
    std::size_t stage = 0;
    any_denoiser<X> inner = c.denoiser(dummy_network{undo}, x, 4);
    const asked_by_tests denoise{c, inner, undo, stage};
    torch_calls noise{diffusion::torch_cpu(test.count("seed", 0)),
                      c.class_name == "SASolverScheduler"};
    for (const any_sampler<X>& part : all.parts) {
        auto memory = part.init(x);
        for (std::size_t i = &part == &all.parts.front() ? all.first : 0; i < part.size(); ++i) {
            const auto overwrite = static_cast<float>(input_scale(c, part.grid()[i]));
            for (float& e : x) e *= overwrite;
            stage = 0;
            part.step(i, x, memory, denoise, noise);
        }
    }
    const node last = all.parts.back().grid().back();
    if (sigma_space)
        for (float& e : x) e /= static_cast<float>(last.alpha);
    return x;
}

X run(const scheduler_config& c, const record& test) {
    return run(c, test, plan_of(c, test, start_of(c, test)));
}

/// Three batches, each stepped once from times of its own: 0, 1 and 2.
X run_batches(const scheduler_config& c) {
    X all;
    for (const float shift : {0.0f, 0.1f, -0.1f}) {
        X x = sample_of_size(768);
        for (float& e : x) e += shift;
        run_options at;
        at.timesteps = {shift == 0 ? 0.0 : shift > 0 ? 1.0 : 2.0};
        const auto sampler = c.sampler<X>(10, at);
        const float undo = 1;
        const auto denoise = c.denoiser(dummy_network{undo}, x, 4);
        auto memory = sampler.init(x);
        sampler.step(0, x, memory, denoise, diffusion::no_noise{});
        all.insert(all.end(), x.begin(), x.end());
    }
    return all;
}

/// The config handed from class to class and back.
scheduler_config switched(const scheduler_config& c) {
    scheduler_config other = c;
    std::vector<const char*> names{"DPMSolverSinglestepScheduler", "DPMSolverMultistepScheduler"};
    if (c.final_sigmas_type == "sigma_min")  // else UniPC refuses it
        names.insert(names.end(), {"UniPCMultistepScheduler", "DEISMultistepScheduler"});
    for (const char* name : names) {
        other.class_name = name;
        CHECK(other.sampler<X>(10).size() > 0);
    }
    other.class_name = c.class_name;
    return other;
}

// ---- the reference's rounding -------------------------------------------------------------------

/// alpha-bar of all times as the reference has it: of betas in float, and kept in float.
std::vector<float> rounded_alpha_bar(const scheduler_config& c) {
    std::vector<float> alpha_bar;
    double product = 1;
    for (const double beta : diffusion::io::detail::betas_of(c))
        alpha_bar.push_back(static_cast<float>(product *= 1 - static_cast<float>(beta)));
    return alpha_bar;
}

/// The betas that belong to it.
std::vector<double> betas_of_rounded(const scheduler_config& c) {
    std::vector<double> betas;
    double before = 1;
    for (const double alpha_bar : rounded_alpha_bar(c)) {
        betas.push_back(1 - alpha_bar / before);
        before = alpha_bar;
    }
    return betas;
}

/// The posterior's kernels of DDPM and UnCLIP out of it, computed in float.
diffusion::gaussian_kernel<1> rounded_posterior(const scheduler_config& c,
                                                const std::vector<float>& alpha_bar, const node& t,
                                                const node& s) {
    const auto from = static_cast<std::size_t>(t.t), to = static_cast<std::size_t>(s.t + 1);
    const bool ends = s.sigma == 0;
    const float bar_t = alpha_bar[from], bar_s = ends ? 1 : alpha_bar[to - 1];
    // UnCLIP takes beta from its table where the step has length 1.
    const bool tabulated = c.class_name == "UnCLIPScheduler" && (ends ? from == 0 : to == from);
    const float beta = tabulated ? static_cast<float>(diffusion::io::detail::betas_of(c)[from])
                                 : 1 - bar_t / bar_s;
    return {std::sqrt(1 - beta) * (1 - bar_s) / (1 - bar_t),
            {std::sqrt(bar_s) * beta / (1 - bar_t)},
            std::sqrt((1 - bar_s) / (1 - bar_t) * beta)};
}

/// A run as the reference has it, where it is known to differ.
X run_of_reference(const scheduler_config& c, const record& test) {
    const std::size_t start = start_of(c, test), n = test.count("steps", c.num_train_timesteps);
    if (c.class_name == "SASolverScheduler") {
        scheduler_config rounded = c;
        rounded.trained_betas = betas_of_rounded(c);
        return run(rounded, test);
    }
    if (c.class_name == "LMSDiscreteScheduler")  // the memory holds zeros
        return run(c, test, {{c.sampler<X>(n)}, start});
    const std::vector<float> alpha_bar = rounded_alpha_bar(c);
    const diffusion::io::detail::planned<diffusion::ddpm> steps(
        c.grid(n), [&](const time_grid& grid, std::size_t i) {
            return rounded_posterior(c, alpha_bar, grid[i], grid[i + 1]);
        });
    return run(c, test, {{any_sampler<X>(steps)}, start});
}

// ---- what is expected ---------------------------------------------------------------------------

struct expectation {
    std::string quantity;
    double value, tolerance, obtained;  // obtained: by the reference, in float64 if possible

    explicit expectation(const std::string& words) {
        std::istringstream(words) >> quantity >> value >> tolerance >> obtained;
    }
    /// Where the reference itself misses the published value in float64, it was float's rounding.
    double target() const { return std::abs(obtained - value) <= tolerance ? value : obtained; }
    double of(const X& x) const {
        double sum = 0;
        for (const float e : x) sum += std::abs(static_cast<double>(e));
        return quantity == "sum" ? sum : sum / static_cast<double>(x.size());
    }
};

}  // namespace

TEST_CASE("the published expectations of diffusers' own tests are met in float") {
    tally result("published_expectations");
    std::size_t met = 0, all = 0, by_float64 = 0;
    double worst = 0;
    for (const record& test : read("published_expectations")) {
        CAPTURE(test.id);
        const scheduler_config config = diffusion::io::parse_scheduler_config(
            test.text("config"), diffusion::io::unknown_fields::refuse, test.id);
        std::vector<expectation> expected;
        while (test.has("expect." + std::to_string(expected.size())))
            expected.emplace_back(test.text("expect." + std::to_string(expected.size())));
        REQUIRE(expected.size() > 0);
        std::string detail;
        const auto agrees = [&](const expectation& e, const X& x) {
            const double got = e.of(x);
            detail += e.quantity + ' ' + diffusion::detail::shown(got) + " for " +
                      diffusion::detail::shown(e.target()) + ' ';
            return std::abs(got - e.target()) <= e.tolerance;
        };
        // The second expectation of a switch is about the run after it.
        const bool in_two = test.id.ends_with(".switch");
        const X x =
            test.id.ends_with("batch_step_no_noise") ? run_batches(config) : run(config, test);
        const X after = in_two ? run(switched(config), test) : x;
        std::size_t here = 0;
        for (const expectation& e : expected) {
            here += agrees(e, &e == &expected.front() ? x : after) ? 1 : 0;
            by_float64 += e.target() == e.value ? 0 : 1;
        }
        met += here;
        all += expected.size();
        bool by_kernels = here == expected.size();
        if (by_kernels) {
            for (const expectation& e : expected)
                worst = std::max(worst, std::abs(e.of(after) / e.obtained - 1));
        } else {
            const X theirs = run_of_reference(config, test);
            by_kernels = true;
            for (const expectation& e : expected) by_kernels = agrees(e, theirs) && by_kernels;
        }
        result.add(test.id,
                   here == expected.size() ? verdict::agrees
                   : by_kernels            ? verdict::by_kernels
                                           : verdict::differs,
                   detail);
    }
    result.finish();
    std::printf(
        "published_expectations: %zu of %zu numbers by own steps, %zu of them against float64\n",
        met, all, by_float64);
    CHECK(all == 115);
    CHECK(worst < 2e-5);  // of the numbers before they were rounded for print
}

TEST_CASE("what the reference's rounding, and its start in the middle, do") {
    const auto config_of = [](const std::string& class_name) {
        return diffusion::io::default_config(class_name);
    };
    {  // the step to clean data: x_s = x0-hat
        const scheduler_config c = config_of("UnCLIPScheduler");
        const time_grid grid = c.grid(1000);
        const auto theirs = rounded_posterior(c, rounded_alpha_bar(c), grid[999], grid[1000]);
        CHECK(std::abs(theirs.b[0] - 1) > 5e-4);
        CHECK(diffusion::reverse_kernel(grid[999], grid[1000]).b[0] ==
              doctest::Approx(1).epsilon(1e-15));
    }
    {  // a alpha_t + b = alpha_s
        const scheduler_config c = config_of("DDPMScheduler");
        const time_grid grid = c.grid(1000);
        const node &t = grid[998], &s = grid[999];
        const auto theirs = rounded_posterior(c, rounded_alpha_bar(c), t, s);
        const auto ours = diffusion::reverse_kernel(t, s);
        CHECK(std::abs(theirs.a * t.alpha + theirs.b[0] - s.alpha) > 4e-5);
        CHECK(std::abs(ours.a * t.alpha + ours.b[0] - s.alpha) < 1e-14);
    }
    {  // sqrt((1 - alpha-bar)/alpha-bar) at t = 0
        scheduler_config c = config_of("SASolverScheduler");
        const double ours = diffusion::noise_to_signal(c.schedule()(0));
        CHECK(ours == doctest::Approx(0.01 / std::sqrt(0.9999)).epsilon(1e-12));
        c.trained_betas = betas_of_rounded(c);
        CHECK(diffusion::noise_to_signal(c.schedule()(0)) / ours - 1 > 8e-5);
    }
    {  // weights of 4 equal slopes, of which the reference has one
        const scheduler_config c = config_of("LMSDiscreteScheduler");
        const multistep whole(diffusion::lms<4>{}, c.grid(10));
        const auto [a, b, noise] = whole.kernel(8);
        const double of_all = b[0] + b[1] + b[2] + b[3];
        CHECK(std::abs(b[0] / of_all - 1) > 0.3);
        const time_grid rest(whole.grid().begin() + 8, whole.grid().end());
        CHECK(multistep(diffusion::lms<4>{}, rest, diffusion::last_steps::falling_order)
                  .kernel(0)
                  .b[0] == doctest::Approx(of_all).epsilon(1e-12));
    }
}

TEST_CASE("the numbers of a consistency model's levels are whole and on the ladder") {
    const auto c = diffusion::io::default_config("CMStochasticIterativeScheduler");
    CHECK(c.grid(2, {.timesteps = {22, 0}})[1].sigma ==
          doctest::Approx(diffusion::karras_sigmas(40, {0.002, 80})[22]));
    CHECK_THROWS_AS(c.grid(1, {.timesteps = {40}}), std::invalid_argument);
    CHECK_THROWS_AS(c.grid(1, {.timesteps = {-1}}), std::invalid_argument);
    CHECK_THROWS_AS(c.grid(2, {.timesteps = {0.5, 0}}), std::invalid_argument);
}
