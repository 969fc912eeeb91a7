// The design space of diffusion models (Karras et al. 2022): what is trained and how it is sampled
// are separate choices, and good ones need few calls.
//
// The network F is preconditioned, D(x, sigma) = c_skip x + c_out F(c_in x, c_noise), so that it
// sees and answers unit variance at every noise level; levels are log-normal (P_mean, P_std), and
// F's error counts the same at all of them (their section 5, table 1). Samples are drawn on their
// grid of levels (eq. 5, rho = 7) from sigma = 80 to 0.002, by Euler's method (DDIM) and by Heun's
// (algorithm 1), at equal numbers of calls as in their figure 2, and by Heun's with churn, fresh
// noise before each step (algorithm 2), as in their figure 4. Losses by noise level are figure 5a.
//
// Smaller than there: drawn digits of 16 x 16 pixels in place of CIFAR-10, a U-Net of a minute and
// a half in place of 200 million pictures, the Frechet distance in 80 fixed features in place of
// FID, and of a few hundred samples. Nothing of the method is left out but their augmentation
// (section 5), which is for sets too small for the network; ours has as many digits as one likes.
//
// Writes edm.png (losses by noise level; quality against calls) and edm_digits.png.

#include "support/arguments.hpp"
#include "support/drawn_digits.hpp"
#include "support/edm_report.hpp"
#include "support/interrupt.hpp"
#include "support/statistics.hpp"
#include "support/timed_training.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include <diffusion/denoiser/precondition.hpp>
#include <diffusion/diffusion.hpp>
#include <diffusion/grid/sigma_grid.hpp>
#include <diffusion/nn/nn.hpp>
#include <diffusion/objective/preconditioned.hpp>
#include <diffusion/rule/churn.hpp>
#include <diffusion/rule/euler.hpp>
#include <diffusion/trainer/in_memory.hpp>
#include <diffusion/trainer/item_denoiser.hpp>
#include <diffusion/trainer/regression.hpp>

namespace {

namespace nn = diffusion::nn;
using pictures = std::vector<float>;
using examples::point;

const diffusion::edm_schedule levels;  // sigma from 0.002 to 80

/// n steps on the grid of Karras et al. (2022, eq. 5), the last one to clean data.
diffusion::time_grid karras_grid(std::size_t n) {
    return diffusion::grid_of_sigmas(
        levels, diffusion::karras_sigmas(n, {levels.sigma_min, levels.sigma_max}, 7));
}

int run(int argc, char** argv) {
    double seconds = 100, churn = 20;
    std::size_t count = 500, threads = 0;
    std::uint64_t seed = 1;
    bool quick = false;
    std::string out = "build/gallery";
    examples::arguments line("edm", "Preconditioning, noise levels, Heun against Euler, churn.");
    line.number("--seconds", seconds, "train this long", 0.1, 1e6);
    line.number("--count", count, "digits behind each number", std::size_t(20),
                std::size_t(100000));
    line.number("--churn", churn, "S_churn: how much noise is added again", 0.0, 1000.0);
    line.flag("--quick", quick, "8 x 8 pixels and a tiny network, to see that it works");
    line.number("--threads", threads, "0: as many as there are cores", std::size_t(0),
                std::size_t(256));
    line.number("--seed", seed, "of all random numbers");
    line.text("--out", out, "folder for the pictures");
    if (const auto code = line.parse(argc, argv)) return *code;
    std::filesystem::create_directories(out);  // fails now if at all, not when all is done
    if (quick) count = 60;

    // Data, and the network F with what makes a denoiser of it.
    const std::size_t side = quick ? 8 : 16, area = side * side;
    const auto data = examples::drawn_digits(seed, 0, quick ? 2000 : 20000, side);
    const std::vector<double> values(data.pixels.begin(), data.pixels.end());
    const double sigma_data = std::hypot(examples::standard_deviation(values),
                                         examples::mean(values));  // about 0
    nn::unet_options size{.base = quick ? 8U : 16U, .multipliers = {1, 2, 4}};
    size.classes = 10;
    size.time_factor = 250;  // c_noise = log(sigma)/4 runs from -1.6 to 1.1
    nn::unet<float> net(size, seed);
    nn::lanes<float> lanes(threads);
    const diffusion::edm_scaling scaling{sigma_data};
    diffusion::item_denoiser by_level(net, lanes, scaling, {1, side, side, 1});
    const auto losses = [&] {
        const pictures some(data.pixels.begin(), data.pixels.begin() + 64 * std::ptrdiff_t(area));
        return examples::losses_by_level(by_level, some, area, sigma_data, seed);
    };

    // Train.
    const std::vector<point> before = losses();
    const diffusion::log_normal_times sigmas;  // P_mean = -1.2, P_std = 1.2
    diffusion::regression model(net, diffusion::edm_objective(sigma_data, sigmas));
    diffusion::in_memory source({1, side, side, 1}, std::span<const float>(data.pixels),
                                std::span<const int>(data.labels));
    examples::timed_plan plan{.seconds = seconds, .batch = 64, .ema = 0.995, .seed = seed};
    if (quick) {
        plan.steps = 250;
        plan.batch = 32;
    }
    {
        const examples::interrupt stop;
        const examples::stopwatch watch;
        const std::size_t steps =
            train_for("training", model, source, lanes, plan, [&] { return stop.requested(); });
        std::printf("sigma_data %.3f, a U-Net of %zu parameters, %zu steps of %zu digits in %s\n",
                    sigma_data, net.parameters().count(), steps, plan.batch,
                    examples::spoken_time(watch.seconds()).c_str());
    }
    const std::vector<point> after = losses();
    examples::edm_page page;
    std::vector<point> seen;  // the density of log sigma
    for (const point& p : after)
        seen.push_back(
            {p.x, std::exp(-0.5 * std::pow((std::log(p.x) - sigmas.mean) / sigmas.std, 2))});
    page.losses(before, after, seen);
    const std::size_t often = 13;  // of 25 levels
    std::printf("loss of F at sigma = %.2f: %.3f before training, %.3f after; at %.3f: %.3f\n",
                after[often].x, before[often].y, after[often].y, after.back().x, after.back().y);

    // Sample: the same labels and the same noise each time.
    std::vector<std::size_t> labels(count);
    for (std::size_t i = 0; i < count; ++i) labels[i] = i % 10;
    const auto draw = [&](const auto& sampler) {
        pictures x(count * area);
        diffusion::draw_prior(x, sampler.grid().front(), diffusion::gaussian_noise{seed});
        diffusion::preconditioned denoise(nn::as_network(net, lanes, side, side, labels), scaling,
                                          pictures(x.size()));
        diffusion::sample(x, sampler, denoise, diffusion::gaussian_noise{seed + 1});
        return x;
    };
    const auto by_euler = [&](std::size_t calls) {
        return draw(diffusion::multistep(diffusion::euler, karras_grid(calls)));
    };
    const auto by_heun = [&](std::size_t calls) {  // two calls a step, one in the last
        return draw(diffusion::singlestep(diffusion::heun{}, karras_grid((calls + 1) / 2)));
    };
    // Noise is stirred between the levels 0.01 and 1 (their table 5, CIFAR-10).
    const diffusion::nodes_of nodes{levels};
    const auto by_churn = [&](std::size_t calls) {
        const diffusion::churned rule(diffusion::heun{}, nodes,
                                      {.amount = churn, .from = 0.01, .to = 1, .noise = 1.007});
        return draw(diffusion::singlestep(rule, karras_grid((calls + 1) / 2)));
    };

    // Judge: by the Frechet distance to real digits, and by the distance to where the ODE leads.
    // Many steps of Heun's stand for the exact path. In few calls Heun's fails: it asks at the end
    // of a long step, where the network was hardly trained, and weighs that with the whole step.
    examples::edm_report report(by_heun(quick ? 79 : 255), side, seed + 1);
    for (const std::size_t calls : {5U, 9U, 15U, 23U, 35U}) {
        if (quick && calls != 35) continue;
        report.add(calls, {by_euler(calls), by_heun(calls), by_churn(calls)}, calls != 23);
    }
    report.print_ratio();
    std::printf("(35 calls are those of the paper's FID of 1.79 on CIFAR-10 with classes)\n");
    report.save(page, out);
    return 0;
}

}  // namespace

int main(int argc, char** argv) { return examples::run_program("edm", run, argc, argv); }
