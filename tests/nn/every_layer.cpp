#include <doctest/doctest.h>
#include <diffusion/nn/nn.hpp>
#include <nn/gradient_check.hpp>
#include <support/counting_new.hpp>
#include <support/worse.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace nn = diffusion::nn;

namespace {

/// A network of no use with all layers that the U-Net does not have, and its losses. The sizes are
/// such that their texts do not fit into a short string: a message that is made before it is needed
/// would call the heap.
template <class T>
struct everything {
    static constexpr std::size_t items = 13;
    static constexpr nn::shape image{items, 12, 12, 32}, text{items, 1, 11, 32};

    nn::parameters<T> store{1};
    nn::fourier_embedding_layer<T> time{store, "time", 10, 1.0};
    nn::spade_layer<T> spade{store, "spade", 32, {.labels = 2, .hidden = 16, .groups = 8}};
    nn::film_layer<T> film{store, "film", 10, 32};
    nn::layer_norm_layer<T> layer{store, "layer", 32};
    nn::batch_norm_layer<T> batch{store, "batch", 32};
    nn::conv2d_transposed<T> up{store, "up", 32, 32};
    std::vector<T> x = rounded(image.size(), 1), map = rounded(items * 144 * 2, 2);
    std::vector<T> tokens = rounded(text.size(), 3), target = rounded(items * 16, 4);
    std::vector<T> mask = std::vector<T>(items * 11, T(1));
    std::vector<T> gradient = std::vector<T>(store.values().size());
    std::array<double, items> t{};
    std::array<std::size_t, items> labels{};
    T log_scale = T(1);
    nn::tape<T> tape;

    everything() {
        for (std::size_t i = 0; i < items; ++i) {
            t[i] = 0.1 * static_cast<double>(i);
            labels[i] = i % 5;
        }
    }

    static std::vector<T> rounded(std::size_t count, std::uint64_t seed) {
        const std::vector<double> z = diffusion::test::normals(count, seed);
        return std::vector<T>(z.begin(), z.end());
    }

    nn::var<T> loss(const nn::var<T>& in) {
        const auto m = tape.constant({items, 12, 12, 2}, map.data());
        nn::var<T> h = film(spade(in, m), time(tape, items, t));
        h = nn::gelu_tanh(batch(nn::gelu(layer(nn::relu(h)))));
        const auto pooled = nn::average_pool(h);
        h = nn::add(nn::add(h, nn::upsample_bilinear(pooled)), up(pooled));
        h = nn::pixel_shuffle(nn::pixel_unshuffle(h));
        const auto context = tape.input(text, tokens.data());
        const auto seen = tape.constant({items, 1, 11, 1}, mask.data());
        h = nn::cross_attention(nn::slice(h, 5, 16), context, 2, {.mask = seen});
        {
            const nn::attention_hook hook(tape, [](const auto& all) { all.row(1)[0] *= T(0.5); });
            h = nn::self_attention(nn::concat(nn::concat(h, h), h), 4, {.causal = true});
        }
        h = nn::dropout(h, {.rate = 0.2, .seed = 1});
        h = nn::global_average_pool(h);
        const auto unit = nn::normalize_length(h);
        const auto scale = tape.constant({1, 1, 1, 1}, &log_scale);
        const auto a = nn::huber_loss(nn::softmax(h), std::span<const T>(target));
        const auto b = nn::kl_loss(h, unit);
        const auto c = nn::cross_entropy_loss(h, std::span<const std::size_t>(labels));
        const auto d = nn::contrastive_loss(unit, h, scale);
        return nn::add(nn::add(a, b), nn::add(c, d));
    }

    /// The loss, then its gradient with respect to x and to the parameters.
    std::vector<double> step() {
        const auto in = tape.input(image, x.data());
        std::fill(gradient.begin(), gradient.end(), T(0));
        tape.collect(store, gradient);
        const std::size_t before = support::allocations();
        const auto y = loss(in);
        tape.backward(y);
        allocated = support::allocations() - before;
        std::vector<double> all{static_cast<double>(y.item())};
        all.insert(all.end(), in.gradient().begin(), in.gradient().end());
        all.insert(all.end(), gradient.begin(), gradient.end());
        return all;
    }
    std::size_t allocated = 0;
};

}  // namespace

TEST_CASE_TEMPLATE("no layer or loss calls the heap after its first step", T, float, double) {
    everything<T> all;
    const std::vector<double> first = all.step();
    CHECK(all.allocated > 0);
    const std::size_t in_use = all.tape.memory().bytes_in_use();
    CHECK(all.step() == first);
    CHECK(all.allocated == 0);
    CHECK(all.tape.memory().bytes_in_use() == in_use);

    const nn::without_recording off(all.tape);
    const auto in = all.tape.constant(all.image, all.x.data());
    CHECK(static_cast<double>(all.loss(in).item()) == first[0]);
    const std::size_t before = support::allocations();
    CHECK(static_cast<double>(all.loss(in).item()) == first[0]);
    CHECK(support::allocations() == before);
}

TEST_CASE("all layers and losses together give the same in float as in double") {
    everything<float> narrow;
    everything<double> wide;
    std::copy(narrow.x.begin(), narrow.x.end(), wide.x.begin());
    const std::vector<double> a = narrow.step();
    // the parameters are not laid out alike: compare the loss and the gradient of x
    const std::vector<double> b = wide.step();
    CHECK(a[0] == doctest::Approx(b[0]).epsilon(1e-5));
    double largest = 0, worst = 0;
    for (std::size_t i = 1; i <= everything<float>::image.size(); ++i) {
        largest = std::max(largest, std::abs(b[i]));
        worst = support::worse(worst, std::abs(a[i] - b[i]));
    }
    CHECK(worst < 1e-5 * largest);
}
