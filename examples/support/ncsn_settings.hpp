#pragma once

#include "arguments.hpp"
#include "training.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include <diffusion/nn/nn.hpp>

namespace examples {

/// What the command line of `ncsn` says, and how large everything is.
struct ncsn_settings {
    double seconds = 100;  ///< of all trainings together
    bool quick = false;
    std::size_t threads = 0;
    std::uint64_t seed = 1;
    std::string out = "build/gallery";

    std::size_t points = 1000, digits = 128;  ///< drawn for each number
    std::size_t side = 16;                    ///< of a picture
    std::size_t v1_steps = 100;               ///< T on digits

    /// Empty: carry on; a value: leave the program with it.
    std::optional<int> read(int argc, char** argv) {
        std::optional<double> wanted;
        arguments line("ncsn", "Walks through noise levels by Langevin dynamics: NCSN and NCSNv2.");
        line.number("--seconds", wanted, "train this long, all networks together (100)", 0.0, 1e6);
        line.flag("--quick", quick, "in seconds: small networks, 8 x 8 pixels, few samples");
        line.number("--threads", threads, "0: as many as there are cores", std::size_t(0),
                    std::size_t(256));
        line.number("--seed", seed, "of all random numbers");
        line.text("--out", out, "folder for the pictures");
        if (const auto code = line.parse(argc, argv)) return code;
        if (quick) {
            points = 400;
            digits = 64;
            side = 8;
            v1_steps = 20;
        }
        seconds = wanted.value_or(quick ? 6 : seconds);
        std::filesystem::create_directories(out);  // fails now if at all, not when all is done
        return std::nullopt;
    }

    diffusion::nn::mlp<float> net_of_points() const {
        return diffusion::nn::mlp<float>(
            {.in = 2, .hidden = quick ? std::size_t(64) : 128, .layers = 3, .out = 2}, seed);
    }
    diffusion::nn::unet<float> net_of_digits() const {
        diffusion::nn::unet_options options;
        options.base = quick ? 8 : 16;
        options.multipliers = {1, 2, 4};
        if (quick) options.multipliers = {1, 2};
        options.attention.assign(options.multipliers.size(), false);
        options.attention.back() = !quick;
        return diffusion::nn::unet<float>(options, seed);
    }

    /// A network of points gets a twentieth of the time, one of digits more than 40 %.
    training_plan plan(bool of_points) const {
        training_plan plan;
        plan.seconds = (of_points ? 0.05 : 0.425) * seconds;
        plan.batch = of_points ? 256 : 32;
        plan.rate = quick ? 5e-3 : 2e-3;
        plan.warmup = quick ? 10 : 100;
        plan.ema = quick ? 0.98 : 0.995;
        plan.seed = seed;
        return plan;
    }
};

}  // namespace examples
