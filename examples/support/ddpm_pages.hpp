#pragma once

#include "bits.hpp"
#include "filmstrip.hpp"
#include "labelled_images.hpp"
#include "plot.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <diffusion/diffusion.hpp>

/// The pictures of Ho et al. (2020), sections 4.3 and 4.4.
namespace examples {

/// Digits out of noise by DDPM's ancestral sampling (algorithm 2).
template <class Denoiser, class Observer = diffusion::no_observer>
std::vector<float> draw_ancestral(const diffusion::time_grid& grid,
                                  diffusion::reverse_variance variance, std::size_t elements,
                                  Denoiser& denoise, std::uint64_t seed, Observer&& observe = {}) {
    const diffusion::gaussian_noise noise{seed};
    std::vector<float> x(elements);
    diffusion::draw_prior(x, grid.front(), noise);
    diffusion::sample(x, diffusion::multistep(diffusion::ddpm{variance}, grid), denoise, noise,
                      observe);
    return x;
}

/// Figure 5: a picture arrives in T + 1 messages, x_T first. How far the receiver's estimate still
/// is from it, against the steps made and against the bits sent.
inline canvas rate_distortion_page(const sent_bits& sent) {
    canvas page(1290, 400);
    std::vector<point> error, rate, both;
    double bits = sent.prior;
    const double n = double(sent.steps.size());
    for (std::size_t i = 0; i < sent.steps.size(); ++i) {
        error.push_back({double(i), sent.root_errors[i]});
        rate.push_back({double(i), bits});
        both.push_back({bits, sent.root_errors[i]});
        bits += sent.steps[i];
    }
    const double most = 1.05 * *std::max_element(sent.root_errors.begin(), sent.root_errors.end());
    const axis steps{0, n, "reverse steps (T - t)"},
        bits_axis{0, 1.05 * sent.rate(), "rate (bits/dim)"},
        errors{0, most, "distortion (RMSE, of 255)"};
    const auto draw = [&](double left, const char* title, const axis& x, const axis& y,
                          const std::vector<point>& curve) {
        plot graph(page, {left, 8}, {left + 430, 400}, title, x, y);
        graph.line(curve, blue, 2);
        graph.scatter(curve, blue, 1.6, 1);
    };
    draw(0, "distortion", steps, errors, error);
    draw(430, "rate", steps, bits_axis, rate);
    draw(860, "rate and distortion", bits_axis, errors, both);
    return page;
}

/// Figure 8: two digits, each noised to time t, mixed there and denoised. The noise of a row is the
/// same for all mixtures. `data` holds an even number of digits, two for each pair.
template <class Schedule, class Denoiser>
canvas interpolation_page(const Schedule& schedule, const labelled_images& data, std::size_t pairs,
                          Denoiser& denoise, diffusion::reverse_variance variance,
                          std::uint64_t seed) {
    using namespace diffusion;
    const std::size_t area = data.area(), mixtures = 11;
    filmstrip strip{.columns = mixtures + 2, .zoom = 48 / data.width};
    strip.title = "two digits, mixed at time t";
    strip.column_names.push_back("source");
    for (std::size_t k = 0; k < mixtures; ++k)
        strip.column_names.push_back(short_number(double(k) / 10));
    strip.column_names.push_back("source");
    std::vector<float> page;
    for (std::size_t pair = 0; pair < pairs; ++pair)
        for (const double strength : {0.25, 0.5, 0.75}) {
            const time_grid grid = start_at(all_steps(schedule), strength);
            std::vector<std::vector<float>> noised;
            for (const std::size_t i : {2 * pair, 2 * pair + 1}) {
                std::vector<float> x_t(area), x_0(data.picture(i).begin(), data.picture(i).end());
                gaussian_noise{seed}(x_t, {noise_stream::user, i});
                q_sample(x_t, x_0, grid.front(), x_t);
                noised.push_back(std::move(x_t));
            }
            std::vector<float> x;
            for (std::size_t k = 0; k < mixtures; ++k)
                for (std::size_t e = 0; e < area; ++e)
                    x.push_back((1 - 0.1f * float(k)) * noised[0][e] +
                                0.1f * float(k) * noised[1][e]);
            sample(x, multistep(ddpm{variance}, grid), denoise,
                   per_item_noise{std::vector<std::uint64_t>(mixtures, seed + pair)});
            page.insert(page.end(), data.picture(2 * pair).begin(), data.picture(2 * pair).end());
            page.insert(page.end(), x.begin(), x.end());
            page.insert(page.end(), data.picture(2 * pair + 1).begin(),
                        data.picture(2 * pair + 1).end());
            strip.row_names.push_back("t=" + std::to_string(int(grid.front().t)));
        }
    return strip.draw(page, data.height, data.width);
}

}  // namespace examples
