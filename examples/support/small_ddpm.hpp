#pragma once

#include "arguments.hpp"
#include "drawn_digits.hpp"
#include "interrupt.hpp"
#include "training.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <diffusion/nn/nn.hpp>
#include <diffusion/nn/safetensors.hpp>
#include <diffusion/schedule/discrete.hpp>
#include <diffusion/trainer/denoising.hpp>
#include <diffusion/trainer/in_memory.hpp>

/// What the examples of Ho et al. (2020), Song et al. (2021) and Nichol and Dhariwal (2021) have in
/// common: the command line, the pictures and the network, so that one can load what another saved.
namespace examples {

/// The command line.
struct ddpm_settings {
    std::optional<double> seconds;  ///< of all trainings together
    double steps = 0;  ///< of all trainings together, where they are to be compared; 0: any number
    std::size_t samples = 0;  ///< pictures behind each number
    bool quick = false;
    std::size_t threads = 0;
    std::uint64_t seed = 1;
    std::string out = "build/gallery";
    std::string load = {}, save = {};
    std::string command = {};  ///< the command line, for the metadata of what is saved

    std::size_t side() const { return quick ? 8 : 16; }  ///< of a picture
    std::size_t T() const { return quick ? 200 : 1000; }

    /// Empty: carry on; a value: leave the program with it. `many` and `few` are the numbers of
    /// samples without and with `--quick`.
    std::optional<int> read(int argc, char** argv, const char* name, const char* summary,
                            std::size_t many, std::size_t few) {
        std::optional<std::size_t> wanted;
        arguments line(name, summary);
        line.number("--seconds", seconds, "train this long (110)", 0.0, 1e6);
        line.number("--samples", wanted, "digits behind each number (" + std::to_string(many) + ")",
                    std::size_t(16), std::size_t(1000000));
        line.flag("--quick", quick,
                  "a trial in seconds: 8 x 8 pixels, T = 200, a tiny network, few steps");
        line.number("--threads", threads, "0: as many as there are cores", std::size_t(0),
                    std::size_t(256));
        line.number("--seed", seed, "of all random numbers");
        line.text("--out", out, "folder for the pictures");
        line.text("--load", load,
                  "in place of the training with L_simple: a network that was saved");
        line.text("--save", save, "write the network of L_simple to this .safetensors file");
        if (const auto code = line.parse(argc, argv)) return code;
        samples = wanted.value_or(quick ? few : many);
        command = name;
        for (int k = 1; k < argc; ++k) command += std::string(" ") + argv[k];
        std::filesystem::create_directories(out);  // fails now if at all, not when all is done
        return std::nullopt;
    }

    /// The plan of a training on `items` pictures that gets a share of the time; in a trial a share
    /// of the steps, so that its numbers do not depend on the machine. With `steps` the time is
    /// only a limit, and twice as long.
    training_plan plan(double share, std::size_t items) const {
        const double time = share * seconds.value_or(110);
        training_plan plan{.seconds = time, .seed = seed, .look_every = std::min(30.0, time / 12)};
        if (quick && !seconds) {
            plan.seconds = std::numeric_limits<double>::infinity();
            plan.batch = 32;
            plan.epochs = share * 1000 * double(plan.batch) / double(items);
            plan.warmup = 20;
            plan.ema = 0.97;
            plan.look_every = 30;
        } else if (steps > 0) {
            plan.epochs = share * steps * double(plan.batch) / double(items);
            plan.seconds = 2 * time;  // if the machine has become slower
        }
        return plan;
    }
};

/// beta from 1e-4 to 0.02 at T = 1000 (Ho et al. 2020); at another T such that the noise is as
/// strong in the end (Nichol and Dhariwal 2021).
inline diffusion::discrete_schedule<> linear_schedule(std::size_t T) {
    const double per_step = 1000.0 / double(T);
    return diffusion::discrete_schedule<>({1e-4 * per_step, 0.02 * per_step}, T);
}

/// Drawn digits as a file of 8 bits holds them: each value is k / 127.5 - 1 with k from 0 to 255,
/// so that bits per dimension have a meaning.
inline labelled_images digits_of_8_bits(std::uint64_t seed, std::size_t count, std::size_t side) {
    labelled_images set = drawn_digits(seed, 0, count, side);
    for (float& value : set.pixels) value = std::round(127.5f * (value + 1)) / 127.5f - 1;
    return set;
}

/// The network of Ho et al. (2020, appendix B) in small; with `learned_variance` that of Nichol and
/// Dhariwal (2021).
inline diffusion::nn::unet<float> small_ddpm(const ddpm_settings& s,
                                             bool learned_variance = false) {
    diffusion::nn::unet_options options;
    options.base = s.quick ? 8 : 16;
    if (s.quick) options.multipliers = {1, 2};
    else options.multipliers = {1, 2, 4};
    options.attention.assign(options.multipliers.size(), false);
    options.attention.back() = !s.quick;
    options.learned_variance = learned_variance;
    return diffusion::nn::unet<float>(options, s.seed);
}

/// Trains on the pictures with any loss, and says for how long. Ctrl-C ends only this.
/// `look(training)` is called about a dozen times, in a trial at the end.
template <class Model, class Look>
training_record train_on_digits(Model& model, diffusion::nn::lanes<float>& lanes,
                                const labelled_images& data, const ddpm_settings& s, double share,
                                const std::string& name, Look&& look) {
    const training_plan plan = s.plan(share, data.count);
    diffusion::in_memory source({1, data.height, data.width, 1},
                                std::span<const float>(data.pixels), std::span<const int>());
    const interrupt stop;
    const auto record = train_model(
        model, source, lanes, plan, [&] { return stop.requested(); }, look);
    std::printf("%s with %s: %zu steps of %zu digits in %s\n",
                stop.requested() ? "interrupted" : "trained", name.c_str(), record.losses.size(),
                plan.batch, spoken_time(record.seconds).c_str());
    return record;
}

/// The same without anybody who looks.
template <class Model>
training_record train_on_digits(Model& model, diffusion::nn::lanes<float>& lanes,
                                const labelled_images& data, const ddpm_settings& s, double share,
                                const std::string& name) {
    return train_on_digits(model, lanes, data, s, share, name, [](auto&) {});
}

/// L_simple (Ho et al. 2020, eq. 14), unless a file holds the network already; then into a file, if
/// one is named.
template <class Net, class Schedule, class Look>
training_record train_l_simple(Net& net, diffusion::nn::lanes<float>& lanes,
                               const Schedule& schedule, const labelled_images& data,
                               const ddpm_settings& s, double share, Look&& look) {
    training_record record;
    if (s.load.empty()) {
        diffusion::denoising model(net, schedule, {.kind = diffusion::target::noise});
        record = train_on_digits(model, lanes, data, s, share, "L_simple", look);
    } else {
        diffusion::nn::load_parameters(s.load, net.parameters());
        std::printf("the network of L_simple is that of %s\n", s.load.c_str());
    }
    if (!s.save.empty())
        diffusion::nn::save_parameters(
            s.save, net.parameters(),
            {{"model", "noise prediction, L_simple"}, {"command", s.command}});
    return record;
}

/// The same without anybody who looks.
template <class Net, class Schedule>
training_record train_l_simple(Net& net, diffusion::nn::lanes<float>& lanes,
                               const Schedule& schedule, const labelled_images& data,
                               const ddpm_settings& s, double share) {
    return train_l_simple(net, lanes, schedule, data, s, share, [](auto&) {});
}

}  // namespace examples
