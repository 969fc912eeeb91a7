#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include <diffusion/detail/require.hpp>
#include <diffusion/discrete/binomial_process.hpp>
#include <diffusion/discrete/categorical_sample.hpp>
#include <diffusion/nn/binomial_loss.hpp>
#include <diffusion/nn/elementwise.hpp>
#include <diffusion/nn/inference.hpp>
#include <diffusion/objective/times.hpp>
#include <diffusion/trainer/ask_items.hpp>
#include <diffusion/trainer/data_source.hpp>
#include <diffusion/trainer/trainable.hpp>

namespace diffusion {

/// A network that guesses clean bits, trained on the lower bound K itself (Sohl-Dickstein et al.
/// 2015, section 2.3): a `trainable` of batches whose values are 0 and 1. `net(x_t, times, labels)`
/// sees for each bit of x_t the log odds of x_0 = 1 that the bit itself speaks for, plus or minus
/// `binomial_process::evidence`, and t/T for the time. It gives a `var` of the shape of x_t: the
/// log odds that all the others speak for. Both are added, so that a network that knows nothing
/// says 0, and makes the null model: coins. (What follows from given odds does not depend on t.)
/// `bit_guess` makes P(x_0 = 1 | x_t) of it. The loss is what a network can change of -K, the last
/// step included, in nats per item: one t is drawn for each item, and
///
///     L = T sum over bits of KL(q(x_{t-1} | x_t, x_0) || p(x_{t-1} | x_t)).
///
/// Which t, and which bits are erased, is a function of the batch's draw alone; the times of a
/// batch are stratified. Refers to the network.
template <class Net>
class binomial_training {
public:
    using scalar = parameter_scalar_t<Net>;

    /// Throws std::invalid_argument for a process whose first step erases nothing: x_1 would speak
    /// for x_0 with infinite odds.
    binomial_training(Net& net, binomial_process process)
        : net_(&net), process_(std::move(process)) {
        detail::require(process_.kept(1) < 1, "diffusion::binomial_training",
                        "the first step must erase something; it keeps", process_.kept(1));
    }

    nn::parameters<scalar>& parameters() { return net_->parameters(); }

    /// Draws a time for each item of the batch, and x_t. Throws std::invalid_argument for a value
    /// other than 0 and 1.
    void prepare(const item_batch<scalar>& batch, const batch_draw& draw) {
        detail::require_labels(batch, "diffusion::binomial_training");
        const std::size_t n = batch.items(), bits = batch.item_size(), T = process_.steps();
        x_0_.resize(n * bits);
        x_t_.resize(n * bits);
        seen_.resize(n * bits);
        steps_.resize(n * bits);
        times_.resize(n);
        for (std::size_t i = 0; i < n * bits; ++i) {
            const scalar value = batch.values[i];
            detail::require(value == scalar(0) || value == scalar(1),
                            "diffusion::binomial_training", "a state must be 0 or 1", value);
            x_0_[i] = value == scalar(1) ? 1 : 0;
        }
        detail::draw_shares(times_, time_sampling::stratified, draw.seed, draw.index);
        for (std::size_t i = 0; i < n; ++i) {
            const std::size_t t = 1 + detail::part_of(times_[i], T);
            times_[i] = static_cast<double>(t) / static_cast<double>(T);
            const std::size_t first = i * bits;
            q_sample(process_.kernel(0, t), std::span<const std::size_t>(x_0_).subspan(first, bits),
                     std::span<std::size_t>(x_t_).subspan(first, bits), draw.seed,
                     detail::training_draw(draw.index, 0), first);
            const binomial_posterior q = process_.posterior(t - 1, t);
            const double evidence = process_.evidence(t);
            for (std::size_t e = first; e < first + bits; ++e) {
                const double odds = x_t_[e] == 1 ? evidence : -evidence;
                seen_[e] = static_cast<scalar>(odds);
                steps_[e] = {q.one[x_t_[e]][0], q.one[x_t_[e]][1], x_0_[e] == 1, odds};
            }
        }
    }

    /// The mean over some items of their T divergences, in nats.
    nn::var<scalar> loss(nn::tape<scalar>& tape, const item_batch<scalar>& batch, std::size_t first,
                         std::size_t count) {
        const std::size_t bits = batch.item_size();
        const auto divergence = nn::binomial_loss(
            detail::ask_items(*net_, tape, batch, seen_, times_, first, count),
            std::span<const nn::bit_step>(steps_).subspan(first * bits, count * bits));
        return nn::scale(divergence, static_cast<scalar>(static_cast<double>(bits) *
                                                         static_cast<double>(process_.steps())));
    }

private:
    Net* net_;
    binomial_process process_;
    std::vector<std::size_t> x_0_, x_t_;
    std::vector<scalar> seen_;
    std::vector<double> times_;
    std::vector<nn::bit_step> steps_;
};

/// The guess of such a network, for `guesses_bits`: guess(x_t, t, one) writes P(x_0 = 1 | x_t).
/// `item`: the shape of one (item.items is not read). Refers to the net and the lanes.
template <class Net, class T>
class bit_guess {
public:
    bit_guess(Net& net, nn::lanes<T>& lanes, const nn::shape& item, binomial_process process)
        : net_(&net), lanes_(&lanes), item_(item), process_(std::move(process)) {}

    void operator()(std::span<const std::size_t> x_t, std::size_t t, std::span<double> one) {
        const std::size_t bits = item_.pixels() * item_.channels;
        detail::require(bits > 0 && x_t.size() % bits == 0, "diffusion::bit_guess",
                        "the bits must be those of whole items", x_t.size());
        item_.items = x_t.size() / bits;
        seen_.resize(x_t.size());
        logits_.resize(x_t.size());
        const double time = static_cast<double>(t) / static_cast<double>(process_.steps());
        const double evidence = process_.evidence(t);
        for (std::size_t i = 0; i < x_t.size(); ++i)
            seen_[i] = static_cast<T>(x_t[i] == 1 ? evidence : -evidence);
        nn::evaluate(*net_, *lanes_, item_, std::span<const T>(seen_),
                     std::span<const double>(&time, 1), {}, std::span<T>(logits_));
        for (std::size_t i = 0; i < x_t.size(); ++i) {
            const double logit = static_cast<double>(logits_[i]) + static_cast<double>(seen_[i]);
            one[i] = 1 / (1 + std::exp(-logit));
        }
    }

private:
    Net* net_;
    nn::lanes<T>* lanes_;
    nn::shape item_;
    binomial_process process_;
    std::vector<T> seen_, logits_;
};

}  // namespace diffusion
