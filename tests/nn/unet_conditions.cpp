#include <doctest/doctest.h>
#include <diffusion/nn/loss.hpp>
#include <diffusion/nn/parallel.hpp>
#include <diffusion/nn/unet.hpp>
#include <nn/gradient_check.hpp>
#include <support/counting_new.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace nn = diffusion::nn;
using diffusion::test::check_gradient;
using diffusion::test::normals;

namespace {

/// Two levels, everything small, with one kind of condition or all.
nn::unet_options tiny() {
    return {.image_channels = 2,
            .base = 4,
            .multipliers = {1, 2},
            .attention = {false, true},
            .heads = 2,
            .groups = 2,
            .zero_last = false};
}

const std::vector<double> times = {3, 400};

nn::unet_options with_tokens() {
    nn::unet_options o = tiny();
    o.token_channels = 5;
    return o;
}
nn::unet_options with_image() {
    nn::unet_options o = tiny();
    o.extra_channels = 3;
    return o;
}
nn::unet_options with_map() {
    nn::unet_options o = tiny();
    o.map_channels = 3;
    o.map_hidden = 4;
    return o;
}
nn::unet_options with_all() {
    nn::unet_options o = with_tokens();
    o.classes = 3;
    o.extra_channels = 1;
    o.map_channels = 2;
    o.map_hidden = 3;
    o.scale_shift = true;
    o.learned_variance = true;
    return o;
}

[[maybe_unused]] constexpr nn::shape image{2, 4, 6, 2}, caption{2, 1, 3, 5};

}  // namespace

TEST_CASE("the gradient of a U-Net that reads a caption is right in x and in the tokens") {
    const nn::unet<double> net(with_tokens(), 1);
    const std::vector<double> mask = {1, 1, 0, 1, 0.5, 1};
    check_gradient(
        {image, caption},
        [&](auto& tape, const auto& v) {
            return net(v[0], times,
                       {.tokens = v[1], .token_mask = tape.constant({2, 1, 3, 1}, mask.data())});
        },
        1e-6);
}

TEST_CASE("the gradient of a U-Net beside whose x an image stands is right in both") {
    const nn::unet<double> net(with_image(), 1);
    check_gradient(
        {image, image.with_channels(3)},
        [&](auto&, const auto& v) { return net(v[0], times, {.image = v[1]}); }, 1e-6);
}

TEST_CASE("the gradient of a U-Net that reads a map of labels is right in x and in the map") {
    const nn::unet<double> net(with_map(), 1);
    check_gradient(
        {image, image.with_channels(3)},
        [&](auto&, const auto& v) { return net(v[0], times, {.map = v[1]}); }, 1e-6);
}

TEST_CASE("the gradient of a U-Net that is told everything is right in all of it") {
    nn::unet<double> net(with_all(), 1);
    for (double& w : net.parameters().change_values()) w += 0.1;  // FiLM starts with zeros
    const std::vector<std::size_t> labels = {2, 3};
    check_gradient(
        {image, caption, image.with_channels(1), image.with_channels(2)},
        [&](auto&, const auto& v) {
            return net(v[0], times, {.labels = labels, .tokens = v[1], .image = v[2], .map = v[3]});
        },
        1e-6);
}
