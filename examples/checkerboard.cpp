// The checkerboard. A network that doubles the size of a picture by transposed convolution paints a
// 3x3 stamp for each pixel, two pixels apart. Where the stamps overlap, two or four of them add up,
// and each doubling leaves a chequered pattern that training has to get rid of (Odena et al. 2016).
// Long et al. (2014) doubled so; Ronneberger et al. (2015) used 2x2 stamps, which do not overlap.
// Copying each pixel into four and convolving has no such pattern to begin with, only the steps of
// the copies, and loses them sooner. Both nets have equally many weights and see the same data.
//
// Writes checkerboard.png: what the nets draw while they learn to remove noise, and the spectra.

#include "support/arguments.hpp"
#include "support/checkerboard_page.hpp"
#include "support/drawn_digits.hpp"
#include "support/interrupt.hpp"
#include "support/plot.hpp"
#include "support/progress.hpp"
#include "support/spectrum.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include <diffusion/diffusion.hpp>
#include <diffusion/nn/nn.hpp>

namespace {

namespace nn = diffusion::nn;
using var = nn::var<float>;
constexpr std::size_t size = 32, area = size * size, batch = 32, shown = 3;

/// One doubling of the resolution, in either way.
struct doubling {
    nn::conv2d_transposed<float> stamps;
    nn::conv2d<float> convolution;

    doubling(nn::parameters<float>& store, const std::string& name, std::size_t in, std::size_t out,
             bool transposed) {
        if (transposed) stamps = {store, name, in, out};  // 3x3, two pixels apart
        else convolution = {store, name, in, out};        // 3x3, after copying
    }
    var operator()(const var& x) const {
        return convolution ? convolution(nn::upsample_nearest(x)) : stamps(x);
    }
};

/// 32x32 pixels down to 4x4 and up again. (With skip connections it would be a U-Net.)
struct hourglass {
    nn::parameters<float> store;
    nn::conv2d<float> down1, down2, down3, deep;
    doubling up3, up2, up1;

    hourglass(std::size_t c, std::uint64_t seed, bool transposed)
        : store(seed),
          down1(store, "down1", 1, c, 3, 2),
          down2(store, "down2", c, 2 * c, 3, 2),
          down3(store, "down3", 2 * c, 4 * c, 3, 2),
          deep(store, "deep", 4 * c, 4 * c),
          up3(store, "up3", 4 * c, 2 * c, transposed),
          up2(store, "up2", 2 * c, c, transposed),
          up1(store, "up1", c, 1, transposed) {}

    var operator()(const var& x) const {
        const var h = nn::silu(deep(nn::silu(down3(nn::silu(down2(nn::silu(down1(x))))))));
        return up1(nn::silu(up2(nn::silu(up3(h)))));
    }
};

/// How many stamps fall on each pixel: the transposed convolution of ones with ones.
void print_stamps() {
    const std::vector<float> ones(16, 1.0F);
    nn::tape<float> tape;
    const var w = tape.constant({1, 1, 1, 9}, ones.data());
    const var y = nn::convolve_transposed(tape.constant({1, 4, 4, 1}, ones.data()), w, var(), 1, 3);
    std::printf("4x4 pixels, doubled by 3x3 stamps: how many fall on each pixel\n");
    for (std::size_t i = 0; i < y.size(); ++i)
        std::printf("%4.0f%s", double(y.data()[i]), i % 8 == 7 ? "\n" : "");
}

/// Noisy digits, and what they were.
struct task {
    examples::labelled_images data;
    std::vector<float> noisy;

    task(std::uint64_t seed, std::size_t count)
        : data(examples::drawn_digits(seed, 0, count, size)) {
        std::vector<float> eps(data.pixels.size());
        noisy.resize(eps.size());
        diffusion::gaussian_noise{seed}(eps, {diffusion::noise_stream::user});
        diffusion::q_sample(noisy, data.pixels, diffusion::from_alpha_bar(0.25), eps);
    }
};

/// Prints how much energy repeats every two pixels, and puts the pictures on the page.
double judge(examples::checkerboard_page& page, bool right, const char* name,
             const std::string& row, const std::vector<float>& pictures) {
    const examples::spectrum waves(pictures, size);
    std::printf("  %-10s %-11s  %8.2g %8.2g  ratio %8.2g\n", name, row.c_str(), waves.at_half(),
                waves.around_half(), waves.at_half() / waves.around_half());
    page.add(right, row.empty() ? "given, true" : row, pictures, waves);
    return waves.at_half();
}

/// Trains a net to guess the digit, and judges what it draws at each of the stops.
std::vector<double> learn(bool transposed, std::uint64_t seed,
                          const std::vector<std::size_t>& stops, const task& train,
                          const task& test, nn::lanes<float>& lanes,
                          const examples::interrupt& stop, examples::checkerboard_page& page) {
    const char* name = transposed ? "transposed" : "nearest";
    hourglass net(8, seed, transposed);
    nn::adam<float> adam(net.store, {.beta2 = 0.99});
    examples::progress bar(name);
    std::string note;
    std::vector<double> energies;
    std::size_t step = 0;
    for (const std::size_t last : stops) {
        for (; step < last && !stop.requested(); ++step) {
            const std::size_t start = step * batch % (train.data.count - batch);
            const double loss = lanes.train(net.store, batch, [&](auto& tape, auto first, auto n) {
                const std::size_t at = (start + first) * area;
                return nn::mse_loss(net(tape.constant({n, size, size, 1}, train.noisy.data() + at)),
                                    std::span(train.data.pixels).subspan(at, n * area));
            });
            adam.step(3e-3);
            note = "loss " + examples::short_number(loss);
            bar.show(double(step + 1) / double(stops.back()), note);
        }
        nn::tape<float> tape;
        tape.recording(false);
        const var y = net(tape.constant({test.data.count, size, size, 1}, test.noisy.data()));
        energies.push_back(judge(page, !transposed, name, "step " + std::to_string(step),
                                 {y.values().begin(), y.values().end()}));
    }
    bar.finish(double(step) / double(stops.back()), note);
    return energies;
}

int run(int argc, char** argv) {
    std::size_t steps = 200, threads = 0;
    std::uint64_t seed = 1;
    std::string out = "build/gallery";
    examples::arguments line("checkerboard",
                             "Transposed convolution against nearest + convolution.");
    line.number("--steps", steps, "of training, for each net", std::size_t(40),
                std::size_t(100000));
    line.number("--threads", threads, "0: all", std::size_t(0), std::size_t(1024));
    line.number("--seed", seed, "of the initial weights");
    line.text("--out", out, "folder for the picture");
    if (const auto code = line.parse(argc, argv)) return *code;
    std::filesystem::create_directories(out);  // fails now if at all, not when all is done

    print_stamps();
    std::printf("\nEnergy of the patterns that repeat every two pixels, against waves near them\n");
    const task train(1, 2000), test(2, 64);
    examples::checkerboard_page page(size, shown);
    judge(page, false, "given", "", test.noisy);
    judge(page, true, "true", "", test.data.pixels);
    const std::vector<std::size_t> stops{0, 20, std::min<std::size_t>(steps / 2, 60), steps};
    const examples::interrupt stop;
    nn::lanes<float> lanes(threads);
    const auto stamps = learn(true, seed, stops, train, test, lanes, stop, page);
    const auto copies = learn(false, seed, stops, train, test, lanes, stop, page);
    page.draw("transposed", "nearest").save(out + "/checkerboard.png");

    const bool born = stamps.front() > 1000 * copies.front();  // with random weights
    const bool stays = stamps.back() > 3 * copies.back();
    std::printf(
        "\n%s  untrained, the stamps' checkerboard has more than 1000 times the energy\n"
        "%s  after training it still has more than three times\n",
        born ? "yes" : "NO ", stays ? "yes" : "NO ");
    std::printf("wrote %s/checkerboard.png\n", out.c_str());
    return born && stays ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) { return examples::run_program("checkerboard", run, argc, argv); }
