// The main job: trains a small U-Net to draw digits, on this machine's processor, in about a minute
// and a half, and draws a page of them out of noise.
//
// Without options it learns digits that it draws itself (support/drawn_digits.hpp), 16 x 16 pixels;
// `--data DIR` learns MNIST-style files instead. The network sees a label with most pictures, so that
// `--class 7 --guidance 2` asks for sevens, and insists. `--help` lists everything.
//
// Writes digits.png (the page), digits_forward.png (data into noise), digits_reverse.png (noise into
// digits, with the running estimate of the result) and digits_loss.png.

#include "support/arguments.hpp"
#include "support/canvas.hpp"
#include "support/digit_data.hpp"
#include "support/digit_model.hpp"
#include "support/filmstrip.hpp"
#include "support/frechet.hpp"
#include "support/interrupt.hpp"
#include "support/plot.hpp"
#include "support/training.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include <diffusion/diffusion.hpp>
#include <diffusion/io/npy.hpp>
#include <diffusion/nn/nn.hpp>

namespace {

using examples::labelled_images;

struct settings {
    std::optional<double> seconds;
    std::optional<double> epochs;
    std::size_t batch = 64;
    std::size_t threads = 0;
    std::size_t count = 100;
    std::string sampler = "ddim";
    std::size_t sampling_steps = 50;
    double eta = 0;
    std::optional<int> digit;
    double guidance = 1.5;
    std::uint64_t seed = 1;
    std::string out = "build/gallery";
    std::string save, load, npy, data;

    std::optional<int> read(int argc, char** argv) {
        examples::arguments line("digits",
                                 "Trains a small diffusion model and draws a page of digits.");
        line.number("--seconds", seconds, "train this long (90; 600 with --data, 0 with --load)",
                    0.0, 1e7);
        line.number("--epochs", epochs, "train for at most so many passes over the data", 0.0, 1e6);
        line.number("--batch", batch, "pictures in a training step", std::size_t(1),
                    std::size_t(4096));
        line.number("--threads", threads, "0: as many as there are cores", std::size_t(0),
                    std::size_t(256));
        line.number("--count", count, "digits on the page", std::size_t(1), std::size_t(10000));
        line.choice("--sampler", sampler, "how to draw",
                    {"ddim", "ddpm", "dpm-solver++2m", "adams2", "adams3", "heun"});
        line.number("--sampling-steps", sampling_steps, "steps from noise to digit", std::size_t(1),
                    std::size_t(1000));
        line.number("--eta", eta, "noise in each step of ddim: 0 none, 1 as ddpm", 0.0, 1.0);
        line.number("--class", digit, "draw this digit only", 0, 9);
        line.number("--guidance", guidance,
                    "0: forget the label, 1: as trained, more: insist on it", 0.0, 100.0);
        line.number("--seed", seed, "of all random numbers");
        line.text("--out", out, "folder for the pictures");
        line.text("--save", save, "write the trained network to this .safetensors file");
        line.text("--load", load, "start from the network in this file");
        line.text("--npy", npy, "write the digits to this file: float32 (N, H, W) in [-1, 1]");
        line.text("--data", data, "learn the MNIST-style IDX files in this folder (28 x 28)");
        if (const auto code = line.parse(argc, argv)) return code;
        if (eta > 0 && sampler != "ddim")
            return line.refuse("--eta is an option of --sampler ddim, not of " + sampler);
        return std::nullopt;
    }
};

/// The label of digit i on the page: each ten hold every digit once, in an order of their own.
std::vector<std::size_t> labels_to_draw(const settings& s, std::size_t count) {
    std::vector<std::size_t> labels(count);
    for (std::size_t ten = 0; 10 * ten < count; ++ten) {
        std::vector<std::size_t> order{0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
        examples::dice luck(s.seed, ten);
        for (std::size_t i = 9; i > 0; --i)
            std::swap(order[i], order[std::size_t(luck.uniform(0, double(i + 1)))]);
        for (std::size_t i = 10 * ten; i < std::min(count, 10 * ten + 10); ++i)
            labels[i] = s.digit ? std::size_t(*s.digit) : order[i % 10];
    }
    return labels;
}

/// Remembers what a few digits of a run looked like at about ten of its times.
class reverse_film {
public:
    reverse_film(std::size_t steps, std::size_t digits, std::size_t area)
        : digits_(digits), area_(area) {
        const std::size_t frames = std::min<std::size_t>(steps, 10);
        for (std::size_t k = 0; k < frames; ++k) shown_.push_back(k * steps / frames);
    }

    template <class View>
    void see(const View& step) {
        // x0 is the estimate that was made from the state before this step.
        if (std::find(shown_.begin(), shown_.end(), step.i) != shown_.end() && !before_.empty())
            keep(before_, step.x0, before_t_);
        if (step.i + 1 == step.n) keep(step.x, step.x, -1);
        before_ = step.x;
        before_t_ = step.t.t;
    }

    /// The state before the first step.
    void start(const std::vector<float>& x, double t) {
        before_ = x;
        before_t_ = t;
    }

    examples::canvas page(std::size_t height, std::size_t width) const {
        std::vector<float> pictures;
        examples::filmstrip strip{
            .columns = times_.size(), .zoom = 64 / width, .title = "noise into digits"};
        for (const double t : times_)
            strip.column_names.push_back(t < 0 ? "done" : "t=" + std::to_string(int(t)));
        for (std::size_t d = 0; d < digits_; ++d) {
            for (const auto* frames : {&states_, &estimates_})
                for (const auto& frame : *frames)
                    pictures.insert(pictures.end(), frame.begin() + std::ptrdiff_t(d * area_),
                                    frame.begin() + std::ptrdiff_t((d + 1) * area_));
            strip.row_names.insert(strip.row_names.end(), {"x_t", "x_0 est."});
        }
        return strip.draw(pictures, height, width);
    }

private:
    void keep(const std::vector<float>& x, const std::vector<float>& x0, double t) {
        const auto some = std::ptrdiff_t(digits_ * area_);
        states_.emplace_back(x.begin(), x.begin() + some);
        estimates_.emplace_back(x0.begin(), x0.begin() + some);
        times_.push_back(t);
    }

    std::size_t digits_, area_;
    std::vector<std::size_t> shown_;
    std::vector<float> before_;
    double before_t_ = 0;
    std::vector<std::vector<float>> states_, estimates_;
    std::vector<double> times_;
};

/// Draws one digit for each label, out of noise. Digit i is the same whatever else is drawn.
std::vector<float> draw(examples::digit_model& model, diffusion::nn::lanes<float>& lanes,
                        const settings& s, const std::vector<std::size_t>& labels,
                        std::uint64_t seed, reverse_film* film = nullptr) {
    namespace nn = diffusion::nn;
    std::vector<float> x(labels.size() * model.height * model.width);
    diffusion::per_item_noise noise;
    for (std::size_t i = 0; i < labels.size(); ++i) noise.seeds.push_back((seed << 32) + i);

    // D = D_u + w (D_c - D_u), with the label and without, both from one network; then clipped.
    auto conditional = diffusion::predicts_velocity(
        nn::as_network(model.net, lanes, model.height, model.width, labels));
    auto unconditional =
        diffusion::predicts_velocity(nn::as_network(model.net, lanes, model.height, model.width));
    diffusion::clipped denoiser(diffusion::guided(conditional, unconditional, s.guidance, x), -1,
                                1);

    // Heun steps in sigma/alpha, which leaps by a factor of thousands at the end of the cosine schedule;
    // it starts where that ratio is about 60, and takes steps of equal factors.
    const auto grid = s.sampler == "heun"
                          ? diffusion::uniform_lambda(model.schedule, s.sampling_steps, 990, 0)
                          : diffusion::trailing(model.schedule, s.sampling_steps);
    diffusion::draw_prior(x, grid.front(), noise);
    if (film != nullptr) film->start(x, grid.front().t);
    examples::progress bar("drawing ");
    const std::string note = std::to_string(labels.size()) + " digits";
    const auto run = [&](const auto& sampler) {
        diffusion::sample(x, sampler, denoiser, noise, [&](const auto& step) {
            bar.show(double(step.i + 1) / double(step.n), note);
            if (film != nullptr) film->see(step);
        });
    };
    if (s.sampler == "ddim") run(diffusion::multistep(diffusion::ddim{.eta = s.eta}, grid));
    if (s.sampler == "ddpm") run(diffusion::multistep(diffusion::ddpm{}, grid));
    if (s.sampler == "dpm-solver++2m")
        run(diffusion::multistep(diffusion::dpm_solver_pp_2m{}, grid,
                                 diffusion::last_steps::first_order));
    if (s.sampler == "adams2")
        run(diffusion::multistep(diffusion::exponential_adams<2>{}, grid,
                                 diffusion::last_steps::falling_order));
    if (s.sampler == "adams3")
        run(diffusion::multistep(diffusion::exponential_adams<3>{}, grid,
                                 diffusion::last_steps::falling_order));
    if (s.sampler == "heun") run(diffusion::heun(grid));
    bar.finish(1, note);
    return x;
}

/// Data into noise: a row for each of a few digits, q(x_t | x_0) with one noise for all times.
examples::canvas forward_film(const examples::digit_model& model, const labelled_images& data) {
    const std::vector<int> times{-1, 0, 50, 100, 200, 300, 400, 500, 600, 700, 850, 999};
    examples::filmstrip strip{
        .columns = times.size(), .zoom = 64 / model.width, .title = "digits into noise"};
    std::vector<float> pictures;
    for (std::size_t i = 0; i < std::min<std::size_t>(data.count, 6); ++i) {
        const std::vector<float> x_0(data.picture(i).begin(), data.picture(i).end());
        std::vector<float> eps(x_0.size()), x_t(x_0.size());
        diffusion::fill_normal<float>(eps, 1, {diffusion::noise_stream::user, i});
        for (const int t : times) {
            const auto level = t < 0 ? diffusion::clean_data : model.schedule(t);
            diffusion::q_sample(x_t, x_0, level, eps);
            pictures.insert(pictures.end(), x_t.begin(), x_t.end());
        }
    }
    for (const int t : times)
        strip.column_names.push_back(t < 0 ? "data" : "t=" + std::to_string(t));
    return strip.draw(pictures, model.height, model.width);
}

/// How far the digits are from real ones, beside the floor (real ones from other real ones) and the
/// ceiling (noise); and how many of them a simple machine, which knows the digits in `known`, reads as
/// what was asked for.
void print_quality(examples::digit_model& model, diffusion::nn::lanes<float>& lanes,
                   const settings& s, const labelled_images& known, const labelled_images& real,
                   const labelled_images& other) {
    using examples::feature_statistics;
    const std::size_t count = std::min<std::size_t>({300, real.count, other.count});
    const std::vector<std::size_t> labels = labels_to_draw(s, count);
    const std::vector<float> drawn = draw(model, lanes, s, labels, s.seed + 1);
    std::vector<float> noise(drawn.size());
    diffusion::fill_normal<float>(noise, s.seed, {diffusion::noise_stream::user, 1});

    const auto statistics = [&](const std::vector<float>& pictures) {
        return feature_statistics::of(std::span<const float>(pictures).first(drawn.size()),
                                      model.height, model.width);
    };
    const auto reference = statistics(real.pixels);
    std::printf("Frechet distance to %zu real digits: %.2f  (other real digits %.2f, noise %.2f)\n",
                count, examples::frechet_distance(reference, statistics(drawn)),
                examples::frechet_distance(reference, statistics(other.pixels)),
                examples::frechet_distance(reference, statistics(noise)));
    const auto read = [&](const std::vector<float>& pictures, const std::vector<int>& expected) {
        return 100 * examples::recognised_share(
                         std::span<const float>(pictures).first(drawn.size()), expected, known);
    };
    std::vector<int> asked(labels.begin(), labels.end());
    std::vector<int> true_labels(other.labels.begin(),
                                 other.labels.begin() + std::ptrdiff_t(count));
    std::printf("read as what was asked for: %.1f %%  (other real digits %.1f %%, noise %.1f %%)\n",
                read(drawn, asked), read(other.pixels, true_labels), read(noise, asked));
}

int run(int argc, char** argv) {
    settings s;
    if (const auto code = s.read(argc, argv)) return *code;
    std::filesystem::create_directories(s.out);  // better fails now than after the training
    for (const std::filesystem::path file : {s.save, s.npy})
        if (file.has_parent_path()) std::filesystem::create_directories(file.parent_path());

    std::optional<examples::digit_model> loaded;
    if (!s.load.empty()) loaded = examples::digit_model::load(s.load);

    // The data: IDX files, or digits drawn here in the size that the network wants.
    labelled_images data, others;
    if (!s.data.empty()) {
        data = examples::read_idx_digits(s.data, "train");
        others = examples::read_idx_digits(s.data, "t10k");
    } else {
        const std::size_t size = loaded ? loaded->height : 16;
        data = examples::drawn_digits(s.seed, 0, 10000, size);
        others = examples::drawn_digits(s.seed + 1, 0, 1000, size);
    }
    if (loaded && (loaded->height != data.height || loaded->width != data.width))
        throw std::runtime_error("the network in " + s.load + " draws " +
                                 std::to_string(loaded->height) + " x " +
                                 std::to_string(loaded->width) + " pixels, the data have " +
                                 std::to_string(data.height) + " x " + std::to_string(data.width));
    examples::digit_model model =
        loaded ? std::move(*loaded)
               : examples::digit_model::fresh(
                     data.height, data.width, s.data.empty() ? "drawn" : "idx", s.seed,
                     examples::digit_model::sizes::for_pictures(data.height, data.width));
    diffusion::nn::lanes<float> lanes(s.threads);
    std::printf("%zu digits of %zu x %zu pixels; a U-Net of %zu parameters on %zu threads\n",
                data.count, data.height, data.width, model.net.parameters().count(),
                lanes.threads());

    examples::training_plan plan;
    plan.seconds = s.seconds.value_or(!s.load.empty() ? 0 : s.data.empty() ? 90 : 600);
    if (s.epochs) plan.epochs = *s.epochs;
    if (s.epochs && !s.seconds) plan.seconds = std::numeric_limits<double>::infinity();
    plan.batch = s.batch;
    plan.seed = s.seed;
    if (plan.seconds > 0 && plan.epochs > 0) {
        const examples::interrupt stop;
        const auto record =
            examples::train(model.net, lanes, model.schedule,
                            {data.pixels, {1, data.height, data.width, 1}, data.labels}, plan,
                            examples::digit_model::null_label, [&] { return stop.requested(); });
        std::printf("%s after %s: %zu steps, %zu pictures, %.0f a second\n",
                    stop.requested() ? "interrupted" : "trained",
                    examples::spoken_time(record.seconds).c_str(), record.losses.size(),
                    record.images, double(record.images) / record.seconds);
        examples::loss_curve(record.losses, "loss of the velocity")
            .save(s.out + "/digits_loss.png");
    }
    if (!s.save.empty()) {
        model.save(s.save);
        std::printf("saved the network to %s\n", s.save.c_str());
    }

    const std::vector<std::size_t> labels = labels_to_draw(s, s.count);
    reverse_film film(s.sampling_steps, std::min<std::size_t>(s.count, 4), data.area());
    const std::vector<float> digits = draw(model, lanes, s, labels, s.seed, &film);
    const std::size_t columns = std::min<std::size_t>(s.count, 10);
    examples::filmstrip{.columns = columns, .zoom = 64 / model.width}
        .draw(digits, model.height, model.width)
        .save(s.out + "/digits.png");
    film.page(model.height, model.width).save(s.out + "/digits_reverse.png");
    forward_film(model, data).save(s.out + "/digits_forward.png");
    if (!s.npy.empty())
        diffusion::io::write_npy(s.npy, {s.count, model.height, model.width}, digits);

    std::printf("asked for, row by row:");
    for (std::size_t i = 0; i < std::min<std::size_t>(s.count, 100); ++i)
        std::printf("%s%zu", i % columns == 0 ? "  " : "", labels[i]);
    std::printf("%s\n", s.count > 100 ? " ..." : "");
    const int digit = s.digit.value_or(-1);
    if (s.data.empty() != (model.learned == "drawn"))
        std::printf("(the network learned %s digits; the real ones below are %s)\n",
                    s.data.empty() ? "other" : "drawn", s.data.empty() ? "drawn" : "from --data");
    print_quality(model, lanes, s, examples::only(data, -1, 1000),
                  examples::only(data, digit, 1000), examples::only(others, digit, 1000));
    std::printf("wrote digits.png, digits_forward.png, digits_reverse.png in %s\n", s.out.c_str());
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return run(argc, argv);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "digits: %s\n", error.what());
        return 2;
    }
}
