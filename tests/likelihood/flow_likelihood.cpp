#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include <diffusion/denoiser/prediction.hpp>
#include <diffusion/likelihood/by_differences.hpp>
#include <diffusion/likelihood/flow_likelihood.hpp>
#include <diffusion/random/gaussian_noise.hpp>
#include <diffusion/sampler/sample.hpp>
#include <diffusion/sde/continuous.hpp>
#include <diffusion/sde/ode_sampler.hpp>
#include <diffusion/tensor/span.hpp>
#include <diffusion/toy/gaussian_mixture.hpp>
#include <support/gaussian_toy.hpp>
#include <support/refusal.hpp>

using namespace diffusion;
using doctest::Approx;
using vector = std::vector<double>;

namespace {

const ode_options tight{.rtol = 1e-9, .atol = 1e-9};

/// Two groups in the plane, one of them slanted.
const gaussian_mixture mixture({{0.3, {-1, 0.5}, {0.2, 0.1, 0.1, 0.15}},
                                {0.7, {0.8, -0.3}, {0.1}}});
const vector points{-1, 0.4, 0.7, -0.2, 0, 0, 1.5, 1, -2, -1};
constexpr std::size_t items = 5;

template <class F>
void for_each_sde(F&& f) {
    f(vp_sde{});
    f(sub_vp_sde{});
    f(ve_sde{{.sigma_min = 0.01, .sigma_max = 10}});
}

}  // namespace

TEST_CASE("the density of a mixture comes back along the flow, to the tolerance of the solver") {
    // the flow carries q(x_t) at t_data to q(x_t) at t_prior, both of which are known
    for_each_sde([](const auto& sde) {
        const double t_data = 0.01, t_prior = 1;
        const flow_likelihood of(sde, t_data, t_prior, trace_estimate::exact, tight);
        const auto found = of(points, items, mixture);
        const vector before = mixture.log_densities(points, sde.marginal(t_data));
        const vector after = mixture.log_densities(found.latent, sde.marginal(t_prior));
        for (std::size_t k = 0; k < items; ++k)
            CHECK(std::abs(after[k] + found.log_volume[k] - before[k]) < 1e-6);
        CHECK(found.spent.calls > 20);
    });
}

TEST_CASE("as a model's density it is that of the data, but for what the prior does not know") {
    const vp_sde sde;
    const auto found = flow_likelihood(sde, 1e-5, 1.0)(points, items, mixture);
    const vector exact = mixture.log_densities(points);
    for (std::size_t k = 0; k < items; ++k) {
        // alpha at t = 1 is 0.0066: the latents are N(0.0066 mean, ...) and not quite N(0, I)
        CHECK(std::abs(found.log_density[k] - exact[k]) < 0.03);
        double sum = found.log_volume[k];
        for (std::size_t e = 2 * k; e < 2 * k + 2; ++e) sum += log_density(found.latent[e], 0, 1);
        CHECK(found.log_density[k] == Approx(sum).epsilon(1e-9));
    }
}

TEST_CASE("of a Gaussian, latent and stretch are those of the analytic flow") {
    // (x - mean_t)/std_t does not change, so that each element is stretched by std_T/std_t
    const support::gaussian_toy toy;
    for_each_sde([&](const auto& sde) {
        const node low = node_at(sde.marginal, 0.02), high = node_at(sde.marginal, 0.9);
        const vector x{0.1, 0.5, -1, 2};
        const auto found = flow_likelihood(sde, 0.02, 0.9, trace_estimate::exact, tight)(
            x, 2, by_differences(toy, x));
        for (std::size_t e = 0; e < 4; ++e)
            CHECK(std::abs(found.latent[e] - toy.flow(x[e], low, high)) < 1e-6);
        for (std::size_t k = 0; k < 2; ++k)
            CHECK(found.log_volume[k] ==
                  Approx(2 * std::log(toy.std_at(high) / toy.std_at(low))).epsilon(1e-6));
    });
}

TEST_CASE("Rademacher's probe is exact where elements are independent, Gauss's is not") {
    const gaussian_mixture one({{1, {0.2, -0.4, 0}, {0.3, 0.1, 2}}});
    const vector x{0.1, 0.2, 0.3};
    const auto volume = [&](trace_estimate trace, std::uint64_t seed) {
        return flow_likelihood(vp_sde{}, 1e-3, 1, trace, tight)(x, 1, one, seed).log_volume[0];
    };
    const double exact = volume(trace_estimate::exact, 0);
    CHECK(volume(trace_estimate::rademacher, 1) == Approx(exact).epsilon(1e-7));
    CHECK(std::abs(volume(trace_estimate::gaussian, 1) - exact) > 0.01);
}

TEST_CASE("averaged over probes, both estimates are the exact density") {
    // copies of one point, each with a probe of its own
    const std::size_t n = 500;
    vector x;
    for (std::size_t k = 0; k < n; ++k) x.insert(x.end(), {-0.4, 0.6});
    const vp_sde sde;
    const double exact =
        flow_likelihood(sde, 0.01, 1)(vector{-0.4, 0.6}, 1, mixture).log_density[0];
    for (const trace_estimate trace : {trace_estimate::rademacher, trace_estimate::gaussian}) {
        const auto found = flow_likelihood(sde, 0.01, 1, trace)(x, n, mixture, 3);
        double mean = 0, variance = 0;
        for (const double p : found.log_density) mean += p / double(n);
        for (const double p : found.log_density) variance += (p - mean) * (p - mean) / double(n);
        CHECK(variance > 1e-3);
        CHECK(std::abs(mean - exact) < 4 * std::sqrt(variance / double(n)));
        CHECK(flow_likelihood(sde, 0.01, 1, trace)(x, n, mixture, 3).log_density ==
              found.log_density);
        CHECK(flow_likelihood(sde, 0.01, 1, trace)(x, n, mixture, 3, 1).log_density !=
              found.log_density);
    }
}

TEST_CASE("differences of the denoiser do as well as its Jacobian") {
    const flow_likelihood of(sub_vp_sde{}, 0.01, 1.0, trace_estimate::exact, tight);
    const auto exact = of(points, items, mixture),
               found = of(points, items, by_differences(mixture, points));
    for (std::size_t k = 0; k < items; ++k)
        CHECK(found.log_volume[k] == Approx(exact.log_volume[k]).epsilon(1e-5));
}

TEST_CASE("a network's own product serves, whatever it predicts") {
    struct network_of_mixture {  // eps-hat = (x - alpha x_0-hat)/sigma
        vp_linear schedule;
        void operator()(const vector& x, double t, vector& out) const {
            const node at = node_at(schedule, t);
            mixture(x, at, out);
            ref(out) = (1 / at.sigma) * ref(x) + (-at.alpha / at.sigma) * ref(out);
        }
        void with_product(const vector& x, double t, const vector& v, vector& out,
                          vector& jv) const {
            const node at = node_at(schedule, t);
            mixture.jacobian_product(x, at, v, jv);
            ref(jv) = (1 / at.sigma) * ref(v) + (-at.alpha / at.sigma) * ref(jv);
            (*this)(x, t, out);
        }
    };
    const flow_likelihood of(vp_sde{}, 0.01, 1.0, trace_estimate::rademacher, tight);
    const auto exact = of(points, items, mixture, 1),
               found = of(points, items, predicts_noise(network_of_mixture{}), 1);
    for (std::size_t k = 0; k < items; ++k)
        CHECK(found.log_density[k] == Approx(exact.log_density[k]).epsilon(1e-7));
    static_assert(!differentiable_denoiser<support::gaussian_toy, vector>);
}

TEST_CASE("the latent is decoded by the ODE in the other direction, and is the model's alone") {
    const vp_sde sde;
    const auto found =
        flow_likelihood(sde, 1e-3, 1, trace_estimate::exact, tight)(points, items, mixture);
    vector x = found.latent;
    sample(x, ode_sampler(sde, {node_at(sde.marginal, 1), node_at(sde.marginal, 1e-3)}, tight),
           mixture);
    for (std::size_t e = 0; e < x.size(); ++e) CHECK(std::abs(x[e] - points[e]) < 1e-6);
    // two models of the same data, one of which sees it through differences, agree
    const auto other = flow_likelihood(sde, 1e-3, 1, trace_estimate::rademacher, tight)(
        points, items, by_differences(mixture, points));
    for (std::size_t e = 0; e < x.size(); ++e)
        CHECK(std::abs(found.latent[e] - other.latent[e]) < 1e-6);
}

TEST_CASE("views and floats are encoded like vectors of doubles") {
    const flow_likelihood of(vp_sde{}, 0.01, 1.0);
    std::vector<float> x(points.begin(), points.end());
    const auto exact = of(points, items, mixture);
    const auto found = of(std::span<float>(x), items, mixture);
    for (std::size_t k = 0; k < items; ++k)
        CHECK(found.log_density[k] == Approx(exact.log_density[k]).epsilon(1e-3));
    CHECK(x[0] == -1.0F);
}

TEST_CASE("times, tolerances, priors and batches that make no sense are refused") {
    using support::is_complete;
    using support::refusal;
    const auto make = [](double low, double high, ode_options options = {},
                         std::optional<double> prior_std = {}) {
        return refusal([&] {
            static_cast<void>(
                flow_likelihood(vp_sde{}, low, high, trace_estimate::exact, options, prior_std));
        });
    };
    CHECK(is_complete(make(1, 0.5), 0.5));
    CHECK(is_complete(make(0, 1), 0.0));
    CHECK(is_complete(make(0.1, 2)));
    CHECK(is_complete(make(0.1, 1, {.rtol = 0}), 0.0));
    CHECK(is_complete(make(0.1, 1, {.atol = -1}), -1.0));
    for (const double prior_std : {0.0, double(NAN), double(INFINITY)})
        CHECK(is_complete(make(0.1, 1, {}, prior_std), prior_std));
    const flow_likelihood of(vp_sde{}, 0.1, 1.0);
    CHECK(is_complete(refusal([&] { of(points, 3, mixture); }), 3));
    CHECK(is_complete(refusal([] { by_differences(mixture, points, 0); }), 0.0));
}
