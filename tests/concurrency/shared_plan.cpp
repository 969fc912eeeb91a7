// Built with -fsanitize=thread by `sh tests/run.sh tsan`.
#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

#include "support/all_samplers.hpp"

using namespace diffusion;
using vector = std::vector<float>;

namespace {

const time_grid grid = linspace(discrete_schedule<>{}, 20);

vector picture(const any_sampler<vector>& plan, const support::toy_with_variance& denoise,
               std::uint64_t seed) {
    vector x(64);
    draw_prior(x, plan.grid().front(), gaussian_noise{seed});
    sample(x, plan, denoise, gaussian_noise{seed});
    return x;
}

/// Eight threads draw eight pictures with one plan and one denoiser; one thread draws them again.
void check_shared(const any_sampler<vector>& plan) {
    constexpr std::size_t count = 8;
    const support::toy_with_variance denoise;
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
    for (const auto& listed : support::all_samplers(grid, vector(64))) {
        CAPTURE(listed.name);
        check_shared(listed.plan);
    }
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
