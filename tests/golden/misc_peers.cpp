// The first DDIM and DDPM code (Song's), and the schedules of that and of lucidrains' code.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <diffusion/rule/ddim.hpp>
#include <diffusion/rule/ddpm.hpp>
#include <diffusion/schedule/alpha_bar_beta.hpp>
#include <diffusion/schedule/beta.hpp>
#include <diffusion/schedule/vp_sigmoid.hpp>

#include "runs.hpp"

using namespace golden;

namespace {

schedule levels_of(const record& c) {
    const std::string name = c.text("schedule");
    const std::size_t T = c.count("T", 1000);
    const double first = c.number("kwargs.beta_start", 1e-4),
                 last = c.number("kwargs.beta_end", 0.02);
    const auto all = [T](auto beta) {
        std::vector<double> betas(T);
        for (std::size_t t = 0; t < T; ++t) betas[t] = beta(t, T);
        return diffusion::discrete_schedule_of(betas);
    };
    if (name == "quad") return all(diffusion::scaled_linear_beta{first, last});
    if (name == "const") return all([last](std::size_t, std::size_t) { return last; });
    if (name == "jsd")  // 1/T, 1/(T-1), ..., 1
        return all([](std::size_t t, std::size_t n) { return 1 / static_cast<double>(n - t); });
    if (name == "cosine_beta_schedule") return all(diffusion::cosine_beta{});
    if (name == "sigmoid_beta_schedule")
        return all(diffusion::alpha_bar_beta{[](double u) {
            const double alpha = diffusion::vp_sigmoid{}(u).alpha;
            return alpha * alpha;
        }});
    return all(diffusion::linear_beta{first, last});
}

double error_of_schedule(const record& c) {
    const schedule levels = levels_of(c);
    std::vector<double> betas, alpha_bars;
    for (const double t : c.numbers("index")) {
        betas.push_back(levels.beta(static_cast<std::size_t>(t)));
        alpha_bars.push_back(levels.alpha_bar(static_cast<std::size_t>(t)));
    }
    double sum = 0;
    for (std::size_t t = 0; t < levels.size(); ++t) sum += levels.beta(t);
    return std::max({elementwise_error(betas, c.numbers("betas")),
                     elementwise_error(alpha_bars, c.numbers("alphas_cumprod")),
                     std::abs(sum - c.number("betas_sum")) / sum});
}

double error_of_run(const record& c) {
    const schedule levels = diffusion::discrete_schedule_of(betas_of("linear", 1e-4, 0.02, 1000));
    const std::size_t n = c.numbers("seq").size();
    const std::vector<double> times = c.text("skip_type") == "quad"
                                          ? diffusion::quadratic_times(1000, n)
                                          : diffusion::leading_times(1000, n);
    CHECK(std::vector<double>(times.rbegin(), times.rend()) == c.numbers("seq"));
    const diffusion::time_grid grid = diffusion::make_grid(levels, times);
    settings s;
    const network<double> net = gauss_network<double>(levels, s.kind);
    if (c.text("function") == "generalized_steps")
        return error_of(c, [&] {
            return run<double>(diffusion::multistep(diffusion::ddim{c.number("eta")}, grid),
                               denoiser_of<double>(net, s));
        });
    s.clip = 1;
    const diffusion::ddpm rule{diffusion::reverse_variance::large};
    return error_of(c, [&] {
        return run<double>(diffusion::multistep(rule, grid), denoiser_of<double>(net, s));
    });
}

}  // namespace

TEST_CASE("the numbers of the first DDIM code, and of three schedules of another repository") {
    tally result("misc_peers");
    for (const record& c : read("misc_peers")) {
        CAPTURE(c.id);
        const double error =
            c.text("kind") == "ddim_official" ? error_of_run(c) : error_of_schedule(c);
        result.add(c.id, error <= 1e-10 ? verdict::agrees : verdict::differs,
                   "relative error " + diffusion::detail::shown(error));
    }
    result.finish();
}
