// A network that somebody else trained, in PyTorch: rebuilt from its description
// (support/heart_net.hpp), its weights loaded under its author's names, and held against what
// PyTorch computed with it. Then it is an ordinary denoiser, and any sampler of the library draws
// with it: DDIM as its author did, in 200 steps, and a faster one in 15.

#include "support/arguments.hpp"
#include "support/foreign_nets.hpp"
#include "support/heart_net.hpp"
#include "support/models.hpp"
#include "support/plot.hpp"
#include "support/reference_run.hpp"

#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include <diffusion/nn/safetensors.hpp>

namespace {

namespace fs = std::filesystem;
using diffusion::io::safetensors_file;

/// Compares everything in `reference` with what Net computes with these weights.
template <class Net>
int check(const safetensors_file& weights, const safetensors_file& reference) {
    Net net;
    diffusion::nn::load_parameters(weights, net.parameters(), Net::names());
    bool fine = true;
    for (const auto& [what, d] :
         examples::reference_run<float, Net>(net, reference).differences()) {
        std::printf("%-16s largest difference %.1e\n", what.c_str(), d);
        fine = fine && d <= 1e-4;
    }
    return fine ? 0 : 1;
}

/// A cloud of points, x and y in turn, on a part of the page.
void draw(examples::canvas& page, double left, const char* title, const std::vector<float>& x) {
    const examples::axis across{-4, 4, "x"}, up{-4, 4, "y"};
    examples::plot graph(page, {left, 10}, {left + 440, 450}, title, across, up);
    std::vector<examples::point> points;
    for (std::size_t i = 0; i < x.size(); i += 2) points.push_back({x[i], x[i + 1]});
    graph.scatter(points, examples::blue, 1.7, 0.5);
}

int run(int argc, char** argv) {
    std::string other, out = ".";
    examples::arguments line("trained_by_others", "Draws with a network from PyTorch.");
    line.text("--out", out, "folder of the picture");
    line.text("--check", other, "a folder with weights and reference of another such network");
    if (const auto code = line.parse(argc, argv)) return *code;

    using heart = examples::heart_net<float>;
    using moons = examples::moons_net<float>;
    using digits = examples::digits_net<float>;
    const fs::path folder =
        other.empty() ? examples::models_folder() / "heart2d_JamesSand" : fs::path(other);
    const safetensors_file weights = diffusion::io::map_safetensors(folder / "weights.safetensors");
    const safetensors_file reference =
        diffusion::io::map_safetensors(folder / "reference.safetensors");
    if (!other.empty()) {
        if (weights.find(heart::known_by) != nullptr) return check<heart>(weights, reference);
        if (weights.find(moons::known_by) != nullptr) return check<moons>(weights, reference);
        if (weights.find(digits::known_by) != nullptr) return check<digits>(weights, reference);
        return line.refuse("the network in " + other + " is not known here");
    }

    std::printf("%s\n", to_text(listing(weights)).c_str());
    heart net;
    diffusion::nn::load_parameters(weights, net.parameters(), heart::names());
    examples::reference_run<float, heart> same(net, reference);
    bool fine = true;
    for (const auto& [what, d] : same.differences()) {
        std::printf("%-7s as in PyTorch, to 1e-4: %s\n", what.c_str(), d <= 1e-4 ? "yes" : "NO");
        fine = fine && d <= 1e-4;
    }

    const diffusion::discrete_schedule<> schedule(diffusion::linear_beta{}, heart::steps);
    const diffusion::multistep faster(diffusion::dpm_solver_pp_2m{},
                                      diffusion::trailing(schedule, 15));
    std::vector<float> x = same.values("xT");
    diffusion::sample(x, faster, same.denoiser());

    examples::canvas page(1320, 460);
    draw(page, 0, "noise", same.values("xT"));
    draw(page, 440, "DDIM, 200 steps", same.ddim(same.denoiser()));
    draw(page, 880, "DPM-Solver++(2M), 15 steps", x);
    page.save(fs::path(out) / "trained_by_others.png");
    std::printf("wrote %s/trained_by_others.png\n", out.c_str());
    return fine ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    return examples::run_program("trained_by_others", run, argc, argv);
}
