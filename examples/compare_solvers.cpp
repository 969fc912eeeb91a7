// Which solver? Fourteen of them solve the same equation from the same noise, and their results are
// compared with the exact end of the way: how large is the error for so many calls of the network?
//
// The first equation is that of a mixture of eight Gaussians, whose denoiser is known exactly. The
// second is that of a network which draws digits:
//
//     sh examples/run.sh digits --save digits.safetensors
//     sh examples/run.sh compare_solvers --load digits.safetensors
//
// The mixture shows the order of each method. What the network says ripples in t, in step with the
// fastest of the sines that tell it the time: with steps that are longer than a ripple the curves
// run together, at an error that is too small to be seen.
//
// Each solver gets its nodes where it likes them: evenly in lambda or in t, or by Karras' formula.
//
// Writes compare_solvers.png (error against calls), compare_solvers_mixture.png and
// compare_solvers_digits.png (what 5, 10, 20 and 50 calls give).

#include "support/arguments.hpp"
#include "support/digit_model.hpp"
#include "support/ink_drop.hpp"
#include "support/progress.hpp"
#include "support/solver_contest.hpp"
#include "support/solver_page.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <numbers>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <diffusion/diffusion.hpp>
#include <diffusion/nn/nn.hpp>
#include <diffusion/sampler/make_sampler.hpp>

namespace {

using namespace diffusion;
using examples::problem;
using examples::record;
using examples::solver;
using examples::spacing;
using examples::state;

/// A solver by its name here, with the calls that a step takes, and those that the first one takes
/// more.
solver named(const char* title, const char* name, const sampler_options& options = {},
             std::size_t calls_per_step = 1, std::size_t more_calls = 0) {
    return {title, calls_per_step, more_calls, [=](const problem& p, const time_grid& grid) {
                return make_sampler<state>(name, p.schedule, grid, options);
            }};
}

std::vector<solver> contestants() {
    constexpr auto to_the_end = last_steps::full_order;
    return {
        named("DDIM (Euler)", "ddim"),
        named("Heun", "heun", {}, 2),
        named("DPM2", "dpm2", {}, 2),
        named("DPM-Solver-3", "dpm_solver", {.order = 3}, 3),
        named("DPM-Solver++ 2M", "dpm_solver_pp_2m"),
        named("DPM-Solver++ 3M", "dpm_solver_pp_3m"),
        named("exponential Adams 2", "exponential_adams", {.order = 2}),
        named("exponential Adams 3", "exponential_adams", {.order = 3}),
        named("DEIS 3", "deis", {.order = 3}),
        named("LMS 4", "lms", {.order = 4}),
        named("iPNDM 4", "ipndm", {.order = 4}),
        named("PNDM (PLMS)", "plms", {}, 1, 1),
        named("UniPC 3", "unipc", {.order = 3, .ending = to_the_end}),
        named("SA-Solver 3 (tau 0)", "sa_solver", {.order = 3, .ending = to_the_end, .tau = 0})};
}

/// All that is to be known of one equation: the table, the plot on the page, the gallery.
void compare(problem& p, const std::string& name, std::vector<std::size_t> calls, std::size_t many,
             examples::canvas& page, double left, const std::string& file,
             const std::function<examples::canvas(const state&)>& tile) {
    // The exact end, as far as it matters: many steps of a method of high order.
    const solver fine = named("reference", "exponential_adams", {.order = 4});
    p.exact = solve(p, fine, spacing::lambda, many).end;
    std::printf("%s: %zu calls give the exact end, half as many differ by %.1e\n", name.c_str(),
                many, solve(p, fine, spacing::lambda, many / 2).error);

    examples::progress bar("solving ");
    std::vector<record> records;
    const std::vector<solver> solvers = contestants();
    for (const solver& s : solvers) {
        bar.show(double(records.size()) / double(solvers.size()), s.name);
        records.push_back(try_out(p, s, calls));
    }
    bar.finish(1, "done");
    const auto shown = [&](std::vector<std::size_t> some) {
        std::erase_if(some, [&](std::size_t n) { return n > calls.back(); });
        return some;
    };
    examples::print_records(shown({5, 10, 20, 50, 100, 200}), records);
    error_plot(page, {left, 8}, {left + 750, 700}, name, records);
    examples::gallery(name, shown({5, 10, 20, 50}), records, p.exact, tile).save(file);
}

int run(int argc, char** argv) {
    std::size_t most = 200, particles = 4000, digits = 8, threads = 0;
    std::uint64_t seed = 1;
    std::string load, out = "build/gallery";
    examples::arguments line("compare_solvers", "Compares fourteen solvers: error against calls.");
    line.text("--load", load, "a network that digits has saved");
    line.number("--calls", most, "the most calls to try; with the network 70 at most",
                std::size_t(10), std::size_t(10000));
    line.number("--particles", particles, "of the mixture", std::size_t(10), std::size_t(1000000));
    line.number("--count", digits, "digits to compare", std::size_t(4), std::size_t(1000));
    line.number("--threads", threads, "0: as many as there are cores", std::size_t(0),
                std::size_t(256));
    line.number("--seed", seed, "of the noise");
    line.text("--out", out, "folder for the pictures");
    if (const auto code = line.parse(argc, argv)) return *code;
    std::optional<examples::digit_model> model;
    if (!load.empty()) model = examples::digit_model::load(load);
    std::filesystem::create_directories(out);  // fails now if at all, not when all is done
    examples::canvas page(model ? 1500 : 750, 700);
    const auto calls = [most](std::size_t limit) {
        std::vector<std::size_t> list{5, 7, 10, 14, 20, 28, 40, 50, 70, 100, 140, 200, 280, 400};
        std::erase_if(list, [&](std::size_t n) { return n > std::min(most, limit); });
        return list;
    };

    std::vector<examples::point> spots;
    for (int k = 0; k < 8; ++k)
        spots.push_back(
            {1.2 * std::cos(std::numbers::pi * k / 4), 1.2 * std::sin(std::numbers::pi * k / 4)});
    const examples::ink_drop ring("eight spots", spots, 0.12);
    problem mixture(vp_linear{}, 1, 1e-3, ring, 2 * particles, seed);
    compare(mixture, "eight Gaussians", calls(most), 10 * most, page, 0,
            out + "/compare_solvers_mixture.png",
            [](const state& x) { return examples::density_tile(x, 1.8); });

    if (model) {
        std::vector<std::size_t> labels;
        for (std::size_t i = 0; i < digits; ++i) labels.push_back(i % 10);
        nn::lanes<float> lanes({.threads = threads, .chunk = 2});
        const std::size_t height = model->height, width = model->width;
        auto network = nn::as_network(model->net, lanes, height, width, labels);
        std::vector<float> x_t(digits * height * width), v(x_t.size());
        // The network computes in float, all else in double: errors are those of the method.
        const auto in_double = [&](const state& x, double t, state& out_v) {
            std::copy(x.begin(), x.end(), x_t.begin());
            network(x_t, t, v);
            std::copy(v.begin(), v.end(), out_v.begin());
        };
        problem drawing(model->schedule, 990, 0, predicts_velocity(in_double), x_t.size(), seed);
        compare(drawing, "digits, by a network", calls(70), 10 * most, page, 750,
                out + "/compare_solvers_digits.png",
                [&](const state& x) { return examples::picture_tile(x, height, width, 4); });
    }
    page.save(out + "/compare_solvers.png");
    std::printf("wrote compare_solvers.png, compare_solvers_mixture.png%s in %s\n",
                model ? ", compare_solvers_digits.png" : "", out.c_str());
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    return examples::run_program("compare_solvers", run, argc, argv);
}
