// Your own layer, in twenty lines, with the test that it needs.
//
// A layer is a function: it computes its result at once and leaves behind how a gradient goes back
// through it. This one multiplies each channel by a gain that is learned (LayerScale, Touvron et
// al. 2021). The test compares its gradients with differences; then it learns.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <vector>

#include <diffusion/nn/elementwise.hpp>
#include <diffusion/nn/loss.hpp>
#include <diffusion/nn/optimizer.hpp>
#include <diffusion/nn/tape.hpp>
#include <diffusion/random/gaussian_noise.hpp>
#include <diffusion/tensor/std.hpp>

namespace {

namespace nn = diffusion::nn;

/// y = gain x, one gain for each channel.
template <class T>
nn::var<T> layer_scale(const nn::var<T>& x, const nn::var<T>& gain) {
    const std::size_t n = x.size(), c = x.shape().channels;
    const nn::var<T> y = x.tape().result(x.shape(), x, gain);  // depends on these two
    for (std::size_t i = 0; i < n; ++i) y.fill()[i] = gain.data()[i % c] * x.data()[i];
    x.tape().record(y, [n, c, x, gain, dx = nn::adjoint_slot<T>(x),
                        dgain = nn::adjoint_slot<T>(gain)](const nn::adjoint_slot<T>& dy) {
        if (dx.wanted()) {  // dL/dx = gain dL/dy
            T* to = dx.write_zeroed();
            for (std::size_t i = 0; i < n; ++i) to[i] += gain.data()[i % c] * dy.read()[i];
        }
        if (dgain.wanted()) {  // dL/dgain = sum of x dL/dy
            T* to = dgain.write_zeroed();
            for (std::size_t i = 0; i < n; ++i) to[i % c] += x.data()[i] * dy.read()[i];
        }
    });
    return y;
}

/// The same with a gain of its own, which starts at one.
template <class T>
struct layer_scale_layer {
    nn::parameter<T> gain;

    layer_scale_layer(nn::parameters<T>& store, const std::string& name, std::size_t channels)
        : gain(store.add(name + ".gain", {channels}, nn::parameter_layout::plain,
                         nn::initial::one())) {}

    nn::var<T> operator()(const nn::var<T>& x) const { return layer_scale(x, x.tape().use(gain)); }
};

std::vector<double> normals(std::size_t count, std::uint64_t seed) {
    std::vector<double> z(count);
    diffusion::gaussian_noise{seed}(z, {diffusion::noise_stream::user});
    return z;
}

/// The largest |gradient - difference| for a weighted sum of a result. Both inputs are read twice,
/// so that a layer which overwrites a gradient, where it should add, is found out.
double worst_gradient(const nn::shape& s) {
    std::vector<double> x = normals(s.size(), 1), gain = normals(s.channels, 2);
    const std::vector<double> weights = normals(s.size(), 3);
    const auto f = [](const auto& a, const auto& b) {
        return nn::add(layer_scale(layer_scale(a, b), b), a);
    };
    nn::tape<double> tape;
    const auto in = tape.input(s, x.data()), by = tape.input({1, 1, 1, s.channels}, gain.data());
    tape.backward(f(in, by), std::span<const double>(weights));

    const auto sum = [&] {  // forward only
        const auto y =
            f(tape.constant(s, x.data()), tape.constant({1, 1, 1, s.channels}, gain.data()));
        double total = 0;
        for (std::size_t i = 0; i < y.size(); ++i) total += weights[i] * y.data()[i];
        return total;
    };
    double worst = 0;
    const auto compare = [&](std::vector<double>& v, std::span<const double> gradient) {
        if (gradient.size() != v.size()) worst = 1e300;  // the layer forgot this input
        for (std::size_t i = 0; i < gradient.size(); ++i) {
            const double middle = v[i], h = 1e-5;
            v[i] = middle + h;
            const double above = sum();
            v[i] = middle - h;
            const double below = sum();
            v[i] = middle;
            worst = std::max(worst, std::abs((above - below) / (2 * h) - gradient[i]));
        }
    };
    compare(x, in.gradient());
    compare(gain, by.gradient());
    return worst;
}

}  // namespace

int main() {
    bool right = true;
    std::printf("gradients against differences, in double, over odd shapes\n");
    for (const nn::shape& s :
         {nn::shape{1, 1, 1, 1}, nn::shape{2, 3, 5, 7}, nn::shape{3, 1, 4, 2}}) {
        const bool good = worst_gradient(s) < 1e-8;
        std::printf("  %-12s %s\n", nn::to_string(s).c_str(), good ? "equal to 1e-8" : "WRONG");
        right = right && good;
    }

    nn::parameters<double> store;
    const layer_scale_layer<double> layer(store, "scale", 3);
    nn::adam<double> adam(store);
    std::vector<double> x = normals(300, 4), target(300);
    for (std::size_t i = 0; i < 300; ++i) target[i] = x[i] * std::vector{0.5, -1.0, 2.0}[i % 3];
    nn::tape<double> tape;
    tape.collect(store, store.gradient());
    for (int step = 0; step < 500; ++step) {
        std::ranges::fill(store.gradient(), 0.0);
        tape.backward(nn::mse_loss(layer(tape.constant({100, 1, 1, 3}, x.data())),
                                   std::span<const double>(target)));
        adam.step(0.02);
    }
    std::printf("learned %.3f %.3f %.3f, taught 0.500 -1.000 2.000\n", layer.gain.values()[0],
                layer.gain.values()[1], layer.gain.values()[2]);
    return right ? 0 : 1;
}
