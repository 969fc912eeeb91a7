#pragma once

#include "digit_model.hpp"
#include "process_films.hpp"
#include "progress.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <diffusion/diffusion.hpp>
#include <diffusion/nn/nn.hpp>

namespace examples {

/// How digits come out of noise.
struct drawing_plan {
    std::string sampler = "sde-dpm-solver++2m";  ///< one of `samplers`; this one's noise corrects
                                                 ///< what the network got wrong before
    std::size_t steps = 50;
    double eta = 0;       ///< noise in each step of ddim: 0 none, 1 as ddpm
    double guidance = 2;  ///< 0: forget the label, 1: as trained, more: insist on it

    static std::vector<std::string> samplers() {
        return {"sde-dpm-solver++2m", "dpm-solver++2m", "ddim", "ddpm", "adams2", "adams3", "heun"};
    }
};

/// D(x, t) on a batch of digits, whatever it is made of: so each sampler is compiled for one type.
using digit_denoiser = std::function<void(const std::vector<float>& x, const diffusion::node& t,
                                          std::vector<float>& x0)>;

/// D = D_u + w (D_c - D_u), with the labels and without, both from one network; then clipped to the
/// range of the pictures. Views the model and the lanes.
inline digit_denoiser guided_digits(digit_model& model, diffusion::nn::lanes<float>& lanes,
                                    const std::vector<std::size_t>& labels, double guidance) {
    namespace nn = diffusion::nn;
    auto conditional = diffusion::predicts_velocity(
        nn::as_network(model.net, lanes, model.height, model.width, labels));
    auto unconditional =
        diffusion::predicts_velocity(nn::as_network(model.net, lanes, model.height, model.width));
    const std::vector<float> scratch(labels.size() * model.height * model.width);
    return diffusion::clipped(diffusion::guided(conditional, unconditional, guidance, scratch), -1,
                              1);
}

/// Draws one digit for each label, out of noise. Digit i is the same whatever else is drawn. The
/// film, if there is one, sees every step.
inline std::vector<float> draw_digits(digit_model& model, diffusion::nn::lanes<float>& lanes,
                                      const drawing_plan& plan,
                                      const std::vector<std::size_t>& labels, std::uint64_t seed,
                                      reverse_film* film = nullptr) {
    const digit_denoiser denoiser = guided_digits(model, lanes, labels, plan.guidance);
    diffusion::per_item_noise noise;
    for (std::size_t i = 0; i < labels.size(); ++i) noise.seeds.push_back((seed << 32) + i);

    // Heun steps in sigma/alpha, which leaps by a factor of thousands at the end of the cosine
    // schedule; it starts where that ratio is about 60, and takes steps of equal factors.
    const auto grid = plan.sampler == "heun"
                          ? diffusion::uniform_lambda(model.schedule, plan.steps, 990, 0)
                          : diffusion::trailing(model.schedule, plan.steps);
    std::vector<float> x(labels.size() * model.height * model.width);
    diffusion::draw_prior(x, grid.front(), noise);
    if (film != nullptr) film->start(x, grid.front().t);

    progress bar("drawing ");
    const std::string note = std::to_string(labels.size()) + " digits";
    const auto run = [&](const auto& sampler) {
        diffusion::sample(x, sampler, denoiser, noise, [&](const auto& step) {
            bar.show(double(step.i + 1) / double(step.n), note);
            if (film != nullptr) film->see(step);
        });
    };
    using diffusion::last_steps;
    using diffusion::multistep;
    if (plan.sampler == "ddim") run(multistep(diffusion::ddim{.eta = plan.eta}, grid));
    if (plan.sampler == "ddpm") run(multistep(diffusion::ddpm{}, grid));
    if (const bool noisy = plan.sampler == "sde-dpm-solver++2m";
        noisy || plan.sampler == "dpm-solver++2m")
        run(multistep(diffusion::dpm_solver_pp_2m{noisy ? 1.0 : 0.0}, grid,
                      last_steps::first_order));
    if (plan.sampler == "adams2")
        run(multistep(diffusion::exponential_adams<2>{}, grid, last_steps::falling_order));
    if (plan.sampler == "adams3")
        run(multistep(diffusion::exponential_adams<3>{}, grid, last_steps::falling_order));
    if (plan.sampler == "heun") run(diffusion::singlestep(diffusion::heun{}, grid));
    bar.finish(1, note);
    return x;
}

}  // namespace examples
