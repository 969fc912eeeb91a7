// The main job: trains a small U-Net to draw digits, on this machine's processor, in about a minute
// and a half, and draws a page of them out of noise.
//
// Without options it learns digits that it draws itself (support/drawn_digits.hpp), 16 x 16 pixels;
// `--data DIR` learns MNIST-style files instead. The network sees a label with most pictures, so
// that `--class 7 --guidance 2` asks for sevens, and insists. `--help` lists everything.
//
// Writes digits.png (the page), digits_forward.png (data into noise), digits_reverse.png (noise
// into digits, with the running estimate of the result) and digits_loss.png.

#include "support/arguments.hpp"
#include "support/digit_data.hpp"
#include "support/digit_drawing.hpp"
#include "support/digit_labels.hpp"
#include "support/digit_model.hpp"
#include "support/digit_quality.hpp"
#include "support/digit_settings.hpp"
#include "support/filmstrip.hpp"
#include "support/interrupt.hpp"
#include "support/plot.hpp"
#include "support/process_films.hpp"
#include "support/training.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <optional>
#include <vector>

#include <diffusion/io/npy.hpp>

namespace {

using examples::digit_model;
using examples::labelled_images;

int run(int argc, char** argv) {
    examples::digit_settings s;
    if (const auto code = s.read(argc, argv)) return *code;
    s.make_folders();
    std::optional<digit_model> made;
    if (!s.load.empty()) made = digit_model::load(s.load);

    // The data: IDX files, or digits drawn here in the size that the network wants.
    labelled_images data, others;
    if (!s.data.empty()) {
        data = examples::read_idx_digits(s.data, "train");
        others = examples::read_idx_digits(s.data, "t10k");
    } else {
        const std::size_t size = made ? made->height : 16;
        data = examples::drawn_digits(s.seed, 0, 10000, size);
        others = examples::drawn_digits(s.seed + 1, 0, 1000, size);
    }

    // The network.
    if (made) made->require_size(data.height, data.width, s.load);
    else
        made = digit_model::fresh(data.height, data.width, s.data.empty() ? "drawn" : "idx", s.seed,
                                  digit_model::sizes::for_pictures(data.height, data.width));
    digit_model& model = *made;
    diffusion::nn::lanes<float> lanes(examples::lanes_for(s.threads));
    const auto net = diffusion::nn::summary(model.net, {1, data.height, data.width, 1});
    std::printf(
        "%zu digits of %zu x %zu pixels; a U-Net of %zu parameters, %.0f million "
        "operations a picture, on %zu threads\n",
        data.count, data.height, data.width, net.parameters(), net.operations() / 1e6,
        lanes.threads());

    // Train; Ctrl-C ends only this.
    const examples::training_plan plan = s.training();
    if (plan.seconds > 0 && plan.epochs > 0) {
        const examples::interrupt stop;
        const auto record =
            examples::train(model.net, lanes, model.schedule,
                            {data.pixels, {1, data.height, data.width, 1}, data.labels}, plan,
                            digit_model::null_label, [&] { return stop.requested(); });
        if (record.earlier > 0)
            std::printf("%zu steps were made before, those of %s\n", record.earlier,
                        s.resume.c_str());
        std::printf("%s after %s: %zu steps, %zu pictures, %.0f a second\n",
                    stop.requested() ? "interrupted" : "trained",
                    examples::spoken_time(record.seconds).c_str(), record.losses.size(),
                    record.images, double(record.images) / std::max(record.seconds, 1e-9));
        if (!record.losses.empty())
            examples::loss_curve(record.losses, "loss of the velocity")
                .save(s.out + "/digits_loss.png");
    }
    if (!s.save.empty()) {
        model.save(s.save, s.command);
        std::printf("saved the network to %s\n", s.save.c_str());
    }

    // Draw.
    s.drawing.guidance = s.guidance.value_or(model.learned == "drawn" ? 2 : 1.25);
    const auto labels = examples::labels_to_draw(s.digit, s.count, s.seed);
    examples::reverse_film film(s.drawing.steps, std::min<std::size_t>(s.count, 4), data.area());
    const std::vector<float> digits =
        examples::draw_digits(model, lanes, s.drawing, labels, s.seed, &film);

    // Show.
    const std::size_t columns = std::min<std::size_t>(s.count, 10);
    examples::filmstrip{.columns = columns, .zoom = 64 / data.width}
        .draw(digits, data.height, data.width)
        .save(s.out + "/digits.png");
    film.page(data.height, data.width).save(s.out + "/digits_reverse.png");
    examples::forward_film(model.schedule, data).save(s.out + "/digits_forward.png");
    if (!s.npy.empty()) diffusion::io::write_npy(s.npy, {s.count, data.height, data.width}, digits);
    std::printf("asked for, row by row:");
    for (std::size_t i = 0; i < std::min<std::size_t>(s.count, 100); ++i)
        std::printf("%s%zu", i % columns == 0 ? "  " : "", labels[i]);
    std::printf("%s\n", s.count > 100 ? " ..." : "");
    if (s.data.empty() != (model.learned == "drawn"))
        std::printf("(the network learned %s digits; the real ones below are %s)\n",
                    s.data.empty() ? "other" : "drawn", s.data.empty() ? "drawn" : "from --data");

    // How good are they? Judged by more digits than those on the page.
    const int digit = s.digit.value_or(-1);
    const labelled_images real = examples::only(data, digit, 1000);
    const labelled_images other = examples::only(others, digit, 1000);
    const auto asked = examples::labels_to_draw(
        s.digit, std::min<std::size_t>({300, real.count, other.count}), s.seed);
    const auto drawn = examples::draw_digits(model, lanes, s.drawing, asked, s.seed + 1);
    examples::print_distance(drawn, real, other, s.seed);
    examples::print_readings(drawn, asked, s.drawing.guidance, data, other, lanes);
    std::printf("wrote digits.png, digits_forward.png, digits_reverse.png in %s\n", s.out.c_str());
    return 0;
}

}  // namespace

int main(int argc, char** argv) { return examples::run_program("digits", run, argc, argv); }
