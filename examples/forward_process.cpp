// An ink drop in water. The forward process spreads it until nothing but noise is left: step by
// step by q(x_t | x_{t-1}), or in one jump by q(x_t | x_0). Three different drops end as the same
// cloud, and no look at the cloud tells which one it was. Yet whoever knows the score of a drop can
// run time backwards, and out of one and the same cloud each of the three drops returns.
//
// Writes forward_process.png (a filmstrip) and forward_process_entropy.png.

#include "support/arguments.hpp"
#include "support/cloud_film.hpp"
#include "support/entropy_curves.hpp"
#include "support/ink_drop.hpp"
#include "support/statistics.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include <diffusion/diffusion.hpp>

namespace {

using examples::cloud;
using examples::cloud_distance;

/// Spreads x step by step by q(x_t | x_{t-1}); calls at(t, level, x) for t = 0 and after each step.
template <class Schedule, class F>
void diffuse(cloud x, const Schedule& schedule, const diffusion::gaussian_noise& noise, F&& at) {
    cloud z(x.size());
    diffusion::noise_level before = diffusion::clean_data;
    at(std::size_t(0), before, x);
    for (std::size_t t = 1; t <= schedule.size(); ++t) {
        const diffusion::noise_level now = schedule(double(t - 1));
        const auto q = diffusion::forward_kernel(before, now);  // sqrt(1-beta) x + sqrt(beta) z
        noise(z, {diffusion::noise_stream::forward, t});
        diffusion::ref(x) = q.a * diffusion::ref(x) + q.c * diffusion::ref(z);
        at(t, now, x);
        before = now;
    }
}

int run(int argc, char** argv) {
    std::size_t particles = 4000, steps = 250;
    std::uint64_t seed = 1;
    std::string out = "build/gallery";
    examples::arguments line("forward_process",
                             "An ink drop diffuses, and the score brings it back.");
    line.number("--particles", particles, "grains of ink in a drop", std::size_t(100),
                std::size_t(1000000));
    line.number("--steps", steps, "steps of the reverse process", std::size_t(10),
                std::size_t(1000));
    line.number("--seed", seed, "of all random numbers");
    line.text("--out", out, "folder for the pictures");
    if (const auto code = line.parse(argc, argv)) return *code;
    std::filesystem::create_directories(out);  // fails now if at all, not when all is done

    const diffusion::discrete_schedule<diffusion::linear_beta> schedule;  // T = 1000, as DDPM
    const std::vector<examples::ink_drop> drops = examples::three_drops();
    const std::vector<std::size_t> shown{0, 20, 60, 150, 400, 1000};  // number of steps done
    const double limit = examples::ks_limit(particles, particles);
    examples::cloud_film strip(shown, 2 * drops.size());

    std::printf(
        "Step by step by q(x_t | x_{t-1}), and in one jump by q(x_t | x_0): KS distance of\n"
        "the two clouds (one distribution stays below %.4f in 999 of 1000 cases)\n",
        limit);
    std::vector<cloud> ends(drops.size());
    examples::entropy_curves entropies({drops[0].name, drops[1].name, drops[2].name});
    bool same = true;
    for (std::size_t d = 0; d < drops.size(); ++d) {
        const cloud start = drops[d].pour(particles, seed + d);
        const diffusion::gaussian_noise noise{seed + 10 + d}, other_noise{seed + 20 + d};
        std::printf("  %-9s", drops[d].name.c_str());
        diffuse(start, schedule, noise, [&](std::size_t t, const auto& level, const cloud& x) {
            if (t % 10 == 0) entropies.add(d, t, drops[d].entropy(x, level));
            const auto column = std::find(shown.begin(), shown.end(), t);
            if (column == shown.end()) return;
            strip.show(std::size_t(column - shown.begin()), d, x);
            ends[d] = x;
            if (t == 0) return;
            cloud jump(start.size()), z(start.size());
            other_noise(z, {diffusion::noise_stream::forward, t});
            diffusion::q_sample(jump, start, level, z);
            const double gap = cloud_distance(x, jump);
            same = same && gap < limit;
            std::printf("  t=%zu: %.4f", t, gap);
        });
        std::printf("\n");
        strip.name(d, drops[d].name, "forward");
    }

    const double error = 1 / std::sqrt(double(particles));  // std(log q) = 1 for N(0, I)
    std::printf("\nEntropy in nats, which ends at that of N(0, I), %.3f\n", entropies.of_noise());
    entropies.print(shown);
    std::printf(
        "  largest fall within 10 steps: %.4f (a mean over the particles has an error of %.4f)\n",
        entropies.largest_fall(), error);
    const bool rises = entropies.largest_fall() < 4 * error;

    std::printf("\nThree drops, one end: KS distances at t = 1000 (same limit)\n");
    bool one_end = true;
    for (std::size_t a = 0; a < drops.size(); ++a) {
        const std::size_t b = (a + 1) % drops.size();
        const double gap = cloud_distance(ends[a], ends[b]);
        one_end = one_end && gap < limit;
        std::printf("  %s and %s: %.4f\n", drops[a].name.c_str(), drops[b].name.c_str(), gap);
    }

    std::printf(
        "\nBackwards with the exact score, %zu steps, from the end of the first drop: KS\n"
        "distance to fresh ink of each kind\n",
        steps);
    const diffusion::multistep reverse(diffusion::ddpm{},
                                       diffusion::quadratic(schedule, steps, 1.0));
    bool returned = true;
    for (std::size_t d = 0; d < drops.size(); ++d) {
        const std::size_t row = drops.size() + d;
        cloud x = ends[0];
        strip.show(0, row, x);
        std::size_t column = 1;
        diffusion::sample(x, reverse, drops[d], diffusion::gaussian_noise{seed + 30 + d},
                          [&](const auto& step) {
                              // The forward strip's times, met in the other order.
                              while (column < shown.size() &&
                                     step.t.t + 1 <= double(shown[shown.size() - 1 - column]))
                                  strip.show(column++, row, step.x);
                          });
        std::printf("  score of %-9s", drops[d].name.c_str());
        for (std::size_t other = 0; other < drops.size(); ++other) {
            const double gap = cloud_distance(x, drops[other].pour(particles, seed + 40 + other));
            returned = returned && (other == d) == (gap < 1.5 * limit);
            std::printf("  %s: %.4f", drops[other].name.c_str(), gap);
        }
        std::printf("\n");
        strip.name(row, drops[d].name, "backward");
    }

    strip.save(out + "/forward_process.png");
    entropies.page().save(out + "/forward_process_entropy.png");

    std::printf(
        "\n%s  one jump is as good as all steps\n%s  the entropy never falls\n"
        "%s  three drops end in the same picture\n%s  the score brings each drop back\n",
        same ? "yes" : "NO ", rises ? "yes" : "NO ", one_end ? "yes" : "NO ",
        returned ? "yes" : "NO ");
    std::printf("wrote %s/forward_process.png, %s/forward_process_entropy.png\n", out.c_str(),
                out.c_str());
    return same && rises && one_end && returned ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    return examples::run_program("forward_process", run, argc, argv);
}
