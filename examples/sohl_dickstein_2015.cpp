// Deep unsupervised learning using nonequilibrium thermodynamics (Sohl-Dickstein et al. 2015), at
// home: the two toy problems of its table 1, the Swiss roll by Gaussian diffusion with learned mean
// and learned diagonal variance, and the binary heartbeat by binomial diffusion, both trained on
// the bound K itself; then posteriors by multiplying with a second distribution r(x) (its section
// 2.5).
//
// Units. K is a lower bound on the mean log-likelihood: higher is better. In nats it is eq. 14, in
// bits that over log 2. For the roll it is the logarithm of a density, and depends on the scale of
// the data: on variance 1 along each of two axes the null model, a unit Gaussian, has E log2 N =
// -log2(2 pi) - 1/log 2 = -4.09 bits. The paper has K = 2.35 bits, 6.45 over its null model, which
// so had -4.10 bits: its roll was scaled like ours. The roll's noise is not in the paper; here it
// is such that the true mean log-likelihood, which no bound can pass, is 2.5 bits. For the
// heartbeat K is the logarithm of a probability, and the truth log2(1/5) bits for each sequence;
// its null model, independent bits that are 1 in a fifth of cases, has -14.44.
//
// As in the paper: kernels, edge step, K, T = 40 with learned betas for the roll, T = 2000 and
// beta_t = 1/(T - t + 1) for the heartbeat, r a delta or a Gaussian. Different: the networks are
// perceptrons that are told the time, where the paper has weights of their own for each t; mean and
// variance are made of an estimate of x_0 and of its variance, so that one network serves any T,
// also 1000, which a roll as thin as this needs. The bark, CIFAR-10 and dead leaves of the paper
// are left out.
//
// Writes sohl_dickstein_2015_roll.png (the paper's figure 1), _heartbeat.png and _factor.png.

#include "support/arguments.hpp"
#include "support/bound_estimate.hpp"
#include "support/bound_training.hpp"
#include "support/heartbeat.hpp"
#include "support/heartbeat_runs.hpp"
#include "support/roll_net.hpp"
#include "support/roll_runs.hpp"
#include "support/swiss_roll.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include <diffusion/all.hpp>
#include <diffusion/nn/nn.hpp>
#include <diffusion/trainer/binomial_training.hpp>
#include <diffusion/trainer/in_memory.hpp>
#include <diffusion/trainer/mean_variance.hpp>

namespace {

using diffusion::in_bits;
using examples::heartbeat;
using examples::roll_levels;
using floats = std::vector<float>;

struct settings {
    double seconds = 100;
    std::size_t steps = 24000;
    bool quick = false;
    std::size_t threads = 0;
    std::uint64_t seed = 1;
    std::string out = "build/gallery";
};

/// The grid with a step from x_1 to clean data behind it.
diffusion::time_grid to_data(diffusion::time_grid grid) {
    grid.push_back(diffusion::clean_node(roll_levels{}));
    return grid;
}

void swiss_roll(const settings& given, diffusion::nn::lanes<float>& lanes) {
    const auto roll = examples::swiss_roll::with_likelihood(2.5);
    const double null_model = -2 * in_bits(diffusion::gaussian_entropy(1));
    std::printf(
        "Swiss roll with noise %.5f: the true mean log-likelihood is %.3f bits, the null "
        "model's %.3f\n",
        roll.noise(), in_bits(roll.mean_log_likelihood()), null_model);
    const auto points = [&](std::size_t count, std::uint64_t seed) {
        floats x(2 * count);
        roll.draw(x, seed);
        return x;
    };

    // Mean and variance, trained on the bound of a chain of 200 steps, whose terms are drawn.
    examples::roll_net net(given.seed);
    const roll_levels levels;
    const auto train_grid = levels.even_grid(200);
    diffusion::mean_variance_training model(net, train_grid, diffusion::target::velocity);
    examples::roll_points source{roll};
    const double entropies =
        2 * (diffusion::gaussian_entropy(train_grid.front().sigma) -
             diffusion::gaussian_entropy(train_grid.back().sigma) - diffusion::gaussian_entropy(1));
    const std::size_t steps = examples::train_on_bound(model, source, lanes,
                                                       {.name = "roll",
                                                        .seconds = 0.75 * given.seconds,
                                                        .steps = given.quick ? 400 : given.steps,
                                                        .constant = entropies,
                                                        .seed = given.seed});
    const auto denoiser = [&](std::size_t count) {  // clipped well outside of the roll
        const auto network = diffusion::nn::as_network(net, lanes, 1, 1);
        return diffusion::relative_variance(diffusion::clipped(
            diffusion::predicts_velocity(diffusion::two_outputs(network, floats(2 * count))), -2.5,
            2.5));
    };

    // The bound, on points that were never seen. In the chain of 40 steps the betas are learned.
    const std::size_t T = given.quick ? 200 : 1000;
    const floats test = points(given.quick ? 250 : 8000, given.seed + 1);
    const auto even = levels.even_grid(40), fine = levels.even_grid(T);
    const auto learned = diffusion::learned_times(
        levels, even, points(given.quick ? 50 : 500, given.seed + 2), denoiser(500),
        diffusion::gaussian_noise{given.seed}, {.iterations = given.quick ? 5U : 60U});
    std::printf("trained for %zu steps; on points that were never seen:\n", steps);
    const auto print_bound = [&](const char* steps_of, const diffusion::time_grid& grid) {
        const auto K = examples::roll_bound(to_data(grid), test, denoiser, given.seed);
        std::printf("T = %4zu, %-30s K = %6.3f +- %.3f bits\n", grid.size(), steps_of, K.mean(),
                    K.error());
        return K.mean();
    };
    print_bound("as in the paper, equal steps", even);
    print_bound("as in the paper, learned betas", learned);
    const double K = print_bound("equal steps", fine);
    std::printf("Swiss roll: K = %.3f bits, %.3f over the null model; paper: 2.35 and 6.45, %s\n\n",
                K, K - null_model, K >= 2.35 ? "reached" : "NOT reached");

    const auto whole = to_data(fine);
    examples::draw_figure_1(roll, points(2000, given.seed + 4), whole, to_data(even), denoiser,
                            given.seed, given.out + "/sohl_dickstein_2015_roll.png");
    examples::multiply_roll(roll, points(2000, given.seed + 4), points(60, given.seed + 3), whole,
                            denoiser, given.quick ? 100 : 1000, given.seed,
                            given.out + "/sohl_dickstein_2015_factor.png");
}

void heartbeats(const settings& given, diffusion::nn::lanes<float>& lanes) {
    const std::size_t T = given.quick ? 400 : 2000;
    const diffusion::binomial_process process(diffusion::reciprocal_beta{}, T);
    auto net = examples::heartbeat_net(given.seed);
    diffusion::binomial_training model(net, process);
    const floats bits = heartbeat::all<float>();
    diffusion::in_memory<float> source({1, 1, 1, heartbeat::length}, bits);
    const std::size_t steps =
        examples::train_on_bound(model, source, lanes,
                                 {.name = "heartbeat",
                                  .seconds = 0.25 * given.seconds,
                                  .steps = given.quick ? 300 : given.steps / 2,
                                  .rate = 6e-3,
                                  .seed = given.seed});
    std::printf("heartbeat, trained for %zu steps, T = %zu\n", steps, T);

    // K of the network, and of the chain that knows the five sequences: what T steps allow.
    auto reverse = diffusion::guesses_bits(
        process, diffusion::bit_guess(net, lanes, {1, 1, 1, heartbeat::length}, process));
    auto perfect = diffusion::guesses_bits(
        process, [&](std::span<const std::size_t> x_t, std::size_t t, std::span<double> one) {
            heartbeat::guess(process, x_t, t, one);
        });
    const std::size_t copies = given.quick ? 20 : 200, draws = given.quick ? 2 : 6;
    const auto best = examples::heartbeat_bound(process, perfect, copies, draws, given.seed);
    const auto found = examples::heartbeat_bound(process, reverse, copies, draws, given.seed);
    const auto length = double(heartbeat::length);
    const double erased = in_bits(length * diffusion::binary_entropy(process.kernel(0, 1)(0, 1)));
    const double null_model = -in_bits(length * diffusion::binary_entropy(0.2));
    const double K = found.paper.mean();
    std::printf(
        "truth log2(1/5) = %.3f bits; the first step erases %.3f, a perfect network has %.3f\n",
        std::log2(0.2), erased, best.paper.mean());
    std::printf(
        "heartbeat: K = %.3f +- %.3f bits, %.3f over the null model; paper: -2.414 and "
        "12.024, %s\n",
        K, found.paper.error(), K - null_model, K >= -2.414 ? "reached" : "NOT reached");
    std::printf("with a learned last step it is %.3f\n", found.learned_end.mean());

    examples::run_heartbeats(process, reverse, given.quick ? 100 : 500, given.seed,
                             given.out + "/sohl_dickstein_2015_heartbeat.png");
}

int run(int argc, char** argv) {
    settings given;
    examples::arguments line("sohl_dickstein_2015",
                             "Swiss roll and binary heartbeat, by nonequilibrium thermodynamics.");
    line.number("--seconds", given.seconds, "train this long, both together", 0.1, 1e6);
    line.number("--steps", given.steps,
                "but no more of the roll, and half as many of the heartbeat", std::size_t(2),
                std::size_t(100000000));
    line.flag("--quick", given.quick, "a few seconds in all, for a test");
    line.number("--threads", given.threads, "0: as many as there are cores", std::size_t(0),
                std::size_t(256));
    line.number("--seed", given.seed, "of all random numbers");
    line.text("--out", given.out, "folder for the pictures");
    if (const auto code = line.parse(argc, argv)) return *code;
    std::filesystem::create_directories(given.out);  // fails now if at all, not when all is done
    diffusion::nn::lanes<float> lanes({.threads = given.threads, .chunk = 100});
    swiss_roll(given, lanes);
    heartbeats(given, lanes);
    for (const char* name : {"roll", "factor", "heartbeat"})
        std::printf("wrote %s/sohl_dickstein_2015_%s.png\n", given.out.c_str(), name);
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    return examples::run_program("sohl_dickstein_2015", run, argc, argv);
}
