#pragma once

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include <diffusion/denoiser/precondition.hpp>
#include <diffusion/grid/time_grid.hpp>
#include <diffusion/nn/inference.hpp>
#include <diffusion/nn/parallel.hpp>
#include <diffusion/nn/shape.hpp>
#include <diffusion/trainer/trainable.hpp>

namespace diffusion {

/// A network F as a denoiser of batches in which each item has a level of its own: D(x, levels,
/// x_0) with D(x, t) = skip x + out F(in x, time) as `preconditioned` has it. The teacher of
/// `consistency`, and a way to measure a denoiser level by level.
///
/// `scaling` is any callable from a node to the four weights, so that a network may be asked in
/// another space than it was trained in: one that predicts the velocity on `vp_cosine`, at alpha =
/// 1 and sigma = rho, is {alpha^2, -sigma, alpha, t} of the level with sigma/alpha = rho. Refers to
/// the network and the lanes.
template <class Net, class Scaling>
class item_denoiser {
public:
    using scalar = parameter_scalar_t<Net>;

    /// `item`: the shape of one (item.items is not read).
    item_denoiser(Net& net, nn::lanes<scalar>& lanes, Scaling scaling, const nn::shape& item)
        : net_(&net), lanes_(&lanes), scaling_(std::move(scaling)), item_(item) {}

    /// Throws std::invalid_argument unless x and x_0 have an item for each level.
    void operator()(const std::vector<scalar>& x, std::span<const node> levels,
                    std::vector<scalar>& x_0) {
        const std::size_t size = item_.pixels() * item_.channels;
        detail::require(x.size() == levels.size() * size, "diffusion::item_denoiser",
                        "there must be an item for each level", x.size());
        detail::require(x_0.size() == x.size(), "diffusion::item_denoiser",
                        "the estimate must have the state's size", x_0.size());
        seen_.resize(x.size());
        told_.resize(levels.size());
        weights_.resize(levels.size());
        for (std::size_t i = 0; i < levels.size(); ++i) {
            const precondition_weights& w = weights_[i] = scaling_(levels[i]);
            told_[i] = w.time;
            for (std::size_t e = i * size; e < (i + 1) * size; ++e)
                seen_[e] = static_cast<scalar>(w.in) * x[e];
        }
        nn::evaluate(*net_, *lanes_, {levels.size(), item_.height, item_.width, item_.channels},
                     std::span<const scalar>(seen_), std::span<const double>(told_),
                     std::span<const std::size_t>(), std::span<scalar>(x_0));
        for (std::size_t i = 0; i < levels.size(); ++i) {
            const precondition_weights& w = weights_[i];
            for (std::size_t e = i * size; e < (i + 1) * size; ++e)
                x_0[e] = static_cast<scalar>(w.skip) * x[e] + static_cast<scalar>(w.out) * x_0[e];
        }
    }

private:
    Net* net_;
    nn::lanes<scalar>* lanes_;
    Scaling scaling_;
    nn::shape item_;
    std::vector<scalar> seen_;
    std::vector<double> told_;
    std::vector<precondition_weights> weights_;
};

}  // namespace diffusion
