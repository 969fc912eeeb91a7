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

TEST_CASE_TEMPLATE("dynamic Eigen matrices and arrays are tensors, and give the same runs", X,
                   MatrixXf, MatrixXd, ArrayXXf, row_major_float, row_major_double) {
    const X x = X::Zero(4, 3);
    suite::check_tensor(x);
    suite::check_runs(x);
}

TEST_CASE_TEMPLATE("dynamic Eigen vectors are tensors, and give the same runs", X, VectorXf,
                   ArrayXd, RowVectorXd) {
    const X x = X::Zero(12);
    suite::check_tensor(x);
    suite::check_runs(x);
}
