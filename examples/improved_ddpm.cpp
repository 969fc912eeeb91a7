// Improved denoising diffusion probabilistic models (Nichol and Dhariwal 2021): a cosine schedule,
// a learned variance, and a bound that can be trained on because the times are drawn where it is
// large.
//
//   Tables 1, 2     bits per dimension and Frechet distance: linear against cosine schedule, and
//                   L_simple (fixed variance beta-tilde_t) against L_hybrid (learned variance,
//                   eq. 16) and L_vlb with loss-aware importance sampling of t (section 3.3)
//   Figure 2        what each t contributes to the bound
//   Figures 6, 7    L_vlb in training with t drawn uniformly and by importance; the gradient noise
//                   scales of L_vlb and L_hybrid
//
// Smaller than there: drawn digits of 16 x 16 pixels in 256 grey levels, T = 1000 instead of 4000
// (with the linear schedule and L_simple they have 3.73 bits/dim then), networks of 0.7 million
// parameters, trained for seconds, all in as many steps, L_vlb in twice as many, and Frechet
// distances of digits drawn in 100 strided steps (section 4) in the fixed features of
// support/frechet.hpp. Half of a digit is paper of one grey level, so its bits are fewer.
//
// Writes improved_ddpm_terms.png and improved_ddpm_noise.png.

#include "support/bits.hpp"
#include "support/digit_data.hpp"
#include "support/frechet.hpp"
#include "support/gradient_noise.hpp"
#include "support/improved_pages.hpp"
#include "support/progress.hpp"
#include "support/small_ddpm.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <numbers>
#include <utility>
#include <vector>

#include <diffusion/diffusion.hpp>
#include <diffusion/likelihood/variational_bound.hpp>
#include <diffusion/nn/nn.hpp>
#include <diffusion/sampler/learned_variance.hpp>

namespace {

using diffusion::variance_output;
using examples::feature_statistics;
using examples::objective_record;

/// What is trained on, and how t is drawn.
enum class objective { simple, hybrid, vlb_uniform, vlb_importance };

/// All that is made once.
struct laboratory {
    examples::ddpm_settings s;
    std::size_t side, area;
    examples::labelled_images data, others;
    feature_statistics real;
    diffusion::nn::lanes<float> lanes;

    explicit laboratory(const examples::ddpm_settings& settings)
        : s(settings),
          side(s.side()),
          area(side * side),
          data(examples::digits_of_8_bits(s.seed, 10000, side)),
          others(examples::digits_of_8_bits(s.seed + 1, s.samples, side)),
          real(feature_statistics::of(data.pixels, side, side)),
          lanes(s.threads) {}

    /// Trains with one objective and judges what came of it.
    template <class Schedule>
    void run(objective_record& record, const Schedule& schedule, objective kind, double share) {
        const bool learned = kind != objective::simple;
        auto net = examples::small_ddpm(s, learned);
        diffusion::denoising_options options{.kind = diffusion::target::noise,
                                             .sampling = diffusion::time_sampling::uniform,
                                             .only_bound = learned && kind != objective::hybrid,
                                             .levels = 256};
        const auto look = [&](auto& training) {
            record.noise.push_back(examples::measure_noise(training, record.noise.size()));
        };
        const auto train = [&](auto&& model) {
            record.losses =
                examples::train_on_digits(model, lanes, data, s, share, record.name(), look).losses;
        };
        if (kind == objective::simple && record.schedule == "linear")  // may be loaded
            record.losses =
                examples::train_l_simple(net, lanes, schedule, data, s, share, look).losses;
        else if (kind == objective::vlb_importance)
            train(diffusion::denoising(
                net, schedule, options, diffusion::unweighted{},
                diffusion::loss_aware_times(schedule.size(), s.quick ? 2 : 10)));
        else train(diffusion::denoising(net, schedule, options));
        judge(record, net, schedule, learned);
    }

    template <class Net, class Schedule>
    void judge(objective_record& record, Net& net, const Schedule& schedule, bool learned) {
        auto denoise = diffusion::clipped(
            diffusion::predicts_noise(diffusion::nn::as_network(net, lanes, side, side)), -1, 1);
        const diffusion::gaussian_noise noise{s.seed};
        const auto test = examples::only(others, -1, 64);
        const auto all = diffusion::all_steps(schedule);
        const auto bound =
            learned ? diffusion::variational_bound(all, variance_output::range)
                    : diffusion::variational_bound(all, diffusion::reverse_variance::small);
        record.sent.emplace_back(bound(test.pixels, test.count, denoise, noise));

        const auto some = diffusion::trailing(schedule, 100);
        std::vector<float> x(s.samples * area);
        diffusion::draw_prior(x, some.front(), noise);
        if (learned) diffusion::sample(x, diffusion::learned_variance(some), denoise, noise);
        else diffusion::sample(x, diffusion::multistep(diffusion::ddpm{}, some), denoise, noise);
        record.distance = examples::frechet_distance(real, feature_statistics::of(x, side, side));
    }
};

int run(int argc, char** argv) {
    examples::ddpm_settings s;
    if (const auto code = s.read(argc, argv, "improved_ddpm",
                                 "Bits and quality by schedule and objective.", 200, 24))
        return *code;
    laboratory lab(s);
    const auto linear = examples::linear_schedule(s.T());
    const diffusion::discrete_schedule cosine(diffusion::cosine_beta{}, s.T());

    std::vector<objective_record> records{
        {"linear", "L_simple", 3.37, 2.90, examples::grey},
        {"linear", "L_hybrid", 3.26, 3.07, examples::black},
        {"cosine", "L_simple", 3.26, 3.05, {120, 190, 240}},
        {"cosine", "L_hybrid", 3.17, 3.19, examples::blue},
        {"cosine", "L_vlb (importance)", 2.94, 11.47, examples::orange},
        {"cosine", "L_vlb (uniform t)", 0, 0, {200, 30, 40}}};
    // Importance sampling begins when ten losses of each t are known: L_vlb has twice the steps.
    lab.run(records[0], linear, objective::simple, 0.125);
    lab.s.steps = double(records[0].losses.size()) / 0.125;  // the others: as many, not as long
    lab.run(records[1], linear, objective::hybrid, 0.125);
    lab.run(records[2], cosine, objective::simple, 0.125);
    lab.run(records[3], cosine, objective::hybrid, 0.125);
    lab.run(records[4], cosine, objective::vlb_importance, 0.25);
    lab.run(records[5], cosine, objective::vlb_uniform, 0.25);

    std::printf("%zu new digits for the bits, %zu drawn ones for the distance (real ones: %.2f)\n",
                std::min<std::size_t>(s.samples, 64), s.samples,
                examples::frechet_distance(
                    lab.real, feature_statistics::of(lab.others.pixels, lab.side, lab.side)));
    examples::print_objectives(records);
    const auto& by_importance = records[4];
    const auto& uniform = records[5];
    std::printf(
        "noise of L_vlb in training: %.0f %% of its mean with uniform t, %.0f %% with "
        "importance sampling, %.1f times less\n",
        100 * uniform.loss_noise(), 100 * by_importance.loss_noise(),
        uniform.loss_noise() / by_importance.loss_noise());
    examples::print_shortcomings(records);
    examples::terms_page(records).save(s.out + "/improved_ddpm_terms.png");
    // The trainer's loss is 0.001 T L_t in nats; all T of them are the bound.
    const objective_record *bounds[] = {&uniform, &by_importance},
                           *gradients[] = {&uniform, &by_importance, &records[3]};
    examples::noise_page(bounds, gradients, 1000 / std::numbers::ln2)
        .save(s.out + "/improved_ddpm_noise.png");
    std::printf("wrote improved_ddpm_terms.png, improved_ddpm_noise.png in %s\n", s.out.c_str());
    return 0;
}

}  // namespace

int main(int argc, char** argv) { return examples::run_program("improved_ddpm", run, argc, argv); }
