// Denoising diffusion probabilistic models (Ho, Jain, Abbeel 2020): T = 1000 steps of noise, betas
// that rise linearly from 1e-4 to 0.02, a network that predicts the noise. Four choices: the steps
// back have the variance beta-tilde_t (small) or beta_t (large), and the network is trained with
// the variational bound itself, L (eq. 12), or with L_simple (eq. 14).
//
//   Tables 1, 2   bits per dimension of digits that the network has not seen, from the bound term
//                 by term with the discretised decoder (eq. 13), and the Frechet distance
//   Figure 5      progressive lossy compression: how far x_0-hat is off after so many bits
//   Figure 6      progressive generation: x_0-hat while a digit emerges
//   Figure 8      two digits mixed at time t
//
// Smaller than there: drawn digits of 16 x 16 pixels in 256 grey levels instead of CIFAR10, three
// networks of 0.7 million parameters, trained for about half a minute each, and Frechet distances
// in the fixed features of support/frechet.hpp, whose numbers are smaller than FID. Half of a digit
// is paper of one grey level, so its bits are fewer.
//
// Writes ddpm_2020_rate.png, ddpm_2020_generation.png and ddpm_2020_interpolation.png.

#include "support/bits.hpp"
#include "support/ddpm_pages.hpp"
#include "support/digit_data.hpp"
#include "support/frechet.hpp"
#include "support/process_films.hpp"
#include "support/progress.hpp"
#include "support/small_ddpm.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include <diffusion/diffusion.hpp>
#include <diffusion/likelihood/variational_bound.hpp>
#include <diffusion/nn/nn.hpp>

namespace {

using diffusion::reverse_variance;
using examples::feature_statistics;

/// One row of the table.
struct choice {
    const char* objective;
    reverse_variance variance;
    diffusion::nn::unet<float>* net;
    double paper_bits, paper_fid;  ///< Table 1; L and L_simple with a fixed isotropic variance
    std::optional<examples::sent_bits> sent{};
    double distance = 0;

    const char* name() const { return variance == reverse_variance::small ? "small" : "large"; }
};

int run(int argc, char** argv) {
    examples::ddpm_settings s;
    if (const auto code = s.read(argc, argv, "ddpm_2020",
                                 "Bits and quality of DDPM, by objective and variance.", 100, 16))
        return *code;
    const std::size_t side = s.side(), area = side * side;
    const auto data = examples::digits_of_8_bits(s.seed, 10000, side);
    const auto others =
        examples::digits_of_8_bits(s.seed + 1, std::max<std::size_t>(s.samples, 64), side);
    const auto schedule = examples::linear_schedule(s.T());
    const diffusion::time_grid grid = diffusion::all_steps(schedule);
    diffusion::nn::lanes<float> lanes(s.threads);

    // Three networks: L depends on the variance, L_simple does not.
    auto simple = examples::small_ddpm(s), small = examples::small_ddpm(s),
         large = examples::small_ddpm(s);
    examples::train_l_simple(simple, lanes, schedule, data, s, 0.4);
    std::size_t steps = 0;
    for (auto* net : {&small, &large}) {
        const bool is_small = net == &small;
        diffusion::denoising model(
            *net, schedule,
            {.kind = diffusion::target::noise,
             .only_bound = true,
             .levels = 256,
             .fixed_variance = is_small ? reverse_variance::small : reverse_variance::large});
        const char* name = is_small ? "L, small" : "L, large";
        steps = examples::train_on_digits(model, lanes, data, s, 0.3, name).losses.size();
    }
    const auto denoiser = [&](diffusion::nn::unet<float>& net) {
        return diffusion::clipped(
            diffusion::predicts_noise(diffusion::nn::as_network(net, lanes, side, side)), -1, 1);
    };

    // Tables 1 and 2.
    const auto real = feature_statistics::of(data.pixels, side, side);
    const auto test = examples::only(others, -1, std::min<std::size_t>(s.samples, 64));
    choice choices[] = {{"L", reverse_variance::small, &small, 3.70, 13.51},
                        {"L", reverse_variance::large, &large, 3.70, 13.51},
                        {"L_simple", reverse_variance::small, &simple, 3.75, 3.17},
                        {"L_simple", reverse_variance::large, &simple, 3.75, 3.17}};
    examples::reverse_film film(grid.size() - 1, 4, area);
    examples::progress bar("judging ");
    for (choice& c : choices) {
        const auto part = double(&c - choices) / double(std::size(choices));
        bar.show(part, std::string("bits of ") + c.objective + ", " + c.name());
        auto denoise = denoiser(*c.net);
        const diffusion::variational_bound bound(grid, c.variance);
        c.sent.emplace(bound(test.pixels, test.count, denoise, diffusion::gaussian_noise{s.seed}));
        bar.show(part + 0.1, std::string("digits of ") + c.objective + ", " + c.name());
        const bool filmed = c.net == &simple && c.variance == reverse_variance::small;
        const auto drawn = examples::draw_ancestral(grid, c.variance, s.samples * area, denoise,
                                                    s.seed, [&](const auto& step) {
                                                        if (filmed) film.see(step);
                                                    });
        c.distance = examples::frechet_distance(real, feature_statistics::of(drawn, side, side));
    }
    bar.finish(1, "done");
    std::printf(
        "bits/dim of %zu new digits, Frechet distance of %zu drawn ones (real ones: %.2f)\n",
        test.count, s.samples,
        examples::frechet_distance(
            real,
            feature_statistics::of(examples::only(others, -1, s.samples).pixels, side, side)));
    std::printf(
        "  objective  variance   bits/dim = rate + distortion   Frechet   "
        "paper (CIFAR10): bits/dim    FID\n");
    for (const choice& c : choices)
        std::printf(
            "  %-9s  %-8s   %8.3f = %.3f + %.3f       %8.2f                    <= %.2f  %6.2f\n",
            c.objective, c.name(), c.sent->total(), c.sent->rate(), c.sent->distortion(),
            c.distance, c.paper_bits, c.paper_fid);

    const auto least = [&](std::size_t row) {
        return std::min(choices[row].sent->total(), choices[row + 1].sent->total());
    };
    if (least(0) > least(2))
        std::printf(
            "falls short: with L it takes more bits than with L_simple, in the paper fewer; "
            "its gradients are noisier (see improved_ddpm), and it had %zu steps of training, "
            "there 800000\n",
            steps);

    // Figures 5, 6 and 8, with L_simple.
    const examples::sent_bits& sent = *choices[2].sent;
    std::printf(
        "progressive coding: RMSE %.2f of 255 before the last message (paper 0.95), which is "
        "%.0f %% of the bits (paper 53 %%)\n",
        sent.root_errors.back(), 100 * sent.distortion() / sent.total());
    examples::rate_distortion_page(sent).save(s.out + "/ddpm_2020_rate.png");
    film.page(side, side).save(s.out + "/ddpm_2020_generation.png");
    auto denoise = denoiser(simple);
    examples::interpolation_page(schedule, others, 2, denoise, reverse_variance::small, s.seed)
        .save(s.out + "/ddpm_2020_interpolation.png");
    std::printf(
        "wrote ddpm_2020_rate.png, ddpm_2020_generation.png, ddpm_2020_interpolation.png in %s\n",
        s.out.c_str());
    return 0;
}

}  // namespace

int main(int argc, char** argv) { return examples::run_program("ddpm_2020", run, argc, argv); }
