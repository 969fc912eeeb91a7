#pragma once

#include "flow_page.hpp"
#include "plane_sets.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <diffusion/objective/straightness.hpp>
#include <diffusion/sampler/observer.hpp>
#include <diffusion/tensor/std.hpp>

namespace examples {

/// The table and the page of `flow_matching`. A method is a callable draw(x, calls, observer) that
/// takes noise in x to data by so many calls of its network.
class flow_report {
public:
    /// Prints the head of the table: the noise from which all methods start, and points to compare
    /// with; `others`: as many points of the same distribution.
    flow_report(std::vector<float> noise, std::vector<float> held_out,
                const std::vector<float>& others, std::vector<std::string> methods)
        : noise_(std::move(noise)),
          held_out_(std::move(held_out)),
          names_(methods),
          page_(std::move(methods), {calls.begin(), calls.end() - 1}) {
        std::printf(
            "energy distance to %zu held-out points; other points of the board %.4f, noise %.4f\n",
            held_out_.size() / 2, energy_distance(others, held_out_),
            energy_distance(noise_, held_out_));
        std::printf("%-16s", "calls");
        for (const std::size_t n : calls) std::printf(" %10zu", n);
        std::printf("   straightness, in the flow's coordinates\n");
    }

    /// The next row of the table and column of the page: distances, and if the method has paths,
    /// their straightness, in its own coordinates and in those of a flow.
    template <class Draw>
    void show(Draw&& draw, bool has_paths = true) {
        std::printf("%-16s", names_[method_].c_str());
        for (std::size_t row = 0; row < calls.size(); ++row) {
            std::vector<float> x = noise_;
            draw(x, calls[row], diffusion::no_observer{});
            const double distance = energy_distance(x, held_out_);
            std::printf(" %10.4f", distance);
            if (row + 1 < calls.size()) page_.points(method_, row, x, distance);
        }
        if (has_paths) show_paths(draw);
        else page_.no_paths(method_, "no paths: to the end at once");
        std::printf("\n");
        ++method_;
    }

    void save(const std::string& path) const { page_.save(path); }

private:
    static constexpr std::array<std::size_t, 5> calls{1, 2, 4, 8, 100};
    static constexpr std::ptrdiff_t drawn =
        2 * 40;  // numbers of the particles whose paths are shown

    template <class Draw>
    void show_paths(Draw& draw) {
        std::vector<float> x = noise_, moved = noise_;
        diffusion::straightness own(x, x.size() / 2, 1), of_flow(x, x.size() / 2, 1);
        std::vector<std::vector<float>> states{{x.begin(), x.begin() + drawn}};
        draw(x, calls.back(), [&](const auto& step) {
            const double sum = step.t.alpha + step.t.sigma;
            std::ranges::transform(step.x, moved.begin(), [&](float v) { return v / float(sum); });
            own(step);
            of_flow.add(moved, step.t.sigma / sum);
            states.push_back({step.x.begin(), step.x.begin() + drawn});
        });
        page_.paths(method_, states, own.value());
        std::printf("   %12.4f, %.4f", own.value(), of_flow.value());
    }

    std::vector<float> noise_, held_out_;
    std::vector<std::string> names_;
    flow_page page_;
    std::size_t method_ = 0;
};

}  // namespace examples
