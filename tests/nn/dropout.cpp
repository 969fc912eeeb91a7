#include <doctest/doctest.h>
#include <diffusion/nn/dropout.hpp>
#include <diffusion/nn/elementwise.hpp>
#include <diffusion/nn/loss.hpp>
#include <diffusion/nn/parallel.hpp>
#include <nn/gradient_check.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <stdexcept>
#include <vector>

namespace nn = diffusion::nn;

namespace {

/// What a dropout makes of ones.
template <class T>
std::vector<T> of_ones(const nn::shape& s, const nn::dropout_options& options) {
    nn::tape<T> tape;
    const std::vector<T> one(s.size(), T(1));
    const auto y = nn::dropout(tape.constant(s, one.data()), options);
    return {y.values().begin(), y.values().end()};
}

}  // namespace

TEST_CASE("dropout drops the given share and scales the rest, and the gradient drops the same") {
    for (const double rate : {0.1, 0.5, 0.9}) {
        const nn::dropout_options options{.rate = rate, .seed = 1, .step = 3};
        const std::vector<double> y = of_ones<double>({10, 100, 100, 1}, options);
        std::size_t dropped = 0;
        for (const double v : y) {
            dropped += v == 0;
            if (v != 0) CHECK(v == 1 / (1 - rate));
        }
        // 5 standard deviations of a binomial
        CHECK(std::abs(static_cast<double>(dropped) - rate * 1e5) <
              5 * std::sqrt(1e5 * rate * (1 - rate)));
        for (const nn::shape s :
             {nn::shape{2, 3, 5, 7}, nn::shape{1, 1, 1, 1}, nn::shape{3, 9, 61, 1}})
            diffusion::test::check_gradient({s}, [&](auto&, const auto& v) {
                return nn::add(nn::dropout(v[0], options), nn::dropout(v[0], {.rate = 0.2}));
            });
    }
}

TEST_CASE("step, layer and seed choose other elements, float and double choose the same") {
    const nn::shape s{3, 5, 7, 11};
    const nn::dropout_options options{.rate = 0.5, .seed = 1, .step = 3, .layer = 2};
    const std::vector<double> y = of_ones<double>(s, options);
    CHECK(of_ones<double>(s, options) == y);
    const std::vector<float> yf = of_ones<float>(s, options);
    CHECK(std::ranges::equal(y, yf, [](double a, float b) { return a == static_cast<double>(b); }));
    for (int field = 0; field < 3; ++field) {
        nn::dropout_options other = options;
        if (field == 0) other.seed = 2;
        if (field == 1) other.step = 4;
        if (field == 2) other.layer = 3;
        const std::vector<double> z = of_ones<double>(s, other);
        std::size_t equal = 0;
        for (std::size_t i = 0; i < z.size(); ++i) equal += y[i] == z[i];
        CHECK(std::abs(static_cast<double>(equal) - 1155 / 2.0) < 5 * std::sqrt(1155.0) / 2);
    }
}

TEST_CASE("a batch in lanes drops what the whole drops, for any number of threads") {
    const nn::shape s{13, 5, 3, 7};
    const std::size_t per_item = 105;
    std::vector<float> x(s.size());
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 17) - 8;
    const std::vector<float> zero(x.size(), 0.0F);
    std::vector<float> whole(x.size());
    {
        nn::tape<float> tape;
        const auto y = nn::dropout(tape.constant(s, x.data()), {.rate = 0.3, .seed = 5});
        std::ranges::copy(y.values(), whole.begin());
    }
    double loss = 0;
    for (const std::size_t threads : {1U, 2U, 8U}) {
        std::vector<float> parts(x.size());
        nn::lanes<float> lanes(nn::lanes_options{.threads = threads, .lanes = 4});
        nn::parameters<float> none;
        const double mean =
            lanes.train(none, 13, [&](nn::tape<float>& tape, std::size_t first, std::size_t count) {
                const auto y =
                    nn::dropout(tape.constant({count, 5, 3, 7}, x.data() + first * per_item),
                                {.rate = 0.3, .seed = 5, .first_item = first});
                std::ranges::copy(y.values(), parts.data() + first * per_item);
                return nn::mse_loss(y, std::span<const float>(zero).first(count * per_item));
            });
        CHECK(parts == whole);
        if (threads == 1) loss = mean;
        CHECK(mean == loss);
    }
    CHECK(loss > 0);
}

TEST_CASE("rate 0 changes nothing, and a rate outside of [0, 1) is refused") {
    nn::tape<double> tape;
    const std::vector<double> x(6, 1.0);
    const auto v = tape.constant({1, 2, 1, 3}, x.data());
    CHECK(nn::dropout(v, {.rate = 0}).data() == v.data());
    for (const double rate : {-0.1, 1.0, 1.5, std::numeric_limits<double>::quiet_NaN()})
        CHECK_THROWS_AS(nn::dropout(v, {.rate = rate}), std::invalid_argument);
}
