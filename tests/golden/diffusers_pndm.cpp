// PNDM, with its Runge-Kutta start and as PLMS, against diffusers' PNDMScheduler.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <diffusion/grid/first_level.hpp>
#include <diffusion/grid/spacing.hpp>
#include <diffusion/rule/exponential_adams.hpp>
#include <diffusion/rule/ipndm.hpp>
#include <diffusion/sampler/pndm.hpp>
#include <diffusion/schedule/continuous.hpp>

#include "runs.hpp"
#include "support/gaussian_toy.hpp"

using namespace golden;
using diffusion::node;
using diffusion::ref;
using diffusion::time_grid;

namespace {

bool starts_with_runge_kutta(const record& c) { return !c.flag("config.skip_prk_steps", false); }

time_grid grid_of(const record& c, const schedule& levels) {
    const time_grid grid = diffusion::make_grid(levels, times_of(c, "leading"));
    if (c.flag("config.set_alpha_to_one", false)) return grid;
    return diffusion::ending_at_first_level(levels, grid, diffusion::empty_step::drop);
}

// A run that notes what the network is asked: the reference's states are the inputs of its calls.
template <class T>
struct noted_run {
    trajectory<T> path;
    std::vector<double> told;
};

template <class T>
noted_run<T> run_case(const record& c) {
    const schedule levels = schedule_of(c);
    const time_grid grid = grid_of(c, levels);
    const diffusion::pndm plan =
        starts_with_runge_kutta(c) ? diffusion::pndm(levels, grid) : diffusion::pndm(grid);
    noted_run<T> result;
    const network<T> net = network_of<T>(c, levels);
    const network<T> noted = [&](const std::vector<T>& x, double t, std::vector<T>& out) {
        if (!result.told.empty() && result.told.size() <= 3) result.path.steps.push_back(x);
        result.told.push_back(t);
        net(x, t, out);
    };
    result.path.last = initial_sample<T>();
    diffusion::sample(result.path.last, plan, denoiser_of<T>(noted, settings_of(c, false)));
    return result;
}

// The reference's own course: every step goes T/n (or half of it) down in time, wherever the next
// time in its list is, and what it extrapolates is the network's output, read as eps-hat only at
// the step's beginning.
trajectory<double> run_as_reference(const record& c, const network<double>& net,
                                    std::vector<double> start = initial_sample<double>()) {
    using X = std::vector<double>;
    const schedule levels = schedule_of(c);
    const bool velocity = c.text("config.prediction_type", "epsilon") == "v_prediction";
    const bool runge_kutta = starts_with_runge_kutta(c);
    const std::vector<double> times = c.numbers("timesteps");
    const double stride = std::floor(static_cast<double>(levels.size()) /
                                     c.number("set_timesteps.num_inference_steps"));
    const auto level = [&](double t) {
        if (t >= 0) return diffusion::node_at(levels, t);
        return c.flag("config.set_alpha_to_one", false) ? diffusion::clean_node(levels)
                                                        : diffusion::node_at(levels, 0);
    };
    const auto phi = [&](X& out, const X& x, const X& m, double t, double s) {
        const node from = level(t);
        const auto step = diffusion::detail::exponential_noise_step(from, level(s), 0);
        ref(out) = (step.a + (velocity ? step.b[0] * from.sigma : 0)) * ref(x) +
                   step.b[0] * (velocity ? from.alpha : 1) * ref(m);
    };
    trajectory<double> path;
    path.last = std::move(start);
    X &x = path.last, x_t = x, mean(x.size());
    std::array<X, 4> past{x, x, x, x};  // the latest first
    std::size_t count = 0;
    const auto remember = [&](const X& m) {
        std::rotate(past.begin(), past.end() - 1, past.end());
        past[0] = m;
        count = std::min<std::size_t>(count + 1, 4);
    };
    X m(x.size());
    for (std::size_t i = 0; i < times.size(); ++i) {
        net(x, times[i], m);
        if (runge_kutta && i < 12) {
            if (i % 4 == 0) {
                remember(m);
                x_t = x;
                std::fill(mean.begin(), mean.end(), 0);
            }
            ref(mean) = 1 * ref(mean) + (i % 4 == 0 || i % 4 == 3 ? 1. / 6 : 1. / 3) * ref(m);
            phi(x, x_t, i % 4 == 3 ? mean : m, times[i / 4 * 4],
                times[i] - (i % 2 == 0 ? std::floor(stride / 2) : 0));
        } else if (!runge_kutta && i == 1) {
            ref(mean) = 0.5 * ref(m) + 0.5 * ref(past[0]);
            phi(x, x_t, mean, times[1] + stride, times[1]);
        } else {
            remember(m);
            x_t = x;
            const auto w = diffusion::detail::adams_weights<4>({0, -1, -2, -3}, count);
            ref(mean) = w[0] * ref(past[0]) + w[1] * ref(past[1]) + w[2] * ref(past[2]) +
                        w[3] * ref(past[3]);
            phi(x, x_t, mean, times[i], times[i] - stride);
        }
        if (path.steps.size() < 3) path.steps.push_back(x);
    }
    return path;
}

// PLMS on v-hat, read as eps-hat only with the x and the level at the step's beginning.
struct plms_on_velocity {
    static constexpr std::size_t order = 4;
    static constexpr diffusion::prediction extrapolates = diffusion::prediction::noise;

    diffusion::gaussian_kernel<4> operator()(std::span<const node> seen, const node& s) const {
        diffusion::gaussian_kernel<4> kernel = diffusion::ipndm<4>{}(seen, s);
        kernel.a += diffusion::detail::exponential_noise_step(seen[0], s, 0).b[0] * seen[0].sigma;
        for (double& b : kernel.b) b *= seen[0].alpha;
        return kernel;
    }
};

// The error at the end of n steps of equal time on Gaussian data, whose `output` is the network's.
template <class Rule, class Output>
double error_on_gaussian(const Rule& rule, Output output, std::size_t n) {
    const support::gaussian_toy toy{0.7, 0.5};
    std::vector<double> times(n + 1);
    for (std::size_t i = 0; i <= n; ++i)
        times[i] = 0.8 - 0.7 * static_cast<double>(i) / static_cast<double>(n);
    const diffusion::multistep plan(
        rule, diffusion::make_grid(diffusion::vp_linear{}, times, diffusion::grid_end::last_time));
    std::array<double, 1> x{1.9};
    auto memory = plan.init(x);
    for (std::size_t i = 0; i < n; ++i) {
        plan.prediction_slot(memory)[0] = output(toy, x[0], plan.grid()[i]);
        plan.advance(i, x, memory, diffusion::no_noise{});
    }
    return std::abs(x[0] - toy.flow(1.9, plan.grid().front(), plan.grid().back()));
}

}  // namespace

TEST_CASE("PNDM gives the numbers of diffusers' PNDMScheduler") {
    tally result("diffusers_pndm");
    double worst_float = 0;
    for (const record& c : read("diffusers_pndm")) {
        CAPTURE(c.id);
        const noted_run<double> run = run_case<double>(c);
        const double own = relative_error(c, run.path);
        const network<double> net = network_of<double>(c, schedule_of(c));
        judge(result, c, own, error_of(c, [&] { return run_as_reference(c, net); }));
        if (own > tolerance(c)) continue;
        // The reference's last call, at the first level, changes nothing.
        std::vector<double> told = c.numbers("timesteps");
        if (run.told.size() + 1 == told.size() && told.back() == 0) told.pop_back();
        CHECK(run.told == told);
        const double in_float = final_error(c, run_case<float>(c).path.last);
        worst_float = std::max(worst_float, in_float / (1e-5 + 10 * float_deviation(c)));
    }
    result.finish();
    CHECK(worst_float < 1);
}

TEST_CASE("Reading an extrapolated velocity as noise at the step's beginning costs PLMS an order") {
    const auto noise = [](const support::gaussian_toy& toy, double x, const node& t) {
        return toy.noise(x, t);
    };
    const auto velocity = [](const support::gaussian_toy& toy, double x, const node& t) {
        return t.alpha * toy.noise(x, t) - t.sigma * toy.data(x, t);
    };
    const auto order = [](const auto& rule, const auto& output) {
        return std::log2(error_on_gaussian(rule, output, 512) /
                         error_on_gaussian(rule, output, 1024));
    };
    CHECK(std::abs(order(diffusion::ipndm<4>{}, noise) - 2) < 0.3);
    CHECK(std::abs(order(plms_on_velocity{}, velocity) - 1) < 0.3);
}

TEST_CASE("The reference's PNDM is exact on constant noise at leading spacing, not at linspace") {
    std::size_t at_linspace = 0;
    for (const record& c : read("diffusers_pndm")) {
        if (c.text("config.prediction_type", "epsilon") != "epsilon") continue;
        CAPTURE(c.id);
        const schedule levels = schedule_of(c);
        const auto state_at = [](const node& n) { return n.alpha * 2.5 + n.sigma * 0.4; };
        const network<double> net = [](const auto&, double, auto& out) { out[0] = 0.4; };
        const double first = state_at(diffusion::node_at(levels, c.numbers("timesteps")[0]));
        const double last = run_as_reference(c, net, {first}).last[0];
        const double wanted =
            state_at(c.flag("config.set_alpha_to_one", false) ? diffusion::clean_node(levels)
                                                              : diffusion::node_at(levels, 0));
        const bool linspace = c.text("config.timestep_spacing", "leading") == "linspace";
        at_linspace += linspace ? 1 : 0;
        CHECK((std::abs(last - wanted) > 1e-3) == linspace);
    }
    CHECK(at_linspace == 2);
}
