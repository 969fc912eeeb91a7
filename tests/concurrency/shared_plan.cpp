// Built with -fsanitize=thread by `sh tests/run.sh tsan`.
#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

#include <diffusion/denoiser/prediction.hpp>
#include <diffusion/grid/sigma_grid.hpp>
#include <diffusion/grid/spacing.hpp>
#include <diffusion/random/gaussian_noise.hpp>
#include <diffusion/rule/consistency.hpp>
#include <diffusion/rule/ddim.hpp>
#include <diffusion/rule/ddpm.hpp>
#include <diffusion/rule/dpm_solver.hpp>
#include <diffusion/rule/dpm_solver_singlestep.hpp>
#include <diffusion/rule/er_sde.hpp>
#include <diffusion/rule/exponential_adams.hpp>
#include <diffusion/rule/heun.hpp>
#include <diffusion/rule/reverse_diffusion.hpp>
#include <diffusion/sampler/any_sampler.hpp>
#include <diffusion/sampler/dpm_adaptive.hpp>
#include <diffusion/sampler/dpm_fast.hpp>
#include <diffusion/sampler/langevin.hpp>
#include <diffusion/sampler/multistep.hpp>
#include <diffusion/sampler/projected.hpp>
#include <diffusion/sampler/repaint.hpp>
#include <diffusion/sampler/restart.hpp>
#include <diffusion/sampler/sa_solver.hpp>
#include <diffusion/sampler/sample.hpp>
#include <diffusion/sampler/singlestep.hpp>
#include <diffusion/sampler/unipc.hpp>
#include <diffusion/schedule/discrete.hpp>
#include <diffusion/tensor/std.hpp>

#include "support/gaussian_toy.hpp"

using namespace diffusion;
using vector = std::vector<float>;

namespace {

const time_grid grid = linspace(discrete_schedule<>{}, 20);

template <class S>
vector picture(const S& plan, const support::gaussian_toy& denoise, std::uint64_t seed) {
    vector x(64);
    draw_prior(x, plan.grid().front(), gaussian_noise{seed});
    sample(x, plan, denoise, gaussian_noise{seed});
    return x;
}

/// Eight threads draw eight pictures with one plan and one denoiser; one thread draws them again.
template <class S>
void check_shared(const S& plan) {
    constexpr std::size_t count = 8;
    const support::gaussian_toy denoise;
    std::vector<vector> pictures(count);
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < count; ++i)
        threads.emplace_back([&, i] { pictures[i] = picture(plan, denoise, i); });
    for (std::thread& thread : threads) thread.join();
    for (std::size_t i = 0; i < count; ++i) CHECK(pictures[i] == picture(plan, denoise, i));
    CHECK(pictures[0] != pictures[1]);
}

}  // namespace

TEST_CASE("eight threads may share one plan, and draw the pictures that one thread draws") {
    check_shared(multistep(ddim{}, grid));
    check_shared(multistep(ddpm{}, grid));
    check_shared(multistep(ddim_published{0.5}, grid));
    check_shared(multistep(dpm_solver_pp_2m{1}, grid));
    check_shared(multistep(exponential_adams<3, prediction::noise>{}, grid));
    check_shared(singlestep(heun{}, grid));
    check_shared(any_sampler<vector>(multistep(dpm_solver_pp_2m{1}, grid)));
    check_shared(multistep(consistency_sampling{}, grid));
    check_shared(langevin_corrected(reverse_diffusion{}, grid));
    check_shared(projected(singlestep(ddim{1}, repaint_path(grid, {2, 2})),
                           keep_known(vector(64, 0.5F), vector(64, 0.25F))));
    check_shared(unipc<2>(grid));
    const nodes_of nodes{discrete_schedule<>{}};
    check_shared(singlestep(dpm_solver_pp<3>(nodes, {}, 1), grid));
    check_shared(dpm_adaptive<3>(nodes, time_grid(grid.begin(), grid.end() - 1), {.eta = 1}));
    check_shared(dpm_fast(nodes, 20, sigma_range_of(discrete_schedule<>{}), 1));
    check_shared(multistep(er_sde<3>{}, grid));
    check_shared(singlestep(heun{}, restart_path(grid, nodes, {{3, 2, 0.06, 0.3}})));
    check_shared(sa_solver<2, 2>(grid));
}

TEST_CASE("schedules and grids are read by many threads at once") {
    const discrete_schedule<> schedule;
    std::vector<double> sums(4);
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < sums.size(); ++i)
        threads.emplace_back([&, i] {
            for (const node& n : linspace(schedule, 100)) sums[i] += n.alpha;
        });
    for (std::thread& thread : threads) thread.join();
    for (const double sum : sums) CHECK(sum == sums[0]);
}
