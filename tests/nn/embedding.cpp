#include <doctest/doctest.h>
#include <diffusion/nn/embedding.hpp>
#include <nn/gradient_check.hpp>

#include <cstddef>
#include <span>
#include <stdexcept>
#include <vector>

namespace nn = diffusion::nn;

TEST_CASE(
    "an embedding picks rows of its table, and its gradient goes to the rows that were picked") {
    const std::vector<std::size_t> labels = {2, 0, 2};
    diffusion::test::check_gradient({{1, 1, 1, 12}}, [&](auto& tape, const auto& v) {
        return nn::embedding(tape, v[0], 3, 3, std::span<const std::size_t>(labels));
    });
    const std::size_t one = 1;
    diffusion::test::check_gradient({{1, 1, 1, 12}}, [&](auto& tape, const auto& v) {
        return nn::embedding(tape, v[0], 3, 4, std::span<const std::size_t>(&one, 1));
    });
    nn::tape<double> tape;
    const std::vector<double> table = {1, 2, 3, 4};
    const auto v = tape.constant({1, 1, 1, 4}, table.data());
    CHECK(nn::embedding(tape, v, 2, 1, std::span<const std::size_t>(&one, 1)).data()[1] == 4);
    CHECK_THROWS_AS(nn::embedding(tape, v, 2, 3, std::span<const std::size_t>(labels)),
                    std::invalid_argument);
    CHECK_THROWS_AS(nn::embedding(tape, v, 2, 2, std::span<const std::size_t>(labels)),
                    std::invalid_argument);
}
