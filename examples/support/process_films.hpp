#pragma once

#include "filmstrip.hpp"
#include "labelled_images.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include <diffusion/kernel/q_sample.hpp>
#include <diffusion/random/fill.hpp>
#include <diffusion/schedule/noise_level.hpp>
#include <diffusion/tensor/std.hpp>

namespace examples {

/// Data into noise: a row for each of the first six pictures, x_t = alpha x_0 + sigma eps with one
/// eps for all times of a row. The times are those of a discrete schedule of 1000 steps.
template <class Schedule>
canvas forward_film(const Schedule& schedule, const labelled_images& data) {
    const std::vector<int> times{-1, 0, 50, 100, 200, 300, 400, 500, 600, 700, 850, 999};
    filmstrip strip{.columns = times.size(), .zoom = 64 / data.width, .title = "digits into noise"};
    std::vector<float> pictures;
    for (std::size_t i = 0; i < std::min<std::size_t>(data.count, 6); ++i) {
        const std::vector<float> x_0(data.picture(i).begin(), data.picture(i).end());
        std::vector<float> eps(x_0.size()), x_t(x_0.size());
        diffusion::fill_normal<float>(eps, 1, {diffusion::noise_stream::user, i});
        for (const int t : times) {
            const auto level = t < 0 ? diffusion::clean_data : schedule(t);
            diffusion::q_sample(x_t, x_0, level, eps);
            pictures.insert(pictures.end(), x_t.begin(), x_t.end());
        }
    }
    for (const int t : times)
        strip.column_names.push_back(t < 0 ? "data" : "t=" + std::to_string(t));
    return strip.draw(pictures, data.height, data.width);
}

/// Noise into data: remembers what the first few pictures of a run looked like at about ten of its
/// times. `start` it with the state before the first step, and let it `see` every step.
class reverse_film {
public:
    /// Of a run of `steps` steps, the first `rows` pictures, each of `area` pixels.
    reverse_film(std::size_t steps, std::size_t rows, std::size_t area) : rows_(rows), area_(area) {
        const std::size_t frames = std::min<std::size_t>(steps, 10);
        for (std::size_t k = 0; k < frames; ++k) shown_.push_back(k * steps / frames);
    }

    void start(const std::vector<float>& x, double t) {
        before_ = x;
        before_t_ = t;
    }

    template <class View>
    void see(const View& step) {
        // x0 is the estimate that was made from the state before this step.
        if (std::find(shown_.begin(), shown_.end(), step.i) != shown_.end() && !before_.empty())
            keep(before_, step.x0, before_t_);
        if (step.i + 1 == step.n) keep(step.x, step.x, -1);
        before_ = step.x;
        before_t_ = step.t.t;
    }

    /// Two rows a picture: x_t and, under it, the estimate of x_0 that was made from it.
    canvas page(std::size_t height, std::size_t width) const {
        std::vector<float> pictures;
        filmstrip strip{.columns = times_.size(), .zoom = 64 / width, .title = "noise into digits"};
        for (const double t : times_)
            strip.column_names.push_back(t < 0 ? "done" : "t=" + std::to_string(int(t)));
        for (std::size_t d = 0; d < rows_; ++d) {
            for (const auto* frames : {&states_, &estimates_})
                for (const auto& frame : *frames)
                    pictures.insert(pictures.end(), frame.begin() + std::ptrdiff_t(d * area_),
                                    frame.begin() + std::ptrdiff_t((d + 1) * area_));
            strip.row_names.insert(strip.row_names.end(), {"x_t", "x_0 est."});
        }
        return strip.draw(pictures, height, width);
    }

private:
    void keep(const std::vector<float>& x, const std::vector<float>& x0, double t) {
        const auto some = std::ptrdiff_t(rows_ * area_);
        states_.emplace_back(x.begin(), x.begin() + some);
        estimates_.emplace_back(x0.begin(), x0.begin() + some);
        times_.push_back(t);
    }

    std::size_t rows_, area_;
    std::vector<std::size_t> shown_;
    std::vector<float> before_;
    double before_t_ = 0;
    std::vector<std::vector<float>> states_, estimates_;
    std::vector<double> times_;
};

}  // namespace examples
