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

TEST_CASE_TEMPLATE("Eigen matrices and arrays of fixed size are tensors", X, matrix_float,
                   matrix_double, array_float, array_double) {
    suite::check_tensor(X(X::Zero()));
}

TEST_CASE_TEMPLATE("so are those of partly fixed or bounded size", X, half_fixed, bounded) {
    suite::check_tensor(X(X::Zero(4, 3)));
}

// One of each kind: each type more is all samplers compiled once more.
TEST_CASE_TEMPLATE("Eigen tensors of fixed size give the same runs", X, matrix_double,
                   array_float) {
    suite::check_runs(X(X::Zero()));
}

TEST_CASE_TEMPLATE("Eigen tensors of partly fixed or bounded size give the same runs", X,
                   half_fixed, bounded) {
    suite::check_runs(X(X::Zero(4, 3)));
}
