#include <algorithm>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include <diffusion/io/diffusers_config.hpp>
#include <diffusion/sampler/sample.hpp>
#include <diffusion/tensor/std.hpp>

#include "allocations.hpp"
#include "support.hpp"

using namespace diffusion;
using namespace diffusion::io;
using namespace io_test;
using X = std::vector<double>;

namespace {

const std::filesystem::path folder = DIFFUSION_TEST_DATA "/io/scheduler_configs";

const std::vector<std::string> published{
    "ddpm_church", "edm_dpm_2m",  "flux_dev_flow", "lcm_dreamshaper", "robot_policy_ddpm100",
    "sd15_pndm",   "sd21_v_ddim", "sd3_flow",      "sdxl_euler",      "zero_snr_v_ddim"};

scheduler_config read_published(const std::string& name,
                                unknown_fields unknown = unknown_fields::ignore) {
    return read_scheduler_config(folder / (name + ".json"), unknown);
}

nlohmann::json class_table() {
    std::ifstream file(folder / "class_defaults.json");
    return nlohmann::json::parse(file);
}

std::string config_of(const std::string& class_name, const std::string& fields = "") {
    return "{\"_class_name\": \"" + class_name + '"' + (fields.empty() ? "" : ", ") + fields + '}';
}

scheduler_config parse(const std::string& class_name, const std::string& fields = "") {
    return parse_scheduler_config(config_of(class_name, fields));
}

/// What a run of the class may need beside its config.
run_options options_for(const scheduler_config& c) {
    run_options run;
    if (c.use_dynamic_shifting) run.mu = 0.8;
    return run;
}

std::string reason(const std::string& class_name, const std::string& fields) {
    return refusal([&] { parse(class_name, fields); }).reason();
}

template <class Call>
std::string invalid(Call call) {
    try {
        call();
    } catch (const std::invalid_argument& error) {
        return error.what();
    }
    return "nothing was thrown";
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

/// A network that is told nothing.
void halves(const X& x, double, X& out) {
    for (std::size_t e = 0; e < x.size(); ++e) out[e] = x[e] / 2;
}

X result(const scheduler_config& c, std::size_t n) {
    const run_options run = options_for(c);
    X x(8);
    for (std::size_t e = 0; e < x.size(); ++e)
        x[e] = c.start_scale(n, run) * std::sin(static_cast<double>(e + 1));
    auto denoise = c.denoiser(halves, x);
    sample(x, c.sampler<X>(n, run), denoise, [](X& z, const noise_address&) {
        for (std::size_t e = 0; e < z.size(); ++e) z[e] = std::cos(static_cast<double>(e));
    });
    return x;
}

std::vector<double> told(const scheduler_config& c, std::size_t n) {
    std::vector<double> times;
    for (const node& at : c.grid(n, options_for(c))) times.push_back(at.t);
    return times;
}

}  // namespace

TEST_CASE("the configs of the usual model families are read, run, written and read again") {
    const temporary_folder written;
    for (const std::string& name : published) {
        CAPTURE(name);
        const scheduler_config c = read_published(name);
        for (const double e : result(c, 10)) CHECK(std::isfinite(e));
        CHECK(parse_scheduler_config(format_scheduler_config(c), unknown_fields::refuse) == c);
        write_scheduler_config(written / "x.json", c);
        CHECK(read_scheduler_config(written / "x.json", unknown_fields::refuse) == c);
        CHECK(written.count() == 1);
    }
}

TEST_CASE("fields have the file's values, or the defaults of the class") {
    const scheduler_config sd15 = read_published("sd15_pndm");
    CHECK(sd15.class_name == "PNDMScheduler");
    CHECK(sd15.beta_start == 0.00085);
    CHECK(sd15.beta_schedule == "scaled_linear");
    CHECK(sd15.steps_offset == 1);
    CHECK(sd15.skip_prk_steps);
    CHECK(!sd15.set_alpha_to_one);
    CHECK(sd15.prediction_type == "epsilon");  // not in the file
    const scheduler_config ddim = read_published("sd21_v_ddim");
    CHECK(ddim.prediction_type == "v_prediction");
    CHECK(ddim.timestep_spacing == "leading");
    CHECK(parse("EulerDiscreteScheduler").timestep_spacing == "linspace");
    CHECK(parse("PNDMScheduler").set_alpha_to_one == false);
    CHECK(parse("DDIMScheduler").set_alpha_to_one == true);
    CHECK(read_published("flux_dev_flow").max_shift == 1.15);
    CHECK(*read_published("edm_dpm_2m").sigma_max == 80);
    CHECK(parse("DPMSolverMultistepScheduler", "\"lambda_min_clipped\": -5.1").lambda_min_clipped ==
          -5.1);
    CHECK(parse("DPMSolverMultistepScheduler", "\"lambda_min_clipped\": -Infinity") ==
          default_config("DPMSolverMultistepScheduler"));
}

TEST_CASE("the network is told the reference's times") {
    CHECK(told(read_published("sdxl_euler"), 4) == std::vector<double>{751, 501, 251, 1, -1});
    CHECK(told(read_published("sd21_v_ddim"), 4) == std::vector<double>{751, 501, 251, 1, 0});
    CHECK(told(read_published("zero_snr_v_ddim"), 4) ==
          std::vector<double>{999, 749, 499, 249, -1});
    CHECK(told(read_published("lcm_dreamshaper"), 4) ==
          std::vector<double>{999, 759, 499, 259, -1});
    CHECK(told(read_published("ddpm_church"), 4) == std::vector<double>{750, 500, 250, 0, -1});
    CHECK(told(parse("DPMSolverMultistepScheduler"), 4) ==
          std::vector<double>{999, 749, 500, 250, -1});
    CHECK(told(parse("EulerDiscreteScheduler"), 4) == std::vector<double>{999, 666, 333, 0, -1});
    const std::vector<double> edm = told(read_published("edm_dpm_2m"), 2);
    CHECK(edm[0] == doctest::Approx(std::log(80.0) / 4));
    CHECK(edm[1] == doctest::Approx(std::log(0.002) / 4));
    CHECK(told(parse("FlowMatchEulerDiscreteScheduler"), 2)[1] == doctest::Approx(1));
    CHECK(told(parse("DDPMWuerstchenScheduler"), 4) == std::vector<double>{1, 0.75, 0.5, 0.25, 0});
    CHECK(told(parse("MiniMaxH3Scheduler", "\"shift\": 1"), 5)[1] == doctest::Approx(0.25));
    CHECK(told(parse("SCMScheduler"), 2) == std::vector<double>{1.5708, 1.3, 0});
}

TEST_CASE("the start is the reference's, for its state and for the one here") {
    const scheduler_config leading = read_published("sdxl_euler");
    const node first = leading.grid(10).front();
    CHECK(leading.init_noise_sigma(10) ==
          doctest::Approx(std::hypot(first.sigma / first.alpha, 1)));
    CHECK(leading.start_scale(10) == 1);
    const scheduler_config linspace = parse("EulerDiscreteScheduler");
    CHECK(linspace.init_noise_sigma(10) == doctest::Approx(157.407).epsilon(1e-5));
    CHECK(linspace.start_scale(10) == linspace.grid(10).front().sigma);
    CHECK(read_published("sd15_pndm").init_noise_sigma(10) == 1);
    CHECK(read_published("sd3_flow").start_scale(10) == 1);
    CHECK(read_published("edm_dpm_2m").start_scale(10) == doctest::Approx(std::hypot(80, 1)));
}

TEST_CASE("every class of the reference loads with its defaults, or is refused with the reason") {
    const auto table = class_table();
    CHECK(table.size() == 47);
    std::size_t loaded = 0;
    for (const auto& entry : table.items()) {
        const std::string name = entry.key();
        const nlohmann::json& fields = entry.value();
        CAPTURE(name);
        const bool refused = std::any_of(std::begin(io::detail::refused_classes),
                                         std::end(io::detail::refused_classes),
                                         [&](const auto& r) { return r.name == name; });
        if (refused) {
            const std::string why = reason(name, "");
            CHECK(contains(why, name + " is not offered: "));
            CHECK(why.size() > name.size() + 30);
            CHECK(contains(invalid([&] { default_config(name); }), name));
            continue;
        }
        ++loaded;
        const scheduler_config c = default_config(name);
        CHECK(parse(name) == c);
        std::string text = format_scheduler_config(c);
        CHECK(parse_scheduler_config(text, unknown_fields::refuse) == c);
        const std::size_t infinite = text.find("-Infinity");
        if (infinite != std::string::npos) text.replace(infinite, 9, "\"-float('inf')\"");
        nlohmann::json written = nlohmann::json::parse(text);
        CHECK(written["_class_name"] == name);
        written.erase("_class_name");
        CHECK(written == fields);  // all of them

        for (const std::size_t n : {2u, 5u, 12u}) {
            if (name == "PNDMScheduler" && n < 4) continue;  // the start alone takes 3 steps
            for (const double e : result(c, n)) CHECK(std::isfinite(e));
        }
    }
    CHECK(loaded == 39);
}

TEST_CASE("the methods of classes without reference numbers are those of the library") {
    const auto by = [](const auto& plan, auto denoise, double start) {
        X x(8);
        for (std::size_t e = 0; e < x.size(); ++e)
            x[e] = start * std::sin(static_cast<double>(e + 1));
        sample(x, plan, denoise, [](X& z, const noise_address&) {
            for (std::size_t e = 0; e < z.size(); ++e) z[e] = std::cos(static_cast<double>(e));
        });
        return x;
    };
    const auto check_near = [](const X& a, const X& b) {
        for (std::size_t e = 0; e < a.size(); ++e)
            CHECK(a[e] == doctest::Approx(b[e]).epsilon(1e-12));
    };
    const scheduler_config video =
        parse("CogVideoXDDIMScheduler",
              "\"timestep_spacing\": \"trailing\", \"rescale_betas_zero_snr\": true, "
              "\"prediction_type\": \"v_prediction\"");
    const auto levels = zero_terminal_snr(shifted_snr(discrete_schedule(scaled_linear_beta{}), 3));
    check_near(result(video, 10),
               by(multistep(ddim{}, trailing(levels, 10)), predicts_velocity(halves), 1));
    scheduler_config video_dpm = video;
    video_dpm.class_name = "CogVideoXDPMScheduler";
    check_near(result(video_dpm, 10),
               by(multistep(dpm_solver_pp_2m{1}, trailing(levels, 10), last_steps::first_order),
                  predicts_velocity(halves), 1));
    std::vector<double> flow = flow_times(10);
    check_near(result(parse("LTXEulerAncestralRFScheduler"), 10),
               by(multistep(ancestral_flow{1}, make_grid(flow_schedule{}, flow)),
                  predicts_flow(halves), 1));
    check_near(result(parse("FlowMatchLCMScheduler"), 10),
               by(multistep(lcm{}, make_grid(flow_schedule{}, flow)), predicts_flow(halves), 1));
    std::vector<double> whole(10);
    for (std::size_t i = 0; i < 10; ++i) whole[i] = 1 - static_cast<double>(i) / 10;
    check_near(result(parse("FlowMapEulerDiscreteScheduler"), 10),
               by(multistep(ddim{}, make_grid(flow_schedule{}, whole)), predicts_flow(halves), 1));
    const auto towards_data = [](const X& x, double t, X& out) {
        halves(x, t, out);
        for (double& e : out) e = -e;
    };
    check_near(result(parse("MiniMaxH3Scheduler", "\"shift\": 2"), 11),
               by(multistep(ddim{}, make_grid(flow_schedule{}, shifted_times(whole, 2))),
                  predicts_flow(towards_data), 1));
    // Stable Audio's: a velocity network on a cosine, told 2 atan(sigma)/pi.
    const auto cosine = grid_of_sigmas(vp_cosine{0}, exponential_sigmas(10, {0.3, 500}));
    const scheduler_config audio = parse("CosineDPMSolverMultistepScheduler");
    check_near(result(audio, 10),
               by(multistep(dpm_solver_pp_2m{1}, cosine, last_steps::falling_order),
                  predicts_velocity(halves), audio.start_scale(10) * cosine.front().alpha));
}

TEST_CASE("strict mode lists the fields that the class does not have") {
    for (const std::string& name : published) {
        CAPTURE(name);
        const bool knows_all = name != "sd15_pndm" && name != "sd21_v_ddim" && name != "sdxl_euler";
        if (knows_all) CHECK_NOTHROW(read_published(name, unknown_fields::refuse));
    }
    const format_error error =
        refusal([] { read_published("sd21_v_ddim", unknown_fields::refuse); });
    CHECK(error.reason() == "DDIMScheduler does not have the field skip_prk_steps");
    CHECK(contains(error.file(), "sd21_v_ddim.json"));
    CHECK(error.offset() > 0);
    CHECK(refusal([] { read_published("sdxl_euler", unknown_fields::refuse); }).reason() ==
          "EulerDiscreteScheduler does not have the field clip_sample, sample_max_value, "
          "set_alpha_to_one, skip_prk_steps");
    CHECK_NOTHROW(parse_scheduler_config(
        config_of("DDIMScheduler", "\"_anything\": [1, {\"a\": 2}]"), unknown_fields::refuse));
}

TEST_CASE("what is not a scheduler config is refused, with the place") {
    const auto check = [](const std::string& text, std::size_t offset, const std::string& part) {
        CAPTURE(text);
        const format_error error = refusal([&] { parse_scheduler_config(text); });
        CHECK(error.offset() == offset);
        CHECK(contains(error.reason(), part));
        CHECK(error.file() == "memory");
    };
    check("", 0, "this is not JSON");
    check("{\"_class_name\": ", 16, "this is not JSON");
    check("[1, 2]", 0, "a JSON object");
    check("{}", 0, "_class_name: there must be a text");
    check("{\"_class_name\": 5}", 1, "_class_name: there must be a text");
    check("{\"_class_name\": \"DDIM\"}", 1, "there is no scheduler class \"DDIM\"");
    check("{\"a\": 1e999}", 0, "this is not JSON");
    check(std::string(100000, '['), 0, "nested too deeply");
    check("{\"_class_name\": \"DDIMScheduler\",\n \"beta_end\": \"x\"}", 34,
          "beta_end: must be a finite number, got \"x\"");
    const format_error missing = refusal([] { read_scheduler_config("no/such/file.json"); });
    CHECK(contains(missing.what(), "no/such/file.json"));
}

TEST_CASE("wrong types and values are refused with field, rule and value") {
    const auto ddim = [](const std::string& fields) { return reason("DDIMScheduler", fields); };
    CHECK(ddim("\"clip_sample\": 1") == "clip_sample: must be true or false, got 1");
    CHECK(ddim("\"num_train_timesteps\": -5") ==
          "num_train_timesteps: must be a whole number that is not negative, got -5");
    CHECK(ddim("\"num_train_timesteps\": 10.5") ==
          "num_train_timesteps: must be a whole number that is not negative, got 10.5");
    CHECK(ddim("\"num_train_timesteps\": 0") ==
          "num_train_timesteps: must lie in 1 .. 1000000, got 0");
    CHECK(ddim("\"num_train_timesteps\": 1000000000000") ==
          "num_train_timesteps: must lie in 1 .. 1000000, got 1000000000000");
    CHECK(ddim("\"beta_start\": NaN") == "beta_start: must be a finite number, got NaN");
    CHECK(ddim("\"beta_start\": Infinity") == "beta_start: must be a finite number, got Infinity");
    CHECK(ddim("\"beta_end\": -Infinity") == "beta_end: must be a finite number, got -Infinity");
    CHECK(ddim("\"beta_end\": 2") == "beta_end: must lie in (0, 1), got 2");
    CHECK(ddim("\"beta_schedule\": \"sigmoid\"") ==
          "beta_schedule: must be \"linear\" or \"scaled_linear\" or \"squaredcos_cap_v2\", got "
          "\"sigmoid\"");
    CHECK_NOTHROW(parse("DDPMScheduler", "\"beta_schedule\": \"sigmoid\""));
    CHECK(ddim("\"beta_schedule\": null") == "beta_schedule: must be a text, got null");
    CHECK(ddim("\"beta_schedule\": [\"linear\"]") ==
          "beta_schedule: must be a text, got a list of 1");
    CHECK(ddim("\"prediction_type\": \"flow_prediction\"") ==
          "prediction_type: must be \"epsilon\" or \"sample\" or \"v_prediction\", got "
          "\"flow_prediction\"");
    CHECK(ddim("\"trained_betas\": [0.1, 0.2]") ==
          "trained_betas: must have num_train_timesteps numbers, got 2");
    CHECK(ddim("\"trained_betas\": [0.1, true]") ==
          "trained_betas: must be a list of numbers, got a list of 2");
    CHECK(ddim("\"num_train_timesteps\": 2, \"trained_betas\": [0.1, -0.2]") ==
          "trained_betas: must lie in (0, 1), got -0.2");
    CHECK(ddim("\"steps_offset\": 1000") ==
          "steps_offset: must lie below num_train_timesteps, got 1000");
    CHECK(ddim("\"timestep_spacing\": \"even\"") ==
          "timestep_spacing: must be \"leading\" or \"linspace\" or \"trailing\", got \"even\"");
    CHECK(ddim("\"clip_sample_range\": 0") ==
          "clip_sample_range: must be finite and above 0, got 0");
    CHECK_NOTHROW(parse("DDIMScheduler", "\"clip_sample_range\": 0, \"clip_sample\": false"));
    CHECK(ddim("\"thresholding\": true, \"dynamic_thresholding_ratio\": 1.5") ==
          "dynamic_thresholding_ratio: must lie in (0, 1], got 1.5");
    const auto edm = [](const std::string& fields) { return reason("EDMEulerScheduler", fields); };
    CHECK(edm("\"sigma_min\": 100") == "sigma_max: must be finite and above 100, got 80");
    CHECK(edm("\"sigma_min\": null") == "sigma_min: must not be null, got null");
    CHECK(edm("\"rho\": 0") == "rho: must be finite and above 0, got 0");
    CHECK(edm("\"sigma_schedule\": \"linear\"") ==
          "sigma_schedule: must be \"karras\" or \"exponential\", got \"linear\"");
    CHECK(contains(reason("FlowMatchEulerDiscreteScheduler", "\"shift\": -1"), "shift: must be"));
    CHECK(contains(reason("FlowMatchEulerDiscreteScheduler", "\"shift_terminal\": 1"),
                   "shift_terminal: must lie in (0, 1)"));
    CHECK(contains(reason("SASolverScheduler", "\"tau_func\": \"f\""), "tau_func: must be null"));
    CHECK(contains(reason("UniPCMultistepScheduler", "\"disable_corrector\": [-1]"),
                   "disable_corrector: must be a list of numbers"));
}

TEST_CASE("what the reference refuses is refused, and what ends in 0/0 there") {
    for (const char* class_name :
         {"EulerDiscreteScheduler", "HeunDiscreteScheduler", "LMSDiscreteScheduler",
          "KDPM2DiscreteScheduler", "DPMSolverMultistepScheduler", "DEISMultistepScheduler",
          "UniPCMultistepScheduler", "SASolverScheduler", "FlowMatchEulerDiscreteScheduler"})
        CHECK(contains(reason(class_name, "\"use_karras_sigmas\": true, \"use_beta_sigmas\": true"),
                       "use_karras_sigmas: only one of"));
    CHECK(contains(reason("DPMSolverMultistepScheduler", "\"algorithm_type\": \"dpmsolver\""),
                   "final_sigmas_type: must be \"sigma_min\" with algorithm_type \"dpmsolver\""));
    CHECK_NOTHROW(parse("DPMSolverMultistepScheduler",
                        "\"algorithm_type\": \"dpmsolver\", \"final_sigmas_type\": \"sigma_min\""));
    CHECK(contains(reason("DPMSolverMultistepScheduler", "\"algorithm_type\": \"euler\""),
                   "algorithm_type: must be"));
    CHECK_NOTHROW(parse("DPMSolverMultistepScheduler", "\"solver_type\": \"bh2\""));
    CHECK(contains(reason("DPMSolverMultistepScheduler", "\"solver_order\": 4"),
                   "solver_order: must lie in 1 .. 3, got 4"));
    CHECK(contains(reason("KDPM2DiscreteScheduler", "\"prediction_type\": \"sample\""),
                   "prediction_type: must be"));
    CHECK(contains(reason("UniPCMultistepScheduler", "\"predict_x0\": false"),
                   "final_sigmas_type: must be \"sigma_min\" with predict_x0 = false"));
    CHECK(contains(reason("DDPMScheduler", "\"variance_type\": \"fixed_large_log\""),
                   "variance_type: must be"));
    for (const char* class_name : {"DDIMScheduler", "EulerDiscreteScheduler", "DDPMScheduler"})
        CHECK(contains(reason(class_name, "\"rescale_betas_zero_snr\": true"),
                       "rescale_betas_zero_snr: noise says nothing about the data"));
    CHECK_NOTHROW(parse("DDIMScheduler",
                        "\"rescale_betas_zero_snr\": true, \"prediction_type\": "
                        "\"v_prediction\""));
}

TEST_CASE("a config made in C++ is held to the same rules") {
    scheduler_config c = default_config("DDIMScheduler");
    c.beta_start = 5;
    CHECK(contains(invalid([&] { c.grid(10); }), "beta_start: must lie in (0, 1), got 5"));
    CHECK(contains(invalid([&] { c.schedule(); }), "beta_start"));
    CHECK(contains(invalid([&] { format_scheduler_config(c); }), "beta_start"));
    c.beta_start = std::numeric_limits<double>::quiet_NaN();
    CHECK(contains(invalid([&] { c.sampler<X>(10); }), "beta_start"));
    CHECK(contains(invalid([] { parse("EDMEulerScheduler").schedule(); }), "has no betas"));
    scheduler_config lms = default_config("LMSDiscreteScheduler");
    lms.solver_order = 3;  // it would not be in the file
    CHECK(contains(invalid([&] { format_scheduler_config(lms); }), "does not have"));
}

TEST_CASE("step counts and options that do not fit are refused") {
    for (const char* class_name :
         {"DDIMScheduler", "DDPMScheduler", "PNDMScheduler", "EulerDiscreteScheduler",
          "DPMSolverMultistepScheduler", "UniPCMultistepScheduler", "EDMEulerScheduler",
          "FlowMatchEulerDiscreteScheduler", "LCMScheduler", "IPNDMScheduler"}) {
        CAPTURE(class_name);
        const scheduler_config c = default_config(class_name);
        CHECK(contains(invalid([&] { c.grid(0); }), "must lie in 1 .. T, got 0"));
        CHECK(contains(invalid([&] { c.grid(1001); }), "must lie in 1 .. T, got 1001"));
    }
    const scheduler_config ddim = default_config("DDIMScheduler");
    CHECK(contains(invalid([&] { ddim.grid(10, {.sigmas = {3, 2, 0}}); }), "sigmas is no option"));
    CHECK(contains(invalid([&] { ddim.grid(10, {.mu = 1}); }), "mu"));
    CHECK(contains(invalid([&] { ddim.grid(10, {.stir = {.amount = 5}}); }), "churn"));
    CHECK(contains(invalid([&] { ddim.grid(10, {.timesteps = {5, 10}}); }), "fall strictly"));
    CHECK(contains(invalid([&] { ddim.grid(10, {.timesteps = {5000}}); }), "0 .. T-1"));
    CHECK(contains(invalid([&] { ddim.sampler<X>(10, {.eta = -1}); }), "eta must not be negative"));
    CHECK(contains(invalid([] { default_config("IPNDMScheduler").grid(1); }), "at least 2"));
    CHECK(contains(invalid([] { default_config("PNDMScheduler").sampler<X>(3); }), "at least 4"));
    CHECK(default_config("EulerDiscreteScheduler").grid(1).size() == 2);
    const scheduler_config flux = read_published("flux_dev_flow");
    CHECK(contains(invalid([&] { flux.grid(10); }), "use_dynamic_shifting takes a mu"));
    CHECK(contains(invalid([&] { flux.grid(10, {.mu = NAN}); }), "mu must be finite"));
    CHECK(contains(invalid([&] { default_config("LMSDiscreteScheduler").grid(10, {.order = 5}); }),
                   "order"));
    X x(8);
    CHECK_THROWS_AS(ddim.denoiser(halves, x, 3), std::invalid_argument);  // 3 does not divide 8
}

TEST_CASE("a run by config asks for no memory after init") {
    X x(8, 0.5);
    for (const auto& entry : io::detail::class_defaults()) {
        CAPTURE(entry.first);
        scheduler_config c = default_config(entry.first);
        if (io::detail::has_field(c, "thresholding")) c.thresholding = true;
        const any_sampler<X> plan = c.sampler<X>(12);
        auto denoise = c.denoiser(halves, x, 2);
        auto memory = plan.init(x);
        largest_allocation = 0;
        for (std::size_t i = 0; i < plan.size(); ++i)
            plan.step(i, x, memory, denoise, [](X& z, const noise_address&) { z[0] = 1; });
        CHECK(largest_allocation == 0);
    }
}

TEST_CASE("a run may start in the middle of its grid, as img2img does") {
    for (const auto& entry : io::detail::class_defaults()) {
        CAPTURE(entry.first);
        const scheduler_config c = default_config(entry.first);
        const time_grid whole = c.grid(12), rest = c.grid(12, {.begin_index = 5});
        CHECK(rest == time_grid(whole.begin() + 5, whole.end()));
        CHECK_THROWS_AS(c.grid(12, {.begin_index = whole.size() - 1}), std::invalid_argument);
        X x(8, 0.5);
        auto denoise = c.denoiser(halves, x);
        sample(x, c.sampler<X>(12, {.begin_index = 5}), denoise, [](X& z, const noise_address&) {
            for (double& e : z) e = 0.1;
        });
        for (const double e : x) CHECK(std::isfinite(e));
    }
    // A method of one step goes on as it would have.
    const scheduler_config c = read_published("sd21_v_ddim");
    X x(8, 0.5), y = x;
    auto denoise = c.denoiser(halves, x);
    const any_sampler<X> whole = c.sampler<X>(10);
    auto memory = whole.init(x);
    for (std::size_t i = 6; i < whole.size(); ++i) whole.step(i, x, memory, denoise, no_noise{});
    sample(y, c.sampler<X>(10, {.begin_index = 6}), denoise);
    CHECK(x == y);
}
