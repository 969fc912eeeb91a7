// Score-based generative modelling through stochastic differential equations (Song, Sohl-Dickstein,
// Kingma, Kumar, Ermon and Poole 2021): one continuous view of DDPM and NCSN.
//
// First the same points in the plane are learned with the VP, the sub-VP and the VE SDE (section
// 3.4). Their density is known, so the exact likelihood by the probability-flow ODE (section 4.3,
// with the exact trace) has something to be held against; predictor-corrector sampling (section
// 4.2) and the ODE draw samples, data are encoded and decoded again, and the gradient of a
// classifier asks for one class (section 5). Then coloured digits are learned with the VE SDE:
// encoded, interpolated, inpainted (appendix I.2) and colourised (I.3) by one network that was
// trained for none of it. Smaller than in the paper: the data, the networks, the N of the samplers.
//
// Writes score_sde_points.png and score_sde_digits.png.

#include "support/arguments.hpp"
#include "support/interrupt.hpp"
#include "support/score_net.hpp"
#include "support/score_sde_digits.hpp"
#include "support/score_sde_page.hpp"
#include "support/score_sde_points.hpp"
#include "support/statistics.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include <diffusion/all.hpp>

namespace {

using namespace diffusion;
using examples::points;

/// All of the first half, for one SDE. The ODE runs between t = 1e-5 and 1; the samplers end at
/// 1e-3 and take the rest of the way by Tweedie's formula.
template <linear_sde Sde>
examples::sde_results run_points(const char* name, const Sde& sde, examples::score_net& net,
                                 const examples::sde_trial& of, const examples::timed_plan& plan,
                                 const examples::interrupt& stop) {
    const gaussian_mixture mixture = examples::three_classes(), last = examples::last_class();
    examples::sde_results result{.name = name, .components = of.components};
    const std::string task = std::string("training ") + name;
    result.steps =
        net.train(task.c_str(), sde.marginal, mixture, plan, [&] { return stop.requested(); });
    const node clean = node_at(sde.marginal, 1e-5), noise = node_at(sde.marginal, 1);
    const double prior = std::hypot(noise.alpha, noise.sigma);  // of data of variance 1

    // Likelihood, eq. 39: with the exact score only the solver's error is left.
    const flow_likelihood likelihood(sde, clean.t, noise.t, trace_estimate::exact, of.ode);
    const auto exact = likelihood(of.data, of.data.size() / 2, mixture);
    const auto found = likelihood(of.data, of.data.size() / 2, net);
    result.nll_true = -examples::mean(mixture.log_densities(of.data));
    result.nll_exact_score = -examples::mean(exact.log_density);
    result.nll_network = -examples::mean(found.log_density);
    result.likelihood_calls = found.spent.calls;
    const points cells = examples::density_nodes();
    result.densities = likelihood(cells, cells.size() / 2, net).log_density;

    // Encoded and decoded again. The code is the data's own, whatever the network (section 4.3).
    const ode_sampler decode(sde, {noise, clean}, of.ode);
    points back = found.latent;
    auto memory = decode.init(back);
    decode.step(0, back, memory, net, no_noise{});
    result.decoding_calls = decode.spent(memory).calls;
    result.round_trip = examples::separation(back, of.data).largest;
    result.codes_apart = examples::separation(found.latent, exact.latent, prior).rms;
    for (const double e : found.latent) result.codes.push_back(e / prior);

    // The predictor alone, predictor and corrector with as many calls (algorithms 1 and 2), the
    // ODE.
    const auto draw = [&](const auto& sampler, auto& denoise) {
        points x(of.others.size());
        draw_prior(x, sampler.grid().front(), gaussian_noise{of.seed});
        ref(x) = prior / noise.sigma * ref(x);
        sample(x, sampler, denoise, gaussian_noise{of.seed + 1});
        return x;
    };
    const auto grid = [&](std::size_t n) { return uniform_time(sde.marginal, n, 1, 1e-3); };
    const langevin corrector{.snr = 0.16, .steps = 1, .items = of.others.size() / 2};
    result.predictor_distance =
        examples::distance(draw(multistep(reverse_diffusion{}, grid(2 * of.N)), net), of.others);
    result.corrected = draw(langevin_corrected(reverse_diffusion{}, grid(of.N), corrector), net);
    result.corrected_calls = 2 * of.N;
    result.corrected_distance = examples::distance(result.corrected, of.others);
    result.decoded = draw(decode, net);
    result.ode_distance = examples::distance(result.decoded, of.others);

    // One class: the score of p(x_t | y) is the network's and grad log p(y | x_t) together (eq.
    // 14), here that of the best classifier there is.
    const auto gradient = [&](const points& x, double t, points& out) {
        points all(x.size());
        last.score(x, sde.marginal(t), out);
        mixture.score(x, sde.marginal(t), all);
        ref(out) = 1 * ref(out) + -1 * ref(all);
    };
    classifier_guided asked(std::ref(net), gradient, 1, points(of.others.size()));
    const points drawn = draw(multistep(euler_maruyama{sde}, grid(2 * of.N)), asked);
    const std::vector<double> log_all = mixture.log_densities(drawn);
    const std::vector<double> log_last = last.log_densities(drawn);
    for (std::size_t i = 0; i < log_all.size(); ++i)  // by Bayes' rule
        result.in_class +=
            mixture.weights().back() * std::exp(log_last[i] - log_all[i]) / double(log_all.size());
    return result;
}

int run(int argc, char** argv) {
    double seconds = 100;
    std::size_t threads = 0;
    std::uint64_t seed = 1;
    bool quick = false;
    std::string out = "build/gallery";
    examples::arguments line("score_sde",
                             "VP, sub-VP and VE SDEs: likelihoods, codes, controlled samples.");
    line.number("--seconds", seconds, "train this long, all networks together", 0.0, 1e6);
    line.flag("--quick", quick, "in seconds: few training steps, fewer points, smaller digits");
    line.number("--threads", threads, "0: as many as there are cores", std::size_t(0),
                std::size_t(256));
    line.number("--seed", seed, "of all random numbers");
    line.text("--out", out, "folder for the pictures");
    if (const auto code = line.parse(argc, argv)) return *code;
    std::filesystem::create_directories(out);  // fails now if at all, not when all is done

    nn::lanes<float> lanes({.threads = threads, .chunk = 64});
    const examples::interrupt stop;
    const examples::sde_trial of(examples::three_classes(), quick ? 400 : 4000, quick ? 400 : 2000,
                                 quick ? 50 : 100, seed);
    examples::timed_plan plan{.seconds = 0.16 * seconds, .rate = 3e-3, .seed = seed};
    if (quick && seconds > 0) plan = {.steps = 600, .rate = 3e-3, .ema = 0.98, .seed = seed};
    std::vector<examples::sde_results> results;
    const auto learn = [&](const char* name, const auto& sde) {
        examples::score_net net(lanes, 64, seed);
        results.push_back(run_points(name, sde, net, of, plan, stop));
    };
    learn("VP", vp_sde{});
    learn("sub-VP", sub_vp_sde{});
    learn("VE", ve_sde{{0.01, 50}});
    examples::print_sde_table(results, of.data.size() / 2, examples::distance(of.data, of.others));
    examples::sde_page(results, of.data).save(out + "/score_sde_points.png");

    plan = {.seconds = 0.52 * seconds, .batch = 64, .rate = 3e-3, .ema = 0.995, .seed = seed};
    if (quick && seconds > 0)
        plan = {.steps = 400, .batch = 32, .rate = 3e-3, .ema = 0.98, .seed = seed};
    examples::run_coloured_digits(quick, plan, threads, stop, out + "/score_sde_digits.png");
    std::printf("wrote score_sde_points.png, score_sde_digits.png in %s\n", out.c_str());
    return 0;
}

}  // namespace

int main(int argc, char** argv) { return examples::run_program("score_sde", run, argc, argv); }
