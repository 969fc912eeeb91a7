#include "backends/eigen.hpp"
#include "backends/suite.hpp"

#include <diffusion/tensor/eigen.hpp>

using namespace Eigen;
using matrix_float = Matrix<float, 4, 3>;
using matrix_double = Matrix<double, 4, 3, RowMajor>;
using array_float = Array<float, 3, 4, RowMajor>;
using array_double = Array<double, 12, 1>;
using half_fixed = Matrix<float, 4, Dynamic>;
using bounded = Matrix<double, Dynamic, Dynamic, ColMajor, 8, 8>;

TEST_CASE_TEMPLATE("Eigen matrices and arrays of fixed size are tensors, and give the same runs", X,
                   matrix_float, matrix_double, array_float, array_double) {
    const X x = X::Zero();
    suite::check_tensor(x);
    suite::check_runs(x);
}

TEST_CASE_TEMPLATE("so are those of partly fixed or bounded size", X, half_fixed, bounded) {
    const X x = X::Zero(4, 3);
    suite::check_tensor(x);
    suite::check_runs(x);
}
