#pragma once

#include "timed_training.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <diffusion/denoiser/precondition.hpp>
#include <diffusion/nn/nn.hpp>
#include <diffusion/nn/vjp.hpp>
#include <diffusion/objective/preconditioned.hpp>
#include <diffusion/tensor/std.hpp>
#include <diffusion/toy/gaussian_mixture.hpp>
#include <diffusion/trainer/regression.hpp>

namespace examples {

/// Points of a mixture, drawn when they are wanted and never twice: a data source.
struct mixture_points {
    const diffusion::gaussian_mixture* mixture;

    std::size_t size() const { return 0; }

    diffusion::item_batch<float> init(std::size_t items) const {
        diffusion::item_batch<float> batch;
        batch.shape = {items, 1, 1, mixture->dimension()};
        batch.values.resize(batch.shape.size());
        return batch;
    }

    void fill(diffusion::item_batch<float>& batch, const diffusion::batch_draw& draw) const {
        mixture->draw(batch.values, draw.seed, draw.index);
    }
};

/// A small network that estimates x_0 in the plane, on any schedule: a `differentiable_denoiser`.
///
///     D(x, t) = skip x + out F(in x, log(sigma/alpha)/4)
///
/// with the weights of Karras et al. (2022, table 1) for data of variance 1, which make of VP,
/// sub-VP and VE one and the same task. F computes in float; what is around it, in double.
class score_net {
public:
    score_net(diffusion::nn::lanes<float>& lanes, std::size_t hidden, std::uint64_t seed)
        : lanes_(&lanes),
          net_({.in = 2, .hidden = hidden, .layers = 4, .out = 2, .time_factor = 10}, seed) {}

    std::size_t parameters() const { return net_.parameters().count(); }

    /// Denoising score matching (Vincent 2011; Song et al. 2021, eq. 7) at times that are uniform,
    /// each error weighted so that F's counts the same at all of them.
    /// Returns the number of steps.
    template <class Schedule, class Stop>
    std::size_t train(const char* task, const Schedule& schedule,
                      const diffusion::gaussian_mixture& mixture, const timed_plan& plan,
                      Stop&& stop) {
        mixture_points points{&mixture};
        diffusion::regression model(net_, diffusion::preconditioned_objective(
                                              schedule, scaling, diffusion::edm_weighting{1}));
        return train_for(task, model, points, *lanes_, plan, stop);
    }

    void operator()(const std::vector<double>& x, const diffusion::node& t,
                    std::vector<double>& x0) {
        const diffusion::precondition_weights w = scaling(t);
        answer(x, w.in, w.time, [&](auto&& F, auto& seen, std::size_t first) {
            const auto y = F(seen);
            for (std::size_t e = 0; e < y.size(); ++e)
                x0[first + e] = w.skip * x[first + e] + w.out * double(y.data()[e]);
        });
    }

    /// Also jv = v^T dD/dx of each point, by going back through the network.
    void with_product(const std::vector<double>& x, const diffusion::node& t,
                      const std::vector<double>& v, std::vector<double>& x0,
                      std::vector<double>& jv) {
        const diffusion::precondition_weights w = scaling(t);
        answer(x, w.in, w.time, [&](auto&& F, auto& seen, std::size_t first) {
            const std::vector<float> from(v.begin() + std::ptrdiff_t(first),
                                          v.begin() + std::ptrdiff_t(first + seen.size()));
            const auto back = diffusion::nn::vjp(F, seen, std::span<const float>(from));
            for (std::size_t e = 0; e < from.size(); ++e) {
                x0[first + e] = w.skip * x[first + e] + w.out * double(back.value.data()[e]);
                jv[first + e] =
                    w.skip * v[first + e] + w.out * w.in * double(back.product.data()[e]);
            }
        });
    }

private:
    static constexpr diffusion::edm_scaling scaling{1};

    /// use(F, in x, number of the first element) with some points at a time, on all threads.
    template <class Use>
    void answer(const std::vector<double>& x, double in, double time, Use&& use) {
        seen_.resize(x.size());
        for (std::size_t e = 0; e < x.size(); ++e) seen_[e] = float(in * x[e]);
        net_.parameters().prepare(false);
        lanes_->evaluate(x.size() / 2, [&](auto& tape, std::size_t first, std::size_t count) {
            const auto points = tape.constant({count, 1, 1, 2}, seen_.data() + 2 * first);
            use([&](const auto& p) { return net_(p, std::span<const double>(&time, 1)); }, points,
                2 * first);
        });
    }

    diffusion::nn::lanes<float>* lanes_;
    diffusion::nn::mlp<float> net_;
    std::vector<float> seen_;
};

}  // namespace examples
