#include <doctest/doctest.h>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <diffusion/nn/conv/winograd.hpp>
#include <diffusion/nn/conv/winograd_doubled.hpp>
#include <support/worse.hpp>
#include <utility>
#include <vector>

#include "conv_cases.hpp"

using namespace diffusion::nn;
using namespace conv_cases;

namespace {

const auto input = [](const double (&d)[6], double (&v)[6]) {
    winograd::same_size::input<double>(d, v);
};
const auto weights = [](const double (&g)[3], double (&u)[6]) {
    winograd::same_size::weights<double>(g, u);
};
const auto output = [](const double (&m)[6], double (&y)[4]) {
    winograd::same_size::output<double>(m, y);
};

}  // namespace

TEST_CASE("six products give four outputs of three taps: y = A^T [(G g) * (B^T d)]") {
    for (int l = 0; l < 6; ++l)
        for (int k = 0; k < 3; ++k) {
            double d[6] = {}, g[3] = {}, v[6], u[6], y[4];
            d[l] = g[k] = 1;
            input(d, v);
            weights(g, u);
            for (int p = 0; p < 6; ++p) v[p] *= u[p];
            output(v, y);
            for (int i = 0; i < 4; ++i)
                CHECK(y[i] == doctest::Approx(i + k == l ? 1 : 0).epsilon(1e-14).scale(1));
        }
}

TEST_CASE("the transforms are the polynomials through six points that the header derives") {
    const matrices m;
    const auto b = matrix_of<6, 6>(input), g = matrix_of<3, 6>(weights),
               a = matrix_of<6, 4>(output);
    for (std::size_t p = 0; p < 6; ++p) {
        for (std::size_t i = 0; i < 6; ++i)
            CHECK(b[p * 6 + i] == doctest::Approx(m.b[p][i]).epsilon(1e-14).scale(1));
        for (std::size_t i = 0; i < 3; ++i)
            CHECK(g[p * 3 + i] == doctest::Approx(m.g[p][i]).epsilon(1e-14).scale(1));
        for (std::size_t i = 0; i < 4; ++i)
            CHECK(a[i * 6 + p] == doctest::Approx(m.a[p][i]).epsilon(1e-14).scale(1));
    }
}

TEST_CASE("the transforms of the gradients are the transposes") {
    const auto a = matrix_of<6, 4>(output), g = matrix_of<3, 6>(weights);
    const auto a_back = matrix_of<4, 6>([](const double(&y)[4], double(&m)[6]) {
        winograd::same_size::output_gradient<double>(y, m);
    });
    const auto g_back = matrix_of<6, 3>([](const double(&u)[6], double(&w)[3]) {
        winograd::same_size::weights_gradient<double>(u, w);
    });
    for (std::size_t p = 0; p < 6; ++p) {
        for (std::size_t i = 0; i < 4; ++i)
            CHECK(a_back[p * 4 + i] == doctest::Approx(a[i * 6 + p]));
        for (std::size_t i = 0; i < 3; ++i)
            CHECK(g_back[i * 6 + p] == doctest::Approx(g[p * 3 + i]));
    }
}

TEST_CASE_TEMPLATE("tiles at the border do without what no wanted output sees", Kind,
                   winograd::same_size, winograd::halved) {
    constexpr std::size_t step = 4 / Kind::outputs;  // an output is a sum of so many
    for (std::size_t size = step; size <= 4; size += step)
        for (std::size_t l = 0; l < size + 2; ++l)
            for (std::size_t k = 0; k < 3; ++k) {
                double d[6] = {}, g[3] = {}, v[Kind::data], u[Kind::points], y[Kind::outputs];
                d[l] = g[k] = 1;
                if (winograd::continued<Kind>(size))
                    d[4] = Kind::template beyond<double>(d[0], d[2]);
                Kind::template input<double>(d, v);
                Kind::template weights<double>(g, u);
                for (std::size_t p = 0; p < Kind::points; ++p)
                    u[p] = winograd::unused<Kind>(p, size) ? 0 : u[p] * v[p];
                Kind::template output<double>(u, y);
                for (std::size_t i = 0; i < size / step; ++i)
                    CHECK(y[i] == doctest::Approx(l >= step * i + k && l < step * (i + 1) + k)
                                      .epsilon(1e-14)
                                      .scale(1));
            }
}

TEST_CASE("each tile lies among those that want a product if its outputs need it") {
    using Kind = winograd::same_size;
    std::size_t products[15][15] = {};  // of one image, by its size
    for (std::size_t height = 1; height < 15; ++height)
        for (std::size_t width = 1; width < 15; ++width) {
            CAPTURE(height);
            CAPTURE(width);
            const winograd::tiling tiles({3, height, width}, {});
            winograd::tile_strip strip(tiles);
            for (std::size_t first = 0; first < tiles.count; first += 7) {
                const std::size_t count = std::min<std::size_t>(7, tiles.count - first);
                strip.take(first, count);
                REQUIRE(strip.count() == count);
                std::vector<bool> seen(tiles.count);
                for (std::size_t t = 0; t < count; ++t) {
                    const auto [image, row, col] = strip[t];
                    const std::size_t index =
                        (image * tiles.down + row / 4) * tiles.across + col / 4;
                    REQUIRE((index >= first && index < first + count && !seen[index]));
                    seen[index] = true;
                    for (std::size_t p = 0; p < 36; ++p) {
                        const auto [from, to] = strip.wanting<Kind>(p);
                        const bool wanted = t >= from && t < to;
                        CHECK(wanted == (!winograd::unused<Kind>(
                                             p / 6, std::min<std::size_t>(height - row, 4)) &&
                                         !winograd::unused<Kind>(
                                             p % 6, std::min<std::size_t>(width - col, 4))));
                        products[height][width] += wanted && image == 0;
                    }
                }
            }
        }
    CHECK(products[4][4] == 36);
    CHECK(products[7][7] == 11 * 11);
    CHECK(products[14][14] == 22 * 22);
    CHECK(products[1][3] == 4 * 5);
    CHECK(products[9][12] == 16 * 18);
}

TEST_CASE("its terms weigh 8.3 times as much in each dimension, 16 with the usual points") {
    CHECK(matrices().growth() == doctest::Approx(8.2998).epsilon(1e-4));
    CHECK(matrices(1, 2).growth() == doctest::Approx(16));
}

TEST_CASE("in float its error stays within the count of its roundings") {
    workspace scratch;
    std::size_t tried = 0;
    for (const conv_shape& s : sweep()) {
        if (conv_method_for<float>(s) != conv_method::winograd) continue;
        ++tried;
        CAPTURE(name(s));
        const fast<float> f(s, scratch);
        const exact right(s, f);
        const auto x = magnitude(as_double(f.x)), w = magnitude(as_double(f.w)),
                   bias = magnitude(as_double(f.bias)), dy = magnitude(as_double(f.dy));
        const winograd_magnitudes forward(s, x, w, bias, dy);

        conv_shape reversed = s;  // dx is the convolution of dy with flipped and transposed weights
        std::swap(reversed.in, reversed.out);
        std::vector<double> flipped(w.size());
        for (std::size_t k = 0; k < 9; ++k)
            for (std::size_t i = 0; i < s.in; ++i)
                for (std::size_t o = 0; o < s.out; ++o)
                    flipped[(k * s.out + o) * s.in + i] = w[((8 - k) * s.in + i) * s.out + o];
        const winograd_magnitudes back(reversed, dy, flipped, std::vector<double>(s.in), x);

        // a product, its additions, for y one more to the bias
        const double ways = input_roundings + weight_roundings + output_roundings;
        const auto in = static_cast<double>(s.in), out = static_cast<double>(s.out);
        CHECK(worst_error(f.y, right.y, bounds<float>(forward.y, in + ways + 2)) <= 1);
        CHECK(worst_error(f.dx, right.dx, bounds<float>(back.y, out + ways + 1)) <= 1);

        // dw of few tiles goes the direct way: one or the other bound holds
        const auto tiles = static_cast<double>(winograd::tiling(s, {}).count);
        const auto pixels = static_cast<double>(s.batch * s.height * s.width);
        std::vector<double> dw = bounds<float>(forward.dw, tiles + ways + 1);
        const std::vector<double> direct = bounds<float>(exact::of_magnitudes(s, f).dw, pixels);
        for (std::size_t i = 0; i < dw.size(); ++i) dw[i] = std::max(dw[i], direct[i]);
        CHECK(worst_error(f.dw, right.dw, dw) <= 1);
    }
    CHECK(tried > 50);
}

TEST_CASE("with 64 channels the error is below 2e-6 of the largest output") {
    const conv_shape s{2, 14, 14, 64, 64};
    workspace scratch;
    const fast<float> f(s, scratch);
    const exact expected(s, f);
    const auto relative = [](const std::vector<float>& computed, const std::vector<double>& right) {
        double error = 0, largest = 0;
        for (std::size_t i = 0; i < computed.size(); ++i) {
            error = support::worse(error, std::abs(static_cast<double>(computed[i]) - right[i]));
            largest = std::max(largest, std::abs(right[i]));
        }
        return error / largest;
    };
    CHECK(relative(f.y, expected.y) < 2e-6);
    CHECK(relative(f.dx, expected.dx) < 2e-6);
    CHECK(relative(f.dw, expected.dw) < 2e-6);
}

TEST_CASE("weights that are written past the caches have the same bits, wherever they lie") {
    const std::size_t in = 33, out = 35;
    const std::vector<float> w = numbers<float>(9 * in * out, 3);
    const std::size_t size = std::max(winograd::prepared_size<float, winograd::same_size>(in, out),
                                      winograd::prepared_size<float, winograd::same_size>(out, in));
    workspace memory;
    float* const expected = memory.take<float>(size);
    float* const room = memory.keep<float>(size + 1);
    for (const std::size_t shift : {0u, 1u})
        for (const bool backward : {false, true}) {
            CAPTURE(shift);
            const auto prepare = backward
                                     ? winograd::prepare_backward_data<winograd::same_size, float>
                                     : winograd::prepare_forward<winograd::same_size, float>;
            std::fill_n(expected, size, 7.f);
            std::fill_n(room, size + 1, 7.f);
            prepare(in, out, w.data(), expected, false);
            prepare(in, out, w.data(), room + shift, true);
            CHECK(std::equal(expected, expected + size, room + shift));
        }
}
