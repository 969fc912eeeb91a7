#pragma once

#include "progress.hpp"
#include "training.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <diffusion/grid/ncsn.hpp>
#include <diffusion/grid/spacing.hpp>
#include <diffusion/nn/nn.hpp>
#include <diffusion/random/gaussian_noise.hpp>
#include <diffusion/sampler/annealed_langevin.hpp>
#include <diffusion/sampler/sample.hpp>
#include <diffusion/schedule/noise_ladder.hpp>
#include <diffusion/tensor/std.hpp>
#include <diffusion/trainer/denoising.hpp>
#include <diffusion/trainer/in_memory.hpp>

namespace examples {

/// A way of annealed Langevin dynamics: which levels it visits, how it moves, where it begins.
struct score_walk {
    std::string name;
    diffusion::noise_ladder ladder;
    diffusion::annealing how;
    double reach = 0;  ///< begins evenly in [-reach, reach]; 0: with the noise of the first level

    std::size_t calls() const { return ladder.size() * how.steps + (how.denoise ? 1 : 0); }

    /// Where `size` numbers come to that follow the scores of a denoiser; `look` is called as an
    /// observer of `sample` is.
    template <class D, class Look>
    std::vector<float> run(D&& denoise, std::size_t size, std::uint64_t seed, Look&& look) const {
        const diffusion::annealed_langevin sampler(diffusion::all_steps(ladder), how);
        std::vector<float> x(size);
        if (reach > 0) {
            diffusion::fill_uniform<float>(x, seed, {diffusion::noise_stream::start});
            for (float& e : x) e = float(reach) * (2 * e - 1);
        } else {
            diffusion::draw_prior(x, sampler.grid().front(), diffusion::gaussian_noise{seed});
        }
        progress bar("walking ");
        diffusion::sample(x, sampler, denoise, diffusion::gaussian_noise{seed},
                          [&](const auto& step) {
                              bar.show(double(step.i + 1) / double(step.n), name);
                              look(step);
                          });
        bar.finish(1, name);
        return x;
    }
    template <class D>
    std::vector<float> run(D&& denoise, std::size_t size, std::uint64_t seed) const {
        return run(denoise, size, seed, [](const auto&) {});
    }
};

/// Trains a network on all levels of a ladder by denoising score matching (Vincent 2011; Song and
/// Ermon 2019, eqs. 5 and 6, lambda = sigma^2): for `target::score` it is the score itself, for
/// `target::noise` -sigma times the score. Prints what happened, and returns the weights as they
/// were before they were averaged.
template <class Net, class Stop>
std::vector<float> train_scores(const char* name, Net& net, diffusion::nn::lanes<float>& lanes,
                                const diffusion::noise_ladder& ladder, diffusion::target kind,
                                std::span<const float> data, const diffusion::nn::shape& item,
                                const training_plan& plan, Stop&& stop) {
    diffusion::in_memory<float> source(item, data);
    diffusion::denoising model(net, ladder, {.kind = kind}, diffusion::snr_weighting{});
    std::vector<float> last;
    const training_record record =
        train_model(model, source, lanes, plan, stop, [&](auto& training) {
            const auto values = std::as_const(training.parameters()).values();
            last.assign(values.begin(), values.end());
        });
    const std::size_t some = std::min<std::size_t>(record.losses.size(), 100);
    double loss = 0;
    for (std::size_t i = record.losses.size() - some; i < record.losses.size(); ++i)
        loss += record.losses[i] / double(some);
    std::printf("  %-34s %6zu steps of %zu in %s, loss %.3f\n", name, record.losses.size(),
                plan.batch, spoken_time(record.seconds).c_str(), loss);
    return last;
}

}  // namespace examples
