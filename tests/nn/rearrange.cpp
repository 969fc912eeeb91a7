#include <doctest/doctest.h>
#include <diffusion/nn/elementwise.hpp>
#include <diffusion/nn/rearrange.hpp>
#include <nn/gradient_check.hpp>

#include <cstddef>
#include <stdexcept>
#include <vector>

namespace nn = diffusion::nn;
using diffusion::test::check_gradient;

namespace {

std::vector<double> elements(const nn::var<double>& v) {
    return {v.values().begin(), v.values().end()};
}

}  // namespace

TEST_CASE("a slice is a part of a value along any axis, and its gradient is zero outside of it") {
    std::vector<double> x(2 * 3 * 2 * 4);
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<double>(i);
    nn::tape<double> tape;
    const auto v = tape.input({2, 3, 2, 4}, x.data());
    const auto y = nn::slice(v, 1, 2);
    CHECK(y.shape() == nn::shape{2, 3, 2, 2});
    CHECK(y.data()[0] == 1);
    CHECK(y.data()[1] == 2);
    CHECK(y.data()[2] == 5);
    const auto row = nn::slice(nn::slice(v, 1, 1, nn::axis::items), 2, 1, nn::axis::height);
    CHECK(row.shape() == nn::shape{1, 1, 2, 4});
    CHECK(elements(row) == std::vector<double>{40, 41, 42, 43, 44, 45, 46, 47});
    CHECK(elements(nn::slice(row, 1, 1, nn::axis::width)) == std::vector<double>{44, 45, 46, 47});
    tape.backward(row, std::vector<double>(8, 1.0));
    for (std::size_t i = 0; i < x.size(); ++i) CHECK(v.gradient()[i] == (i >= 40 ? 1 : 0));

    for (const nn::axis along :
         {nn::axis::items, nn::axis::height, nn::axis::width, nn::axis::channels})
        check_gradient({{3, 3, 4, 5}}, [&](auto&, const auto& u) {
            return nn::add(nn::slice(u[0], 0, 2, along), nn::slice(u[0], 1, 2, along));
        });
}

TEST_CASE("an empty slice and one that reaches beyond the value are refused") {
    nn::tape<double> tape;
    const std::vector<double> x(6, 1.0);
    const auto v = tape.constant({1, 2, 1, 3}, x.data());
    CHECK_THROWS_WITH_AS(nn::slice(v, 2, 2),
                         "diffusion::nn::slice: the part must not be empty and must lie within the "
                         "value, got (1, 2, 1, 2) and (1, 2, 1, 3)",
                         std::invalid_argument);
    CHECK_THROWS_AS(nn::slice(v, 1, 0), std::invalid_argument);
    CHECK_THROWS_AS(nn::slice(v, static_cast<std::size_t>(-1), 2), std::invalid_argument);
    CHECK_THROWS_AS(nn::slice(v, 0, 2, nn::axis::items), std::invalid_argument);
}

TEST_CASE("pixel shuffle makes squares of pixels out of channels, and unshuffle undoes it") {
    nn::tape<double> tape;
    const std::vector<double> x = {0, 1, 2, 3, 4, 5, 6, 7};  // two channels of 2 x 2
    const auto v = tape.constant({1, 1, 1, 8}, x.data());
    const auto y = nn::pixel_shuffle(v);
    CHECK(y.shape() == nn::shape{1, 2, 2, 2});
    CHECK(elements(y) == std::vector<double>{0, 4, 1, 5, 2, 6, 3, 7});
    CHECK(elements(nn::pixel_unshuffle(y)) == x);
    for (const std::size_t factor : {1U, 2U, 3U}) {
        const nn::shape packed{2, 3, 2, 5 * factor * factor};
        const std::vector<double> z = diffusion::test::normals(packed.size(), 3);
        const auto u = tape.constant(packed, z.data());
        const auto back = nn::pixel_unshuffle(nn::pixel_shuffle(u, factor), factor);
        CHECK(back.shape() == packed);
        CHECK(elements(back) == z);
        check_gradient({packed},
                       [&](auto&, const auto& w) { return nn::pixel_shuffle(w[0], factor); });
        check_gradient({{1, 3 * factor, 2 * factor, 3}}, [&](auto&, const auto& w) {
            return nn::add(nn::pixel_unshuffle(w[0], factor), nn::pixel_unshuffle(w[0], factor));
        });
    }
    CHECK_THROWS_AS(nn::pixel_shuffle(v, 3), std::invalid_argument);
    CHECK_THROWS_AS(nn::pixel_shuffle(v, 0), std::invalid_argument);
    CHECK_THROWS_AS(nn::pixel_unshuffle(v, 2), std::invalid_argument);
    CHECK_THROWS_AS(nn::pixel_unshuffle(v, 0), std::invalid_argument);
}

TEST_CASE("another shape of the same size leaves the elements where they are") {
    nn::tape<double> tape;
    const std::vector<double> x = {0, 1, 2, 3, 4, 5};
    const auto y = nn::reshape(tape.constant({6, 1, 1, 1}, x.data()), {1, 1, 3, 2});
    CHECK(y.shape() == nn::shape{1, 1, 3, 2});
    CHECK(elements(y) == x);
    check_gradient({{6, 1, 1, 2}}, [](auto&, const auto& v) {
        const auto a = nn::reshape(v[0], {2, 1, 3, 2}), b = nn::reshape(v[0], {2, 2, 3, 1});
        return nn::add(nn::slice(a, 1, 1), nn::slice(b, 0, 1, nn::axis::height));
    });
    CHECK_THROWS_WITH_AS(nn::reshape(y, {1, 1, 1, 5}),
                         "diffusion::nn::reshape: both shapes must have as many elements, got (1, "
                         "1, 1, 5) and (1, 1, 3, 2)",
                         std::invalid_argument);
}
