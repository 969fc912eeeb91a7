#include <doctest/doctest.h>

#include <cstddef>
#include <span>
#include <type_traits>
#include <vector>

#include <diffusion/tensor/batch.hpp>
#include <diffusion/tensor/xtensor.hpp>
#if __has_include(<xtensor/views/xview.hpp>)
#include <xtensor/containers/xadapt.hpp>
#include <xtensor/views/xview.hpp>
#else
#include <xtensor/xadapt.hpp>
#include <xtensor/xview.hpp>
#endif

using namespace diffusion;

TEST_CASE("xtensor's containers of float or double are tensors") {
    static_assert(tensor<xt::xarray<float>>);
    static_assert(tensor<xt::xarray<double>>);
    static_assert(tensor<xt::xtensor<float, 4>>);
    static_assert(tensor<xt::xtensor<double, 2, xt::layout_type::column_major>>);
}

TEST_CASE("views, adaptors, expressions and integers are no tensors") {
    xt::xarray<float> x = xt::zeros<float>({2, 3});
    std::vector<float> memory(6);
    auto view = xt::view(x, 0);
    auto sum = x + x;
    auto adapted = xt::adapt(memory, std::vector<std::size_t>{2, 3});
    static_assert(!tensor<decltype(view)>);
    static_assert(!tensor<decltype(sum)>);
    static_assert(!tensor<decltype(adapted)>);
    static_assert(!tensor<xt::xarray<int>>);
    static_assert(!tensor<const xt::xarray<float>>);
}

TEST_CASE("a sibling has the shape of the original, zeroed") {
    const xt::xtensor<double, 3> x = xt::ones<double>({2, 3, 4});
    const auto sibling = like(x);
    static_assert(std::is_same_v<decltype(sibling), const xt::xtensor<double, 3>>);
    CHECK(sibling.shape() == x.shape());
    for (const double e : elements(sibling)) CHECK(e == 0);
}

TEST_CASE("in a row-major array (N, ...) item i is x[i]") {
    xt::xarray<float> x = xt::zeros<float>({3, 2, 2});
    for_each_item(x, 3, [](std::size_t i, std::span<float> item) {
        for (float& e : item) e = static_cast<float>(i);
    });
    for (std::size_t i = 0; i < 3; ++i) {
        CHECK(x(i, 0, 0) == static_cast<float>(i));
        CHECK(x(i, 1, 1) == static_cast<float>(i));
    }
}
