// My first sample: digits out of noise, at once. The network was trained by `digits`, another of
// these examples, and lies in models/; this page loads it and runs a sampler with it.
//
//     sh examples/run.sh first_sample            writes build/gallery/first_sample.png
//     sh examples/run.sh first_sample FOLDER     writes FOLDER/first_sample.png

#include "support/digit_model.hpp"
#include "support/filmstrip.hpp"
#include "support/models.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <string>
#include <vector>

#include <diffusion/diffusion.hpp>
#include <diffusion/nn/nn.hpp>

int main(int argc, char** argv) {
    using namespace diffusion;
    const std::string folder = argc > 1 ? argv[1] : "build/gallery";
    auto model = examples::digit_model::load(examples::models_folder() / "digits.safetensors");
    nn::lanes<float> lanes;  // one thread for each core

    // The network predicts v from (x, t), for as many digits as there are labels.
    const std::vector<std::size_t> labels{0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    auto network = nn::as_network(model.net, lanes, model.height, model.width, labels);
    auto denoiser = clipped(predicts_velocity(network), -1, 1);

    // Fifty steps from pure noise (at t = 999 of 1000) to data, with a little new noise in each.
    const multistep sampler(dpm_solver_pp_2m{1}, trailing(model.schedule, 50),
                            last_steps::first_order);
    const gaussian_noise noise{1};
    std::vector<float> x(labels.size() * model.height * model.width);
    draw_prior(x, sampler.grid().front(), noise);
    sample(x, sampler, denoiser, noise);

    examples::filmstrip{.columns = labels.size(), .zoom = 4}
        .draw(x, model.height, model.width)
        .save(folder + "/first_sample.png");
    const auto ink = std::count_if(x.begin(), x.end(), [](float value) { return value > 0; });
    const double share = double(ink) / double(x.size());
    std::printf("ten digits%s\n", share > 0.1 && share < 0.3 ? ", black and white" : "? all grey");
    std::printf("wrote first_sample.png\n");
}
