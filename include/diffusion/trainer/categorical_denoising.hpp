#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include <diffusion/detail/require.hpp>
#include <diffusion/discrete/categorical_divergence.hpp>
#include <diffusion/discrete/categorical_process.hpp>
#include <diffusion/discrete/categorical_sample.hpp>
#include <diffusion/nn/row_loss.hpp>
#include <diffusion/objective/times.hpp>
#include <diffusion/trainer/data_source.hpp>
#include <diffusion/trainer/trainable.hpp>

namespace diffusion {

/// What a network of states is trained for.
struct categorical_denoising_options {
    double cross_entropy = 0;  ///< lambda, the weight of the auxiliary loss beside one term
    time_sampling sampling = time_sampling::stratified;
};

/// A network and the loss that trains it to undo a categorical process (Austin et al. 2021, eq. 1
/// and 5): a `trainable` of batches whose values are states, whole numbers 0 .. K-1.
///
///     L_lambda = mean over elements of
///                KL( q(x_{t-1} | x_t, x_0) || p_theta(x_{t-1} | x_t) ) - lambda log p(x_0 | x_t),
///
/// t uniform in 1 .. T, in nats. For lambda = 0 the mean over t is the mean of the T terms: T times
/// the loss is L_vlb for each element, but for L_T, which has nothing to learn. The auxiliary loss
/// asks for p(x_0 | x_t) itself, the bound for what eq. 4 makes good steps of (see `p_theta`).
///
/// `net(tape, states, shape, times)` gives K logits of p(x_0 | x_t) for each state, {items, height,
/// width, K}; the shape {items, height, width, 1} is that of the states, the times are t = 1 .. T,
/// one for each item. Times and states of batch `draw` are a function of `draw` alone. Refers to
/// network and process, and owns the noised batch, whose memory is made when the first comes.
template <class Net, categorical_process P>
class categorical_denoising {
public:
    using scalar = parameter_scalar_t<Net>;

    categorical_denoising(Net& net, const P& process,
                          const categorical_denoising_options& options = {})
        : net_(&net), process_(&process), options_(options) {
        detail::require(options.cross_entropy >= 0 && std::isfinite(options.cross_entropy),
                        "diffusion::categorical_denoising",
                        "lambda must be finite and not negative", options.cross_entropy);
        for (std::size_t t = 1; t <= process.steps(); ++t)
            back_.push_back(step_back(process, t, t - 1));
    }
    categorical_denoising(Net&, const P&&, const categorical_denoising_options& = {}) =
        delete;  // would be gone at once

    nn::parameters<scalar>& parameters() { return net_->parameters(); }

    /// Draws times and noise for the batch. Throws std::invalid_argument for values that are no
    /// states.
    void prepare(const item_batch<scalar>& batch, const batch_draw& draw) {
        constexpr const char* function = "diffusion::categorical_denoising";
        const std::size_t K = process_->categories(), n = batch.items(), size = batch.item_size();
        detail::require(batch.shape.channels == 1, function,
                        "a place must have one state; channels", batch.shape.channels);
        x_0_.resize(batch.values.size());
        x_t_.resize(batch.values.size());
        scratch_.resize(n * 3 * K);
        times_.resize(n);
        for (std::size_t i = 0; i < x_0_.size(); ++i) {
            const double value = static_cast<double>(batch.values[i]);
            detail::require(
                value >= 0 && value < static_cast<double>(K) && value == std::floor(value),
                function, "a state must be one of 0 .. K-1", value);
            x_0_[i] = static_cast<std::size_t>(value);
        }
        detail::draw_shares(times_, options_.sampling, draw.seed, draw.index);
        for (std::size_t i = 0; i < n; ++i) {
            const std::size_t t = 1 + detail::part_of(times_[i], process_->steps());
            times_[i] = static_cast<double>(t);
            q_sample(process_->kernel(0, t),
                     std::span<const std::size_t>(x_0_).subspan(i * size, size),
                     std::span(x_t_).subspan(i * size, size), draw.seed,
                     detail::training_draw(draw.index, 0), i * size);
        }
    }

    /// The mean loss of some items of the batch that was prepared last.
    nn::var<scalar> loss(nn::tape<scalar>& tape, const item_batch<scalar>& batch, std::size_t first,
                         std::size_t count) {
        const std::size_t K = process_->categories(), size = batch.item_size();
        nn::shape shape = batch.shape;
        shape.items = count;
        const nn::var<scalar> logits =
            (*net_)(tape, std::span<const std::size_t>(x_t_).subspan(first * size, count * size),
                    shape, std::span<const double>(times_).subspan(first, count));
        detail::require_shape(logits.shape() == shape.with_channels(K),
                              "diffusion::categorical_denoising",
                              "the network must give K logits for each state", logits.shape());
        return nn::row_loss(logits, [&](std::size_t p, auto row, std::span<scalar> to) {
            const std::size_t item = first + p / size, at = first * size + p;
            const auto memory = std::span(scratch_).subspan(item * 3 * K, 3 * K);
            const std::span<double> p_0 = memory.first(K);
            const std::span<double> slope = memory.last(to.empty() ? 0 : K);
            const auto& back = back_[static_cast<std::size_t>(times_[item]) - 1];
            probabilities_of(row, p_0);
            const double term =
                categorical_divergence(back, x_t_[at], x_0_[at], p_0, memory.subspan(K, K), slope);
            const double lambda = options_.cross_entropy;
            for (std::size_t k = 0; k < slope.size(); ++k)
                to[k] = static_cast<scalar>(slope[k] + lambda * (p_0[k] - (k == x_0_[at] ? 1 : 0)));
            return term - lambda * std::log(p_0[x_0_[at]]);
        });
    }

private:
    Net* net_;
    const P* process_;
    categorical_denoising_options options_;
    std::vector<categorical_step<kernel_of<P>>> back_;
    std::vector<std::size_t> x_0_, x_t_;
    std::vector<double> times_, scratch_;
};

}  // namespace diffusion
