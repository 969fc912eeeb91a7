// RePaint against diffusers' RePaintScheduler, whose way up is too noisy.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include <doctest/doctest.h>

#include <diffusion/kernel/forward.hpp>
#include <diffusion/rule/ddim.hpp>

#include "runs.hpp"

using namespace golden;
using diffusion::node;

namespace {

// The reference's list of times: a time lower than the one before is a step down from it; a higher
// one undoes a step.
std::vector<double> times_of_reference(const record& c) {
    const std::size_t n = c.count("set_timesteps.num_inference_steps"),
                      stride = c.count("config.num_train_timesteps", 1000) / n,
                      length = c.count("set_timesteps.jump_length"),
                      samples = c.count("set_timesteps.jump_n_sample");
    std::vector<std::size_t> jumps(n, 0);
    for (std::size_t j = 0; j + length < n; j += length) jumps[j] = samples - 1;
    std::vector<double> times;
    const auto visit = [&](std::size_t t) { times.push_back(static_cast<double>(t * stride)); };
    for (std::size_t t = n; t > 0;) {
        visit(--t);
        if (jumps[t] == 0) continue;
        --jumps[t];
        for (std::size_t k = 0; k < length; ++k) visit(++t);
    }
    return times;
}

template <class T>
trajectory<T> run_of_reference(const record& c, const schedule& levels,
                               const std::vector<double>& times) {
    const double stride =
        static_cast<double>(levels.size() / c.count("set_timesteps.num_inference_steps"));
    const diffusion::ddim_published rule{c.number("config.eta", 0)};
    const auto denoise = denoiser_of<T>(network_of<T>(c, levels), settings_of(c, true));
    trajectory<T> path;
    path.last = initial_sample<T>();
    std::vector<T>& x = path.last;
    std::vector<T> x0(x.size()), eps(x.size()), z(x.size());
    counted_noise noise;
    using diffusion::ref;
    double t_last = times[0] + 1;
    for (const double time : times) {
        if (time < t_last) {
            const node t = diffusion::node_at(levels, time);
            const node s = time >= stride ? diffusion::node_at(levels, time - stride)
                                          : diffusion::clean_node(levels);
            denoise.with_raw_noise(x, t, x0, eps);
            noise(z, {});  // one noise for the known and the unknown part
            const auto [a, b, std] = rule(std::span<const node>(&t, 1), s);
            ref(x) = b[0] * ref(x0) + b[1] * ref(eps) + std * ref(z);
            for (std::size_t e = 0; e < x.size(); ++e)
                if (e / 4 % 2 == 0)
                    x[e] = static_cast<T>(s.alpha * std::cos(0.07 * static_cast<double>(e + 1)) +
                                          s.sigma * static_cast<double>(z[e]));
        } else {  // t_last - stride to t_last, but with the betas of t_last .. t_last + stride - 1
            for (double k = 0; k < stride; ++k) {
                const double beta = levels.beta(static_cast<std::size_t>(t_last + k));
                noise(z, {});
                ref(x) = std::sqrt(1 - beta) * ref(x) + std::sqrt(beta) * ref(z);
            }
        }
        t_last = time;
        if (path.steps.size() < 3) path.steps.push_back(x);
    }
    return path;
}

}  // namespace

TEST_CASE("the numbers of diffusers' RePaintScheduler, by kernels, with its own way up") {
    tally result("diffusers_repaint");
    double worst_float = 0;
    for (const record& c : read("diffusers_repaint")) {
        CAPTURE(c.id);
        const schedule levels = schedule_of(c);
        const std::vector<double> times = times_of_reference(c);
        CHECK(times == c.numbers("timesteps"));
        judge(result, c, INFINITY,
              error_of(c, [&] { return run_of_reference<double>(c, levels, times); }));
        worst_float =
            std::max(worst_float, final_error(c, run_of_reference<float>(c, levels, times).last));
    }
    result.finish();
    CHECK(worst_float < 1e-4);
}

TEST_CASE("the reference's way up does not lead to the marginal that its next step assumes") {
    const diffusion::discrete_schedule<> levels;
    const auto level = [&](double t) { return diffusion::node_at(levels, t); };
    // From t = 500, where x_t of N(0, 1) data is N(0, 1), and of a point is N(., sigma^2), to t =
    // 600.
    const auto variance_after = [&](double first_beta) {
        double variance = level(500).sigma * level(500).sigma;
        for (double k = 0; k < 100; ++k) {
            const double beta = levels.beta(static_cast<std::size_t>(first_beta + k));
            variance = (1 - beta) * variance + beta;
        }
        return variance;
    };
    const double wanted = level(600).sigma * level(600).sigma;
    CHECK(std::abs(variance_after(501) - wanted) < 1e-12);
    CHECK(std::abs(variance_after(600) - wanted) > 1e-3);
    const auto up =
        diffusion::forward_kernel(level(500), level(600));  // the library's, in one step
    CHECK(std::abs(up.a * up.a * level(500).sigma * level(500).sigma + up.c * up.c - wanted) <
          1e-12);
}
