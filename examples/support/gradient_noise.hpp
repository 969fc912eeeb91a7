#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <diffusion/trainer/data_source.hpp>
#include <diffusion/trainer/trainable.hpp>

namespace examples {

/// How noisy a training's gradients are: the simple noise scale B = tr(S) / |G|^2 of McCandlish et
/// al. (2018), with G the true gradient and S the covariance of one item's. Batches of fewer items
/// than B point mostly anywhere.
struct gradient_noise {
    double noise = 0;   ///< tr(S)
    double signal = 0;  ///< |G|^2

    double scale() const { return noise / signal; }
    gradient_noise& operator+=(const gradient_noise& other) {
        noise += other.noise;
        signal += other.signal;
        return *this;
    }
};

/// Measures it with `batches` batches of `items`, from the squared lengths of their gradients and
/// of the mean of them all (appendix A.1: |G|^2 and tr(S) without bias). Sum over a few
/// measurements before dividing. `draw` tells the measurements apart. A time distribution that
/// learns from losses takes in those met here, too.
template <class Trainer>
gradient_noise measure_noise(Trainer& training, std::uint64_t draw, std::size_t items = 32,
                             std::size_t batches = 16) {
    auto& model = training.model();
    auto batch = training.data().init(items);
    std::vector<double> mean(training.parameters().gradient().size());
    double squares = 0;  // of one batch, on average
    for (std::size_t k = 0; k < batches; ++k) {
        const diffusion::batch_draw which{training.options().seed + 1, draw * batches + k};
        training.data().fill(batch, which);
        model.prepare(batch, which);
        training.lanes().train(training.parameters(), items,
                               [&](auto& tape, std::size_t first, std::size_t count) {
                                   return model.loss(tape, batch, first, count);
                               });
        const auto gradient = training.parameters().gradient();
        for (std::size_t i = 0; i < mean.size(); ++i) {
            const double g = double(gradient[i]);
            mean[i] += g / double(batches);
            squares += g * g / double(batches);
        }
    }
    double square_of_mean = 0;
    for (const double g : mean) square_of_mean += g * g;
    const double few = double(items), many = double(items * batches);
    return {(squares - square_of_mean) / (1 / few - 1 / many),
            (many * square_of_mean - few * squares) / (many - few)};
}

}  // namespace examples
