#include <diffusion/trainer/coupled.hpp>

#include <cstddef>
#include <vector>

#include <doctest/doctest.h>
#include <support/refusal.hpp>

namespace nn = diffusion::nn;
using vector = std::vector<float>;

TEST_CASE("coupled data keep their pairs, and show each once in a pass") {
    const vector values{1, 2, 3, 4, 5, 6}, noise{-1, -2, -3, -4, -5, -6};
    diffusion::coupled<float> pairs({1, 1, 1, 2}, values, noise);
    CHECK(pairs.size() == 3);
    auto batch = pairs.init(3);
    pairs.fill(batch, {7, 0});
    double sum = 0;
    for (std::size_t e = 0; e < 6; ++e) {
        CHECK(batch.noise[e] == -batch.values[e]);
        sum += double(batch.values[e]);
    }
    CHECK(sum == 21);
    CHECK(batch.shape == nn::shape{3, 1, 1, 2});
    auto again = pairs.init(3);
    pairs.fill(again, {7, 3});
    pairs.fill(again, {7, 0});
    CHECK(again.values == batch.values);
    CHECK(support::is_complete(support::refusal([&] {
                                   diffusion::coupled<float>({1, 1, 1, 2}, values, vector(4));
                               }),
                               4));
    CHECK(support::is_complete(support::refusal([&] {
                                   diffusion::coupled<float>({1, 1, 1, 4}, values, noise);
                               }),
                               6));
    CHECK(support::is_complete(support::refusal([&] {
                                   diffusion::coupled<float>({1, 1, 1, 0}, values, noise);
                               }),
                               0));
}
