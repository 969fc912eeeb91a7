#pragma once
// What every tensor has to do. A backend instantiates `check_tensor` and `check_runs` for its
// types, each made with 12 elements, 3 items of 4.

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include <diffusion/all.hpp>
#include <diffusion/tensor/batch.hpp>
#include <diffusion/tensor/std.hpp>

#include "sampler/usage.hpp"
#include "support/all_samplers.hpp"
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

/// All samplers of tensors like x, of 12 elements.
template <class X>
std::vector<support::listed_sampler<X>> samplers(const X& x) {
    std::vector<support::listed_sampler<X>> all = support::all_samplers(grid(), x);
    const auto add = [&](const char* name, auto plan) {
        all.push_back({name, any_sampler<X>(std::move(plan)), 0, true});
    };
    add("langevin, 3 items", langevin_corrected(reverse_diffusion{}, grid(), {.items = 3}));
    const time_grid noisy(grid().begin(), grid().end() - 1);
    add("dpm-solver-23, 3 items",
        dpm_adaptive<3>(nodes_of{discrete_schedule<>{}}, noisy, {.eta = 1, .items = 3}));
    return all;
}

/// The ends of their runs on plain vectors, to which every other tensor is compared.
const std::vector<std::vector<float>>& runs_on_vectors(float);
const std::vector<std::vector<double>>& runs_on_vectors(double);

/// The elements are one flat piece of memory, siblings are zeroed and apart, formulas work in
/// place.
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

/// All usage styles give the wanted numbers, bit for bit, and allocate only in init.
template <class X, class S>
void check_run(const X& like_this, const S& plan, const std::vector<scalar_t<X>>& wanted) {
    using T = scalar_t<X>;
    predicts_noise denoise(net{});
    const gaussian_noise noise{9};
    const auto same = [&](const X& x) {
        const std::span<const T> got = elements(x);
        return std::vector<T>(got.begin(), got.end()) == wanted;
    };
    X start = like_this;
    draw_prior(start, plan.grid().front(), noise);
    if constexpr (std::is_same_v<owner_t<X>, X>) {
        CHECK(same(usage::by_sample(start, plan, denoise, noise)));
        CHECK(same(usage::by_steps(start, plan, denoise, noise)));
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

/// The caller evaluates the network himself.
template <class X, class Rule>
void check_ask_and_tell(X x, const multistep<Rule>& plan) {
    if constexpr (std::is_same_v<owner_t<X>, X>) {
        predicts_noise denoise(net{});
        const gaussian_noise noise{9};
        draw_prior(x, plan.grid().front(), noise);
        const X told = usage::by_ask_and_tell(x, plan, denoise, noise);
        sample(x, plan, denoise, noise);
        for (std::size_t e = 0; e < 12; ++e) CHECK(elements(told)[e] == elements(x)[e]);
    }
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
    std::size_t i = 0;
    for (const support::listed_sampler<X>& listed : samplers(x)) {
        CAPTURE(listed.name);
        check_run(x, listed.plan, runs_on_vectors(scalar_t<X>{}).at(i++));
    }
    check_ask_and_tell(x, multistep(ddim_published{0.5}, grid()));
    check_ask_and_tell(x, multistep(dpm_solver_pp_2m{1}, grid()));
    check_ask_and_tell(x, multistep(exponential_adams<3, prediction::noise>{}, grid()));
}

}  // namespace suite
