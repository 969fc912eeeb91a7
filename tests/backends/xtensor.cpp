#include "backends/suite.hpp"

#include <diffusion/tensor/xtensor.hpp>

using tensor_float = xt::xtensor<float, 2>;
using tensor_double = xt::xtensor<double, 3>;
using column_major = xt::xtensor<double, 2, xt::layout_type::column_major>;
using dynamic_layout = xt::xarray<float, xt::layout_type::dynamic>;

TEST_CASE_TEMPLATE("xtensor's containers are tensors, and give the same runs", X, xt::xarray<float>,
                   xt::xarray<double>, tensor_float, tensor_double, column_major, dynamic_layout) {
    X x;
    if constexpr (std::is_same_v<X, tensor_double>) x.resize({3, 2, 2});
    else if constexpr (std::is_same_v<X, dynamic_layout>)
        x.resize({3, 4}, xt::layout_type::row_major);
    else x.resize({3, 4});
    std::fill(x.storage().begin(), x.storage().end(), 0);
    suite::check_tensor(x);
    suite::check_runs(x);
}
