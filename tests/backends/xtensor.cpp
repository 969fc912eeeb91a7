#include "backends/suite.hpp"

#include <diffusion/tensor/xtensor.hpp>

using tensor_float = xt::xtensor<float, 2>;
using tensor_double = xt::xtensor<double, 3>;
using column_major = xt::xtensor<double, 2, xt::layout_type::column_major>;
using dynamic_layout = xt::xarray<float, xt::layout_type::dynamic>;

namespace {

template <class X>
X zeros() {
    X x;
    if constexpr (std::is_same_v<X, tensor_double>) x.resize({3, 2, 2});
    else if constexpr (std::is_same_v<X, dynamic_layout>)
        x.resize({3, 4}, xt::layout_type::row_major);
    else x.resize({3, 4});
    std::fill(x.storage().begin(), x.storage().end(), 0);
    return x;
}

}  // namespace

TEST_CASE_TEMPLATE("xtensor's containers are tensors", X, xt::xarray<float>, xt::xarray<double>,
                   tensor_float, tensor_double, column_major, dynamic_layout) {
    suite::check_tensor(zeros<X>());
}

// One of each kind: each type more is all samplers compiled once more.
TEST_CASE_TEMPLATE("xtensor's containers give the same runs", X, xt::xarray<float>, tensor_double,
                   column_major, dynamic_layout) {
    suite::check_runs(zeros<X>());
}
