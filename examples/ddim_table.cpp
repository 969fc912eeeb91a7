// Denoising diffusion implicit models (Song, Meng, Ermon 2021): the tables and pictures of their
// section 5, with drawn digits. A network that was trained as DDPM's (T = 1000, linear betas, noise
// prediction, L_simple) is sampled in S of its steps, with any amount of noise:
//
//   Table 1   quality for S in {10, 20, 50, 100, 1000} and eta in {0, 0.2, 0.5, 1, sigma-hat}, on
//             linear and quadratic sub-sequences. eta = 0 is DDIM, eta = 1 DDPM, sigma-hat DDPM
//             with the larger of its two variances
//   Table 2   digits -> noise -> digits with S steps each way, and what is lost
//   Figure 6  digits from noise between two noises
//
// Smaller than there: pictures of 16 x 16 pixels and a network of 0.7 million parameters, trained
// for minutes; a few hundred digits a cell instead of 50000; the Frechet distance is that of the
// fixed features in support/frechet.hpp, so its numbers are smaller than FID. From each that of as
// many real digits is subtracted, the least to be had from so few. Compare how they change.
//
// Writes ddim_table.png, ddim_reconstruction.png and ddim_interpolation.png.

#include "support/ddim_cells.hpp"
#include "support/ddim_page.hpp"
#include "support/digit_data.hpp"
#include "support/filmstrip.hpp"
#include "support/frechet.hpp"
#include "support/round_trip.hpp"
#include "support/slerp.hpp"
#include "support/small_ddpm.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <span>
#include <string>
#include <vector>

#include <diffusion/diffusion.hpp>
#include <diffusion/nn/nn.hpp>

namespace {

int run(int argc, char** argv) {
    examples::ddpm_settings s;
    if (const auto code =
            s.read(argc, argv, "ddim_table",
                   "Quality by steps and noise: the tables of the DDIM paper.", 600, 16))
        return *code;
    const std::size_t side = s.side(), area = side * side;
    const auto data = examples::digits_of_8_bits(s.seed, 10000, side);

    const auto schedule = examples::linear_schedule(s.T());
    diffusion::nn::lanes<float> lanes(s.threads);
    auto net = examples::small_ddpm(s);
    examples::train_l_simple(net, lanes, schedule, data, s, 1);
    auto denoise = diffusion::predicts_noise(diffusion::nn::as_network(net, lanes, side, side));
    auto clipped = diffusion::clipped(denoise, -1, 1);

    // Table 1. With all 1000 steps both kinds of sub-sequences are the same.
    const examples::real_digits real{side, s.seed + 2,
                                     examples::feature_statistics::of(data.pixels, side, side)};
    const auto linear = [&](std::size_t S) { return diffusion::leading(schedule, S); };
    const auto quadratic = [&](std::size_t S) { return diffusion::quadratic(schedule, S); };
    std::vector<examples::ddim_cells> table;
    table.push_back(
        examples::fill_cells("linear", s.T(), linear, real, s.samples, clipped, s.seed));
    table.push_back(examples::fill_cells("quadratic", s.T(), quadratic, real, s.samples, clipped,
                                         s.seed, &table[0]));
    std::printf(
        "Table 1: Frechet distance of %zu digits a cell, %zu with %zu steps, less that of as many "
        "real ones (%.2f and %.2f)\n",
        table[0].count[0], table[0].count[4], s.T(), table[0].least[0], table[0].least[4]);
    for (std::size_t half = 0; half < 2; ++half) examples::print_cells(table[half], half == 1);
    for (std::size_t half = 0; half < 2; ++half) examples::print_trends(table[half], half == 1);
    examples::draw_cells(table, side).save(s.out + "/ddim_table.png");

    // Table 2, with digits that the network has not seen.
    const auto test = examples::digits_of_8_bits(s.seed + 1, 64, side);
    examples::filmstrip strip{.columns = std::min<std::size_t>(test.count, 12), .zoom = 64 / side};
    const auto show = [&](std::vector<float>& page, const std::vector<float>& x, std::string name) {
        page.insert(page.end(), x.begin(), x.begin() + std::ptrdiff_t(strip.columns * area));
        strip.row_names.push_back(std::move(name));
    };
    strip.title = "digits, encoded and decoded in S steps each";
    std::vector<float> page;
    show(page, test.pixels, "digits");
    const std::vector<std::size_t> lengths{10, 20, 50, 100, 200, 500, 1000};
    const double paper[] = {0.014, 0.0065, 0.0023, 0.0009, 0.0004, 0.0001, 0.0001};
    std::vector<double> errors;
    for (const std::size_t S : lengths) {
        if (S > s.T()) break;
        const auto there = examples::encoded(test.pixels, linear(S), denoise);
        const auto back = examples::decoded(there, linear(S), denoise);
        errors.push_back(examples::error_of(test.pixels, back));
        if (S <= 100 || S == s.T()) show(page, back, "S = " + std::to_string(S));
    }
    strip.draw(page, side, side).save(s.out + "/ddim_reconstruction.png");
    std::printf("Table 2: reconstruction error of %zu digits, values in [0, 1]\n", test.count);
    for (std::size_t k = 0; k < errors.size(); ++k)
        std::printf("  S = %4zu   error %.5f   paper (CIFAR10) %.4f\n", lengths[k], errors[k],
                    paper[k]);

    // Figure 6: eta = 0, 50 steps.
    const std::size_t columns = 11, rows = 6;
    std::vector<float> ends(2 * rows * area), between;
    diffusion::draw_prior(ends, linear(50).front(), diffusion::gaussian_noise{s.seed + 2});
    const auto end = [&](std::size_t i) {
        return std::span<const float>(ends).subspan(i * area, area);
    };
    for (std::size_t row = 0; row < rows; ++row)
        for (std::size_t k = 0; k < columns; ++k) {
            const auto x_T =
                examples::slerp(end(2 * row), end(2 * row + 1), double(k) / double(columns - 1));
            between.insert(between.end(), x_T.begin(), x_T.end());
        }
    examples::filmstrip{.columns = columns, .zoom = 64 / side, .title = "from noise between noises"}
        .draw(examples::decoded(between, linear(50), clipped), side, side)
        .save(s.out + "/ddim_interpolation.png");
    std::printf("wrote ddim_table.png, ddim_reconstruction.png, ddim_interpolation.png in %s\n",
                s.out.c_str());
    return 0;
}

}  // namespace

int main(int argc, char** argv) { return examples::run_program("ddim_table", run, argc, argv); }
