#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include <diffusion/denoiser/precondition.hpp>
#include <diffusion/schedule/continuous.hpp>
#include <diffusion/schedule/trigflow.hpp>
#include <diffusion/tensor/std.hpp>

using namespace diffusion;
using doctest::Approx;
using vector = std::vector<double>;

namespace {

const auto identity = [](const vector& x, double, vector& out) { out = x; };

node exploding(double sigma) { return {sigma, 1, sigma, -std::log(sigma)}; }

}  // namespace

TEST_CASE("EDM's scalings give the network input and target of unit variance") {
    // Karras et al. 2022, appendix B.6: for data of variance sigma_data^2 and x = x_0 + sigma eps
    // the input c_in x has variance 1, and so has the target (x_0 - c_skip x)/c_out.
    const edm_scaling scaling{0.7};
    const double data = 0.49;
    for (const double sigma : {0.002, 0.3, 1.0, 7.0, 80.0}) {
        const auto [skip, out, in, time] = scaling(exploding(sigma));
        CHECK(in * in * (data + sigma * sigma) == Approx(1).epsilon(1e-14));
        const double target = (1 - skip) * (1 - skip) * data + skip * skip * sigma * sigma;
        CHECK(target / (out * out) == Approx(1).epsilon(1e-10));
        CHECK(time == Approx(std::log(sigma) / 4).epsilon(1e-14));
    }
}

TEST_CASE("on any schedule the scalings see x/alpha and sigma/alpha") {
    const node n = node_at(vp_linear{}, 0.4);
    const auto net = [](const vector& x, double t, vector& out) { out = {std::sin(x[0] + t)}; };
    vector x0(1), same(1);
    preconditioned(net, edm_scaling{}, vector(1))(vector{0.6}, n, x0);
    preconditioned(net, edm_scaling{}, vector(1))(vector{0.6 / n.alpha},
                                                  exploding(n.sigma / n.alpha), same);
    CHECK(x0[0] == Approx(same[0]).epsilon(1e-13));
}

TEST_CASE("a consistency model is the identity at sigma_min, and EDM's denoiser far above it") {
    const consistency_scaling scaling{0.5, 0.002};
    const auto at_end = scaling(exploding(0.002));
    CHECK(at_end.skip == 1);
    CHECK(at_end.out == 0);
    const auto high = scaling(exploding(80)), edm = edm_scaling{0.5}(exploding(80));
    CHECK(high.skip == Approx(edm.skip).epsilon(1e-3));
    CHECK(high.out == Approx(edm.out).epsilon(1e-3));
    CHECK(high.in == edm.in);
    CHECK(high.time == Approx(1000 * edm.time).epsilon(1e-15));
    // Song et al. 2023, appendix C, at sigma = 1
    const auto one = scaling(exploding(1));
    CHECK(one.skip == Approx(0.25 / (0.998 * 0.998 + 0.25)).epsilon(1e-14));
    CHECK(one.out == Approx(0.5 * 0.998 / std::sqrt(1.25)).epsilon(1e-14));
}

TEST_CASE("TrigFlow's network is a velocity on the circle") {
    const auto net = [](const vector& x, double t, vector& out) { out = {std::cos(3 * x[0]) + t}; };
    for (const double t : {0.01, 0.7, 1.5}) {
        const vector x{0.4};
        vector x0(1), same(1);
        const node n = node_at(trigflow_schedule{1}, t);
        preconditioned(net, trigflow_scaling{1}, vector(1))(x, n, x0);
        predicts_velocity{net}(x, n, same);
        CHECK(x0[0] == Approx(same[0]).epsilon(1e-13));
        // Lu and Song 2025, eq. 5
        preconditioned(net, trigflow_scaling{0.5}, vector(1))(x, node_at(trigflow_schedule{0.5}, t),
                                                              x0);
        CHECK(
            x0[0] ==
            Approx(std::cos(t) * 0.4 - std::sin(t) * 0.5 * (std::cos(3 * 0.8) + t)).epsilon(1e-13));
    }
}

TEST_CASE("a scaling is any callable, and refused where it is not finite") {
    const auto own = [](const node& n) { return precondition_weights{1, 2, 3, n.t}; };
    vector x0(1);
    preconditioned denoise(identity, own, vector(1));
    denoise(vector{5}, exploding(1), x0);
    CHECK(x0[0] == 5 + 2 * 3 * 5);
    CHECK_NOTHROW(denoise.check(exploding(1)));
    const node pure{1, 0, 1, -std::numeric_limits<double>::infinity()};
    CHECK_THROWS_AS(preconditioned(identity, edm_scaling{}, vector(1)).check(pure),
                    std::invalid_argument);
    for (const double bad : {0.0, -0.5, double(NAN), double(INFINITY)}) {
        CHECK_THROWS_AS(edm_scaling{bad}(exploding(1)), std::invalid_argument);
        CHECK_THROWS_AS(consistency_scaling{bad}(exploding(1)), std::invalid_argument);
        CHECK_THROWS_AS(trigflow_scaling{bad}(exploding(1)), std::invalid_argument);
    }
}

TEST_CASE("the boundary of latent consistency models") {
    const auto three = [](const vector&, const node&, vector& x0) { x0 = {3}; };
    vector x0(1);
    with_boundary denoise(three);
    denoise(vector{7}, node{0, 1, 0.01, 4}, x0);
    CHECK(x0[0] == 7);  // the identity at t = 0
    const double tau = 10 * 4, root = std::sqrt(tau * tau + 0.25);
    denoise(vector{7}, node{4, 1, 0.1, 2}, x0);
    CHECK(x0[0] == Approx(0.25 / (tau * tau + 0.25) * 7 + tau / root * 3).epsilon(1e-14));
    with_boundary(three, 10, 0.5, [](const node&) { return 0.0; })(vector{7}, node{4, 1, 0.1, 2},
                                                                   x0);
    CHECK(x0[0] == 7);
    CHECK_THROWS_AS(with_boundary(three, 0), std::invalid_argument);
    CHECK_THROWS_AS(with_boundary(three, 10, -1), std::invalid_argument);
    const node pure{1, 0, 1, -std::numeric_limits<double>::infinity()};
    CHECK_THROWS_AS(with_boundary(predicts_noise(identity)).check(pure), std::invalid_argument);
}

TEST_CASE("the product with the Jacobian of a preconditioned network is that of its denoiser") {
    struct network {  // F_i = sin(x_i + 2 x_(1-i) + t), so J is not symmetric
        void operator()(const vector& x, double t, vector& out) const {
            out = {std::sin(x[0] + 2 * x[1] + t), std::sin(x[1] + 3 * x[0] + t)};
        }
        void with_product(const vector& x, double t, const vector& v, vector& out,
                          vector& jv) const {
            const double a = v[0] * std::cos(x[0] + 2 * x[1] + t);
            const double b = v[1] * std::cos(x[1] + 3 * x[0] + t);
            (*this)(x, t, out);
            jv = {a + 3 * b, 2 * a + b};  // J^T v
        }
    };
    const node at = node_at(vp_linear{}, 0.4);
    const vector x = {0.6, -0.2}, v = {0.7, 0.3};
    preconditioned denoise(network{}, edm_scaling{}, vector(2));
    vector x0(2), same(2), jv(2);
    denoise.with_product(x, at, v, x0, jv);
    denoise(x, at, same);
    CHECK(x0 == same);
    for (std::size_t i = 0; i < 2; ++i) {  // v . dD/dx_i
        vector up = x, down = x, above(2), below(2);
        up[i] += 1e-5, down[i] -= 1e-5;
        denoise(up, at, above);
        denoise(down, at, below);
        const double slope = v[0] * (above[0] - below[0]) + v[1] * (above[1] - below[1]);
        CHECK(jv[i] == Approx(slope / 2e-5).epsilon(1e-8));
    }
    static_assert(differentiable_denoiser<decltype(denoise), vector>);
    using without = preconditioned<decltype(identity), edm_scaling, vector>;
    static_assert(!differentiable_denoiser<without, vector>);
}
