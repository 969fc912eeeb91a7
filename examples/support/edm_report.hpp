#pragma once

#include "drawn_digits.hpp"
#include "edm_page.hpp"
#include "filmstrip.hpp"
#include "frechet.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <diffusion/grid/sigmas.hpp>
#include <diffusion/grid/time_grid.hpp>
#include <diffusion/kernel/q_sample.hpp>
#include <diffusion/objective/preconditioned.hpp>
#include <diffusion/random/gaussian_noise.hpp>
#include <diffusion/schedule/continuous.hpp>
#include <diffusion/tensor/std.hpp>

namespace examples {

/// The loss of EDM's network F at single noise levels, for the pictures x_0: lambda(sigma) times
/// the mean square error of the denoiser, as lambda c_out^2 = 1 (Karras et al. 2022, figure 5a).
template <class Denoiser>
std::vector<point> losses_by_level(Denoiser& denoise, const std::vector<float>& x_0,
                                   std::size_t area, double sigma_data, std::uint64_t seed) {
    std::vector<point> curve;
    std::vector<float> x(x_0.size()), estimate(x_0.size()), eps(x_0.size());
    diffusion::gaussian_noise{seed}(eps, {diffusion::noise_stream::user, 7});
    for (const double sigma : diffusion::exponential_sigmas(25, {0.002, 80})) {
        const diffusion::node level = node_at(diffusion::edm_schedule{}, sigma);
        diffusion::q_sample(x, x_0, level, eps);
        denoise(x, std::vector<diffusion::node>(x_0.size() / area, level), estimate);
        double sum = 0;
        for (std::size_t e = 0; e < x.size(); ++e) sum += std::pow(double(estimate[e] - x_0[e]), 2);
        const double lambda =
            loss_weight(diffusion::edm_weighting{sigma_data}, diffusion::target::data, level);
        curve.push_back({sigma, lambda * sum / double(x.size())});
    }
    return curve;
}

/// The table and the pages of `edm`: digits drawn by Euler's method, by Heun's and by Heun's with
/// churn, in equally many calls.
class edm_report {
public:
    using pictures = std::vector<float>;

    /// `exact`: where the ODE leads from the noise that Euler and Heun start from.
    edm_report(pictures exact, std::size_t side, std::uint64_t seed)
        : exact_(std::move(exact)), side_(side) {
        const std::size_t count = exact_.size() / (side * side);
        const auto real = drawn_digits(seed, 0, 2 * count, side);
        reference_ = fitted(std::span<const float>(real.pixels).first(exact_.size()));
        floor_ = frechet_distance(
            reference_, fitted(std::span<const float>(real.pixels).subspan(exact_.size())));
        std::printf(
            "Frechet distance of %zu digits to as many real ones; other real digits %.2f, the "
            "exact "
            "path %.2f\n",
            count, floor_, frechet_distance(reference_, fitted(exact_)));
        std::printf("%6s %10s %10s %10s   error %10s %10s\n", "calls", "Euler", "Heun", "churn",
                    "Euler", "Heun");
    }

    /// A row of the table.
    void add(std::size_t calls, const std::array<pictures, 3>& drawn, bool shown) {
        for (std::size_t k = 0; k < 3; ++k) {
            distances_[k].points.push_back(
                {double(calls), frechet_distance(reference_, fitted(drawn[k]))});
            if (k < 2) errors_[k].points.push_back({double(calls), error(drawn[k])});
            if (!shown) continue;
            strip_.insert(strip_.end(), drawn[k].begin(),
                          drawn[k].begin() + 10 * std::ptrdiff_t(side_ * side_));
            rows_.push_back(std::to_string(calls) + " " + distances_[k].name);
        }
        std::printf("%6zu %10.2f %10.2f %10.2f         %10.4f %10.4f\n", calls,
                    distances_[0].points.back().y, distances_[1].points.back().y,
                    distances_[2].points.back().y, errors_[0].points.back().y,
                    errors_[1].points.back().y);
    }

    /// How many times as far off Euler is, in the latest row.
    void print_ratio() const {
        const auto times = [](const auto& curves) {
            return curves[0].points.back().y / curves[1].points.back().y;
        };
        std::printf("at %.0f calls Euler's error is %.2f times Heun's, its distance %.2f times\n",
                    errors_[0].points.back().x, times(errors_), times(distances_));
        if (times(distances_) < 1.1)
            std::printf(
                "(the latter falls short of the paper: with %.2f and %.2f both have arrived "
                "at what this network can do; other real digits have %.2f)\n",
                distances_[0].points.back().y, distances_[1].points.back().y, floor_);
    }

    /// Puts the curves on the page, and saves page and strip.
    void save(edm_page& page, const std::string& folder) const {
        page.qualities(distances_, floor_, {errors_[0], errors_[1]});
        page.save(folder + "/edm.png");
        filmstrip{.columns = 10, .zoom = 48 / side_, .title = "calls", .row_names = rows_}
            .draw(strip_, side_, side_)
            .save(folder + "/edm_digits.png");
        std::printf("wrote %s/edm.png, %s/edm_digits.png\n", folder.c_str(), folder.c_str());
    }

private:
    feature_statistics fitted(std::span<const float> all) const {
        return feature_statistics::of(all, side_, side_);
    }

    /// The root of the mean square over pixels.
    double error(const pictures& x) const {
        double sum = 0;
        for (std::size_t e = 0; e < x.size(); ++e) sum += std::pow(double(x[e] - exact_[e]), 2);
        return std::sqrt(sum / double(x.size()));
    }

    pictures exact_, strip_;
    std::size_t side_;
    feature_statistics reference_;
    double floor_ = 0;
    std::vector<edm_page::curve> distances_{
        {"Euler", {}, orange}, {"Heun", {}, blue}, {"Heun with churn", {}, green}};
    std::vector<edm_page::curve> errors_{{"Euler", {}, orange}, {"Heun", {}, blue}};
    std::vector<std::string> rows_;
};

}  // namespace examples
