#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <vector>

#include <diffusion/denoiser/guidance.hpp>
#include <diffusion/denoiser/guidance_rescale.hpp>
#include <diffusion/denoiser/prediction.hpp>
#include <diffusion/schedule/continuous.hpp>
#include <diffusion/tensor/std.hpp>

using namespace diffusion;
using doctest::Approx;
using vector = std::vector<double>;

namespace {

const auto with_prompt = [](const vector& x, double t, vector& out) {
    for (std::size_t e = 0; e < x.size(); ++e) out[e] = std::sin(x[e] + t) + 0.1;
};
const auto without_prompt = [](const vector& x, double, vector& out) {
    for (std::size_t e = 0; e < x.size(); ++e) out[e] = 0.3 * x[e];
};
const vector state{0.5, -1, 2, 0.3, 1.5, -0.7};
const node t = node_at(flow_schedule{}, 0.4);

vector answer(const auto& net) {
    vector out(state.size());
    net(state, t.t, out);
    return out;
}

double standard_deviation(const double* x, std::size_t n) {
    double sum = 0, squares = 0;
    for (std::size_t e = 0; e < n; ++e) sum += x[e], squares += x[e] * x[e];
    const double mean = sum / static_cast<double>(n);
    return std::sqrt(squares / static_cast<double>(n) - mean * mean);
}

}  // namespace

TEST_CASE("rescaled guidance is equations (14) to (16) of Lin et al. 2024, item by item") {
    const double w = 7.5;
    const vector c = answer(with_prompt), u = answer(without_prompt);
    for (const double phi : {0.0, 0.7, 1.0})
        for (const std::size_t items : {1u, 2u, 3u}) {
            vector found(6);
            guided_rescaled(with_prompt, without_prompt, w, phi, vector(6), items)(state, t.t,
                                                                                   found);
            const std::size_t n = 6 / items;
            for (std::size_t i = 0; i < items; ++i) {
                vector cfg(n);
                for (std::size_t e = 0; e < n; ++e)
                    cfg[e] = u[i * n + e] + w * (c[i * n + e] - u[i * n + e]);
                const double std_pos = standard_deviation(&c[i * n], n),
                             std_cfg = standard_deviation(cfg.data(), n);
                for (std::size_t e = 0; e < n; ++e) {
                    const double rescaled = cfg[e] * std_pos / std_cfg;
                    CHECK(found[i * n + e] ==
                          Approx(phi * rescaled + (1 - phi) * cfg[e]).epsilon(1e-12));
                }
            }
        }
}

TEST_CASE(
    "with phi = 1 the answer has the conditional one's contrast, with phi = 0 it is guidance") {
    vector full(6), none(6), plain(6);
    predicts_velocity(guided_rescaled(with_prompt, without_prompt, 5, 0, vector(6)))(state, t,
                                                                                     none);
    guided(predicts_velocity{with_prompt}, predicts_velocity{without_prompt}, 5, vector(6))(
        state, t, plain);
    for (std::size_t e = 0; e < 6; ++e) CHECK(none[e] == Approx(plain[e]).epsilon(1e-13));
    guided_rescaled(with_prompt, without_prompt, 5, 1, vector(6))(state, t.t, full);
    const vector c = answer(with_prompt);
    CHECK(standard_deviation(full.data(), 6) ==
          Approx(standard_deviation(c.data(), 6)).epsilon(1e-13));
}

TEST_CASE("rescaled guidance takes denoisers too, and then rescales x0-hat") {
    vector found(6), c(6), u(6);
    guided_rescaled denoise(predicts_noise{with_prompt}, predicts_noise{without_prompt}, 3, 1,
                            vector(6));
    static_assert(denoiser<decltype(denoise), vector>);
    denoise(state, t, found);
    predicts_noise{with_prompt}(state, t, c);
    CHECK(standard_deviation(found.data(), 6) ==
          Approx(standard_deviation(c.data(), 6)).epsilon(1e-13));
    const node pure{1, 0, 1, -INFINITY};
    CHECK_THROWS_AS(denoise.check(pure), std::invalid_argument);
    static_assert(
        !denoiser<guided_rescaled<decltype(with_prompt), decltype(without_prompt), vector>,
                  vector>);
    static_assert(
        model<guided_rescaled<decltype(with_prompt), decltype(without_prompt), vector>, vector>);
    static_cast<void>(u);
}

TEST_CASE("with w = 1 one network is asked, and an answer without contrast is left alone") {
    int calls = 0;
    const auto counted = [&](const vector& x, double, vector& out) {
        ++calls;
        out = x;
    };
    vector out(6);
    guided_rescaled(with_prompt, counted, 1, 0.7, vector(6))(state, t.t, out);
    CHECK(calls == 0);
    CHECK(out == answer(with_prompt));
    const auto flat = [](const vector& x, double) { return vector(x.size(), 2.0); };
    guided_rescaled(flat, flat, 4, 0.7, vector(6))(state, t.t, out);
    for (const double e : out) CHECK(e == Approx(2).epsilon(1e-14));
}

TEST_CASE("numbers that make no sense are refused") {
    const auto make = [](double w, double phi, std::size_t items) {
        return guided_rescaled(with_prompt, without_prompt, w, phi, vector(6), items);
    };
    CHECK_THROWS_AS(make(NAN, 0.7, 1), std::invalid_argument);
    CHECK_THROWS_AS(make(INFINITY, 0.7, 1), std::invalid_argument);
    CHECK_THROWS_AS(make(7, -0.1, 1), std::invalid_argument);
    CHECK_THROWS_AS(make(7, 1.1, 1), std::invalid_argument);
    CHECK_THROWS_AS(make(7, NAN, 1), std::invalid_argument);
    CHECK_THROWS_AS(make(7, 0.7, 4), std::invalid_argument);
    CHECK_THROWS_AS(make(7, 0.7, 0), std::invalid_argument);
}
