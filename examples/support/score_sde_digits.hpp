#pragma once

#include "coloured_digits.hpp"
#include "filmstrip.hpp"
#include "interrupt.hpp"
#include "slerp.hpp"
#include "timed_training.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <initializer_list>
#include <span>
#include <string>
#include <vector>

#include <diffusion/all.hpp>
#include <diffusion/nn/nn.hpp>
#include <diffusion/trainer/in_memory.hpp>
#include <diffusion/trainer/regression.hpp>

namespace examples {

/// The second half of `score_sde`: one network of coloured digits, trained to denoise and for
/// nothing else, encodes, interpolates, inpaints and colourises them.
inline void run_coloured_digits(bool quick, const timed_plan& plan, std::size_t threads,
                                const interrupt& stop, const std::string& file) {
    using namespace diffusion;
    using pictures = std::vector<float>;
    const std::size_t size = quick ? 8 : 12, columns = 10, area = 3 * size * size;
    const ve_sde sde{{0.01, 25}};

    // Train.
    const pictures data = coloured_digits(plan.seed, 0, quick ? 2000 : 10000, size);
    nn::unet_options options{.image_channels = 3, .base = 16};
    options.multipliers =
        quick ? std::vector<std::size_t>{1, 2} : std::vector<std::size_t>{1, 2, 3};
    options.attention.assign(options.multipliers.size(), false);
    options.attention.back() = !quick;
    options.time_factor = 10;
    nn::unet<float> net(options, plan.seed);
    nn::lanes<float> lanes(threads);
    const edm_scaling scaling{0.8};
    in_memory<float> source({1, size, size, 3}, data);
    regression model(net, preconditioned_objective(sde.marginal, scaling, edm_weighting{0.8}));
    const std::size_t steps = train_for("training on digits", model, source, lanes, plan,
                                        [&] { return stop.requested(); });
    const auto denoiser_of = [&](std::size_t count) {
        return preconditioned(nn::as_network(net, lanes, size, size), scaling,
                              pictures(count * area));
    };

    // New digits, their codes, and the way back; and from one to another on the sphere of codes.
    const pictures digits = coloured_digits(plan.seed + 1, 0, columns, size);
    const node clean = node_at(sde.marginal, 1e-5), noise = node_at(sde.marginal, 1);
    const ode_options tolerances{.rtol = 1e-4, .atol = 1e-4};
    const ode_sampler encode(sde, {clean, noise}, tolerances);
    const ode_sampler decode(sde, {noise, clean}, tolerances);
    auto denoise = denoiser_of(columns);
    pictures codes = digits;
    sample(codes, encode, denoise);
    pictures back = codes;
    auto memory = decode.init(back);
    decode.step(0, back, memory, denoise, no_noise{});
    double squares = 0;
    for (std::size_t e = 0; e < back.size(); ++e)
        squares += double(back[e] - digits[e]) * double(back[e] - digits[e]);
    const auto code = [&](std::size_t i) {
        return std::span<const float>(codes).subspan(i * area, area);
    };
    pictures between[2];
    for (std::size_t row = 0; row < 2; ++row) {
        for (std::size_t k = 0; k < columns; ++k) {
            const pictures at = slerp(code(row == 0 ? 3 : 1), code(row == 0 ? 8 : 7),
                                      double(k) / double(columns - 1));
            between[row].insert(between[row].end(), at.begin(), at.end());
        }
        sample(between[row], decode, denoise);
    }

    // Inpainting and colourisation: predictor and corrector (algorithm 2) with a projection.
    const langevin_corrected plan_of(reverse_diffusion{},
                                     uniform_time(sde.marginal, quick ? 40 : 150, 1, 1e-5),
                                     {.snr = 0.16, .steps = 1, .items = columns});
    const auto controlled = [&](const auto& projection, std::uint64_t seed) {
        pictures x(columns * area);
        draw_prior(x, noise, gaussian_noise{seed});
        sample(x, projected(plan_of, projection), denoise, gaussian_noise{seed});
        return x;
    };
    pictures mask(digits.size()), halves = digits, gray(digits.size() / 3), gray_shown = digits;
    for (std::size_t p = 0; p < gray.size(); ++p) {
        const bool known = p % size < size / 2;
        gray[p] = (digits[3 * p] + digits[3 * p + 1] + digits[3 * p + 2]) / 3;
        for (std::size_t e = 3 * p; e < 3 * p + 3; ++e) {
            mask[e] = known ? 1 : 0;
            if (!known) halves[e] = -0.2f;
            gray_shown[e] = 2 * gray[p] + 1;  // as bright as in colour
        }
    }
    pictures painted[2], coloured[2];
    double hue_apart = 0, purity = 0, compared = 0;
    for (std::size_t k = 0; k < 2; ++k) {
        painted[k] = controlled(keep_known(digits, mask), plan.seed + 10 + k);
        coloured[k] = controlled(colourisation(std::span<const float>(gray)), plan.seed + 20 + k);
        for (std::size_t i = 0; i < columns; ++i) {
            const auto picture = [&](const pictures& all) {
                return std::span<const float>(all).subspan(i * area, area);
            };
            const auto left = colour_reading::of(picture(painted[k]), size, 0, size / 2);
            const auto right = colour_reading::of(picture(painted[k]), size, size / 2, size / 2);
            if (std::min(left.sizes, right.sizes) > 4) {  // some ink on both sides
                hue_apart += hue_difference(left, right);
                ++compared;
            }
            purity += colour_reading::of(picture(coloured[k]), size, 0, size).purity() /
                      double(2 * columns);
        }
    }

    std::printf("coloured digits of %zu x %zu pixels, VE, %zu training steps\n", size, size, steps);
    const auto row = [](const char* name, double value, const char* format) {
        std::printf("  %-46s", name);
        std::printf(format, value);
        std::printf("\n");
    };
    row("calls of the ODE from code to digit", double(decode.spent(memory).calls), "%10.0f");
    row("RMS round-trip error (pixels are -1 to 1)", std::sqrt(squares / double(back.size())),
        "%10.5f");
    row("hue of the painted half from the known, degrees", hue_apart / std::max(compared, 1.0),
        "%9.1f   (chance: 90)");
    row("purity of colours given to gray digits", purity, "%10.3f   (1: one hue a digit)");

    // Show.
    pictures page;
    for (float& e : codes) e /= float(2 * noise.sigma);
    const std::initializer_list<const pictures*> rows{
        &digits,     &codes,      &back,       &between[0],  &between[1], &halves,
        &painted[0], &painted[1], &gray_shown, &coloured[0], &coloured[1]};
    for (const pictures* shown : rows) page.insert(page.end(), shown->begin(), shown->end());
    filmstrip{.columns = columns,
              .zoom = 64 / size,
              .row_names = {"new digits", "their codes", "decoded", "between codes",
                            "between codes", "known half", "painted", "painted again", "known gray",
                            "coloured", "coloured again"}}
        .draw(page, size, size, 3)
        .save(file);
}

}  // namespace examples
