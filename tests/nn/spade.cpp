#include <doctest/doctest.h>
#include <diffusion/nn/spade.hpp>
#include <nn/gradient_check.hpp>

#include <algorithm>
#include <cstddef>
#include <stdexcept>
#include <vector>

namespace nn = diffusion::nn;
using diffusion::test::check_gradient;

TEST_CASE("SPADE modulates each position by the map of labels") {
    nn::parameters<double> store(3);
    const nn::spade_layer<double> spade(store, "s", 4, {.labels = 2, .hidden = 3, .groups = 2});
    CHECK(spade);
    CHECK_FALSE(nn::spade_layer<double>());
    const nn::shape s{1, 3, 5, 4};
    const std::vector<double> x = diffusion::test::normals(s.size(), 1), map(30, 0.5);
    nn::tape<double> tape;
    const auto v = tape.constant(s, x.data()), m = tape.constant({1, 3, 5, 2}, map.data());
    const auto y = spade(v, m);
    const nn::var<double> none;
    const auto norm = nn::group_norm(v, none, none, {.groups = 2});
    const auto h = nn::relu(spade.shared(m));
    const auto gamma = spade.gamma(h), beta = spade.beta(h);
    for (std::size_t i = 0; i < s.size(); ++i)
        CHECK(y.data()[i] ==
              doctest::Approx(norm.data()[i] * (1 + gamma.data()[i]) + beta.data()[i])
                  .epsilon(1e-13));
    CHECK_THROWS_AS(spade(v, tape.constant({1, 5, 3, 2}, map.data())), std::invalid_argument);
    CHECK_THROWS_AS(spade(v, tape.constant({1, 3, 5, 1}, map.data())), std::invalid_argument);
}

TEST_CASE("the gradients of SPADE are right in x, the map and the shift, for odd sizes") {
    struct sizes {
        nn::shape x;
        std::size_t labels, groups;
    };
    for (const sizes& s : {sizes{{2, 3, 2, 4}, 2, 2}, {{1, 1, 5, 6}, 1, 3}, {{3, 2, 1, 5}, 3, 1}}) {
        INFO(nn::to_string(s.x));
        nn::parameters<double> store(3);
        const nn::spade_layer<double> spade(store, "s", s.x.channels,
                                            {.labels = s.labels, .hidden = 3, .groups = s.groups});
        check_gradient(
            {s.x, s.x.with_channels(s.labels), {s.x.items, 1, 1, s.x.channels}},
            [&](auto&, const auto& v) { return spade(v[0], v[1], v[2]); }, 1e-6);
    }
}

TEST_CASE("a map that is the same everywhere modulates all positions alike") {
    nn::parameters<double> store(3);
    const nn::spade_layer<double> spade(store, "s", 2,
                                        {.labels = 1, .hidden = 2, .kernel = 1, .groups = 1});
    nn::tape<double> tape;
    const nn::shape s{1, 4, 3, 2};
    const std::vector<double> x = diffusion::test::normals(s.size(), 1), map(12, 0.7);
    const auto y = spade(tape.constant(s, x.data()), tape.constant({1, 4, 3, 1}, map.data()));
    const nn::var<double> none;
    const auto norm = nn::group_norm(tape.constant(s, x.data()), none, none, {.groups = 1});
    for (std::size_t c = 0; c < 2; ++c) {  // the same straight line through all pixels
        const double slope =
            (y.data()[2 + c] - y.data()[c]) / (norm.data()[2 + c] - norm.data()[c]);
        for (std::size_t p = 2; p < 12; ++p)
            CHECK(
                y.data()[2 * p + c] - y.data()[c] ==
                doctest::Approx(slope * (norm.data()[2 * p + c] - norm.data()[c])).epsilon(1e-10));
    }
}
