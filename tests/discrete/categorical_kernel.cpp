#include <doctest/doctest.h>
#include <support/refusal.hpp>

#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <diffusion/discrete/absorbing_kernel.hpp>
#include <diffusion/discrete/categorical_kernel.hpp>
#include <diffusion/discrete/dense_kernel.hpp>
#include <diffusion/discrete/uniform_kernel.hpp>

using namespace diffusion;
using doctest::Approx;
using support::is_complete;
using support::refusal;

namespace {

/// A user's kernel: the states of a ring, each step goes to the right with probability 1/4.
struct ring {
    std::size_t K;
    std::size_t categories() const { return K; }
    double operator()(std::size_t i, std::size_t j) const {
        return i == j ? 0.75 : (i + 1) % K == j ? 0.25 : 0;
    }
};

struct without_size {
    double operator()(std::size_t, std::size_t) const { return 1; }
};
struct without_elements {
    std::size_t categories() const { return 1; }
};
struct of_one_state {
    std::size_t categories() const { return 1; }
    double operator()(std::size_t) const { return 1; }
};

/// The matrix of any kernel.
template <categorical_kernel Q>
dense_kernel matrix_of(const Q& kernel) {
    std::vector<double> matrix;
    for (std::size_t i = 0; i < kernel.categories(); ++i)
        for (std::size_t j = 0; j < kernel.categories(); ++j) matrix.push_back(kernel(i, j));
    return dense_kernel(matrix);  // checks that every row is a distribution
}

template <class A, class B>
void check_equal(const A& a, const B& b) {
    REQUIRE(a.categories() == b.categories());
    for (std::size_t i = 0; i < a.categories(); ++i)
        for (std::size_t j = 0; j < a.categories(); ++j)
            CHECK(a(i, j) == Approx(b(i, j)).epsilon(1e-14));
}

const std::vector<double> p = {0.1, 0.4, 0.2, 0.3}, g = {-1, 2, 0.5, 7};

}  // namespace

TEST_CASE("whatever tells the probability of a step is a kernel") {
    static_assert(categorical_kernel<uniform_kernel>);
    static_assert(categorical_kernel<absorbing_kernel>);
    static_assert(categorical_kernel<dense_kernel>);
    static_assert(categorical_kernel<ring>);
    static_assert(!categorical_kernel<without_size>);
    static_assert(!categorical_kernel<without_elements>);
    static_assert(!categorical_kernel<of_one_state>);
}

TEST_CASE("kernels without a matrix take the products of their matrix") {
    const auto check = [](const auto& kernel) {
        const dense_kernel matrix = matrix_of(kernel);
        std::vector<double> a(4), b(4);
        marginal(kernel, p, a);
        marginal(matrix, p, b);
        for (std::size_t i = 0; i < 4; ++i) CHECK(a[i] == Approx(b[i]).epsilon(1e-14));
        expectation(kernel, g, a);
        expectation(matrix, g, b);
        for (std::size_t i = 0; i < 4; ++i) CHECK(a[i] == Approx(b[i]).epsilon(1e-14));
    };
    check(uniform_kernel(4, 0.3));
    check(absorbing_kernel(4, 2, 0.3));
    check(ring{4});
    std::vector<double> out(4);
    marginal(ring{4}, p, out);
    CHECK(out[0] == Approx(0.75 * 0.1 + 0.25 * 0.3));  // from itself and from the left
    expectation(ring{4}, g, out);
    CHECK(out[0] == Approx(0.75 * -1 + 0.25 * 2));  // to itself and to the right
}

TEST_CASE("two steps are a step: the kernel of both is the product of their matrices") {
    const auto check = [](const auto& a, const auto& b) {
        check_equal(a.then(b), matrix_of(a).then(matrix_of(b)));
        check_equal(a.identity().then(a), a);
        check_equal(a.identity(), matrix_of(a).identity());
    };
    check(uniform_kernel(5, 0.7), uniform_kernel(5, 0.2));
    check(absorbing_kernel(5, 1, 0.7), absorbing_kernel(5, 1, 0.2));
    CHECK(uniform_kernel(5, 0.7).then({5, 0.2}).keep() == Approx(0.14));
}

TEST_CASE("a step of the uniform kernel loses what was before, or nothing") {
    const uniform_kernel kernel(4, 0.6);
    CHECK(kernel(2, 2) == Approx(0.6 + 0.1));
    CHECK(kernel(2, 3) == Approx(0.1));
    std::vector<double> out(4);
    marginal(kernel, std::vector<double>(4, 0.25), out);  // what is even stays even
    for (std::size_t i = 0; i < 4; ++i) CHECK(out[i] == Approx(kernel.stationary(i)));
}

TEST_CASE("what is masked stays masked") {
    const absorbing_kernel kernel(4, 2, 0.6);
    CHECK(kernel(0, 0) == 0.6);
    CHECK(kernel(0, 2) == Approx(0.4));
    CHECK(kernel(0, 1) == 0);
    for (std::size_t j = 0; j < 4; ++j) CHECK(kernel(2, j) == kernel.stationary(j));
}

TEST_CASE("a thousand steps with a matrix leave its rows distributions") {
    dense_kernel product({0.9, 0.1, 0.2, 0.8});
    const dense_kernel step = product;
    for (int t = 0; t < 1000; ++t) product = product.then(step);
    CHECK(product(0, 0) + product(0, 1) == Approx(1).epsilon(1e-15));
    CHECK(product(0, 0) == Approx(2.0 / 3));  // the stationary distribution of this chain
    CHECK(product(1, 0) == Approx(2.0 / 3));
}

TEST_CASE("kernels refuse what are no probabilities and no states") {
    CHECK(is_complete(refusal([] { uniform_kernel(4, 1.5); }), 1.5));
    CHECK(is_complete(refusal([] { uniform_kernel(4, -0.1); }), -0.1));
    CHECK(is_complete(refusal([] { uniform_kernel(4, std::nan("")); })));
    CHECK(is_complete(refusal([] { uniform_kernel(0, 0.5); }), 0));
    CHECK(is_complete(refusal([] { absorbing_kernel(4, 4, 0.5); }), 4));
    CHECK(is_complete(refusal([] { absorbing_kernel(4, 1, 2); }), 2.0));
    CHECK(is_complete(refusal([] { dense_kernel({0.5, 0.5, 0.5}); }), 3));
    CHECK(is_complete(refusal([] { dense_kernel(std::vector<double>{}); }), 0));
    CHECK(is_complete(refusal([] { dense_kernel({0.5, 0.5, 0.75, 0.75}); }), 1.5));
    CHECK(is_complete(refusal([] { dense_kernel({0.5, 0.5, -1, 2}); }), -1.0));
    CHECK(is_complete(refusal([] { return uniform_kernel(4, 1).then({5, 1}); }), 5));
    CHECK(is_complete(refusal([] { return absorbing_kernel(4, 1, 1).then({4, 2, 1}); }), 2));
    CHECK(is_complete(refusal([] {
                          return dense_kernel({1}).then(dense_kernel({1, 0, 0, 1}));
                      }),
                      2));
    std::vector<double> out(3);
    CHECK(is_complete(refusal([&] { marginal(uniform_kernel(4, 1), p, out); }), 3));
    CHECK(is_complete(refusal([&] { expectation(uniform_kernel(3, 1), p, out); }), 4));
}
