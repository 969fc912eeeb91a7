// An ink drop in water. The forward process spreads it until nothing but noise is left: step by step
// by q(x_t | x_{t-1}), or in one jump by q(x_t | x_0). Three different drops end as the same cloud, and
// no look at the cloud tells which one it was. Yet whoever knows the score of a drop can run time
// backwards, and out of one and the same cloud each of the three drops returns.
//
// Writes forward_process.png (a filmstrip) and forward_process_entropy.png.

#include "support/arguments.hpp"
#include "support/canvas.hpp"
#include "support/plot.hpp"
#include "support/statistics.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <numbers>
#include <string>
#include <vector>

#include <diffusion/diffusion.hpp>

namespace {

using examples::point;
using cloud = std::vector<double>;  // x and y of every particle in turn

/// A drop of ink: equal Gaussian spots of standard deviation `spread`. As a mixture of Gaussians stays
/// one under the forward process, its density and its score are known exactly at all times.
struct drop {
    std::string name;
    std::vector<point> spots;
    double spread;

    /// Particle i belongs to spot i mod n; the rest is luck.
    cloud pour(std::size_t particles, std::uint64_t seed) const {
        cloud x(2 * particles);
        diffusion::fill_normal<double>(x, seed, {diffusion::noise_stream::data});
        for (std::size_t i = 0; i < particles; ++i) {
            x[2 * i] = spots[i % spots.size()].x + spread * x[2 * i];
            x[2 * i + 1] = spots[i % spots.size()].y + spread * x[2 * i + 1];
        }
        return x;
    }

    /// Calls f(spot, r) with r = P(the particle at (x, y) at time t came from this spot); returns
    /// log q_t(x, y), where q_t is the mixture of N(alpha mu, (alpha^2 spread^2 + sigma^2) I).
    template <class F>
    double for_each_origin(double x, double y, const diffusion::noise_level& t, F&& f) const {
        const double variance = t.alpha * t.alpha * spread * spread + t.sigma * t.sigma;
        const auto log_weight = [&](const point& mu) {
            const double dx = x - t.alpha * mu.x, dy = y - t.alpha * mu.y;
            return -0.5 * (dx * dx + dy * dy) / variance;
        };
        double largest = -1e300, sum = 0;
        for (const point& mu : spots) largest = std::max(largest, log_weight(mu));
        for (const point& mu : spots) sum += std::exp(log_weight(mu) - largest);
        for (const point& mu : spots) f(mu, std::exp(log_weight(mu) - largest) / sum);
        return largest + std::log(sum / double(spots.size())) -
               std::log(2 * std::numbers::pi * variance);
    }

    /// The exact denoiser E[x_0 | x_t], which is the exact score: score = (alpha x_0 - x)/sigma^2.
    void operator()(const cloud& x, const diffusion::node& t, cloud& x0) const {
        const double variance = t.alpha * t.alpha * spread * spread + t.sigma * t.sigma;
        const double pull = t.alpha * spread * spread / variance;  // towards x_t, within a spot
        for (std::size_t i = 0; i < x.size(); i += 2) {
            x0[i] = x0[i + 1] = 0;
            for_each_origin(x[i], x[i + 1], t, [&](const point& mu, double r) {
                x0[i] += r * (mu.x + pull * (x[i] - t.alpha * mu.x));
                x0[i + 1] += r * (mu.y + pull * (x[i + 1] - t.alpha * mu.y));
            });
        }
    }

    /// The entropy -E[log q_t] in nats, as the mean over the particles.
    double entropy(const cloud& x, const diffusion::noise_level& t) const {
        double sum = 0;
        for (std::size_t i = 0; i < x.size(); i += 2)
            sum -= for_each_origin(x[i], x[i + 1], t, [](const point&, double) {});
        return sum / double(x.size() / 2);
    }
};

std::vector<drop> three_drops() {
    drop blob{"a drop", {{-0.5, 0.45}}, 0.16};
    drop ring{"a ring", {}, 0.06};
    drop spiral{"a spiral", {}, 0.05};
    for (int k = 0; k < 32; ++k) {
        const double turn = 2 * std::numbers::pi * k / 32;
        ring.spots.push_back({0.9 * std::cos(turn), 0.9 * std::sin(turn)});
    }
    for (int k = 0; k < 40; ++k) {
        const double turn = 4 * std::numbers::pi * std::sqrt((k + 1) / 40.0);
        spiral.spots.push_back({0.085 * turn * std::cos(turn), 0.085 * turn * std::sin(turn)});
    }
    return {blob, ring, spiral};
}

std::vector<double> coordinate(const cloud& x, std::size_t which) {
    std::vector<double> values;
    for (std::size_t i = which; i < x.size(); i += 2) values.push_back(x[i]);
    return values;
}

/// The larger of the two coordinates' Kolmogorov-Smirnov distances.
double distance(const cloud& a, const cloud& b) {
    return std::max(examples::ks_distance(coordinate(a, 0), coordinate(b, 0)),
                    examples::ks_distance(coordinate(a, 1), coordinate(b, 1)));
}

/// Pictures of clouds in rows: one column for each time.
class film {
public:
    film(std::size_t columns, std::size_t rows)
        : page_(left + columns * (side + gap), top + rows * (side + gap)) {}

    void title(std::size_t column, const std::string& text) {
        page_.text({corner(column, 0).x + side / 2.0, 8}, text, examples::black, 2,
                   examples::align::centre);
    }
    void name(std::size_t row, const std::string& first, const std::string& second) {
        const double y = corner(0, row).y + side / 2.0;
        page_.text({8, y - 18}, first, examples::black, 2);
        page_.text({8, y + 4}, second, examples::grey, 2);
    }
    void show(std::size_t column, std::size_t row, const cloud& x) {
        examples::canvas water(side, side, {240, 245, 250});
        const double scale = side / 5.6;  // 2.8 standard deviations of the noise to each side
        for (std::size_t i = 0; i < x.size(); i += 2)
            water.disc({side / 2.0 + scale * x[i], side / 2.0 - scale * x[i + 1]}, 1.1,
                       {24, 44, 120}, 0.35);
        page_.paste(corner(column, row), water);
    }
    void save(const std::string& path) const { page_.save(path); }

private:
    static constexpr std::size_t side = 170, gap = 8, left = 150, top = 34;
    static point corner(std::size_t column, std::size_t row) {
        return {double(left + column * (side + gap)), double(top + row * (side + gap))};
    }
    examples::canvas page_;
};

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

    const diffusion::discrete_schedule<diffusion::linear_beta> schedule;  // T = 1000, as DDPM
    const std::vector<drop> drops = three_drops();
    const std::vector<std::size_t> shown{0, 20, 60, 150, 400, 1000};  // number of steps done
    const double limit = examples::ks_limit(particles, particles);
    film strip(shown.size(), 2 * drops.size());

    std::printf(
        "Step by step by q(x_t | x_{t-1}), and in one jump by q(x_t | x_0): KS distance of\n"
        "the two clouds (one distribution stays below %.4f in 999 of 1000 cases)\n",
        limit);
    std::vector<cloud> ends;
    std::vector<std::vector<point>> entropies(drops.size());
    double largest_fall = 0;
    bool same = true;
    for (std::size_t d = 0; d < drops.size(); ++d) {
        const cloud start = drops[d].pour(particles, seed + d);
        const diffusion::gaussian_noise noise{seed + 10 + d}, other_noise{seed + 20 + d};
        cloud x = start, z(x.size());
        std::printf("  %-9s", drops[d].name.c_str());
        for (std::size_t done = 0, column = 0; done <= schedule.size(); ++done) {
            const diffusion::noise_level now =
                done == 0 ? diffusion::clean_data : schedule(double(done - 1));
            if (done > 0) {
                const auto before = done == 1 ? diffusion::clean_data : schedule(double(done - 2));
                const auto q =
                    diffusion::forward_kernel(before, now);  // sqrt(1-beta) x + sqrt(beta) z
                noise(z, {diffusion::noise_stream::forward, done});
                diffusion::ref(x) = q.a * diffusion::ref(x) + q.c * diffusion::ref(z);
            }
            if (done % 10 == 0) {
                const double entropy = drops[d].entropy(x, now);
                if (done > 0)
                    largest_fall = std::max(largest_fall, entropies[d].back().y - entropy);
                entropies[d].push_back({double(done), entropy});
            }
            if (column == shown.size() || done != shown[column]) continue;
            strip.show(column++, d, x);
            if (done == 0) continue;
            cloud jump(start.size());
            other_noise(z, {diffusion::noise_stream::forward, done});
            diffusion::q_sample(jump, start, now, z);
            const double gap = distance(x, jump);
            same = same && gap < limit;
            std::printf("  t=%zu: %.4f", done, gap);
        }
        std::printf("\n");
        ends.push_back(x);
        strip.name(d, drops[d].name, "forward");
    }

    const double of_noise = 1 + std::log(2 * std::numbers::pi);  // of N(0, I) in two dimensions
    const double error = 1 / std::sqrt(double(particles));       // std(log q) = 1 for N(0, I)
    std::printf("\nEntropy in nats, which ends at that of N(0, I), %.3f\n", of_noise);
    for (std::size_t d = 0; d < drops.size(); ++d) {
        std::printf("  %-9s", drops[d].name.c_str());
        for (const std::size_t done : shown)
            std::printf("  t=%zu: %.3f", done, entropies[d][done / 10].y);
        std::printf("\n");
    }
    const bool rises = largest_fall < 4 * error;
    std::printf(
        "  largest fall within 10 steps: %.4f (a mean over the particles has an error of %.4f)\n",
        largest_fall, error);

    std::printf("\nThree drops, one end: KS distances at t = 1000 (same limit)\n");
    bool one_end = true;
    for (std::size_t a = 0; a < drops.size(); ++a) {
        const std::size_t b = (a + 1) % drops.size();
        const double gap = distance(ends[a], ends[b]);
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
            const double gap = distance(x, drops[other].pour(particles, seed + 40 + other));
            returned = returned && (other == d) == (gap < 1.5 * limit);
            std::printf("  %s: %.4f", drops[other].name.c_str(), gap);
        }
        std::printf("\n");
        strip.name(row, drops[d].name, "backward");
    }

    for (std::size_t k = 0; k < shown.size(); ++k)
        strip.title(k, "t=" + std::to_string(shown[k]) + " / " +
                           std::to_string(shown[shown.size() - 1 - k]));
    strip.save(out + "/forward_process.png");

    examples::canvas page(900, 520);
    examples::plot graph(page, {0, 8}, {900, 520}, "entropy of the ink",
                         {0, 1000, "step t of the forward process"},
                         {-1.2, 3.2, "entropy in nats"});
    const examples::colour inks[] = {examples::blue, examples::orange, examples::green};
    const point level[] = {{0, of_noise}, {1000, of_noise}};
    graph.line(level, examples::grey, 1.5);
    graph.legend_from(0.6);
    for (std::size_t d = 0; d < drops.size(); ++d) {
        graph.line(entropies[d], inks[d], 2.5);
        graph.legend(drops[d].name, inks[d]);
    }
    graph.legend("pure noise", examples::grey);
    page.save(out + "/forward_process_entropy.png");

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
    try {
        return run(argc, argv);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "forward_process: %s\n", error.what());
        return 2;
    }
}
