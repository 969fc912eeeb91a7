// Conditional and controllable generation (Song et al. 2021, section 5): by Bayes' rule the score
// of p(x_t | y) is that of p(x_t) and the gradient of log p(y | x_t) together. Where both are
// closed forms the samples must have the posterior's moments.

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <vector>

#include <diffusion/denoiser/classifier_guidance.hpp>
#include <diffusion/grid/uniform.hpp>
#include <diffusion/random/gaussian_noise.hpp>
#include <diffusion/rule/reverse_diffusion.hpp>
#include <diffusion/sampler/langevin.hpp>
#include <diffusion/sampler/projected.hpp>
#include <diffusion/sampler/sample.hpp>
#include <diffusion/sde/continuous.hpp>
#include <diffusion/sde/euler_maruyama.hpp>
#include <diffusion/sde/ode_sampler.hpp>
#include <diffusion/tensor/std.hpp>
#include <diffusion/toy/gaussian_mixture.hpp>

using namespace diffusion;
using doctest::Approx;
using vector = std::vector<double>;

namespace {

struct moments_2d {
    double mean[2] = {}, covariance[3] = {};  ///< xx, xy, yy
};

moments_2d moments_of_points(const vector& x) {
    moments_2d m;
    const double n = static_cast<double>(x.size() / 2);
    for (std::size_t i = 0; i < x.size(); ++i) m.mean[i % 2] += x[i] / n;
    for (std::size_t i = 0; i < x.size(); i += 2) {
        const double a = x[i] - m.mean[0], b = x[i + 1] - m.mean[1];
        m.covariance[0] += a * a / n;
        m.covariance[1] += a * b / n;
        m.covariance[2] += b * b / n;
    }
    return m;
}

const gaussian_mixture three({{0.5, {1, 0}, {0.1}},
                              {0.3, {-1, 1}, {0.2, 0.05, 0.05, 0.1}},
                              {0.2, {0, -1}, {0.15}}});

/// grad log p(class k | x_t) = score of class k alone - score of all, at the level of time t.
template <class Sde>
auto class_gradient(const Sde& sde, const gaussian_mixture& alone) {
    return [sde, alone](const vector& x, double t, vector& out) {
        vector all(x.size());
        alone.score(x, sde.marginal(t), out);
        three.score(x, sde.marginal(t), all);
        for (std::size_t e = 0; e < x.size(); ++e) out[e] -= all[e];
    };
}

}  // namespace

TEST_CASE("class-conditional: with the classifier's exact gradient every sampler draws the class") {
    const gaussian_mixture alone({{1, {-1, 1}, {0.2, 0.05, 0.05, 0.1}}});
    const auto check = [&](const auto& sde, const auto& plan) {
        vector x(2 * 800), scratch = x;
        draw_prior(x, plan.grid().front(), gaussian_noise{1});
        classifier_guided guided(three, class_gradient(sde, alone), 1, scratch);
        sample(x, plan, guided, gaussian_noise{2});
        const moments_2d m = moments_of_points(x);
        CHECK(std::abs(m.mean[0] + 1) < 0.07);
        CHECK(std::abs(m.mean[1] - 1) < 0.05);
        CHECK(std::abs(m.covariance[0] - 0.2) < 0.04);
        CHECK(std::abs(m.covariance[1] - 0.05) < 0.02);
        CHECK(std::abs(m.covariance[2] - 0.1) < 0.02);
    };
    const auto grid_of = [](const auto& sde) { return uniform_time(sde.marginal, 80, 1, 1e-3); };
    const vp_sde vp;
    const sub_vp_sde sub_vp;
    const ve_sde ve;
    check(vp, multistep(euler_maruyama{vp}, grid_of(vp)));
    check(sub_vp, multistep(euler_maruyama{sub_vp}, grid_of(sub_vp)));
    check(ve, langevin_corrected(reverse_diffusion{}, grid_of(ve), {.snr = 0.05}));
    check(vp, ode_sampler(vp, make_grid(vp.marginal, {1, 1e-3}), {.rtol = 1e-3, .atol = 1e-3}));
}

TEST_CASE("a measurement: with its exact gradient the ODE draws the posterior, a regression line") {
    // x_0 ~ N(0, C) with C = (1, 0.8; 0.8, 1), and y = first element + N(0, s^2) is seen. Then
    // x_0 | y ~ N(C_{.1} y/(1 + s^2), C - C_{.1} C_{1.}/(1 + s^2)).
    const double s2 = 0.04, y = 1.2;
    const gaussian_mixture prior({{1, {0, 0}, {1, 0.8, 0.8, 1}}});
    const vp_sde sde;
    // y | x_t ~ N(e_1 E[x_0 | x_t], e_1 Cov[x_0 | x_t] e_1 + s^2), and with J the Jacobian of the
    // posterior mean (symmetric here), Cov = sigma^2/alpha J (Tweedie's second formula).
    const auto gradient = [&](const vector& x, double t, vector& out) {
        const node at = node_at(sde.marginal, t);
        vector mean(x.size()), first(x.size()), row(x.size());
        prior(x, at, mean);
        for (std::size_t e = 0; e < x.size(); e += 2) first[e] = 1;
        prior.jacobian_product(x, at, first, row);
        for (std::size_t e = 0; e < x.size(); e += 2) {
            const double variance = at.sigma * at.sigma / at.alpha * row[e] + s2;
            for (std::size_t k = 0; k < 2; ++k) out[e + k] = (y - mean[e]) / variance * row[e + k];
        }
    };
    vector x(2 * 800), scratch = x;
    const time_grid grid = make_grid(sde.marginal, {1, 1e-3});
    draw_prior(x, grid.front(), gaussian_noise{3});
    classifier_guided guided(prior, gradient, 1, scratch);
    sample(x, ode_sampler(sde, grid, {.rtol = 1e-4, .atol = 1e-4}), guided);
    const moments_2d m = moments_of_points(x);
    CHECK(m.mean[0] == Approx(y / (1 + s2)).epsilon(0.02));
    CHECK(m.mean[1] == Approx(0.8 * y / (1 + s2)).epsilon(0.03));
    CHECK(m.covariance[0] == Approx(1 - 1 / (1 + s2)).epsilon(0.1));
    CHECK(m.covariance[1] == Approx(0.8 - 0.8 / (1 + s2)).epsilon(0.15));
    CHECK(m.covariance[2] == Approx(1 - 0.64 / (1 + s2)).epsilon(0.1));
}

TEST_CASE("inpainting: the known element is exact, the other follows the regression line") {
    // Their appendix I.2 puts a noised version of what is known into the state, which is an
    // approximation; corrections at each level bring it close: 0.8 * 1.2 = 0.96.
    const gaussian_mixture prior({{1, {0, 0}, {1, 0.8, 0.8, 1}}});
    vector x(2 * 800), known(x.size()), mask(x.size());
    for (std::size_t e = 0; e < x.size(); e += 2) {
        known[e] = 1.2;
        mask[e] = 1;
    }
    const time_grid grid = uniform_time(ve_geometric{}, 100, 1, 1e-3);
    draw_prior(x, grid.front(), gaussian_noise{5});
    const langevin corrector{.snr = 0.2, .steps = 2};
    sample(x,
           projected(langevin_corrected(reverse_diffusion{}, grid, corrector),
                     keep_known(known, mask)),
           prior, gaussian_noise{6});
    const moments_2d m = moments_of_points(x);
    for (std::size_t e = 0; e < x.size(); e += 2) CHECK(x[e] == 1.2);
    CHECK(m.mean[1] == Approx(0.96).epsilon(0.06));
    CHECK(m.covariance[2] == Approx(0.36).epsilon(0.2));
}
