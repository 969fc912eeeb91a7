#include <doctest/doctest.h>

#include <cstddef>
#include <span>
#include <vector>

#include <diffusion/discrete/binomial_process.hpp>
#include <diffusion/discrete/categorical_bound.hpp>
#include <diffusion/discrete/categorical_sampler.hpp>
#include <diffusion/discrete/d3pm.hpp>

using namespace diffusion;
using doctest::Approx;

TEST_CASE("with two states the uniform process of D3PM is binomial diffusion") {
    const binomial_process bits(reciprocal_beta{}, 8);
    const auto states = uniform_d3pm(2, reciprocal_beta{}, 8);
    std::vector<double> out(2);
    for (std::size_t t = 0; t <= 8; ++t)
        for (std::size_t s = 0; s < t; ++s)
            for (std::size_t i = 0; i < 2; ++i)
                for (std::size_t j = 0; j < 2; ++j) {
                    CHECK(bits.kernel(s, t)(i, j) ==
                          Approx(states.kernel(s, t)(i, j)).epsilon(1e-12).scale(1));
                    posterior(step_back(states, t, s), i, j, out);  // x_t = i, x_0 = j
                    if (states.jump(t)(j, i) > 0)
                        CHECK(bits.posterior(s, t).one[i][j] ==
                              Approx(out[1]).epsilon(1e-12).scale(1));
                }
    for (std::size_t i = 0; i < 2; ++i) CHECK(bits.prior(i) == states.prior(i));
}

TEST_CASE("whatever is made for categorical processes takes binomial diffusion, too") {
    static_assert(categorical_process<binomial_process>);
    const binomial_process bits(reciprocal_beta{}, 8);
    const auto states = uniform_d3pm(2, reciprocal_beta{}, 8);
    const auto predict = [](std::span<const std::size_t> x_t, std::size_t,
                            std::span<double> logits) {
        for (std::size_t i = 0; i < x_t.size(); ++i) {
            logits[2 * i] = 0;
            logits[2 * i + 1] = x_t[i] == 1 ? 0.7 : -0.2;
        }
    };
    const std::vector<std::size_t> x_0 = {0, 1, 1, 0, 1};
    CHECK(categorical_variational_bound(bits, x_0, predict, 3).nats() ==
          Approx(categorical_variational_bound(states, x_0, predict, 3).nats()).epsilon(1e-12));
    std::vector<std::size_t> a(100), b(100);
    sample_states(std::span(a), categorical_sampler(bits), predict, 3);
    sample_states(std::span(b), categorical_sampler(states), predict, 3);
    CHECK(a == b);
}
