// Generates by following scores through falling noise (Song and Ermon 2019, "Generative Modeling by
// Estimating Gradients of the Data Distribution", NCSN), and repairs that by the five techniques of
// Song and Ermon (2020, "Improved Techniques for Training Score-Based Generative Models", NCSNv2).
//
// First section 3.2.2 and figure 3 of the first paper: of 1/5 N((-5, -5), I) + 4/5 N((5, 5), I),
// Langevin dynamics sees half of each mode, since the score says nothing of what lies beyond the
// gap; through levels of noise it finds the weights. With the exact score, and with learned ones.
//
// Then digits: levels, step sizes and conditioning of either paper, everything else equal. Smaller
// than there: drawn digits of 16 x 16 pixels for CIFAR-10, a U-Net of 0.7 million parameters that
// is told the level by a time embedding for a RefineNet with instance normalisation, minutes for
// days, and the Frechet distance of 80 fixed features for Inception's. On digits this small
// techniques 2 and 4 decide and 1 helps, while 5 makes no difference: the rate ends at zero.
//
// Writes ncsn_modes.png (the clouds), ncsn_digits.png (annealing, and the digits of both).

#include "support/drawn_digits.hpp"
#include "support/interrupt.hpp"
#include "support/ncsn_page.hpp"
#include "support/ncsn_settings.hpp"
#include "support/score_walk.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <span>
#include <vector>

#include <diffusion/denoiser/prediction.hpp>
#include <diffusion/toy/gaussian_mixture.hpp>

namespace {

using namespace diffusion;
using examples::ncsn_settings;
using examples::score_walk;

/// NCSN, section 5: few levels, many moves. Its epsilon is halved in a move, ours is not.
score_walk first_version(const sigma_range& range, std::size_t T, double epsilon, double reach) {
    return {
        "v1",
        noise_ladder(exponential_sigmas(10, range)),
        {.step_size = epsilon / 2 / (range.lowest * range.lowest), .steps = T, .denoise = false},
        reach};
}

/// NCSNv2: the highest level is the data's diameter (technique 1), the ratio is given (technique
/// 2), few moves of the length that keeps the variance best (technique 4), and a last one to
/// x0-hat.
score_walk second_version(const sigma_range& range, double ratio) {
    const noise_ladder ladder(geometric_sigmas(range, ratio));
    const double exact_ratio = ladder.sigmas()[0] / ladder.sigmas()[1];
    return {"v2", ladder, {.step_size = langevin_step_size(exact_ratio, 5), .steps = 5}};
}

void two_modes(const ncsn_settings& s, nn::lanes<float>& lanes, const examples::interrupt& stop) {
    const gaussian_mixture mixture({{0.2, {-5, -5}, {1}}, {0.8, {5, 5}, {1}}});
    std::vector<float> data(2 * 20000);
    mixture.draw(data, s.seed);
    const std::span<const float> some = std::span<const float>(data).first(4000);

    score_walk alone = first_version({1, 20}, 100, 0.1, 8), v1 = alone;  // as for figure 3
    alone.ladder = noise_ladder({1});
    alone.how.steps = 1000;
    const score_walk v2 = second_version({0.1, largest_distance(some, 2000)}, 1.04);
    std::printf(
        "Two modes of weights 0.2 and 0.8, %zu points a number. Techniques of v2: the\n"
        "largest sigma is the diameter, %.3g; in 2 dimensions any two levels overlap, so\n"
        "the ratio is CIFAR-10's, 1.04: %zu levels; step size %.3f for T = 5.\n",
        s.points, v2.ladder.sigmas()[0], v2.ladder.size(), v2.how.step_size);

    // Technique 3 divides one network by sigma; here it may be told sigma, too.
    auto told_v1 = s.net_of_points(), told_v2 = s.net_of_points();
    nn::untold untold{s.net_of_points()};
    const auto train = [&](const char* name, auto& net, const score_walk& walk, target kind) {
        train_scores(name, net, lanes, walk.ladder, kind, data, {1, 1, 1, 2}, s.plan(true),
                     [&] { return stop.requested(); });
    };
    train("v1, the score, told sigma", told_v1, v1, target::score);
    train("v2, divided by sigma, told sigma", told_v2, v2, target::noise);
    train("v2, divided by sigma, not told", untold, v2, target::noise);

    examples::mode_page page(8);
    const auto walked = [&](const char* name, const score_walk& walk, auto&& D, const char* what) {
        const auto x = walk.run(D, 2 * s.points, s.seed + 1);
        std::printf("  %-22s %4zu calls, %-16s weight of the left mode %.3f\n", name, walk.calls(),
                    what, examples::weight_of_the_left(x));
        page.show(std::string(name) + ", " + what, x,
                  &walk == &alone ? examples::orange : examples::blue);
    };
    page.show("data", some.first(2 * s.points), examples::black);
    walked("no annealing", alone, mixture, "exact score");
    walked("v1", v1, mixture, "exact score");
    walked("v2", v2, mixture, "exact score");
    const auto view = [&](auto& net) { return nn::as_network(net, lanes, 1, 1); };
    walked("no annealing", alone, predicts_score(view(told_v1)), "learned score");
    walked("v1", v1, predicts_score(view(told_v1)), "learned score");
    walked("v2", v2, predicts_noise(view(told_v2)), "learned score");
    walked("v2 untold", v2, predicts_noise(view(untold)), "learned score");
    std::printf("  (In 2 dimensions a point does not tell its sigma; in 256 its norm does.)\n");
    page.save(s.out + "/ncsn_modes.png");
}

void digits(const ncsn_settings& s, nn::lanes<float>& lanes, const examples::interrupt& stop) {
    const auto data = examples::drawn_digits(s.seed, 0, 10000, s.side);
    const auto others = examples::drawn_digits(s.seed + 1, 0, s.digits, s.side);
    const std::size_t D = data.area(), size = s.digits * D;
    const examples::digit_judge distance(data.pixels, s.side);

    // Pixels in [-1, 1] are twice as far apart as in [0, 1], so sigma is twice that of the papers.
    score_walk v1 = first_version({0.02, 2}, s.v1_steps, 8e-5, 1);
    const double diameter =
        largest_distance(std::span<const float>(data.pixels).first(2000 * D), 2000);
    score_walk v2 = second_version({0.02, diameter}, level_ratio(double(D)));
    std::printf("Digits of %zu x %zu pixels, %zu a number.\n", s.side, s.side, s.digits);
    auto told = s.net_of_digits();
    nn::untold untold{s.net_of_digits()};
    const auto train = [&](const char* name, auto& net, const score_walk& walk, target kind) {
        return train_scores(name, net, lanes, walk.ladder, kind, data.pixels,
                            {1, s.side, s.side, 1}, s.plan(false),
                            [&] { return stop.requested(); });
    };
    train("v1, the score, told sigma", told, v1, target::score);
    const auto last = train("v2, divided by sigma, not told", untold, v2, target::noise);

    const auto line = [&](const char* name, const score_walk& walk, std::span<const float> x) {
        std::printf("  %-26s %3zu levels from %-4.3g T %-3zu step %.3f %4zu calls, Frechet %.2f\n",
                    name, walk.ladder.size(), walk.ladder.sigmas()[0], walk.how.steps,
                    walk.how.step_size, walk.calls(), distance(x));
    };
    examples::walk_film film_1(v1.ladder.size(), 2, D), film_2(v2.ladder.size(), 2, D);
    auto first = predicts_score(nn::as_network(told, lanes, s.side, s.side));
    auto second = predicts_noise(nn::as_network(untold, lanes, s.side, s.side));
    const auto x_1 = v1.run(first, size, s.seed, [&](const auto& step) { film_1.see(step); });
    const auto x_2 = v2.run(second, size, s.seed, [&](const auto& step) { film_2.see(step); });
    line("v1", v1, x_1);
    line("v2", v2, x_2);

    // Its techniques, taken back one by one.
    score_walk low = v2, sparse = v2, timid = v2;
    std::vector<double> levels = v2.ladder.sigmas(), few;
    for (std::size_t i = 0; i < levels.size(); i += 3) few.push_back(levels[i]);
    std::erase_if(levels, [](double sigma) { return sigma > 2; });
    low.ladder = noise_ladder(levels), low.reach = 1;
    sparse.ladder = noise_ladder(few);
    timid.how.step_size /= 10;
    const auto without = [&](const char* name, const score_walk& walk) {
        line(name, walk, walk.run(second, size, s.seed));
    };
    without("v2 without 1: sigma_1 = 2", low);
    without("v2 without 2: ratio^3", sparse);
    without("v2 without 4: epsilon/10", timid);
    std::ranges::copy(last, untold.parameters().change_values().begin());
    without("v2 without 5: last weights", v2);
    std::printf(
        "  (%zu other real digits are %.2f away. In the papers, of CIFAR-10 and by Inception's\n"
        "  features: v1 25.32 with 1000 calls, v2 10.87 with 1161.)\n",
        s.digits, distance(others.pixels));

    examples::both_versions(film_1, film_2, x_1, x_2, s.side).save(s.out + "/ncsn_digits.png");
}

int run(int argc, char** argv) {
    ncsn_settings s;
    if (const auto code = s.read(argc, argv)) return *code;
    nn::lanes<float> lanes(s.threads);
    const examples::interrupt stop;  // ends what is being trained, and all that would be
    two_modes(s, lanes, stop);
    digits(s, lanes, stop);
    std::printf("wrote ncsn_modes.png, ncsn_digits.png in %s\n", s.out.c_str());
    return 0;
}

}  // namespace

int main(int argc, char** argv) { return examples::run_program("ncsn", run, argc, argv); }
