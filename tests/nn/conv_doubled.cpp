#include <doctest/doctest.h>
#include <diffusion/nn/conv/winograd_doubled.hpp>
#include <diffusion/nn/convolution.hpp>
#include <diffusion/nn/jvp.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <vector>

#include "conv_cases.hpp"

using namespace diffusion::nn;
using namespace conv_cases;
using winograd::doubled;
using winograd::halved;

namespace {

template <class Kind>
struct maps {
    static void input(const double (&d)[Kind::window], double (&v)[Kind::data]) {
        Kind::template input<double>(d, v);
    }
    static void weights(const double (&g)[3], double (&u)[Kind::points]) {
        Kind::template weights<double>(g, u);
    }
    static void output(const double (&m)[Kind::points], double (&y)[Kind::outputs]) {
        Kind::template output<double>(m, y);
    }

    /// Output i of data unit l and weight unit k.
    static double response(std::size_t l, std::size_t k, std::size_t i) {
        double d[Kind::window] = {}, g[3] = {}, v[Kind::data], u[Kind::points], y[Kind::outputs];
        d[l] = g[k] = 1;
        input(d, v);
        weights(g, u);
        for (std::size_t p = 0; p < Kind::points; ++p) u[p] *= v[Kind::data_of[p]];
        output(u, y);
        return y[i];
    }
};

/// The image of s, each pixel repeated 2x2; or its transpose, the sums over such pixels.
std::vector<double> repeated(const conv_shape& s, std::size_t channels,
                             const std::vector<double>& x, bool sums = false) {
    const std::size_t size = s.batch * s.height * s.width * channels;
    std::vector<double> y(sums ? size : 4 * size);
    for (std::size_t n = 0; n < s.batch; ++n)
        for (std::size_t row = 0; row < 2 * s.height; ++row)
            for (std::size_t col = 0; col < 2 * s.width; ++col)
                for (std::size_t c = 0; c < channels; ++c) {
                    const std::size_t small =
                        ((n * s.height + row / 2) * s.width + col / 2) * channels + c;
                    const std::size_t large =
                        ((n * 2 * s.height + row) * 2 * s.width + col) * channels + c;
                    if (sums) y[small] += x[large];
                    else y[large] = x[small];
                }
    return y;
}

/// |m| in |m|^T for the matrix m (to x from).
std::vector<double> both_ways(const std::vector<double>& m, std::size_t from,
                              const std::vector<double>& in) {
    const std::size_t to = m.size() / from;
    std::vector<double> out(to * to);
    transform_magnitude(m.data(), to, from, false, in.data(), out.data());
    return out;
}

/// The largest sum of the magnitudes of all terms of a number of y for |d|, |g| <= 1 and one input
/// channel: by how much the roundings of one product can grow. The sum is that of one dimension
/// times that of the other, of whole tiles or of those that end with the image.
template <class Kind>
double growth() {
    const auto a = matrix_of<Kind::points, Kind::outputs>(maps<Kind>::output);
    const auto b = matrix_of<Kind::window, Kind::data>(maps<Kind>::input);
    const auto g = matrix_of<3, Kind::points>(maps<Kind>::weights);
    double most = 0;
    for (const std::size_t size : {4U, 2U})
        for (std::size_t i = 0; i < size * Kind::outputs / 4; ++i) {
            double sum = 0;
            for (std::size_t p = 0; p < Kind::points; ++p) {
                if (winograd::unused<Kind>(p, size)) continue;
                double of_g = 0, of_b = 0;
                for (std::size_t k = 0; k < 3; ++k) of_g += std::abs(g[p * 3 + k]);
                for (std::size_t l = 0; l < Kind::window; ++l)
                    of_b += std::abs(b[Kind::data_of[p] * Kind::window + l]) *
                            (l == 4 && winograd::continued<Kind>(size) ? 9 : 1);  // 5 d_2 - 4 d_0
                sum += std::abs(a[i * Kind::points + p]) * of_g * of_b;
            }
            most = std::max(most, sum);
        }
    return most * most;
}

/// The same for a number of dw and |dy| <= 1, of one tile.
double growth_of_weights() {
    const auto back = matrix_of<doubled::points, 3>(
        [](const double(&u)[5], double(&g)[3]) { doubled::weights_gradient<double>(u, g); });
    const auto a = matrix_of<4, doubled::points>(
        [](const double(&y)[4], double(&m)[5]) { doubled::output_gradient<double>(y, m); });
    const auto b = matrix_of<4, 4>(maps<doubled>::input);
    const auto data = both_ways(b, 4, std::vector<double>(16, 1));
    auto products = both_ways(a, 4, std::vector<double>(16, 1));
    for (std::size_t p = 0; p < products.size(); ++p)
        products[p] *= data[winograd::data_plane<doubled>(p)];
    return std::ranges::max(both_ways(back, doubled::points, products));
}

std::vector<conv_shape> shapes() {
    std::vector<conv_shape> all;
    const std::size_t channels[] = {16, 17, 31, 33, 48, 70}, sizes[] = {1, 2, 3, 4, 5, 7, 8, 9};
    std::size_t turn = 0;
    for (std::size_t in : channels)
        for (std::size_t out : channels) {
            all.push_back(
                {1 + turn % 4, sizes[turn % 8], sizes[(turn / 3 + 5) % 8], in, out, 3, 1, true});
            ++turn;
        }
    all.push_back({7, 14, 14, 32, 32, 3, 1, true});
    all.push_back({1, 1, 1, 16, 70, 3, 1, true});
    all.push_back({2, 1, 3, 5, 9, 3, 1, true});  // fits the vectors of SSE only
    all.push_back({3, 2, 2, 12, 8, 3, 1, true});
    return all;
}

}  // namespace

TEST_CASE("five products give four outputs of a doubled image") {
    for (std::size_t l = 0; l < 4; ++l)
        for (std::size_t k = 0; k < 3; ++k)
            for (std::size_t i = 0; i < 4;
                 ++i)  // y_i = sum over k of d_(i+k) g_k, d_j = z_((j+1)/2)
                CHECK(maps<doubled>::response(l, k, i) ==
                      doctest::Approx((i + k + 1) / 2 == l ? 1 : 0).epsilon(1e-14).scale(1));
}

TEST_CASE("and two sums of two outputs") {
    for (std::size_t l = 0; l < 6; ++l)
        for (std::size_t k = 0; k < 3; ++k)
            for (std::size_t i = 0; i < 2; ++i)
                CHECK(maps<halved>::response(l, k, i) ==
                      doctest::Approx(2 * i + k == l || 2 * i + 1 + k == l ? 1 : 0)
                          .epsilon(1e-14)
                          .scale(1));
}

TEST_CASE("the transforms of the gradient of the weights are the transposes") {
    const auto a = matrix_of<5, 4>(maps<doubled>::output);
    const auto g = matrix_of<3, 5>(maps<doubled>::weights);
    const auto a_back = matrix_of<4, 5>(
        [](const double(&y)[4], double(&m)[5]) { doubled::output_gradient<double>(y, m); });
    const auto g_back = matrix_of<5, 3>(
        [](const double(&u)[5], double(&w)[3]) { doubled::weights_gradient<double>(u, w); });
    for (std::size_t p = 0; p < 5; ++p) {
        for (std::size_t i = 0; i < 4; ++i)
            CHECK(a_back[p * 4 + i] == doctest::Approx(a[i * 5 + p]));
        for (std::size_t i = 0; i < 3; ++i)
            CHECK(g_back[i * 5 + p] == doctest::Approx(g[p * 3 + i]));
    }
}

TEST_CASE("a doubled image is convolved within the count of its roundings") {
    workspace scratch;
    // Each term goes through the roundings of three transforms in two dimensions: of at most 3
    // operations on the data (4 on the way back: 5 d_2, minus, and two more), 4 on the weights (one
    // of them of a constant) and 3 on the products; in the gradient of the weights 3, 3 and 6.
    const double ways = 2 * (3 + 4 + 3), ways_back = 2 * (4 + 4 + 3);
    const double ways_of_weights = 2 * (3 + 3 + 6);
    for (const conv_shape& s : shapes()) {
        CAPTURE(name(s));
        if (!winograd_fits<float>(s.in, s.out)) continue;
        const fast<float> f(s, scratch);
        const conv_shape large = s.of_doubled();
        const exact right(large, repeated(s, s.in, as_double(f.x)), as_double(f.w),
                          as_double(f.bias), as_double(f.dy));
        CHECK(exact(s, f).dw == right.dw);
        CHECK(exact(s, f).y == right.y);
        const auto in = static_cast<double>(s.in), out = static_cast<double>(s.out);
        const double tiles = static_cast<double>(winograd::tiling(large, {}).count);
        const std::vector<double> y(f.y.size(), growth<doubled>() * in + 1),
            dx(f.dx.size(), growth<halved>() * out), dw(f.dw.size(), growth_of_weights() * tiles);
        CHECK(worst_error(f.y, right.y, bounds<float>(y, in + ways + 2)) <= 1);
        CHECK(worst_error(f.dx, repeated(s, s.in, right.dx, true),
                          bounds<float>(dx, out + ways_back + 1)) <= 1);
        CHECK(worst_error(f.dw, right.dw, bounds<float>(dw, tiles + ways_of_weights + 2)) <= 1);
    }
}

TEST_CASE("with 64 channels the error of a doubled image is below 3e-6 of the root mean square") {
    const conv_shape s{2, 8, 7, 64, 64, 3, 1, true};
    workspace scratch;
    const fast<float> f(s, scratch);
    const exact right(s.of_doubled(), repeated(s, 64, as_double(f.x)), as_double(f.w),
                      as_double(f.bias), as_double(f.dy));
    const auto relative = [](const std::vector<float>& computed,
                             const std::vector<double>& exactly) {
        double error = 0, size = 0;
        for (std::size_t i = 0; i < computed.size(); ++i) {
            error += std::pow(static_cast<double>(computed[i]) - exactly[i], 2);
            size += exactly[i] * exactly[i];
        }
        return std::sqrt(error / size);
    };
    CHECK(relative(f.y, right.y) < 3e-6);
    CHECK(relative(f.dx, repeated(s, 64, right.dx, true)) < 3e-6);
    CHECK(relative(f.dw, right.dw) < 3e-6);
}

TEST_CASE("a doubled image has the same bits in one call and cut into ranges of rows") {
    const conv_shape s{2, 7, 5, 17, 33, 3, 1, true};
    workspace scratch;
    const fast<float> f(s, scratch);
    std::vector<float> prepared(conv_prepared_size<float>(s)), y(f.y.size()), dx(f.dx.size());
    conv_prepare_forward(s, f.w.data(), prepared.data());
    for (const auto [first, last] : {std::array<std::size_t, 2>{0, 3}, {3, 10}, {10, 99}})
        conv_forward_prepared(s, f.x.data(), prepared.data(), f.bias.data(), y.data(), scratch,
                              {first, last});
    CHECK(y == f.y);
    conv_prepare_backward_data(s, f.w.data(), prepared.data());
    for (const auto [first, last] : {std::array<std::size_t, 2>{0, 3}, {3, 4}, {4, 99}})
        conv_backward_data_prepared(s, f.dy.data(), prepared.data(), dx.data(), scratch,
                                    {first, last});
    CHECK(dx == f.dx);
}

TEST_CASE("weights for doubled images past the caches have the same bits, wherever they lie") {
    const std::size_t in = 33, out = 70;
    const std::vector<float> w = numbers<float>(9 * in * out, 3);
    const std::size_t size = conv_prepared_size<float>({1, 1, 1, in, out, 3, 1, true});
    workspace memory;
    float* const expected = memory.take<float>(size);
    float* const room = memory.keep<float>(size + 1);
    for (const std::size_t shift : {0u, 1u})
        for (const bool backward : {false, true}) {
            const auto prepare =
                backward ? conv_prepare_backward_data<float> : conv_prepare_forward<float>;
            std::fill_n(expected, size, 7.f);
            std::fill_n(room, size + 1, 7.f);
            prepare({1, 1, 1, in, out, 3, 1, true}, w.data(), expected, false);
            prepare({1, 1, 1, in, out, 3, 1, true}, w.data(), room + shift, true);
            CHECK(std::equal(expected, expected + size, room + shift));
        }
}

TEST_CASE("a layer that doubles first has kernel 3 and stride 1") {
    parameters<float> store(1);
    CHECK_THROWS_AS(conv2d<float>(store, "a", 32, 32, 5, 1, false, true), std::invalid_argument);
    CHECK_THROWS_AS(conv2d<float>(store, "b", 32, 32, 3, 2, false, true), std::invalid_argument);
}

TEST_CASE("a layer that doubles first is the layer behind an up-sampling, in both precisions") {
    const auto compare = [](auto precision, std::size_t channels, double tolerance) {
        using T = decltype(precision);
        CAPTURE(channels);
        parameters<T> store(1);
        const auto layer = conv2d<T>::of_doubled(store, "up", channels, 18);
        const shape s{3, 3, 5, channels};
        const std::vector<T> x = numbers<T>(s.size(), 1), v = numbers<T>(s.size(), 2),
                             seed = numbers<T>(3 * 6 * 10 * 18, 3);
        const auto run = [&](bool by_hand) {
            std::vector<T> gradient(store.values().size()), all;
            diffusion::nn::tape<T> tape;
            tape.collect(store, gradient);
            store.prepare(true);
            const auto in = tape.input(s, x.data());
            const auto y = by_hand ? convolve(upsample_nearest(in), tape.use(layer.weight),
                                              tape.use(layer.bias), 18, 3)
                                   : layer(in);
            CHECK(y.shape() == shape{3, 6, 10, 18});
            all.assign(y.values().begin(), y.values().end());
            tape.backward(y, seed);
            all.insert(all.end(), in.gradient().begin(), in.gradient().end());
            all.insert(all.end(), gradient.begin(), gradient.end());
            const dual<T> d{tape.constant(s, x.data()), tape.constant(s, v.data())};
            const dual<T> moved = by_hand ? convolve(upsample_nearest(d), tape.use(layer.weight),
                                                     tape.use(layer.bias), 18, 3)
                                          : layer(d);
            const auto tangent = moved.tangent;
            all.insert(all.end(), tangent.values().begin(), tangent.values().end());
            return all;
        };
        const std::vector<T> one = run(false), other = run(true);
        REQUIRE(one.size() == other.size());
        double largest = 0, error = 0;
        for (std::size_t i = 0; i < one.size(); ++i) {
            largest = std::max(largest, std::abs(static_cast<double>(other[i])));
            error = support::worse(error, std::abs(static_cast<double>(one[i] - other[i])));
        }
        CHECK(error <= tolerance * largest);
    };
    compare(0.0F, 32, 1e-5);  // by the method of its own
    compare(0.0F, 3, 0);      // too few channels for it, on one side or the other
    compare(0.0F, 1, 0);
    compare(0.0, 32, 0);
}
