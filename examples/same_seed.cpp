// The same seed, the same picture: the normal numbers that PyTorch and NumPy draw for a seed, and
// the nodes that a scheduler_config.json visits. With both of them and the same network, a run here
// is the run there.

#include "support/arguments.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <diffusion/io/diffusers_config.hpp>
#include <diffusion/random/numpy.hpp>
#include <diffusion/random/torch_cpu.hpp>

namespace {

/// Stable Diffusion XL's, if no file is given.
constexpr const char* usual = R"({"_class_name": "EulerDiscreteScheduler", "beta_start": 0.00085,
    "beta_end": 0.012, "beta_schedule": "scaled_linear", "steps_offset": 1,
    "timestep_spacing": "leading"})";

/// The first four of `count` numbers of a fresh source.
template <class T, class Source>
void print_first(const char* call, std::size_t count, Source source) {
    std::vector<T> z(count);
    source.fill_normal(std::span<T>(z));
    std::printf("%-44s", call);
    for (std::size_t i = 0; i < 4; ++i) std::printf(" %9.6f", double(z[i]));
    std::printf("\n");
}

int run(int argc, char** argv) {
    std::uint64_t seed = 0;
    std::size_t steps = 5;
    std::string file;
    std::optional<double> mu;
    examples::arguments line("same_seed", "Draws what Python draws, and visits what it visits.");
    line.number<std::uint64_t>("--seed", seed, "seed of the numbers", 0, 0xffffffff);
    line.number<std::size_t>("--steps", steps, "number of steps", 1, 1000);
    line.text("--config", file, "a scheduler_config.json; Stable Diffusion XL's if left out");
    line.number("--mu", mu, "shift of a flow, where the config wants one", -10.0, 10.0);
    if (const auto code = line.parse(argc, argv)) return *code;

    std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
    print_first<float>("torch.randn(4)", 4, diffusion::torch_cpu(seed));
    print_first<float>("torch.randn(16)[:4], another path", 16, diffusion::torch_cpu(seed));
    print_first<double>("torch.randn(4, dtype=torch.float64)", 4, diffusion::torch_cpu(seed));
    print_first<double>("numpy.random.RandomState(seed).randn(4)", 4,
                        diffusion::numpy_random_state(seed));
    print_first<double>("numpy.random.default_rng(seed)", 4, diffusion::numpy_default_rng(seed));

    const auto config = file.empty() ? diffusion::io::parse_scheduler_config(usual)
                                     : diffusion::io::read_scheduler_config(file);
    diffusion::io::run_options options;
    options.mu = mu;
    std::printf("\n%s, %zu steps: x = %.6f z\n", config.class_name.c_str(), steps,
                config.start_scale(steps, options));
    std::printf("    the network is told  %10s %10s %14s\n", "alpha", "sigma", "sigma/alpha");
    const diffusion::time_grid grid = config.grid(steps, options);
    for (std::size_t i = 0; i < grid.size(); ++i) {
        const auto& [t, alpha, sigma, lambda] = grid[i];
        if (i + 1 < grid.size()) std::printf("    %19.4f", t);
        else std::printf("    %19s", "(the end)");
        std::printf("  %10.6f %10.6f %14.6f\n", alpha, sigma, sigma / alpha);
    }
    return 0;
}

}  // namespace

int main(int argc, char** argv) { return examples::run_program("same_seed", run, argc, argv); }
