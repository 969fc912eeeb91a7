#include <doctest/doctest.h>
#include <diffusion/nn/elementwise.hpp>
#include <diffusion/nn/softmax.hpp>
#include <nn/gradient_check.hpp>
#include <support/worse.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace nn = diffusion::nn;
using diffusion::test::check_gradient;

TEST_CASE("softmax makes each position's channels positive with sum 1") {
    check_gradient({{2, 3, 1, 5}}, [](auto&, const auto& v) { return nn::softmax(v[0]); });
    check_gradient({{1, 1, 2, 17}}, [](auto&, const auto& v) {
        return nn::add(nn::softmax(v[0]), nn::softmax(nn::scale(v[0], -2.0)));
    });
    const nn::shape s{2, 1, 3, 4};
    const std::vector<double> x = diffusion::test::normals(s.size(), 4);
    nn::tape<double> tape;
    const auto y = nn::softmax(tape.constant(s, x.data()));
    double worst = 0;
    for (std::size_t p = 0; p < 6; ++p) {
        double sum = 0;
        for (std::size_t c = 0; c < 4; ++c) sum += std::exp(x[4 * p + c]);
        for (std::size_t c = 0; c < 4; ++c)
            worst =
                support::worse(worst, std::abs(y.data()[4 * p + c] - std::exp(x[4 * p + c]) / sum));
    }
    CHECK(worst < 1e-15);
    nn::tape<float> tapef;
    const std::vector<float> far = {1000, -1000, 1000};
    const auto z = nn::softmax(tapef.constant({1, 1, 1, 3}, far.data()));
    CHECK(std::vector<float>(z.values().begin(), z.values().end()) ==
          std::vector<float>{0.5F, 0, 0.5F});
}

TEST_CASE("a row's softmax is found again, to the bit, from two numbers") {
    for (std::size_t columns : {1U, 7U, 16U, 50U}) {
        const std::vector<double> z = diffusion::test::normals(columns, 5);
        std::vector<float> once(z.begin(), z.end()), again = once;
        const auto norm = nn::detail::softmax_row(columns, once.data());
        nn::detail::softmax_row_again(columns, norm, again.data());
        CHECK(once == again);
        CHECK(norm.largest == static_cast<float>(*std::max_element(z.begin(), z.end())));
    }
}
