// What holds for every sampler of the library; their list is support/all_samplers.hpp.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include "support/all_samplers.hpp"
#include "support/counting_new.hpp"  // allocation.cpp has the implementation
#include "support/moments.hpp"

using namespace diffusion;
using vector = std::vector<double>;

namespace {

const discrete_schedule<> schedule;
const time_grid whole = grid_of_sigmas(schedule, karras_sigmas(40, sigma_range_of(schedule)));

using entry = support::listed_sampler<vector>;

std::vector<entry> every_sampler(const time_grid& grid) {
    return support::all_samplers(grid, vector(400));
}

const support::toy_with_variance toy{{0.7, 0.5}};

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
            const support::moments found = support::moments_of(run(e.plan));
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
