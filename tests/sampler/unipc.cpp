#include <doctest/doctest.h>

#include <cmath>

#include <diffusion/rule/exponential_adams.hpp>
#include <diffusion/rule/exponential_adams_moulton.hpp>
#include <diffusion/sampler/unipc.hpp>

#include "rule/order.hpp"

using namespace diffusion;

namespace {

template <std::size_t K, prediction Prediction = prediction::data>
double order_of_unipc(two_node_form form, std::size_t n) {
    return measured_order_of(
        [form](const time_grid& grid) {
            return unipc<K, Prediction>(grid, {form, last_steps::full_order});
        },
        n);
}

}  // namespace

TEST_CASE("UniPC-K is of order K + 1, with either form") {
    for (const two_node_form form : {bh1, bh2}) {
        CHECK(std::abs(order_of_unipc<1>(form, 64) - 2) < 0.3);
        CHECK(std::abs(order_of_unipc<2>(form, 64) - 3) < 0.3);
        CHECK(std::abs(order_of_unipc<3>(form, 64) - 4) < 0.3);
    }
}

TEST_CASE("UniPC-K on noise is of order K + 1") {
    CHECK(std::abs(order_of_unipc<1, prediction::noise>(bh1, 64) - 2) < 0.3);
    CHECK(std::abs(order_of_unipc<2, prediction::noise>(bh2, 64) - 3) < 0.3);
    CHECK(std::abs(order_of_unipc<3, prediction::noise>(bh2, 64) - 4) < 0.3);
}

TEST_CASE("exact exponential Adams-Bashforth-Moulton is of order K + 1 too") {
    const double order = measured_order_of([](const time_grid& grid) {
        return predictor_corrector(exponential_adams<2>{}, exponential_adams_moulton<3>{}, grid);
    });
    CHECK(std::abs(order - 3) < 0.3);
}
