#include "backends/eigen.hpp"  // before anything else that includes Eigen

#include <doctest/doctest.h>

#include <cstddef>
#include <span>

#include <diffusion/tensor/batch.hpp>
#include <diffusion/tensor/eigen.hpp>
#include <diffusion/tensor/linear.hpp>

using namespace diffusion;
using namespace Eigen;

TEST_CASE("every Eigen matrix and array that owns float or double is a tensor") {
    static_assert(tensor<MatrixXf>);
    static_assert(tensor<ArrayXXd>);
    static_assert(tensor<Matrix<double, 3, 3, RowMajor>>);
    static_assert(tensor<Vector3f>);
}

TEST_CASE("blocks, maps, references, expressions, integers and complex numbers are no tensors") {
    MatrixXf x = MatrixXf::Zero(4, 3);
    const auto sum = x + x;
    static_assert(!tensor<decltype(x.col(0))>);
    static_assert(!tensor<Block<MatrixXf>>);
    static_assert(!tensor<decltype(x.transpose())>);
    static_assert(!tensor<std::remove_const_t<decltype(sum)>>);
    static_assert(!tensor<Map<MatrixXf>>);
    static_assert(!tensor<Ref<MatrixXf>>);
    static_assert(!tensor<MatrixXi>);
    static_assert(!tensor<MatrixXcf>);
    static_assert(!tensor<const MatrixXf>);
    static_assert(!tensor<DiagonalMatrix<float, 3>>);
    static_cast<void>(sum);
}

TEST_CASE("a sibling has the shape of the original") {
    const MatrixXf x = MatrixXf::Ones(4, 3);
    const MatrixXf sibling = like(x);
    CHECK(sibling.rows() == 4);
    CHECK(sibling.cols() == 3);
    CHECK(sibling.isZero());
    CHECK(like(MatrixXf()).size() == 0);
}

TEST_CASE("in a column-major matrix the items of a batch are columns, in a row-major one rows") {
    MatrixXf columns = MatrixXf::Zero(4, 3);
    for_each_item(columns, 3, [](std::size_t i, std::span<float> item) {
        for (float& e : item) e = static_cast<float>(i);
    });
    Matrix<float, Dynamic, Dynamic, RowMajor> rows(3, 4);
    for_each_item(rows, 3, [](std::size_t i, std::span<float> item) {
        for (float& e : item) e = static_cast<float>(i);
    });
    for (Index i = 0; i < 3; ++i) {
        CHECK((columns.col(i).array() == static_cast<float>(i)).all());
        CHECK((rows.row(i).array() == static_cast<float>(i)).all());
    }
}

TEST_CASE("a formula on Eigen matrices is the one on their elements") {
    const MatrixXd x = MatrixXd::Random(5, 4), y = MatrixXd::Random(5, 4);
    MatrixXd out(5, 4);
    ref(out) = 2 * ref(x) + -0.5 * ref(y);
    CHECK(out.isApprox(2 * x - 0.5 * y, 1e-15));
}
