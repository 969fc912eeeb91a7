#include <doctest/doctest.h>
#include <diffusion/nn/state_predictor.hpp>
#include <support/refusal.hpp>

#include <cstddef>
#include <numeric>
#include <span>
#include <stdexcept>
#include <vector>

namespace nn = diffusion::nn;
using support::is_complete;
using support::refusal;

namespace {

/// The logit of state k is k + 10 times the state + 100 t.
struct counting {
    nn::parameters<float> store{1};
    std::size_t K = 3;

    nn::var<float> operator()(nn::tape<float>& tape, std::span<const std::size_t> states,
                              const nn::shape& s, std::span<const double> t) const {
        const auto y = tape.result(s.with_channels(K));
        for (std::size_t i = 0; i < y.size(); ++i)
            y.fill()[i] =
                static_cast<float>(i % K + 10 * states[i / K]) + 100 * static_cast<float>(t[0]);
        return y;
    }
    nn::parameters<float>& parameters() { return store; }
};

}  // namespace

TEST_CASE("a network of states is asked item by item, and its logits come back in their order") {
    counting net;
    nn::lanes<float> lanes(nn::lanes_options{.threads = 2, .chunk = 3});
    const nn::state_predictor predict(net, lanes, 2, 2);
    std::vector<std::size_t> x(40);
    std::iota(x.begin(), x.end(), std::size_t{0});
    std::vector<double> logits(120);
    predict(x, 2, logits);
    for (std::size_t i = 0; i < 120; ++i) CHECK(logits[i] == double(i % 3 + 10 * (i / 3) + 200));
}

TEST_CASE("a network of states is asked for whole items, and gives logits for each state") {
    counting net;
    nn::lanes<float> lanes(1);
    const nn::state_predictor predict(net, lanes, 2, 2);
    const std::vector<std::size_t> x(8);
    std::vector<double> logits(24);
    CHECK(is_complete(refusal([&] { predict(std::span(x).first(7), 1, logits); }), 7));
    CHECK_THROWS_AS(predict(x, 1, std::span(logits).first(16)), std::invalid_argument);
}
