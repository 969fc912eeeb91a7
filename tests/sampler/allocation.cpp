// Memory is asked for by init, never by a step.
#define SUPPORT_COUNTING_NEW_IMPLEMENTATION
#include "support/counting_new.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <new>
#include <span>
#include <utility>
#include <vector>

#include <diffusion/denoiser/dynamic_threshold.hpp>
#include <diffusion/denoiser/guidance.hpp>
#include <diffusion/denoiser/guidance_pp.hpp>
#include <diffusion/denoiser/guidance_rescale.hpp>
#include <diffusion/denoiser/precondition.hpp>
#include <diffusion/denoiser/prediction.hpp>
#include <diffusion/denoiser/threshold.hpp>
#include <diffusion/grid/spacing.hpp>
#include <diffusion/random/gaussian_noise.hpp>
#include <diffusion/rule/consistency.hpp>
#include <diffusion/rule/ddim.hpp>
#include <diffusion/rule/ddpm.hpp>
#include <diffusion/rule/dpm_solver.hpp>
#include <diffusion/rule/exponential_adams.hpp>
#include <diffusion/rule/flow_heun.hpp>
#include <diffusion/rule/heun.hpp>
#include <diffusion/rule/reverse_diffusion.hpp>
#include <diffusion/sampler/langevin.hpp>
#include <diffusion/sampler/learned_variance.hpp>
#include <diffusion/sampler/multistep.hpp>
#include <diffusion/sampler/projected.hpp>
#include <diffusion/sampler/repaint.hpp>
#include <diffusion/sampler/sa_solver.hpp>
#include <diffusion/sampler/sample.hpp>
#include <diffusion/sampler/singlestep.hpp>
#include <diffusion/sampler/unipc.hpp>
#include <diffusion/schedule/discrete.hpp>
#include <diffusion/tensor/span.hpp>
#include <diffusion/tensor/std.hpp>

using namespace diffusion;

namespace {

const void* volatile used;  // lest the compiler leave out an allocation that nobody looks at

/// How often f() asks for memory.
template <class F>
std::size_t allocations_in(F&& f) {
    const std::size_t before = support::allocations();
    f();
    return support::allocations() - before;
}

struct net {
    template <class X, class Y>
    void operator()(const X& x, double, Y& out) const {
        for (std::size_t e = 0; e < x.size(); ++e) out[e] = x[e] / 2;
    }
};

/// Allocations between init and the end of a run.
template <class X, class S, class D>
std::size_t allocations_of_run(X x, const S& plan, D denoise) {
    auto memory = plan.init(x);
    return allocations_in([&] {
        for (std::size_t i = 0; i < plan.size(); ++i)
            plan.step(i, x, memory, denoise, gaussian_noise{1});
    });
}

template <class X, class D>
void check_no_sampler_allocates(const X& x, const D& denoise) {
    const time_grid grid = linspace(discrete_schedule<>{}, 6);
    CHECK(allocations_of_run(x, multistep(ddim{}, grid), denoise) == 0);
    CHECK(allocations_of_run(x, multistep(ddpm{}, grid), denoise) == 0);
    CHECK(allocations_of_run(x, multistep(ddim_published{0.5}, grid), denoise) == 0);
    CHECK(allocations_of_run(x, multistep(dpm_solver_pp_2m{1}, grid), denoise) == 0);
    CHECK(allocations_of_run(x, multistep(exponential_adams<3, prediction::noise>{}, grid),
                             denoise) == 0);
    CHECK(allocations_of_run(x, singlestep(heun{}, grid), denoise) == 0);
    CHECK(allocations_of_run(x, singlestep(flow_heun{}, grid), denoise) == 0);
    CHECK(allocations_of_run(x, langevin_corrected(reverse_diffusion{}, grid), denoise) == 0);
    CHECK(allocations_of_run(x,
                             projected(singlestep(ddim{1}, repaint_path(grid, {1, 2})),
                                       keep_known(like(x), like(x))),
                             denoise) == 0);
    CHECK(allocations_of_run(x, unipc<3>(grid), denoise) == 0);
    CHECK(allocations_of_run(x, unipc<2, prediction::noise>(grid), denoise) == 0);
    CHECK(allocations_of_run(x, sa_solver<3, 4>(grid), denoise) == 0);
}

}  // namespace

TEST_CASE("the counter counts every form of operator new") {
    CHECK(allocations_in([] {}) == 0);
    CHECK(allocations_in([] {
              int* const one = new int(1);
              used = one;
              delete one;
          }) == 1);
    CHECK(allocations_in([] {
              int* const many = new int[100];
              used = many;
              delete[] many;
          }) == 1);
    CHECK(allocations_in([] {
              std::vector<double> x(1000);
              x[0] = 1;
          }) == 1);
    CHECK(allocations_in([] { ::operator delete(::operator new(8)); }) == 1);
    CHECK(allocations_in([] { ::operator delete(::operator new(8, std::nothrow)); }) == 1);
    CHECK(allocations_in([] {
              ::operator delete(::operator new(8, std::align_val_t(64)), std::align_val_t(64));
          }) == 1);
    CHECK(allocations_in([] { support::count_allocation(); }) == 1);
}

TEST_CASE("a run allocates nothing after init") {
    check_no_sampler_allocates(std::vector<float>(100, 0.5F), predicts_noise(net{}));
    check_no_sampler_allocates(std::vector<double>(100, 0.5), predicts_velocity(net{}));
    std::vector<float> buffer(100, 0.5F);
    check_no_sampler_allocates(std::span<float>(buffer), predicts_data(net{}));
}

TEST_CASE(
    "guidance, clipping and thresholds bring their memory along and allocate nothing in a run") {
    const std::vector<float> x(100, 0.5F);
    check_no_sampler_allocates(
        x, clipped(guided(predicts_noise(net{}), predicts_velocity(net{}), 3, x)));
    check_no_sampler_allocates(x, dynamic_threshold(predicts_noise(net{}), x, 0.9, 2, 10));
    check_no_sampler_allocates(x, predicts_noise(guided_rescaled(net{}, net{}, 3, 0.7, x, 10)));
    check_no_sampler_allocates(x, guided_pp(predicts_noise(net{}), predicts_data(net{}), 0.6, x));
    check_no_sampler_allocates(x, with_boundary(preconditioned(net{}, edm_scaling{}, x)));
    const auto says_variance = [](const std::vector<float>& in, double, std::vector<float>& out,
                                  std::vector<float>& v) {
        for (std::size_t e = 0; e < in.size(); ++e) out[e] = v[e] = in[e] / 2;
    };
    CHECK(allocations_of_run(x, learned_variance(linspace(discrete_schedule<>{}, 6)),
                             clipped(predicts_noise(two_outputs(says_variance, x)))) == 0);
}

TEST_CASE("sample allocates in init only, whatever the number of steps") {
    const auto of_steps = [](std::size_t n) {
        const multistep plan(ddpm{}, linspace(discrete_schedule<>{}, n));
        std::vector<float> x(10, 0.5F);
        return allocations_in([&] { sample(x, plan, predicts_noise(net{}), gaussian_noise{1}); });
    };
    CHECK(of_steps(3) == 2);  // the prediction and the noise
    CHECK(of_steps(300) == 2);
}

TEST_CASE("a run on std::array uses no heap at all") {
    const time_grid grid = linspace(discrete_schedule<>{}, 6);
    const multistep stochastic(ddim_published{0.5}, grid);
    const multistep third(exponential_adams<3>{}, grid);
    const singlestep second(heun{}, grid);
    std::array<float, 64> x{};
    x.fill(0.5F);
    CHECK(allocations_in([&] {
              draw_prior(x, grid.front(), gaussian_noise{1});
              sample(x, stochastic, predicts_noise(net{}), gaussian_noise{1});
              sample(x, third, clipped(predicts_noise(net{})));
              sample(x, second, guided(predicts_noise(net{}), predicts_data(net{}), 2, x));
          }) == 0);
}
