#include <doctest/doctest.h>
#include <diffusion/nn/autoencoder_kl.hpp>
#include <diffusion/nn/loss.hpp>
#include <diffusion/nn/reparameterize.hpp>
#include <nn/network_check.hpp>
#include <nn/torch_numbers.hpp>
#include <support/refusal.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace nn = diffusion::nn;
namespace test = diffusion::test;

namespace {

const nn::autoencoder_kl_options tiny{.image_channels = 2,
                                      .base = 4,
                                      .multipliers = {1, 2},
                                      .latent_channels = 3,
                                      .heads = 2,
                                      .groups = 2};

/// What training minimises, with noise of the caller's.
template <class T>
nn::var<T> loss_of(const nn::autoencoder_kl<T>& net, const nn::var<T>& x, std::span<const T> target,
                   std::span<const T> noise) {
    const auto q = net.encode(x);
    const auto y = net.decode(nn::reparameterize(q.mean, q.log_variance, noise));
    return nn::add(nn::mse_loss(y, target),
                   nn::scale(nn::kl_loss(q.mean, q.log_variance), T(0.01)));
}

void compare_with_pytorch(const std::string& name, const nn::autoencoder_kl_options& options,
                          const nn::shape& s) {
    const test::torch_numbers torch("nets_torch.txt", name);
    nn::autoencoder_kl<double> net(options);
    test::fill_as_torch(net.parameters());
    const nn::shape latents = net.latents_of(s);
    CHECK(net.images_of(latents) == s);
    const auto x = test::from_torch(test::formula(s.size(), 1000, 1), s);
    const auto noise = test::from_torch(test::formula(latents.size(), 2000, 1), latents);
    std::vector<double> gradient(net.parameters().values().size());

    nn::tape<double> tape;
    tape.collect(net.parameters(), gradient);
    const auto in = tape.input(s, x.data());
    const auto q = net.encode(in);
    const auto y =
        net.decode(nn::reparameterize(q.mean, q.log_variance, std::span<const double>(noise)));
    // the target is the image itself, so that the input's gradient has a share from there
    const auto difference = nn::add(nn::scale(y, -1.0), in);
    const std::vector<double> zero(s.size());
    const auto loss = nn::add(nn::mse_loss(difference, std::span<const double>(zero)),
                              nn::scale(nn::kl_loss(q.mean, q.log_variance), 0.01));
    tape.backward(loss);

    REQUIRE(q.mean.shape() == latents);
    CHECK(torch.size() == net.parameters().size() + 5);
    CHECK(torch.difference("loss", {loss.item()}) < 1e-12);
    CHECK(torch.difference("mean", test::in_torch_order(q.mean.values(), latents)) < 1e-12);
    CHECK(torch.difference("log_variance", test::in_torch_order(q.log_variance.values(), latents)) <
          1e-12);
    CHECK(torch.difference("output", test::in_torch_order(y.values(), s)) < 1e-12);
    CHECK(torch.difference("input", test::in_torch_order(in.gradient(), s)) < 1e-12);
    torch.check_gradients(net.parameters(), gradient);
}

}  // namespace

TEST_CASE("the autoencoder and all its gradients equal PyTorch's") {
    SUBCASE("two levels, two heads, colour") {
        compare_with_pytorch(
            "autoencoder",
            {.base = 8, .multipliers = {1, 2}, .latent_channels = 3, .heads = 2, .groups = 4},
            {2, 6, 10, 3});
    }
    SUBCASE("one level of two blocks, so that latents have the size of images, odd sizes") {
        compare_with_pytorch("autoencoder_flat",
                             {.image_channels = 1,
                              .base = 6,
                              .multipliers = {1},
                              .blocks = 2,
                              .latent_channels = 2,
                              .groups = 3},
                             {3, 3, 5, 1});
    }
}

TEST_CASE("the gradients of an autoencoder are right, for pixels and parameters") {
    nn::autoencoder_kl<double> net(tiny);
    test::randomize(net.parameters(), 0.3);
    const nn::shape s{2, 2, 6, 2};
    const auto x = test::normals(s.size(), 1), noise = test::normals(net.latents_of(s).size(), 2);
    const auto loss = [&](const nn::var<double>& in) { return loss_of<double>(net, in, x, noise); };
    test::check_gradient({s}, [&](auto&, const auto& v) { return loss(v[0]); });
    test::check_parameter_gradients(
        net.parameters(), [&](nn::tape<double>& tape) { return loss(tape.constant(s, x.data())); });
}

TEST_CASE("a step of an autoencoder needs no memory and the same bits on all threads") {
    nn::autoencoder_kl<float> net(
        {.image_channels = 1, .base = 8, .multipliers = {1, 2}, .latent_channels = 2});
    const std::size_t image = 4 * 6, latent = 2 * 3 * 2;
    const auto normal = [](std::size_t count, std::uint64_t seed) {
        const auto z = test::normals(count, seed);
        return std::vector<float>(z.begin(), z.end());
    };
    const auto x = normal(11 * image, 1), noise = normal(11 * latent, 2);
    test::check_training_step(
        net.parameters(), 11, [&](nn::tape<float>& tape, std::size_t first, std::size_t n) {
            return loss_of<float>(
                net, tape.constant({n, 4, 6, 1}, x.data() + image * first),
                std::span<const float>(x).subspan(image * first, image * n),
                std::span<const float>(noise).subspan(latent * first, latent * n));
        });
}

TEST_CASE("an autoencoder says what is wrong with its options, images and latents") {
    const auto of = [](const nn::autoencoder_kl_options& options) {
        return support::refusal([&] { const nn::autoencoder_kl<float> net(options); });
    };
    CHECK(of({.multipliers = {}}) == "diffusion::nn::autoencoder_kl: there must be a level, got 0");
    CHECK(support::is_complete(of({.image_channels = 0}), 0));
    CHECK(support::is_complete(of({.base = 0}), 0));
    CHECK(support::is_complete(of({.multipliers = {1, 0}}), 0));
    CHECK(support::is_complete(of({.blocks = 0}), 0));
    CHECK(support::is_complete(of({.latent_channels = 0}), 0));
    CHECK(support::is_complete(of({.heads = 3}), 3));
    CHECK(support::is_complete(of({.heads = 0}), 0));
    CHECK(support::is_complete(of({.groups = 5}), 64));

    const nn::autoencoder_kl<float> net({.image_channels = 1, .base = 8});
    nn::tape<float> tape;
    const std::vector<float> x(48);
    CHECK(support::refusal([&] {
              net.encode(tape.constant({1, 4, 6, 1}, x.data()));
          }) ==
          "diffusion::nn::autoencoder_kl: x must have image_channels, and a height and width "
          "divisible by 2^(levels - 1), got (1, 4, 6, 1)");
    CHECK(support::is_complete(support::refusal([&] {
        net.encode(tape.constant({1, 4, 4, 3}, x.data()));
    })));
    CHECK(support::is_complete(support::refusal([&] {
        net.decode(tape.constant({1, 4, 4, 3}, x.data()));
    })));
}
