// The SDEs, the predictor-corrector samplers and the ODE sampler of Song et al. (2021), as their
// code has them.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <diffusion/kernel/divergence.hpp>
#include <diffusion/kernel/forward.hpp>
#include <diffusion/rule/ddpm.hpp>
#include <diffusion/rule/reverse_diffusion.hpp>
#include <diffusion/sampler/langevin.hpp>
#include <diffusion/sde/continuous.hpp>
#include <diffusion/sde/euler_maruyama.hpp>
#include <diffusion/sde/ode_sampler.hpp>
#include <diffusion/tensor/batch.hpp>

#include "runs.hpp"

using namespace diffusion;
using namespace golden;
using vector = std::vector<double>;

namespace {

constexpr double first_time = 1, last_time = 1e-3;

/// f(sde) with the SDE of a case.
template <class F>
auto with_sde(const record& c, F&& f) {
    const std::string name = c.text("sde");
    return name == "vp" ? f(vp_sde{}) : name == "ve" ? f(ve_sde{}) : f(sub_vp_sde{});
}

/// Level j of N, where the reference takes a step; clean data below the first.
node discrete_level(const record& c, std::size_t N, long j) {
    if (j < 0) return {0, 1, 0, INFINITY};
    const double n = static_cast<double>(N), at = static_cast<double>(j);
    if (c.text("sde") == "ve") return node_at(ve_geometric{}, at / (n - 1));
    return node_at(discrete_schedule(linear_beta{0.1 / n, 20 / n}, N), at);
}

/// The score for data N(0.3, 0.5^2), at the level that the SDE has at time t.
template <class Sde>
auto score_of(const Sde& sde) {
    return [sde](const vector& x, double t, vector& out) {
        const noise_level at = sde.marginal(t);
        for (std::size_t e = 0; e < x.size(); ++e)
            out[e] = (at.alpha * 0.3 - x[e]) / (at.alpha * at.alpha * 0.25 + at.sigma * at.sigma);
    };
}

/// N times from 1 down to eps.
double time_of(std::size_t i, std::size_t N) {
    const double u = static_cast<double>(i) / static_cast<double>(N - 1);
    return (1 - u) * first_time + u * last_time;
}

/// Times of which the network is told, and beside each the discrete level of the same number.
time_grid grid_of(const record& c) {
    const std::size_t N = c.count("N");
    time_grid grid;
    for (std::size_t i = 0; i <= N; ++i) {
        grid.push_back(discrete_level(c, N, static_cast<long>(N - i) - 1));
        if (i < N) grid.back().t = time_of(i, N);
    }
    return grid;
}

struct outcome {
    vector x;
    std::size_t calls;
};

template <class Sampler>
outcome sample_from(const record& c, vector x, counted_noise noise, const Sampler& sampler) {
    return with_sde(c, [&](const auto& sde) {
        std::size_t calls = 0;
        predicts_score of_score(score_of(sde));
        const auto denoise = [&](const vector& in, const node& t, vector& x0) {
            ++calls;
            of_score(in, t, x0);
        };
        sample(x, sampler, denoise, noise);
        return outcome{x, calls};
    });
}

/// Euler-Maruyama on the reference's intervals, each 1/N long; the last, which leaves the time of
/// the SDE, draws no noise.
outcome run_euler_maruyama(const record& c, vector x, counted_noise noise) {
    return with_sde(c, [&](const auto& sde) {
        const std::size_t N = c.count("N");
        predicts_score denoise(score_of(sde));
        vector x0(x.size()), z(x.size());
        for (std::size_t i = 0; i < N; ++i) {
            const node t = node_at(sde.marginal, time_of(i, N));
            const node s{t.t - 1 / static_cast<double>(N), t.alpha, t.sigma, t.lambda};
            const auto [a, b, std] = euler_maruyama{sde}(std::span<const node>(&t, 1), s);
            denoise(x, t, x0);
            noise(z, {});
            ref(x) = a * ref(x) + b[0] * ref(x0) + (i + 1 < N ? std : 0) * ref(z);
        }
        return outcome{x, c.count("nfe")};
    });
}

outcome run_pc(const record& c) {
    counted_noise noise;
    vector x(elements_of_x);
    noise(x, {});
    if (c.text("sde") == "ve") ref(x) = ve_geometric{}.sigma_max * ref(x);

    const std::string predictor = c.text("predictor"), corrector = c.text("corrector");
    const std::size_t steps = corrector == "NoneCorrector" ? 0 : c.count("n_steps");
    const double snr = c.number("snr");
    const auto run = [&](const auto& rule) {
        return sample_from(c, x, noise, langevin_corrected(rule, grid_of(c), {snr, steps, items}));
    };
    if (predictor == "EulerMaruyamaPredictor") return run_euler_maruyama(c, x, noise);
    if (predictor == "AncestralSamplingPredictor")
        return run(ddpm{c.text("sde") == "ve" ? reverse_variance::small : reverse_variance::large});
    if (predictor == "ReverseDiffusionPredictor")
        return run(reverse_diffusion{.eta = c.flag("probability_flow", false) ? 0.0 : 1.0});
    time_grid grid = grid_of(c);  // moves at the levels that the network is told
    for (node& n : grid)
        if (n.sigma > 0) n = node_at(ve_geometric{}, n.t);
    return sample_from(c, x, noise,
                       langevin_corrected(stay{}, grid, annealed_corrections{snr, steps, items}));
}

outcome run_ode(const record& c) {
    vector x = initial_sample<double>();
    if (c.text("sde") == "ve") ref(x) = ve_geometric{}.sigma_max * ref(x);
    return with_sde(c, [&](const auto& sde) {
        const time_grid grid{node_at(sde.marginal, first_time), node_at(sde.marginal, last_time)};
        return sample_from(c, x, {}, ode_sampler(sde, grid, {c.number("rtol"), c.number("atol")}));
    });
}

/// The functions of an SDE: item i of the batch is at time t[i].
double error_of_functions(const record& c) {
    return with_sde(c, [&](const auto& sde) {
        constexpr std::size_t N = 1000;
        const vector times = c.numbers("t"), x = initial_sample<double>();
        vector score(x.size());
        const std::size_t n = item_size(x.size(), items);
        double error = 0;
        const auto list = [&](const std::string& key, auto&& value) {
            vector ours;
            for (std::size_t i = 0; i < items; ++i) ours.push_back(value(i));
            error = std::max(error, elementwise_error(ours, c.numbers(key)));
        };
        const auto tensor = [&](const std::string& key, auto&& value) {
            vector ours;
            for (std::size_t e = 0; e < x.size(); ++e) ours.push_back(value(e, e / n));
            if (c.number(key + ".mean_abs") > 0)
                error = std::max(error, relative_error(c, key, ours));
            else CHECK(ours == vector(ours.size()));
        };
        for (std::size_t i = 0; i < items; ++i) {
            vector at_time(x.size());
            score_of(sde)(x, times[i], at_time);
            std::copy_n(at_time.begin() + static_cast<long>(i * n), n,
                        score.begin() + static_cast<long>(i * n));
        }

        tensor("drift", [&](std::size_t e, std::size_t i) { return sde.drift(times[i]) * x[e]; });
        list("diffusion", [&](std::size_t i) { return sde.diffusion(times[i]); });
        tensor("marginal_mean",
               [&](std::size_t e, std::size_t i) { return sde.marginal(times[i]).alpha * x[e]; });
        list("marginal_std", [&](std::size_t i) { return sde.marginal(times[i]).sigma; });

        // The prior is N(0, 1), which sigma_T = 0.99998 is taken for, or N(0, sigma_max^2).
        const double prior = c.text("sde") == "ve" ? sde.marginal(1).sigma : 1;
        for (const double scale : {1.0, 3.0})
            list(scale == 1 ? "prior_logp" : "prior_logp_scaled_by_3", [&](std::size_t i) {
                vector item(n);
                for (std::size_t e = 0; e < n; ++e) item[e] = scale * x[i * n + e];
                return log_density(item, vector(n), prior);
            });

        for (const double eta : {0.0, 1.0}) {
            const std::string pf = eta == 0 ? "_pf1" : "_pf0";
            tensor("reverse_sde_drift" + pf, [&](std::size_t e, std::size_t i) {
                const reverse_slope slope = reverse_time(sde, times[i], eta);
                return slope.x * x[e] + slope.score * score[e];
            });
            // A step of 1/N: x_t - f + G z, f the reference's name for what is taken off.
            std::vector<gaussian_kernel<1>> forward, reverse;
            std::vector<node> nodes;
            for (const double time : times) {
                const auto j = static_cast<long>(time * (N - 1));
                node t = discrete_level(c, N, j), s = discrete_level(c, N, j - 1);
                if (c.text("sde") == "subvp") {
                    t = node_at(sde.marginal, time);
                    s = {time - 1.0 / N, t.alpha, t.sigma, t.lambda};
                    forward.push_back(
                        {1 + sde.drift(time) / N, {}, sde.diffusion(time) * std::sqrt(1.0 / N)});
                    reverse.push_back(euler_maruyama{sde, eta}(std::span<const node>(&t, 1), s));
                } else {
                    const auto [a, b, std] = forward_kernel(s, t);
                    forward.push_back({a, {}, std});
                    reverse.push_back(
                        reverse_diffusion{true, eta}(std::span<const node>(&t, 1), s));
                }
                nodes.push_back(t);
            }
            tensor("discretize_f",
                   [&](std::size_t e, std::size_t i) { return (forward[i].a - 1) * x[e]; });
            list("discretize_G", [&](std::size_t i) { return forward[i].c; });
            tensor("reverse_discretize_f" + pf, [&](std::size_t e, std::size_t i) {
                const node& t = nodes[i];
                const double x0 = (x[e] + t.sigma * t.sigma * score[e]) / t.alpha;
                return x[e] - reverse[i].a * x[e] - reverse[i].b[0] * x0;
            });
            list("reverse_discretize_G" + pf, [&](std::size_t i) { return reverse[i].c; });
        }
        for (const std::size_t j : {0u, 1u, 500u, 999u}) {
            const std::string number = "." + std::to_string(j);
            const node level = discrete_level(c, N, static_cast<long>(j));
            if (c.has("discrete_alphas_cumprod" + number))
                error = std::max(error, std::abs(level.alpha * level.alpha /
                                                     c.number("discrete_alphas_cumprod" + number) -
                                                 1));
            if (c.has("discrete_sigmas" + number))
                error = std::max(error,
                                 std::abs(level.sigma / c.number("discrete_sigmas" + number) - 1));
        }
        return error;
    });
}

}  // namespace

TEST_CASE("the numbers of the code of Song et al. 2021: SDEs, predictors, correctors, the ODE") {
    tally result("score_sde");
    for (const record& c : read("score_sde")) {
        CAPTURE(c.id);
        const std::string kind = c.text("kind");
        if (kind == "sde") {
            const double error = error_of_functions(c);
            result.add(c.id, error <= 1e-10 ? verdict::agrees : verdict::differs,
                       "relative error " + detail::shown(error));
            continue;
        }
        const outcome ours = kind == "ode_sampler" ? run_ode(c) : run_pc(c);
        const double error = relative_error(c, "final", ours.x);
        // The reference hands the ODE solver float's derivatives.
        const double limit = kind == "ode_sampler" ? 1e-7 : 1e-10;
        const bool own_steps = c.text("predictor", "") != "EulerMaruyamaPredictor";
        result.add(c.id,
                   error > limit ? verdict::differs
                   : own_steps   ? verdict::agrees
                                 : verdict::by_kernels,
                   "relative error " + detail::shown(error));
        // Without a corrector the reference counts the calls of one all the same.
        if (c.text("corrector", "") != "NoneCorrector") CHECK(ours.calls == c.count("nfe"));
    }
    result.finish();
}
