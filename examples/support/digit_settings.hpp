#pragma once

#include "arguments.hpp"
#include "digit_drawing.hpp"
#include "training.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>

namespace examples {

/// What the command line of `digits` says.
struct digit_settings {
    std::optional<double> seconds, epochs, guidance;
    std::size_t batch = 32;
    std::size_t threads = 0;
    std::size_t count = 100;
    drawing_plan drawing;
    std::optional<int> digit;
    std::uint64_t seed = 1;
    std::string out = "build/gallery";
    std::string save, load, resume, npy, data;
    std::string command = "digits";  ///< the command line, for the metadata of what is saved

    /// Empty: carry on; a value: leave the program with it.
    std::optional<int> read(int argc, char** argv) {
        arguments line("digits", "Trains a small diffusion model and draws a page of digits.");
        line.number("--seconds", seconds, "train this long (90; 900 with --data, 0 with --load)",
                    0.0, 1e7);
        line.number("--epochs", epochs, "train for at most so many passes over the data", 0.0, 1e6);
        line.number("--batch", batch, "pictures in a training step", std::size_t(1),
                    std::size_t(4096));
        line.number("--threads", threads, "0: as many as there are cores", std::size_t(0),
                    std::size_t(256));
        line.number("--count", count, "digits on the page", std::size_t(1), std::size_t(10000));
        line.choice("--sampler", drawing.sampler, "how to draw", drawing_plan::samplers());
        line.number("--sampling-steps", drawing.steps, "steps from noise to digit", std::size_t(1),
                    std::size_t(1000));
        line.number("--eta", drawing.eta, "noise in each step of ddim: 0 none, 1 as ddpm", 0.0,
                    1.0);
        line.number("--class", digit, "draw this digit only", 0, 9);
        line.number("--guidance", guidance,
                    "0: forget the label, 1: as trained, more: insist on it (2; 1.25 for a network "
                    "that learned --data)",
                    0.0, 100.0);
        line.number("--seed", seed, "of all random numbers");
        line.text("--out", out, "folder for the pictures");
        line.text("--save", save, "write the network to this .safetensors file, in half precision");
        line.text("--load", load, "start from the network in this file");
        line.text("--resume", resume,
                  "go on with the training in this file if it exists, and keep it there; with "
                  "--epochs to the same bits as without an interruption");
        line.text("--npy", npy, "write the digits to this file: float32 (N, H, W) in [-1, 1]");
        line.text("--data", data, "learn the MNIST-style IDX files in this folder (28 x 28)");
        if (const auto code = line.parse(argc, argv)) return code;
        if (drawing.eta > 0 && drawing.sampler != "ddim")
            return line.refuse("--eta is an option of --sampler ddim, not of " + drawing.sampler);
        if (!load.empty() && !resume.empty())
            return line.refuse("--resume goes on with its own network; leave --load out");
        for (int k = 1; k < argc; ++k) command += std::string(" ") + argv[k];
        return std::nullopt;
    }

    /// Makes the folders that will be written to, so that this fails before the training if at all.
    void make_folders() const {
        std::filesystem::create_directories(out);
        for (const std::filesystem::path file : {save, resume, npy})
            if (file.has_parent_path()) std::filesystem::create_directories(file.parent_path());
    }

    /// Epochs alone set no limit of time.
    training_plan training() const {
        training_plan plan;
        plan.seconds = seconds.value_or(!load.empty() ? 0 : data.empty() ? 90 : 900);
        if (epochs) plan.epochs = *epochs;
        if (epochs && !seconds) plan.seconds = std::numeric_limits<double>::infinity();
        plan.batch = batch;
        plan.seed = seed;
        plan.checkpoint = resume;
        return plan;
    }
};

}  // namespace examples
