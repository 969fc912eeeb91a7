// Your own pictures: trains a U-Net on a folder of PNG files, whatever their size, and draws more
// of their kind.
//
//     sh examples/run.sh train_on_your_images FOLDER --size 32 --seconds 3600 --resume my.safetensors
//
// Each picture is cut to a square and averaged to --size pixels; a hundred pictures are few, ten
// thousand are plenty. Ctrl-C ends the training early and draws with what has been learned; with
// --resume the next run goes on there.
//
// Writes data.png (what the network sees), samples.png (what it draws, twice a minute), loss.png.

#include "support/arguments.hpp"
#include "support/filmstrip.hpp"
#include "support/interrupt.hpp"
#include "support/plot.hpp"
#include "support/training.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <diffusion/diffusion.hpp>
#include <diffusion/nn/nn.hpp>
#include <diffusion/trainer/image_files.hpp>
#include <diffusion/trainer/observers.hpp>

namespace {

namespace nn = diffusion::nn;
using cosine = diffusion::discrete_schedule<diffusion::cosine_beta>;

/// Draws `count` pictures of size x size pixels out of noise.
std::vector<float> draw(nn::unet<float>& net, nn::lanes<float>& lanes, const cosine& schedule,
                        std::size_t count, std::size_t size, std::size_t steps,
                        std::uint64_t seed) {
    diffusion::per_item_noise noise;  // picture i is the same whatever else is drawn
    for (std::size_t i = 0; i < count; ++i) noise.seeds.push_back((seed << 32) + i);
    const diffusion::multistep sampler(diffusion::dpm_solver_pp_2m{1},
                                       diffusion::trailing(schedule, steps),
                                       diffusion::last_steps::first_order);
    std::vector<float> x(count * size * size * net.channels());
    diffusion::draw_prior(x, sampler.grid().front(), noise);
    auto denoiser = diffusion::clipped(
        diffusion::predicts_velocity(nn::as_network(net, lanes, size, size)), -1, 1);
    diffusion::sample(x, sampler, denoiser, noise);
    return x;
}

int run(int argc, char** argv) {
    std::string folder, colours = "rgb", out = "build/gallery", resume;
    std::size_t size = 32, batch = 32, base = 32, count = 40, steps = 50, threads = 0;
    std::optional<double> seconds, epochs;
    std::uint64_t seed = 1;
    examples::arguments line("train_on_your_images",
                             "Trains a small diffusion model on a folder of PNG files.");
    line.place("FOLDER", folder, "of the pictures, *.png");
    line.number("--size", size, "height and width that the network sees, a multiple of 4",
                std::size_t(8), std::size_t(256));
    line.choice("--colours", colours, "what it sees of them", {"rgb", "grey"});
    line.number("--seconds", seconds, "train this long (600)", 1.0, 1e7);
    line.number("--epochs", epochs, "train for at most so many passes over the pictures", 0.0, 1e6);
    line.number("--batch", batch, "pictures in a training step", std::size_t(1), std::size_t(4096));
    line.number("--base", base, "channels of the network at full size, a multiple of 8",
                std::size_t(8), std::size_t(512));
    line.text("--resume", resume,
              "go on with the training in this .safetensors file if it exists, and keep it there");
    line.number("--count", count, "pictures to draw", std::size_t(1), std::size_t(1000));
    line.number("--sampling-steps", steps, "from noise to picture", std::size_t(1),
                std::size_t(1000));
    line.number("--threads", threads, "0: as many as there are cores", std::size_t(0),
                std::size_t(256));
    line.number("--seed", seed, "of all random numbers");
    line.text("--out", out, "folder for the pages");
    if (const auto code = line.parse(argc, argv)) return *code;
    if (size % 4 != 0) return line.refuse("--size must be a multiple of 4");
    if (base % 8 != 0) return line.refuse("--base must be a multiple of 8");

    // The pictures.
    if (!std::filesystem::is_directory(folder))
        throw std::runtime_error("there is no folder " + folder);
    const std::size_t channels = colours == "grey" ? 1 : 3;
    const auto data = diffusion::read_png_folder(folder, size, size, channels);
    std::filesystem::create_directories(out);
    const auto page = [&](std::vector<float> pictures, const std::string& name) {
        const std::size_t shown = std::min(pictures.size() / (size * size * channels), count);
        pictures.resize(shown * size * size * channels);
        examples::filmstrip{.columns = std::min<std::size_t>(shown, 10),
                            .zoom = std::max<std::size_t>(1, 64 / size)}
            .draw(pictures, size, size, channels)
            .save(out + "/" + name);
    };
    page(data.values, "data.png");

    // The network.
    nn::unet_options options;
    options.image_channels = channels;
    options.base = base;
    nn::unet<float> net(options, seed);
    nn::lanes<float> lanes(examples::lanes_for(threads));
    const cosine schedule;
    std::printf("%zu pictures of %zu x %zu pixels; a U-Net of %zu parameters on %zu threads\n",
                data.items(), size, size, net.parameters().count(), lanes.threads());

    // Train; Ctrl-C ends only this.
    examples::training_plan plan;
    plan.seconds = seconds.value_or(epochs ? std::numeric_limits<double>::infinity() : 600);
    plan.epochs = epochs.value_or(plan.epochs);
    plan.batch = batch;
    plan.seed = seed;
    plan.checkpoint = resume;
    const examples::interrupt stop;
    const auto record = examples::train(
        net, lanes, schedule, {data.values, data.shape, {}}, plan, 0,
        [&] { return stop.requested(); },
        [&](auto& training) {
            const diffusion::average_in_use average(training.average());
            page(draw(net, lanes, schedule, std::min<std::size_t>(count, 10), size, 20, seed),
                 "samples.png");
        });
    std::printf("%s after %s: %zu steps, %zu pictures, %.0f a second\n",
                stop.requested() ? "interrupted" : "trained",
                examples::spoken_time(record.seconds).c_str(),
                record.earlier + record.losses.size(), record.images,
                double(record.images) / std::max(record.seconds, 1e-9));
    if (!record.losses.empty())
        examples::loss_curve(record.losses, "loss of the velocity").save(out + "/loss.png");

    page(draw(net, lanes, schedule, count, size, steps, seed), "samples.png");
    std::printf("wrote data.png, samples.png%s in %s\n", record.losses.empty() ? "" : ", loss.png",
                out.c_str());
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    return examples::run_program("train_on_your_images", run, argc, argv);
}
