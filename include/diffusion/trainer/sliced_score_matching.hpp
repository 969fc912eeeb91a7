#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <diffusion/nn/sliced_score.hpp>
#include <diffusion/random/fill.hpp>
#include <diffusion/trainer/data_source.hpp>
#include <diffusion/trainer/trainable.hpp>

namespace diffusion {

/// What directions a Jacobian is looked at along; both have E v v^T = I.
enum class directions { rademacher, gaussian };

/// How a score is matched.
struct sliced_score_options {
    nn::slicing loss = nn::slicing::variance_reduced;
    directions along = directions::rademacher;  ///< elements 1 or -1, or standard normal
    double time = 0;                            ///< what the network is told
};

/// A network and the loss that makes it the score of the data as they are, without any noise (Song,
/// Garg, Shi and Ermon 2019, algorithm 1 with one direction for each item): a `trainable` of
/// batches of items. `net(x, times)` must take a `nn::dual`, as `nn::mlp` does; to match the score
/// of noised data let the data source add the noise. The directions of batch `draw` are a function
/// of `draw` alone. Refers to the network. See `nn::sliced_score_loss`.
template <class Net>
class sliced_score_matching {
public:
    using scalar = parameter_scalar_t<Net>;

    explicit sliced_score_matching(Net& net, const sliced_score_options& options = {})
        : net_(&net), options_(options) {}

    nn::parameters<scalar>& parameters() { return net_->parameters(); }

    /// Draws the directions.
    void prepare(const item_batch<scalar>& batch, const batch_draw& draw) {
        v_.resize(batch.values.size());
        fill_normal<scalar>(v_, draw.seed, {noise_stream::forward, draw.index});
        if (options_.along == directions::rademacher)
            for (scalar& v : v_) v = v < 0 ? scalar(-1) : scalar(1);
        times_.assign(batch.items(), options_.time);
    }

    /// The mean loss of some items of the batch that was prepared last.
    nn::var<scalar> loss(nn::tape<scalar>& tape, const item_batch<scalar>& batch, std::size_t first,
                         std::size_t count) {
        const std::size_t size = batch.item_size();
        nn::shape shape = batch.shape;
        shape.items = count;
        const auto v = std::span<const scalar>(v_).subspan(first * size, count * size);
        const auto times = std::span<const double>(times_).subspan(first, count);
        const auto score = [&](const nn::dual<scalar>& x) { return (*net_)(x, times); };
        return nn::sliced_score_loss(
            nn::jvp(score, tape.constant(shape, batch.values.data() + first * size),
                    tape.constant(shape, v.data())),
            v, options_.loss);
    }

private:
    Net* net_;
    sliced_score_options options_;
    std::vector<scalar> v_;
    std::vector<double> times_;
};

}  // namespace diffusion
