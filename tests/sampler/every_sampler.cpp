// What holds for every sampler of the library. Whoever writes one adds a line to the list.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <diffusion/all.hpp>
#include <diffusion/tensor/std.hpp>

#include "support/counting_new.hpp"  // allocation.cpp has the implementation
#include "support/gaussian_toy.hpp"

using namespace diffusion;
using vector = std::vector<double>;

namespace {

const discrete_schedule<> schedule;
const time_grid whole = grid_of_sigmas(schedule, karras_sigmas(40, sigma_range_of(schedule)));

/// The perfect denoiser, which also says a variance: the small one.
struct toy_with_variance : support::gaussian_toy {
    void with_variance(const vector& x, const node& t, vector& x0, vector& v) const {
        (*this)(x, t, x0);
        for (double& e : v) e = -1;
    }
};

struct entry {
    std::string name;
    any_sampler<vector> plan;
    std::size_t calls;  ///< of the network, for a run to clean data; 0 if the run itself decides
    bool keeps_data = true;  ///< ends with the data's variance if the denoiser is E[x_0 | x_t]
};

std::vector<entry> every_sampler(const time_grid& grid) {
    std::vector<entry> all;
    const std::size_t n = grid.size() - 1;
    const auto add = [&](const char* name, auto plan, std::size_t calls, bool keeps_data = true) {
        all.push_back({name, any_sampler<vector>(std::move(plan)), calls, keeps_data});
    };
    const auto rule = [&](const char* name, auto r, bool keeps_data = true) {
        add(name, multistep(r, grid), n, keeps_data);
    };
    const auto stages = [&](const char* name, auto r, std::size_t calls) {
        add(name, singlestep(r, grid), calls);
    };
    const nodes_of nodes{schedule};
    rule("ddim", ddim{});
    rule("ddim, eta 0.5", ddim{0.5});
    rule("ddim, published", ddim_published{0.5});
    rule("ddpm", ddpm{});
    rule("ddpm, large variance", ddpm{reverse_variance::large});
    rule("reverse diffusion", reverse_diffusion{});
    rule("ancestral flow", ancestral_flow{});
    rule("consistency sampling", consistency_sampling{}, false);
    rule("tcd", tcd{schedule, 0.3}, false);
    rule("dpm-solver++ 2m", dpm_solver_pp_2m{});
    rule("dpm-solver++ 2m, sde", dpm_solver_pp_2m{1});
    rule("dpm-solver++ 3m", dpm_solver_pp_3m{});
    rule("dpm-solver 2m", dpm_solver_2m{});
    rule("dpm-solver 3m", dpm_solver_3m{});
    rule("exponential adams 4", exponential_adams<4>{});
    rule("exponential adams 3, sde", exponential_adams<3>{1});
    rule("deis 3", deis<3>{});
    rule("deis in time", deis_in_time<3, discrete_schedule<>>{schedule});
    rule("ipndm", ipndm<4>{});
    rule("lms", lms<4>{});
    add("pndm", pndm(schedule, grid), n + 9);
    add("plms", pndm(grid), n + 1);
    add("unipc", unipc<3>(grid), n);
    add("unipc, noise", unipc<2, prediction::noise>(grid), n);
    add("sa-solver", sa_solver<3, 4>(grid), n);
    stages("heun", heun{}, 2 * n - 1);
    stages("heun on the straight path", flow_heun{}, 2 * n - 1);
    stages("heun with churn",
           churned(heun{}, nodes_of{schedule, told_time::exact, outside_range::hold_time},
                   {.amount = 5}),
           2 * n - 1);
    stages("euler ancestral", euler_ancestral(), n);
    stages("dpm2", dpm2(nodes), 2 * n - 1);
    stages("dpm2 ancestral", dpm2_ancestral(nodes), 2 * n - 1);
    stages("dpm-solver++ 2s", dpm_solver_pp_2s(nodes), 2 * n - 1);
    stages("dpm-solver++ 2s ancestral", dpm_solver_pp_2s_ancestral(nodes), 2 * n - 1);
    stages("dpm-solver 1", dpm_solver<1>(nodes), n);
    stages("dpm-solver 2", dpm_solver<2>(nodes), 2 * n - 1);
    stages("dpm-solver 3", dpm_solver<3>(nodes), 3 * n - 2);
    stages("dpm-solver++ 3s", dpm_solver_pp<3>(nodes), 3 * n - 2);
    stages("dpm-solver++ 3s, sde", dpm_solver_pp<3>(nodes, singlestep_form::taylor, 1), 3 * n - 2);
    stages("res, singlestep", res_singlestep(nodes), 2 * n - 1);
    add("dpm-solver++ 3s on the grid",
        singlestep(dpm_solver_pp<3>(at_nodes{grid}), coarse(grid, call_groups(grid, 3))), n);
    const sigma_range range{noise_to_signal(grid[n - 1]), noise_to_signal(grid[0])};
    add("dpm-solver-fast", dpm_fast(nodes, n, range), n);
    add("dpm-solver-fast, ancestral", dpm_fast(nodes, n, range, 1), n);
    const time_grid noisy(grid.begin(), grid.end() - 1);
    add("dpm-solver-12", dpm_adaptive<2>(nodes, noisy), 0);
    add("dpm-solver-23, ancestral", dpm_adaptive<3>(nodes, noisy, {.eta = 1}), 0);
    rule("er-sde 1", er_sde<1>{});
    rule("er-sde 3", er_sde<3>{});
    rule("er-sde 3, reverse sde", er_sde<3, er_sde_reverse>{});
    rule("res, multistep", res_multistep{});
    rule("gradient estimation", gradient_estimation{});
    add("restart", singlestep(heun{}, restart_path(grid, nodes, {{3, 2, 0.06, 0.3}})), 2 * n + 7);
    add("learned variance", learned_variance(grid), n);
    add("langevin, reverse diffusion", langevin_corrected(reverse_diffusion{}, grid), 2 * n);
    add("projected", projected(multistep(ddim{}, grid), keep_known(vector(400), vector(400))), n);
    const resampling_path path = repaint_path(grid, {2, 2});
    std::size_t down = 0;
    for (std::size_t i = 0; i + 1 < path.nodes.size(); ++i)
        down += path.nodes[i + 1].lambda > path.nodes[i].lambda;
    add("repaint", singlestep(ddim{1}, path), down);
    return all;
}

struct moments {
    double mean = 0, variance = 0;
};

moments moments_of(const vector& x) {
    moments m;
    const double n = static_cast<double>(x.size());
    for (const double e : x) m.mean += e / n;
    for (const double e : x) m.variance += (e - m.mean) * (e - m.mean) / n;
    return m;
}

const toy_with_variance toy{{0.7, 0.5}};

vector data() {
    vector x(400);
    gaussian_noise{11}(x, {noise_stream::data});
    for (double& e : x) e = toy.mean + toy.std * e;
    return x;
}

/// From data noised to the first node of the grid back to data.
vector run(const any_sampler<vector>& plan) {
    vector x(400);
    draw_start(x, data(), plan.grid().front(), gaussian_noise{1});
    sample(x, plan, toy, gaussian_noise{2});
    return x;
}

}  // namespace

TEST_CASE("every sampler starts in the middle of a grid and ends at the data's distribution") {
    for (const double strength : {1.0, 0.5, 0.25}) {
        CAPTURE(strength);
        for (const entry& e : every_sampler(start_at(whole, strength))) {
            CAPTURE(e.name);
            const moments found = moments_of(run(e.plan));
            CHECK(std::abs(found.mean - toy.mean) < 0.1);
            CHECK(found.variance < 0.25 * 1.5);
            CHECK(found.variance > (e.keeps_data ? 0.25 * 0.5 : 0));
        }
    }
}

TEST_CASE("every sampler calls the network as often as its row in the table says") {
    for (const entry& e : every_sampler(whole)) {
        CAPTURE(e.name);
        std::size_t calls = 0;
        struct {
            std::size_t& calls;
            void operator()(const vector& x, const node& t, vector& x0) const {
                CHECK(t.sigma > 0);
                ++calls;
                toy(x, t, x0);
            }
            void with_variance(const vector& x, const node& t, vector& x0, vector& v) const {
                ++calls;
                toy.with_variance(x, t, x0, v);
            }
        } counted{calls};
        vector x(400, 0.5);
        sample(x, e.plan, counted, gaussian_noise{2});
        if (e.calls > 0) CHECK(calls == e.calls);
    }
}

TEST_CASE("no sampler asks for memory after init") {
    for (const entry& e : every_sampler(whole)) {
        CAPTURE(e.name);
        vector x(400, 0.5);
        auto memory = e.plan.init(x);
        const std::size_t before = support::allocations();
        for (std::size_t i = 0; i < e.plan.size(); ++i)
            e.plan.step(i, x, memory, toy, gaussian_noise{1});
        CHECK(support::allocations() == before);
    }
}

TEST_CASE("no sampler draws one noise twice") {
    for (const entry& e : every_sampler(whole)) {
        CAPTURE(e.name);
        std::vector<noise_address> seen;
        vector x(400, 0.5);
        sample(x, e.plan, toy, [&](vector& z, const noise_address& where) {
            gaussian_noise{1}(z, where);
            noise_address place = where;
            place.sigma_t = place.sigma_s = 0;  // the draw itself does not depend on them
            CHECK(std::count(seen.begin(), seen.end(), place) == 0);
            seen.push_back(place);
        });
    }
}

TEST_CASE("a plan can be run again, and its lazy steps give the same numbers") {
    for (const entry& e : every_sampler(whole)) {
        CAPTURE(e.name);
        const vector first = run(e.plan);
        CHECK(run(e.plan) == first);
        vector x(400);
        draw_start(x, data(), e.plan.grid().front(), gaussian_noise{1});
        std::size_t count = 0;
        for (const auto& view : steps(x, e.plan, toy, gaussian_noise{2})) count += view.i < view.n;
        CHECK(count == e.plan.size());
        CHECK(x == first);
    }
}

TEST_CASE("every sampler refuses a grid that is empty, does not fall, or is not finite") {
    const auto refused = [](time_grid grid) {
        std::size_t accepted = 0;
        const auto attempt = [&](auto&& make) {
            try {
                make(grid);
                ++accepted;
            } catch (const std::invalid_argument&) {}
        };
        attempt([](const time_grid& g) { return multistep(ddim{}, g); });
        attempt([](const time_grid& g) { return singlestep(heun{}, g); });
        attempt([](const time_grid& g) { return singlestep(flow_heun{}, g); });
        attempt([](const time_grid& g) { return multistep(consistency_sampling{}, g); });
        attempt([](const time_grid& g) { return multistep(ancestral_flow{}, g); });
        attempt([](const time_grid& g) { return multistep(tcd{schedule}, g); });
        attempt([](const time_grid& g) { return multistep(reverse_diffusion{}, g); });
        attempt([](const time_grid& g) { return learned_variance(g); });
        attempt([](const time_grid& g) { return langevin_corrected(ddim{}, g); });
        attempt([](const time_grid& g) { return repaint_path(g); });
        attempt([](const time_grid& g) { return pndm(g); });
        attempt([](const time_grid& g) { return unipc<2>(g); });
        attempt([](const time_grid& g) { return sa_solver<2, 2>(g); });
        attempt(
            [](const time_grid& g) { return singlestep(dpm_solver_pp<2>(nodes_of{schedule}), g); });
        attempt([](const time_grid& g) { return multistep(er_sde<2>{}, g); });
        attempt([](const time_grid& g) { return multistep(gradient_estimation{}, g); });
        attempt([](const time_grid& g) { return dpm_adaptive<2>(nodes_of{schedule}, g); });
        attempt([](const time_grid& g) { return restart_path(g, nodes_of{schedule}, {}); });
        return accepted == 0;
    };
    CHECK(refused({}));
    CHECK(refused({whole[0]}));
    time_grid twice = whole;
    twice[5] = twice[4];
    CHECK(refused(twice));
    for (const double bad : {double(NAN), double(INFINITY)}) {
        time_grid grid = whole;
        grid[3].sigma = bad;
        CHECK(refused(grid));
        grid = whole;
        grid[3].alpha = bad;
        CHECK(refused(grid));
        grid = whole;
        grid[3].lambda = bad;
        CHECK(refused(grid));
        grid = whole;
        grid[3].t = bad;
        CHECK(refused(grid));
    }
}
