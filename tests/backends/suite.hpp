#pragma once
// What every tensor has to do. A backend instantiates `check_tensor` and `check_runs` for its types,
// each made with 12 elements, 3 items of 4.

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include <diffusion/denoiser/guidance_pp.hpp>
#include <diffusion/denoiser/guidance_rescale.hpp>
#include <diffusion/denoiser/precondition.hpp>
#include <diffusion/denoiser/prediction.hpp>
#include <diffusion/grid/sigma_grid.hpp>
#include <diffusion/grid/spacing.hpp>
#include <diffusion/random/gaussian_noise.hpp>
#include <diffusion/rule/ddim.hpp>
#include <diffusion/rule/dpm_solver.hpp>
#include <diffusion/rule/dpm_solver_singlestep.hpp>
#include <diffusion/rule/exponential_adams.hpp>
#include <diffusion/rule/heun.hpp>
#include <diffusion/rule/reverse_diffusion.hpp>
#include <diffusion/sampler/dpm_adaptive.hpp>
#include <diffusion/sampler/langevin.hpp>
#include <diffusion/sampler/learned_variance.hpp>
#include <diffusion/sampler/multistep.hpp>
#include <diffusion/sampler/projected.hpp>
#include <diffusion/sampler/repaint.hpp>
#include <diffusion/sampler/sa_solver.hpp>
#include <diffusion/sampler/singlestep.hpp>
#include <diffusion/sampler/unipc.hpp>
#include <diffusion/schedule/discrete.hpp>
#include <diffusion/tensor/batch.hpp>
#include <diffusion/tensor/std.hpp>

#include "sampler/usage.hpp"
#include "support/counting_new.hpp"

namespace suite {

using namespace diffusion;

/// From here on, or no longer, requests of memory that bypass operator new are counted as well.
void report_malloc(bool on);

/// A network on flat elements, so that it is the same for every tensor; not linear.
double answer(double x, double t);

struct net {
    template <tensor X>
    void operator()(const X& x, double t, owner_t<X>& out) const {
        const auto in = elements(x);
        const auto result = elements(out);
        for (std::size_t e = 0; e < in.size(); ++e)
            result[e] = static_cast<scalar_t<X>>(answer(static_cast<double>(in[e]), t));
    }
    template <tensor X>
    void operator()(const X& x, double t, owner_t<X>& out, owner_t<X>& v) const {
        (*this)(x, t, out);
        for (auto& e : elements(v)) e = scalar_t<X>(0.5);
    }
};

inline const time_grid& grid() {
    static const time_grid nodes = linspace(discrete_schedule<>{}, 6);
    return nodes;
}

/// On noise, stochastic steps end above clean data.
inline const time_grid& ending_noisy() {
    static const time_grid nodes(grid().begin(), grid().end() - 1);
    return nodes;
}

/// The end of a run on a plain vector, to which every other tensor is compared.
template <class T, class S>
std::vector<T> on_vector(const S& plan) {
    std::vector<T> x(12);
    draw_prior(x, plan.grid().front(), gaussian_noise{9});
    return usage::by_sample(x, plan, predicts_noise(net{}), gaussian_noise{9});
}

/// The elements are one flat piece of memory, siblings are zeroed and apart, formulas work in place.
template <class X>
void check_tensor(X x) {
    using T = scalar_t<X>;
    static_assert(tensor<X>);
    static_assert(!tensor<const X>);
    REQUIRE(elements(x).size() == 12);
    CHECK(elements(x).data() == elements(std::as_const(x)).data());
    for (std::size_t e = 0; e < 12; ++e) elements(x)[e] = static_cast<T>(e);

    owner_t<X> sibling = like(x);
    REQUIRE(elements(sibling).size() == 12);
    CHECK(elements(sibling).data() != elements(x).data());
    for (const T e : elements(sibling)) CHECK(e == 0);
    elements(sibling)[3] = 100;
    CHECK(elements(x)[3] == 3);

    ref(x) = 2 * ref(x) + 0.5 * ref(sibling);
    for (std::size_t e = 0; e < 12; ++e)
        CHECK(elements(x)[e] == static_cast<T>(2 * e) + (e == 3 ? 50 : 0));

    for_each_item(x, 3, [&](std::size_t i, std::span<T> item) {
        CHECK(item.size() == 4);
        CHECK(item.data() == elements(x).data() + 4 * i);
    });
}

/// All usage styles give the numbers of a run on std::vector, bit for bit, and allocate only in init.
template <class X, class S>
void check_run(const X& like_this, const S& plan) {
    using T = scalar_t<X>;
    predicts_noise denoise(net{});
    const gaussian_noise noise{9};
    const std::vector<T> wanted = on_vector<T>(plan);
    const auto same = [&](const X& x) {
        const std::span<const T> got = elements(x);
        return std::vector<T>(got.begin(), got.end()) == wanted;
    };
    X start = like_this;
    draw_prior(start, plan.grid().front(), noise);
    if constexpr (std::is_same_v<owner_t<X>, X>) {
        CHECK(same(usage::by_sample(start, plan, denoise, noise)));
        CHECK(same(usage::by_steps(start, plan, denoise, noise)));
        if constexpr (requires { plan.kernel(0); })
            CHECK(same(usage::by_ask_and_tell(start, plan, denoise, noise)));
    }
    X x = start;
    auto memory = plan.init(x);
    const std::size_t before = support::allocations();
    report_malloc(true);
    for (std::size_t i = 0; i < plan.size(); ++i) plan.step(i, x, memory, denoise, noise);
    report_malloc(false);
    CHECK(support::allocations() == before);
    CHECK(same(x));
}

struct half {
    template <tensor X>
    void operator()(const X& x, double, owner_t<X>& out) const {
        ref(out) = 0.5 * ref(x);
    }
};

/// x0-hat by wrappers that keep tensors of their own.
template <class X>
auto wrapped(X& x) {
    const auto data = elements(x);
    for (std::size_t e = 0; e < data.size(); ++e)
        data[e] = static_cast<scalar_t<X>>(std::sin(static_cast<double>(e)));
    owner_t<X> x0 = like(x);
    with_boundary denoise{guided_pp{
        preconditioned{net{}, edm_scaling{}, like(x)},
        predicts_velocity{guided_rescaled{net{}, half{}, 3, 0.7, like(x), 3}}, 0.6, like(x)}};
    denoise(std::as_const(x), grid()[2], x0);
    return x0;
}

template <class X>
void check_wrappers(X x) {
    std::vector<scalar_t<X>> plain(12);
    const auto wanted = wrapped(plain);
    const auto found = wrapped(x);
    const auto got = elements(found);
    CHECK(std::vector<scalar_t<X>>(got.begin(), got.end()) == wanted);
}

template <class X>
void check_runs(const X& x) {
    check_wrappers(x);
    static const multistep published(ddim_published{0.5}, grid());
    static const multistep stochastic(dpm_solver_pp_2m{1}, grid());
    static const multistep third(exponential_adams<3, prediction::noise>{}, grid());
    static const singlestep second(heun{}, grid());
    static const auto predicted_and_corrected = unipc<3>(grid());
    static const auto both_with_noise = sa_solver<2, 3, prediction::noise>(ending_noisy());
    static const langevin_corrected corrected(reverse_diffusion{}, grid(), {.items = 3});
    static const learned_variance learned(grid());
    const projected inpainted(singlestep(ddim{1}, repaint_path(grid(), {1, 2})),
                              keep_known(std::vector<scalar_t<X>>(12, scalar_t<X>(0.5)),
                                         std::vector<scalar_t<X>>(12, scalar_t<X>(0.25))));
    const nodes_of nodes{discrete_schedule<>{}};
    static const singlestep three_stages(dpm_solver_pp<3>(nodes, {}, 1), grid());
    static const auto adaptive = dpm_adaptive<3>(nodes, ending_noisy(), {.eta = 0.5, .items = 3});
    check_run(x, three_stages);
    check_run(x, adaptive);
    check_run(x, corrected);
    check_run(x, learned);
    check_run(x, inpainted);
    check_run(x, published);
    check_run(x, stochastic);
    check_run(x, third);
    check_run(x, second);
    check_run(x, predicted_and_corrected);
    check_run(x, both_with_noise);
}

}  // namespace suite
