#include <doctest/doctest.h>
#include <diffusion/nn/inference.hpp>
#include <diffusion/nn/mlp.hpp>

#include <cstddef>
#include <span>
#include <stdexcept>
#include <vector>

namespace nn = diffusion::nn;

namespace {

const nn::mlp_options options{.hidden = 16, .classes = 3};
const std::vector<float> points = {0.5F, -1, 2, 0.25F, 0, 0, -3, 1, 0.1F, 0.2F};  // five of them

}  // namespace

TEST_CASE("a network is a callable of points and a time, with labels for all, for each, or none") {
    nn::mlp<float> net(options, 1);
    net.parameters().at("out.weight").change_values()[3] = 1;  // which starts at zero
    nn::lanes<float> lanes(2);
    const std::vector<float> one = {0.5F, -1};
    const auto labelled = nn::as_network(net, lanes, 1, 1, {1});
    const auto unlabelled = nn::as_network(net, lanes, 1, 1);
    const auto null_label = nn::as_network(net, lanes, 1, 1, {3});
    CHECK(labelled(one, 5.0) != unlabelled(one, 5.0));
    CHECK(null_label(one, 5.0) == unlabelled(one, 5.0));
    const std::vector<float> all = labelled(points, 5.0);
    CHECK(std::vector<float>(all.begin(), all.begin() + 2) == labelled(one, 5.0));
    std::vector<float> each(points.size());
    nn::as_network(net, lanes, 1, 1, {1, 3, 1, 0, 2})(points, 5.0, each);
    CHECK(std::vector<float>(each.begin(), each.begin() + 2) == labelled(one, 5.0));
    CHECK(each != all);
}

TEST_CASE("points evaluated together and with a time each are those evaluated alone") {
    nn::mlp<float> net(options, 1);
    net.parameters().at("out.weight").change_values()[3] = 1;
    nn::lanes<float> lanes(nn::lanes_options{.threads = 2, .chunk = 2});
    const std::vector<double> t = {1, 20, 300, 4, 500};
    std::vector<float> out(points.size());
    nn::evaluate(net, lanes, {5, 1, 1, 2}, std::span<const float>(points),
                 std::span<const double>(t), {}, std::span<float>(out));
    const auto network = nn::as_network(net, lanes, 1, 1);
    for (std::size_t i = 0; i < 5; ++i) {
        const std::vector<float> one(points.begin() + static_cast<std::ptrdiff_t>(2 * i),
                                     points.begin() + static_cast<std::ptrdiff_t>(2 * i + 2));
        const std::vector<float> y = network(one, t[i]);
        CHECK(y[0] == doctest::Approx(out[2 * i]).epsilon(1e-6));
        CHECK(y[1] == doctest::Approx(out[2 * i + 1]).epsilon(1e-6));
    }
}

TEST_CASE("sizes and labels that do not fit are refused") {
    nn::mlp<float> net(options, 1);
    nn::lanes<float> lanes(1);
    const auto network = nn::as_network(net, lanes, 1, 1);
    CHECK_THROWS_AS(network(std::vector<float>(5), 5.0), std::invalid_argument);
    std::vector<float> too_short(8);
    CHECK_THROWS_AS(network(points, 5.0, too_short), std::invalid_argument);
    CHECK_THROWS_AS(nn::as_network(net, lanes, 0, 1)(points, 5.0), std::invalid_argument);
    nn::tape<float> tape;
    const auto mask = tape.constant({5, 1, 1, 2}, points.data());
    const double t = 5;
    CHECK_THROWS_AS(nn::ask(net, mask, std::span(&t, 1), nn::conditions<float>{.token_mask = mask}),
                    std::invalid_argument);
    const auto unknown = nn::as_network(net, lanes, 1, 1, {4});
    CHECK_THROWS_AS(unknown(points, 5.0), std::invalid_argument);
    const auto two_labels = nn::as_network(net, lanes, 1, 1, {1, 2});
    CHECK_THROWS_AS(two_labels(points, 5.0), std::invalid_argument);
    nn::mlp<float> unconditional({.hidden = 16}, 1);
    const auto superfluous = nn::as_network(unconditional, lanes, 1, 1, {1});
    CHECK_THROWS_AS(superfluous(points, 5.0), std::invalid_argument);
}
