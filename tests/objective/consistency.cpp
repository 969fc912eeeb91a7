#include <diffusion/objective/consistency.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <ostream>
#include <span>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include <support/gaussian_toy.hpp>
#include <support/refusal.hpp>

#include <diffusion/denoiser/precondition.hpp>
#include <diffusion/tensor/std.hpp>

using namespace diffusion;
using vector = std::vector<double>;
using doctest::Approx;

namespace {

/// Gaussian data, of which the probability-flow ODE and its consistency function, the flow to the
/// lowest level, are known.
struct exact {
    support::gaussian_toy toy{0.7, 0.5};
    noise_level end = variance_exploding_level(0.002);

    double consistency(double x, const node& t) const { return toy.flow(x, t, end); }
    void operator()(const vector& x, std::span<const node> at, vector& x0) const {
        for (std::size_t e = 0; e < x.size(); ++e)
            x0[e] = toy.data(x[e], at[e * at.size() / x.size()]);
    }
};

/// The root of the mean square of f(noisier) - f(ode_step(noisier)) with N levels, f exact.
double distillation_error(std::size_t levels, ode_method how) {
    const exact model;
    vector x_0(200), out(200);
    fill_normal<double>(x_0, 3, {noise_stream::user});
    for (double& x : x_0) x = 0.7 + 0.5 * x;
    const consistency_objective objective(constant_curriculum{.count = levels});
    auto batch = objective.init(x_0, 200);
    objective.draw(x_0, batch, 0);
    std::array<vector, 2> scratch{x_0, x_0};
    ode_step(batch.noisier, std::span<const node>(batch.from), std::span<const node>(batch.to),
             model, out, scratch, how);
    double sum = 0;
    for (std::size_t i = 0; i < 200; ++i) {
        const double miss = model.consistency(batch.noisier[i], batch.from[i]) -
                            model.consistency(out[i], batch.to[i]);
        sum += miss * miss / 200;
    }
    return std::sqrt(sum);
}

}  // namespace

TEST_CASE("a pair is one item at two neighbouring levels, with the same noise") {
    const vector x_0{1, 2, 3, 4, 5, 6};
    const consistency_objective objective(constant_curriculum{.count = 5});
    auto batch = objective.init(x_0, 3);
    objective.draw(x_0, batch, 11);
    const vector sigmas = karras_sigmas(5, {0.002, 80});
    for (std::size_t i = 0; i < 3; ++i) {
        const auto& [noisy, clean] = std::pair(batch.from[i], batch.to[i]);
        std::size_t n = 0;
        while (n < 4 && sigmas[n] != noisy.sigma) ++n;
        REQUIRE(n < 4);
        CHECK(clean.sigma == sigmas[n + 1]);
        CHECK(noisy == node{noisy.sigma, 1, noisy.sigma, -std::log(noisy.sigma)});
        CHECK(batch.weights[i] == Approx(1 / (noisy.sigma - clean.sigma)));
        for (std::size_t e = 2 * i; e < 2 * i + 2; ++e)
            CHECK((batch.noisier[e] - x_0[e]) / noisy.sigma ==
                  Approx((batch.cleaner[e] - x_0[e]) / clean.sigma));
    }
    auto again = objective.init(x_0, 3);
    objective.draw(x_0, again, 11);
    CHECK(again.noisier == batch.noisier);
    objective.draw(x_0, again, 12);
    CHECK(again.noisier != batch.noisier);
}

TEST_CASE("intervals are trained as often as their mass says") {
    const auto counts = [](const auto& choice) {
        const vector x_0(4000);
        const consistency_objective objective(constant_curriculum{.count = 11}, choice);
        auto batch = objective.init(x_0, 4000);
        objective.draw(x_0, batch, 0);
        vector share(10);
        for (const node& t : batch.to)
            for (std::size_t n = 0; n < 10; ++n)
                if (t.sigma == batch.sigmas[n]) share[n] += 1.0 / 4000;
        return share;
    };
    for (const double share : counts(uniform_levels{})) CHECK(share == Approx(0.1).epsilon(0.01));
    // Song and Dhariwal 2024: proportional to Phi(log sigma_{n+1}) - Phi(log sigma_n)
    const log_normal_levels choice;
    const vector share = counts(choice), sigmas = karras_sigmas(11, {0.002, 80});
    const auto phi = [](double s) {
        return 0.5 * std::erfc(-(std::log(s) + 1.1) / 2 / std::sqrt(2));
    };
    double total = 0;
    for (std::size_t n = 0; n < 10; ++n) {
        const double mass = phi(sigmas[9 - n]) - phi(sigmas[10 - n]);
        CHECK(share[n] == Approx(mass / (phi(80) - phi(0.002))).epsilon(0.01));
        total += share[n];
    }
    CHECK(total == Approx(1));
}

TEST_CASE("the levels follow the plan, and weights may all be 1") {
    const vector x_0(4);
    const consistency_objective objective(doubling_curriculum{.total = 80}, uniform_levels{},
                                          {.by_interval = false});
    auto batch = objective.init(x_0, 4);
    for (const std::uint64_t k : {0U, 10U, 70U}) {
        objective.draw(x_0, batch, k);
        CHECK(batch.sigmas.size() == objective.plan.levels(k));
        CHECK(batch.sigmas.front() == 0.002);
        CHECK(batch.sigmas.back() == 80);
        CHECK(batch.weights == vector(4, 1.0));
    }
}

TEST_CASE("on the exact ODE the exact consistency function has no loss but the solver's") {
    // both points lie on one path up to the error of one step: h^2 by Euler, h^3 by Heun
    for (const auto& [how, order] : {std::pair(ode_method::euler, 2), {ode_method::heun, 3}}) {
        const double coarse = distillation_error(100, how), fine = distillation_error(200, how);
        CHECK(coarse < 0.05);
        CHECK(std::log2(coarse / fine) == Approx(order).epsilon(0.1));
    }
}

TEST_CASE("a consistency function does not change the data: the boundary condition") {
    const auto [skip, out, in, time] = consistency_scaling{
        .sigma_data = 0.7, .sigma_min = 0.01}(node{0.01, 1, 0.01, -std::log(0.01)});
    CHECK(skip == Approx(1).epsilon(1e-15));
    CHECK(out == 0);
    CHECK(std::isfinite(in * time));
    const exact model;
    CHECK(model.consistency(1.3, {0.002, 1, 0.002, -std::log(0.002)}) ==
          Approx(1.3).epsilon(1e-14));
}

TEST_CASE("what makes no pairs is refused") {
    struct one_level {
        std::size_t levels(std::uint64_t) const { return 1; }
        double decay(std::uint64_t) const { return 0; }
    };
    const vector x_0(4);
    const auto refused = [&](const auto& objective) {
        auto batch = objective.init(x_0, 2);
        return support::refusal([&] { objective.draw(x_0, batch, 0); });
    };
    CHECK(support::is_complete(refused(consistency_objective(one_level{})), 1));
    const auto never = [](double, double) { return 0.0; };
    CHECK(support::is_complete(refused(consistency_objective(constant_curriculum{}, never)), 0.0));
    const consistency_objective of_none(constant_curriculum{}, never);
    auto batch = of_none.init(x_0, 2);
    for (int again = 0; again < 2; ++again)
        CHECK(support::is_complete(support::refusal([&] { of_none.draw(x_0, batch, 0); }), 0.0));
    CHECK(support::is_complete(
        refused(consistency_objective(constant_curriculum{}, log_normal_levels{0, 0})), 0.0));
    CHECK(support::is_complete(refused(consistency_objective(
                                   constant_curriculum{}, uniform_levels{}, {.range = {0.5, 0.5}})),
                               0.5));
    const std::vector<node> two(2), one(1);
    vector x(2);
    std::array<vector, 2> scratch{x, x};
    CHECK(support::is_complete(support::refusal([&] {
                                   ode_step(x, std::span<const node>(two),
                                            std::span<const node>(one), exact{}, x, scratch);
                               }),
                               1));
    vector shorter(1);
    CHECK(support::is_complete(support::refusal([&] {
                                   ode_step(x, std::span<const node>(one),
                                            std::span<const node>(one), exact{}, shorter, scratch);
                               }),
                               1));
}
