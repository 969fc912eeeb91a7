#pragma once

#include "arguments.hpp"
#include "digit_model.hpp"
#include "drawn_digits.hpp"
#include "interrupt.hpp"
#include "models.hpp"
#include "training.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include <diffusion/nn/nn.hpp>

namespace examples {

/// What the command line of `manifold` says.
struct manifold_settings {
    double seconds = 0;
    bool quick = false;
    std::size_t threads = 0;
    std::uint64_t seed = 1;
    std::string out = "build/gallery";
    std::string load = (models_folder() / "digits.safetensors").string();

    std::size_t count() const { return quick ? 200 : 1000; }      ///< digits that are measured
    std::size_t pairs() const { return quick ? 20 : 100; }        ///< of digits, and samples
    std::size_t steps() const { return quick ? 10 : 50; }         ///< between data and noise
    std::size_t learned() const { return quick ? 3000 : 10000; }  ///< digits that are known

    /// Empty: carry on; a value: leave the program with it.
    std::optional<int> read(int argc, char** argv) {
        arguments line("manifold", "Measures on which manifold digits lie, and what leaves it.");
        line.number("--seconds", seconds, "train a network this long instead of loading one", 0.0,
                    1e6);
        line.text("--load", load, "a network that digits has saved");
        line.flag("--quick", quick, "in seconds: fewer digits and steps");
        line.number("--threads", threads, "0: as many as there are cores", std::size_t(0),
                    std::size_t(256));
        line.number("--seed", seed, "of all random numbers");
        line.text("--out", out, "folder for the pictures");
        if (const auto code = line.parse(argc, argv)) return code;
        std::filesystem::create_directories(out);  // fails now if at all, not when all is done
        return std::nullopt;
    }

    /// The network, and in `known` digits that it learned from.
    digit_model model(diffusion::nn::lanes<float>& lanes, labelled_images& known) const {
        digit_model made = seconds > 0
                               ? digit_model::fresh(16, 16, "drawn", seed,
                                                    digit_model::sizes::for_pictures(16, 16))
                               : digit_model::load(load);
        known = drawn_digits(1, 0, learned(), made.width);  // those of `digits` by default
        if (seconds == 0) return made;
        training_plan plan;
        plan.seconds = seconds;
        plan.batch = 32;
        plan.seed = seed;
        const interrupt stop;
        train(made.net, lanes, made.schedule,
              {known.pixels, {1, known.height, known.width, 1}, known.labels}, plan,
              digit_model::null_label, [&] { return stop.requested(); });
        return made;
    }
};

}  // namespace examples
