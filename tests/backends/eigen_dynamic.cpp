#include "backends/eigen.hpp"
#include "backends/suite.hpp"

#include <diffusion/tensor/eigen.hpp>

using namespace Eigen;
using row_major_float = Matrix<float, Dynamic, Dynamic, RowMajor>;
using row_major_double = Array<double, Dynamic, Dynamic, RowMajor>;

void suite::report_malloc(bool on) { Eigen::internal::set_is_malloc_allowed(!on); }

TEST_CASE("memory that Eigen asks for is counted") {
    const std::size_t before = support::allocations();
    suite::report_malloc(true);
    const VectorXf x = VectorXf::Zero(1000);
    suite::report_malloc(false);
    CHECK(support::allocations() > before);
    CHECK(x[999] == 0);
}

TEST_CASE_TEMPLATE("dynamic Eigen matrices and arrays are tensors", X, MatrixXf, MatrixXd, ArrayXXf,
                   row_major_float, row_major_double) {
    suite::check_tensor(X(X::Zero(4, 3)));
}

TEST_CASE_TEMPLATE("dynamic Eigen vectors are tensors", X, VectorXf, ArrayXd, RowVectorXd) {
    suite::check_tensor(X(X::Zero(12)));
}

// One of each kind: each type more is all samplers compiled once more.
TEST_CASE_TEMPLATE("dynamic Eigen tensors give the same runs", X, MatrixXf, row_major_double) {
    suite::check_runs(X(X::Zero(4, 3)));
}

TEST_CASE("dynamic Eigen vectors give the same runs") {
    suite::check_runs(VectorXf(VectorXf::Zero(12)));
}
