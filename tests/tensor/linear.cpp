#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include <diffusion/tensor/linear.hpp>
#include <diffusion/tensor/std.hpp>

using namespace diffusion;
using vector = std::vector<double>;

TEST_CASE("a formula is typed as it is printed") {
    const vector x_t{1, 2, 3}, x0{10, 20, 30}, z{-1, 0, 1};
    vector x_s(3);
    ref(x_s) = 0.5 * ref(x_t) + 2 * ref(x0) + 3 * ref(z);
    CHECK(x_s == vector{17.5, 41, 64.5});
    ref(x_s) = -1 * ref(x_t);
    CHECK(x_s == vector{-1, -2, -3});
}

TEST_CASE("the result may be any of the first six summands") {
    const vector u{1, 2}, v{10, 20};
    vector x{100, 200};
    ref(x) = 2 * ref(x) + 1 * ref(u);
    CHECK(x == vector{201, 402});
    ref(x) = 1 * ref(u) + 2 * ref(x) + 1 * ref(x);
    CHECK(x == vector{604, 1208});
    for (std::size_t place = 0; place < 6; ++place) {
        CAPTURE(place);
        vector y{7, 9};
        std::vector<term<double>> terms(8, term<double>{1, v});
        terms[place] = {3, y};
        assign(std::span<double>(y), std::span<const term<double>>(terms));
        CHECK(y == vector{7 * 10 + 21, 7 * 20 + 27});
    }
}

TEST_CASE("a sum may have any number of terms") {
    const vector one{1, -1};
    for (std::size_t n = 1; n <= 20; ++n) {
        CAPTURE(n);
        std::vector<term<double>> terms;
        double sum = 0;
        for (std::size_t k = 1; k <= n; ++k) {
            terms.push_back({static_cast<double>(k), one});
            sum += static_cast<double>(k);
        }
        vector out(2, 1e300);
        assign(std::span<double>(out), std::span<const term<double>>(terms));
        CHECK(out == vector{sum, -sum});
    }
    vector out(2);
    ref(out) = 1 * ref(one) + 2 * ref(one) + 3 * ref(one) + 4 * ref(one) + 5 * ref(one) +
               6 * ref(one) + 7 * ref(one) + 8 * ref(one);
    CHECK(out == vector{36, -36});
}

TEST_CASE("coefficients are doubles and are rounded to the tensor's precision once") {
    const std::vector<float> x{1.0F, 3.0F};
    std::vector<float> out(2);
    const double third = 1.0 / 3.0;
    ref(out) = third * ref(x);
    CHECK(out[0] == static_cast<float>(third));
    CHECK(out[1] == static_cast<float>(third) * 3.0F);
    ref(out) = 1e-50 * ref(x);  // too small for a float
    CHECK(out[0] == 0);
}

TEST_CASE("an empty tensor is combined into an empty tensor") {
    const vector x;
    vector out;
    ref(out) = 2 * ref(x) + 3 * ref(x);
    CHECK(out.empty());
}

TEST_CASE("every length gives the same elements, whatever the vector unit's width") {
    for (std::size_t n = 1; n <= 67; ++n) {
        std::vector<float> x(n), y(n), out(n);
        for (std::size_t e = 0; e < n; ++e) {
            x[e] = static_cast<float>(e);
            y[e] = static_cast<float>(e * e);
        }
        ref(out) = 2 * ref(x) + 0.5 * ref(y);
        bool all = true;
        for (std::size_t e = 0; e < n; ++e) all = all && out[e] == 2 * x[e] + 0.5F * y[e];
        CAPTURE(n);
        CHECK(all);
    }
}

TEST_CASE("infinities and not-a-numbers pass through a sum as they do in arithmetic") {
    const vector x{INFINITY, NAN, 1};
    vector out(3);
    ref(out) = 2 * ref(x) + 1 * ref(x);
    CHECK(out[0] == INFINITY);
    CHECK(std::isnan(out[1]));
    CHECK(out[2] == 3);
}
