// Where the last bit of the reference's arithmetic decides which time is visited or told, and
// what a config may combine. The numbers are NumPy's, of the formulas written out again.

#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <diffusion/io/diffusers_config.hpp>
#include <diffusion/tensor/std.hpp>

using namespace diffusion;
using namespace diffusion::io;

namespace {

scheduler_config parse(const std::string& class_name, const std::string& fields) {
    return parse_scheduler_config("{\"_class_name\": \"" + class_name + "\", " + fields + '}');
}

std::vector<double> told(const scheduler_config& c, std::size_t n, const run_options& run = {}) {
    std::vector<double> times;
    for (const node& at : c.grid(n, run)) times.push_back(at.t);
    times.resize(n);
    return times;
}

// The network's answer is 4, read as x0-hat: what the denoiser makes of it.
double x0_of(const scheduler_config& c) {
    const std::vector<double> x{0.5};
    auto denoise = c.denoiser(
        [](const std::vector<double>&, double, std::vector<double>& out) { out[0] = 4; }, x);
    std::vector<double> x0{0};
    denoise(x, {500, 0.6, 0.8, std::log(0.75)}, x0);
    return x0[0];
}

}  // namespace

TEST_CASE("a time half between two integers is rounded as in NumPy") {
    // T - 3 T/48 = 937.5 exactly, 937.49.. in double; 18 T/96 the other way.
    for (const char* name :
         {"DDIMScheduler", "EulerDiscreteScheduler", "UniPCMultistepScheduler"}) {
        CAPTURE(name);
        const scheduler_config trailing = parse(name, "\"timestep_spacing\": \"trailing\"");
        CHECK(told(trailing, 48)[3] == 936);
        CHECK(told(trailing, 48)[39] == 186);
        CHECK(told(trailing, 96)[18] == 812);
        CHECK(told(trailing, 96)[90] == 62);
    }
    const scheduler_config linspace = parse("DDIMScheduler", "\"timestep_spacing\": \"linspace\"");
    CHECK(told(linspace, 27)[13] == 499);
    CHECK(told(linspace, 31)[15] == 499);
    CHECK(told(parse("DPMSolverMultistepScheduler", "\"solver_order\": 2"), 26)[13] == 499);
    // numpy.linspace(0, T - 1, 1) is its first end.
    CHECK(told(linspace, 1)[0] == 0);
}

TEST_CASE("a flow's told times are cut from the products that NumPy has") {
    const std::string flow = "\"use_flow_sigmas\": true, \"prediction_type\": \"flow_prediction\"";
    for (const char* name :
         {"DPMSolverMultistepScheduler", "DEISMultistepScheduler", "SASolverScheduler"}) {
        CAPTURE(name);
        CHECK(told(parse(name, flow), 12) ==
              std::vector<double>{999, 915, 832, 749, 666, 582, 499, 416, 332, 249, 166, 83});
    }
    CHECK(told(parse("UniPCMultistepScheduler", flow), 12) ==
          std::vector<double>{999, 916, 833, 750, 667, 583, 500, 417, 333, 250, 167, 84});
}

TEST_CASE("UniPC takes the Karras sigmas of a flow, lists of sigmas and both kinds of shift") {
    const std::string flow = "\"use_flow_sigmas\": true, \"prediction_type\": \"flow_prediction\"";
    const scheduler_config karras =
        parse("UniPCMultistepScheduler",
              flow + ", \"use_karras_sigmas\": true, \"sigma_min\": 0.01, \"sigma_max\": 200");
    CHECK(told(karras, 5) == std::vector<double>{995, 978, 877, 360, 9});
    const std::vector<double> sigmas{0.995024875621891, 0.978745465905281, 0.87748845150978,
                                     0.360497241108588, 0.0099009900990099};
    const time_grid grid = karras.grid(5);
    for (std::size_t i = 0; i < 5; ++i) {
        const double ratio = noise_to_signal(grid[i]);
        CHECK(ratio / (1 + ratio) == doctest::Approx(sigmas[i]).epsilon(1e-12));
    }
    const scheduler_config plain = parse("UniPCMultistepScheduler", flow + ", \"flow_shift\": 3");
    run_options run;
    run.sigmas = {0.9, 0.5, 0.25};  // 3 s/(1 + 2 s)
    CHECK(told(plain, 3, run) == std::vector<double>{964, 750, 500});
    const scheduler_config dynamic =
        parse("UniPCMultistepScheduler",
              flow + ", \"use_dynamic_shifting\": true, \"time_shift_type\": \"linear\"");
    run.mu = 3;
    CHECK(told(dynamic, 3, run) == std::vector<double>{964, 750, 500});
    CHECK_THROWS_AS((void)dynamic.grid(3), std::invalid_argument);
}

TEST_CASE("flow matching with times of one's own tells them as they are, before the shift") {
    run_options run;
    run.timesteps = {900, 500, 250};
    const scheduler_config c = parse("FlowMatchEulerDiscreteScheduler", "\"shift\": 3");
    CHECK(told(c, 3, run) == run.timesteps);
    CHECK(noise_to_signal(c.grid(3, run)[1]) == doctest::Approx(3).epsilon(1e-12));
}

TEST_CASE("log_linear interpolation: Karras sigmas span all levels at any spacing") {
    const scheduler_config c =
        parse("EulerDiscreteScheduler",
              "\"interpolation_type\": \"log_linear\", \"use_karras_sigmas\": true, "
              "\"timestep_spacing\": \"leading\"");
    const time_grid grid = c.grid(5);
    CHECK(noise_to_signal(grid[0]) == doctest::Approx(157.40728081040757).epsilon(1e-10));
    CHECK(noise_to_signal(grid[4]) == doctest::Approx(0.010000500037502575).epsilon(1e-10));
}

TEST_CASE("x0-hat is left alone by classes that have the field for it only") {
    const std::string data = "\"prediction_type\": \"sample\", ";
    CHECK(x0_of(parse("TCDScheduler", data + "\"clip_sample\": true")) == 4);
    CHECK(x0_of(parse("TCDScheduler", data + "\"thresholding\": true")) == 4);
    CHECK(x0_of(parse("DDIMScheduler", data + "\"clip_sample\": true")) == 1);
    const std::string unipc = data + "\"thresholding\": true, \"final_sigmas_type\": \"sigma_min\"";
    CHECK(x0_of(parse("UniPCMultistepScheduler", unipc)) == 1);
    CHECK(x0_of(parse("UniPCMultistepScheduler", unipc + ", \"predict_x0\": false")) == 4);
}

TEST_CASE("what the reference refuses is refused") {
    CHECK_THROWS_WITH_AS(parse("DDIMInverseScheduler", "\"timestep_spacing\": \"linspace\""),
                         doctest::Contains("timestep_spacing"), format_error);
    CHECK_THROWS_WITH_AS(
        parse("UniPCMultistepScheduler",
              "\"use_flow_sigmas\": true, \"prediction_type\": \"flow_prediction\", "
              "\"predict_x0\": false, \"final_sigmas_type\": \"sigma_min\""),
        doctest::Contains("predict_x0"), format_error);
    run_options run;
    run.timesteps = {900, 500};
    CHECK_THROWS_AS(
        (void)parse("EulerDiscreteScheduler", "\"use_karras_sigmas\": true").grid(2, run),
        std::invalid_argument);
    CHECK_THROWS_AS((void)parse("UnCLIPScheduler", "\"clip_sample\": true").grid(1),
                    std::invalid_argument);
    const auto learned = parse("DDPMScheduler", "\"variance_type\": \"learned\"");
    CHECK_THROWS_WITH_AS((void)learned.sampler<std::vector<double>>(5),
                         doctest::Contains("variance_type"), std::invalid_argument);
}
