#include <doctest/doctest.h>
#include <diffusion/nn/captions.hpp>
#include <nn/gradient_check.hpp>
#include <support/refusal.hpp>

#include <algorithm>
#include <cstddef>
#include <vector>

namespace nn = diffusion::nn;

namespace {

const std::vector<std::size_t> lengths = {2, 3, 1};
const std::vector<double> x = {1, 2, 3, 4, 0, 0, /**/ 5, 6, 7, 8, 9, 13, /**/ 3, 1, 0, 0, 0, 0};
const nn::shape s{3, 1, 3, 2};

}  // namespace

TEST_CASE("a mask says where a caption ends, and pooling does not look beyond") {
    nn::tape<double> tape;
    const auto mask = nn::token_mask(tape, lengths, 3);
    CHECK(mask.shape() == nn::shape{3, 1, 1, 3});
    CHECK(std::ranges::equal(mask.values(), std::vector<double>{1, 1, 0, 1, 1, 1, 1, 0, 0}));
    const auto tokens = tape.constant(s, x.data());
    const auto last = nn::last_token(tokens, lengths), mean = nn::mean_of_tokens(tokens, lengths);
    CHECK(last.shape() == nn::shape{3, 1, 1, 2});
    CHECK(mean.shape() == nn::shape{3, 1, 1, 2});
    CHECK(std::ranges::equal(last.values(), std::vector<double>{3, 4, 9, 13, 3, 1}));
    CHECK(std::ranges::equal(mean.values(), std::vector<double>{2, 3, 7, 9, 3, 1}));
}

TEST_CASE("the gradients of both poolings are right, and zero at the padding") {
    diffusion::test::check_gradient(
        {s}, [](auto&, const auto& v) { return nn::last_token(v[0], lengths); });
    diffusion::test::check_gradient(
        {s}, [](auto&, const auto& v) { return nn::mean_of_tokens(v[0], lengths); });
}

TEST_CASE("lengths that do not fit the captions are refused") {
    nn::tape<double> tape;
    const auto tokens = tape.constant(s, x.data());
    const auto of = [&](const std::vector<std::size_t>& wrong) {
        return support::refusal([&] { nn::last_token(tokens, wrong); });
    };
    CHECK(of({2, 4, 1}) ==
          "diffusion::nn::last_token: a caption must have at least one token, and not more than "
          "fit, got 4");
    CHECK(support::is_complete(of({2, 0, 1}), 0));
    CHECK(support::is_complete(of({2, 1}), 2));
    CHECK(support::is_complete(support::refusal([&] {
                                   nn::mean_of_tokens(tokens, {lengths.data(), 2});
                               }),
                               2));
    CHECK(support::is_complete(support::refusal([&] { nn::token_mask(tape, lengths, 2); }), 3));
}
