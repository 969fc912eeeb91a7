#include <doctest/doctest.h>
#include <diffusion/nn/autoencoder_kl.hpp>
#include <diffusion/nn/latents.hpp>
#include <nn/gradient_check.hpp>
#include <support/refusal.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

namespace nn = diffusion::nn;

namespace {

struct setup {
    nn::autoencoder_kl<double> net{
        {.image_channels = 1, .base = 4, .multipliers = {1, 1}, .latent_channels = 2, .groups = 2},
        1};
    nn::shape images{11, 4, 6, 1}, latents = net.latents_of(images);
    std::vector<double> x = diffusion::test::normals(images.size(), 1);
    std::vector<double> mean = std::vector<double>(latents.size()), log_variance = mean,
                        y = std::vector<double>(images.size());
};

}  // namespace

TEST_CASE("encoding and decoding in memory are the network's own, for any number of threads") {
    setup s;
    nn::tape<double> tape;
    const auto q = s.net.encode(tape.constant(s.images, s.x.data()));
    const auto decoded = s.net.decode(q.mean);
    for (const std::size_t threads : {1U, 3U}) {
        nn::lanes<double> lanes(nn::lanes_options{.threads = threads, .chunk = 11});
        nn::encode(s.net, lanes, s.images, std::span<const double>(s.x), std::span(s.mean),
                   std::span(s.log_variance));
        CHECK(std::ranges::equal(s.mean, q.mean.values()));
        CHECK(std::ranges::equal(s.log_variance, q.log_variance.values()));
        nn::decode(s.net, lanes, s.latents, std::span<const double>(s.mean), std::span(s.y));
        CHECK(std::ranges::equal(s.y, decoded.values()));
    }
    // in pieces, too, and without the log-variance
    nn::lanes<double> lanes(nn::lanes_options{.threads = 2, .chunk = 2});
    std::vector<double> pieces(s.mean.size());
    nn::encode(s.net, lanes, s.images, std::span<const double>(s.x), std::span(pieces));
    CHECK(pieces == s.mean);
}

TEST_CASE("latents times their scale have variance 1, wherever their mean is") {
    const std::vector<double> z = {10, 14, 10, 14};
    CHECK(nn::latent_scale(std::span(z)) == doctest::Approx(0.5));
    const std::vector<float> equal = {3, 3, 3};
    CHECK(support::refusal([&] { nn::latent_scale(std::span(equal)); }) ==
          "diffusion::nn::latent_scale: the latents must be finite and not all equal, got 0");
    CHECK(support::is_complete(
        support::refusal([&] { nn::latent_scale(std::span<const float>()); })));
}

TEST_CASE("memory that does not fit images or latents is refused") {
    setup s;
    nn::lanes<double> lanes(1);
    const auto encode = [&](std::size_t x, std::size_t mean, std::size_t log_variance) {
        return support::refusal([&] {
            nn::encode(s.net, lanes, s.images, std::span<const double>(s.x).first(x),
                       std::span(s.mean).first(mean),
                       std::span(s.log_variance).first(log_variance));
        });
    };
    const std::size_t n = s.x.size(), m = s.mean.size();
    CHECK(encode(n, m, 0) == "no exception");
    CHECK(support::is_complete(encode(n - 1, m, 0), n - 1));
    CHECK(support::is_complete(encode(n, m - 1, 0), m - 1));
    CHECK(support::is_complete(encode(n, m, 1), 1));
    const auto decode = [&](std::size_t z, std::size_t x) {
        return support::refusal([&] {
            nn::decode(s.net, lanes, s.latents, std::span<const double>(s.mean).first(z),
                       std::span(s.y).first(x));
        });
    };
    CHECK(decode(m, n) == "no exception");
    CHECK(support::is_complete(decode(m - 1, n), m - 1));
    CHECK(support::is_complete(decode(m, n - 1), n - 1));
}
