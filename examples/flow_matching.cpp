// From noise to data in few steps: four ways on one checkerboard, with one kind of network.
//
//   diffusion        variance preserving, cosine schedule, sampled by DDIM
//   rectified flow   straight lines between noise and data, regressed on (Lipman et al. 2023,
//                    section 4.1; Liu et al. 2023, eq. 1). Where lines cross, the flow has to bend
//   reflow           the flow is run once, to pair each noise with where it ends, and the lines
//                    between those are regressed on (Liu et al. 2023, algorithm 1). They hardly
//                    cross, so that one Euler step nearly arrives
//   consistency      a network that answers with the end of the path at once, distilled from the
//                    flow (Song et al. 2023, algorithm 2, with the choices of Song and Dhariwal
//                    2024); between two calls noise is added again
//
// The checkerboard is that of Lipman et al. (2023, figure 4), the order of events that of Liu et
// al. (2023, figures 2 to 5), in the plane instead of with pictures. Straightness is Liu et al.'s
// S(Z), section 2.2; quality is the energy distance to points that were held out, beside its floor.
// An ideal diffusion has the paths of an ideal flow, in other coordinates: x/(alpha + sigma), at
// the time sigma/(alpha + sigma). Its straightness is printed in both, and DDIM goes as wrong in
// few calls as Euler does. What makes a difference is which noise belongs to which point.
//
// Writes flow_matching.png: the paths, and what comes out after 1, 2, 4 and 8 calls.

#include "support/arguments.hpp"
#include "support/flow_report.hpp"
#include "support/interrupt.hpp"
#include "support/plane_sets.hpp"
#include "support/timed_training.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include <diffusion/denoiser/precondition.hpp>
#include <diffusion/diffusion.hpp>
#include <diffusion/grid/distilled.hpp>
#include <diffusion/grid/sigma_grid.hpp>
#include <diffusion/nn/nn.hpp>
#include <diffusion/rule/consistency.hpp>
#include <diffusion/rule/flow_heun.hpp>
#include <diffusion/trainer/consistency.hpp>
#include <diffusion/trainer/coupled.hpp>
#include <diffusion/trainer/generated.hpp>
#include <diffusion/trainer/item_denoiser.hpp>
#include <diffusion/trainer/regression.hpp>

namespace {

namespace nn = diffusion::nn;
using points = std::vector<float>;
constexpr nn::shape item{1, 1, 1, 2};
const diffusion::vp_cosine cosine;
const diffusion::flow_schedule straight;

int run(int argc, char** argv) {
    double seconds = 100;
    std::size_t count = 4000, threads = 0;
    std::uint64_t seed = 1;
    bool quick = false;
    std::string out = "build/gallery";
    examples::arguments line("flow_matching",
                             "Straight flows beside diffusion, on a checkerboard.");
    line.number("--seconds", seconds, "train this long, all four together", 0.1, 1e6);
    line.number("--count", count, "points to draw", std::size_t(100), std::size_t(100000));
    line.flag("--quick", quick, "small networks and few steps, to see that it works");
    line.number("--threads", threads, "0: as many as there are cores", std::size_t(0),
                std::size_t(256));
    line.number("--seed", seed, "of all random numbers");
    line.text("--out", out, "folder for the picture");
    if (const auto code = line.parse(argc, argv)) return *code;
    std::filesystem::create_directories(out);  // fails now if at all, not when all is done
    if (quick) count = 1500;

    // Four networks of the same size; the noise is the same for all, too.
    nn::lanes<float> lanes({.threads = threads, .lanes = 8, .chunk = 128});
    const nn::mlp_options size{
        .in = 2, .hidden = quick ? 64U : 128U, .layers = 4, .out = 2, .time_factor = 1000};
    nn::mlp<float> net_vp(size, seed), net_flow(size, seed), net_reflow(size, seed),
        net_consistent(size, seed);
    auto board = diffusion::generate<float>(item, examples::draw_checkerboard);
    points noise(2 * count);
    diffusion::gaussian_noise{seed}(noise, {diffusion::noise_stream::start});
    const auto ask = [&](nn::mlp<float>& net) { return nn::as_network(net, lanes, 1, 1); };

    // ---- training ------------------------------------------------------------------------------
    const examples::interrupt stop;
    const auto stopped = [&] { return stop.requested(); };
    const auto plan = [&](double share, double rate = 2e-3) {
        examples::timed_plan p;
        p.seconds = share * seconds;
        if (quick) p.steps = std::size_t(1600 * share);
        p.rate = rate;
        p.batch = 512;
        p.seed = seed;
        return p;
    };
    diffusion::regression diffused(
        net_vp, diffusion::simple_objective(cosine, diffusion::target::velocity));
    train_for("diffusion", diffused, board, lanes, plan(0.25), stopped);

    const diffusion::simple_objective lines(straight, diffusion::target::flow);
    diffusion::regression flow(net_flow, lines);
    train_for("rectified flow", flow, board, lanes, plan(0.25), stopped);

    // Reflow: where the flow takes each noise, and the lines between; from the flow's weights.
    points from(quick ? 6000 : 40000), to;
    diffusion::gaussian_noise{seed + 1}(from, {diffusion::noise_stream::start});
    to = from;
    diffusion::sample(to,
                      diffusion::singlestep(diffusion::flow_heun{},
                                            diffusion::uniform_time(straight, quick ? 10 : 25)),
                      diffusion::predicts_flow(ask(net_flow)));
    diffusion::coupled<float> pairs(item, to, from);
    std::ranges::copy(std::as_const(net_flow.parameters()).values(),
                      net_reflow.parameters().change_values().begin());
    diffusion::regression reflow(net_reflow, lines);
    train_for("reflow", reflow, pairs, lanes, plan(0.2, 1e-3), stopped);

    // Consistency: the flow is the teacher, as a denoiser at alpha = 1 and sigma = t/(1 - t).
    diffusion::consistency_options options;
    options.scaling = {.sigma_data = 1.15, .sigma_min = 0.01, .time_scale = 0.25};
    options.levels.range = {0.01, 20};
    const auto flow_at = [](const diffusion::node& n) {
        const double t = n.sigma / (1 + n.sigma);
        return diffusion::precondition_weights{.skip = 1 - t, .out = -t, .in = 1 - t, .time = t};
    };
    diffusion::consistency distilled(net_consistent,
                                     diffusion::constant_curriculum{.count = 40, .mu = 0},
                                     diffusion::log_normal_levels{}, options,
                                     diffusion::item_denoiser(net_flow, lanes, flow_at, item));
    train_for("consistency", distilled, board, lanes, plan(0.3, 1e-3), stopped);

    // ---- sampling: noise in x becomes data, by n calls -----------------------------------------
    const auto by_diffusion = [&](points& x, std::size_t n, auto&& observe) {
        diffusion::sample(
            x, diffusion::multistep(diffusion::ddim{}, diffusion::uniform_time(cosine, n)),
            diffusion::predicts_velocity(ask(net_vp)), diffusion::no_noise{}, observe);
    };
    const auto by_flow = [&](nn::mlp<float>& net) {
        return [&](points& x, std::size_t n, auto&& observe) {  // here DDIM is Euler's method
            diffusion::sample(
                x, diffusion::multistep(diffusion::ddim{}, diffusion::uniform_time(straight, n)),
                diffusion::predicts_flow(ask(net)), diffusion::no_noise{}, observe);
        };
    };
    const auto by_consistency = [&](points& x, std::size_t n, auto&& observe) {
        const auto& range = options.levels.range;
        const auto grid = diffusion::grid_of_sigmas(
            diffusion::edm_schedule{range.lowest, range.highest},
            diffusion::consistency_sigmas(std::max<std::size_t>(n, 40), n, range));
        for (float& v : x) v *= float(range.highest);
        diffusion::sample(
            x, diffusion::multistep(diffusion::consistency_sampling{}, grid),
            diffusion::preconditioned(ask(net_consistent), options.scaling, points(x.size())),
            diffusion::gaussian_noise{seed + 2}, observe);
    };

    // ---- what came out -------------------------------------------------------------------------
    examples::flow_report report(noise, examples::checkerboard_points(count, seed + 1),
                                 examples::checkerboard_points(count, seed + 2),
                                 {"diffusion", "rectified flow", "reflow", "consistency"});
    report.show(by_diffusion);
    report.show(by_flow(net_flow));
    report.show(by_flow(net_reflow));
    report.show(by_consistency, false);
    report.save(out + "/flow_matching.png");
    std::printf("wrote %s/flow_matching.png\n", out.c_str());
    return 0;
}

}  // namespace

int main(int argc, char** argv) { return examples::run_program("flow_matching", run, argc, argv); }
