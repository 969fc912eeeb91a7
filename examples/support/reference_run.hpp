#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <diffusion/denoiser/guidance.hpp>
#include <diffusion/diffusion.hpp>
#include <diffusion/io/safetensors.hpp>
#include <diffusion/nn/nn.hpp>

namespace examples {

/// Repeats with the library what another program computed with a network. `reference` holds its
/// inputs and outputs: x, t, eps and perhaps labels c of one pass forward, and a start xT, the
/// times and the ends of runs with DDIM.
template <class T, class Net>
class reference_run {
public:
    reference_run(Net& net, const diffusion::io::safetensors_file& reference)
        : net_(&net), reference_(&reference) {}

    /// The largest difference of the network's answers from the reference.
    double forward() {
        const std::vector<T> x = values("x"), eps = values("eps");
        const auto t = reference_->at("t").values<double>();
        std::vector<std::size_t> labels;
        if (const auto* c = reference_->find("c")) labels = c->values<std::size_t>();
        const auto [height, width] = size();
        std::vector<T> out(x.size());
        diffusion::nn::evaluate<Net, T>(*net_, lanes_, {t.size(), height, width, net_->channels()},
                                        x, t, labels, out);
        return largest_difference(out, eps);
    }

    /// A denoiser for `sample`; no labels: the network is asked without.
    auto denoiser(std::vector<std::size_t> labels = {}) {
        const auto [height, width] = size();
        return diffusion::predicts_noise(
            diffusion::nn::as_network(*net_, lanes_, height, width, std::move(labels)));
    }

    /// The end of a run from xT with DDIM (eta = 0) and betas from 1e-4 to 0.02.
    template <class Denoiser>
    std::vector<T> ddim(Denoiser denoise) {
        const diffusion::discrete_schedule<> schedule(diffusion::linear_beta{}, Net::steps);
        auto times = reference_->at("ddim_timesteps").values<double>();
        std::sort(times.rbegin(), times.rend());
        const diffusion::multistep sampler(diffusion::ddim{}, make_grid(schedule, times));
        std::vector<T> x = values("xT");
        diffusion::sample(x, sampler, denoise);
        return x;
    }

    /// All that the reference holds, compared: what it is, and the largest difference. Images are
    /// kept in [-1, 1], points are not; with labels there are runs without them, with them, and
    /// guided by twice the difference (Ho and Salimans 2022).
    std::vector<std::pair<std::string, double>> differences() {
        std::vector<std::pair<std::string, double>> all{{"eps", forward()}};
        const auto compare = [&](const char* name, auto denoise) {
            all.emplace_back(name, largest_difference(ddim(std::move(denoise)), values(name)));
        };
        if (const auto* given = reference_->find("labels")) {
            const auto labels = given->values<std::size_t>();
            const auto guided = diffusion::guided(denoiser(labels), denoiser(), 2.0, values("xT"));
            compare("ddim_x0_uncond", diffusion::clipped(denoiser(), -1, 1));
            compare("ddim_x0_cond", diffusion::clipped(denoiser(labels), -1, 1));
            compare("ddim_x0_cfg2", diffusion::clipped(guided, -1, 1));
        } else {
            compare("ddim_x0", denoiser());
        }
        return all;
    }

    std::vector<T> values(const std::string& name) const {
        return reference_->at(name).values<T>();
    }

private:
    struct extent {
        std::size_t height, width;
    };

    /// Of the images; a point is an image of one pixel.
    extent size() const {
        const auto& shape = reference_->at("x").shape;
        return shape.size() == 4 ? extent{shape[2], shape[3]} : extent{1, 1};
    }

    static double largest_difference(const std::vector<T>& a, const std::vector<T>& b) {
        if (a.size() != b.size()) return HUGE_VAL;
        double largest = 0;
        for (std::size_t i = 0; i < a.size(); ++i) {
            const double d = std::abs(double(a[i]) - double(b[i]));
            if (std::isnan(d)) return HUGE_VAL;  // std::max would pass over it
            largest = std::max(largest, d);
        }
        return largest;
    }

    Net* net_;
    const diffusion::io::safetensors_file* reference_;
    diffusion::nn::lanes<T> lanes_;
};

}  // namespace examples
