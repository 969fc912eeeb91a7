// Diffusion of words and grey levels: D3PM (Austin et al. 2021), whose x_t are not numbers but
// states 0 .. K-1, and whose noise is a random change of state.
//
// Part 1, their section 4.1 (text8) in small: sentences of 11 words from a grammar in which the
// probability of each sentence is known, so that the bound on the code length can be held against
// the truth. Noise is any word (uniform), a mask (absorbing), or a word that is used alike (token
// distance, appendix A.2.4). Part 2, their section 4.2 (CIFAR-10) in small: drawn digits of 12 x 12
// pixels in eight grey levels. Noise is any level, a mask, or a level nearby (discretized
// Gaussian).
//
// All is as in the paper: the x_0-parameterisation (eq. 4), the loss L_vlb + lambda L_aux (eq. 5),
// the schedules (appendix A.7), the logistic distribution of levels (A.8). What is smaller: their
// texts are 256 letters of 27 kinds, their pictures have 256 levels, their T is 1000.
//
// Writes discrete.png: noise into digits, by each process, and samples.

#include "support/arguments.hpp"
#include "support/discrete_page.hpp"
#include "support/discrete_report.hpp"
#include "support/discrete_run.hpp"
#include "support/interrupt.hpp"
#include "support/sentences.hpp"
#include "support/state_nets.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <diffusion/discrete/categorical_beta.hpp>
#include <diffusion/discrete/d3pm.hpp>
#include <diffusion/discrete/mutual_information.hpp>
#include <diffusion/discrete/token_distance.hpp>
#include <diffusion/nn/nn.hpp>
#include <diffusion/trainer/in_memory.hpp>

namespace {

namespace nn = diffusion::nn;
namespace language = examples::sentences;

struct options {
    double seconds = 105;
    std::uint64_t seed = 1;
    std::size_t threads = 0;
    bool quick = false;
    std::string out = "build/gallery";

    /// A share of the seconds, or so many steps over `items` of data if it must be quick.
    examples::training_plan training(double share, std::size_t batch, std::size_t items) const {
        examples::training_plan plan{
            .seconds = seconds * share, .batch = batch, .rate = 5e-3, .seed = seed};
        if (!quick) return plan;
        plan.seconds = seconds;
        plan.epochs = 150 * double(batch) / double(items);
        plan.rate = 8e-3;
        return plan;
    }
};

void sentences(const options& given, nn::lanes<float>& lanes, const examples::interrupt& stop) {
    constexpr std::size_t K = language::words.size(), length = language::length, mask = K;
    const std::size_t T = given.quick ? 16 : 64, count = 20000, tests = given.quick ? 64 : 512;
    const nn::shape item{1, 1, length, 1};
    const auto data = language::written(given.seed, count);
    const auto test = language::written(given.seed + 1, tests);
    const std::vector<float> values(data.begin(), data.end());
    diffusion::in_memory<float> source(item, values);
    examples::print_sentence_head(T, test, examples::null_model(data, length, K), given.seed);

    std::map<std::string, double> bits;
    const auto learn = [&](const char* name, const auto& process) {
        examples::sentence_net net(process.categories(), length, given.quick ? 1 : 3, given.seed);
        const examples::discrete_plan plan{
            .training = given.training(0.4 / 3, given.quick ? 64 : 128, count),
            .lambda = 0.01,
            .samples = tests};
        const auto r = examples::undo(net, process, source, test, item, lanes, plan,
                                      [&] { return stop.requested(); });
        examples::print_sentence_row(name, r);
        bits[name] = r.bits;
    };
    learn("uniform", diffusion::uniform_d3pm(K, diffusion::multinomial_cosine_beta{.cap = 1}, T));
    learn("absorbing", diffusion::absorbing_d3pm(K + 1, mask, diffusion::reciprocal_beta{}, T));
    const auto rates = diffusion::token_distance_rates(language::neighbourhoods(data), K,
                                                       {.neighbours = 5, .balanced = true});
    const auto alphas = diffusion::mutual_information_alphas(rates, language::frequencies(data), T);
    learn("token distance", diffusion::token_d3pm(rates, alphas));
    examples::print_comparison(
        "The paper's text8, bits for a letter: uniform 1.61, absorbing 1.45, neighbours 1.59",
        "absorbing", bits, ", after so short a training");
}

void digits(const options& given, nn::lanes<float>& lanes, const examples::interrupt& stop) {
    constexpr std::size_t K = 8, mask = K;
    const std::size_t T = given.quick ? 16 : 96, side = given.quick ? 8 : 12, area = side * side;
    const std::size_t count = given.quick ? 1000 : 10000, tests = given.quick ? 20 : 100;
    const nn::shape item{1, side, side, 1};
    const auto data = examples::digits_in_levels(given.seed, count, side, K);
    const auto test = examples::digits_in_levels(given.seed + 1, tests, side, K);
    const std::vector<float> values(data.begin(), data.end());
    diffusion::in_memory<float> source(item, values);
    examples::print_digit_head(T, side, K,
                               examples::null_model(data, area, K).bits(test) / double(area));

    examples::discrete_page page(side, K);
    std::map<std::string, double> bits;
    const auto learn = [&](const char* name, const auto& process, bool logistic = false) {
        examples::level_net net(process.categories(), given.quick ? 8 : 16, given.seed, logistic);
        const examples::discrete_plan plan{
            .training = given.training(0.6 / 4, given.quick ? 32 : 64, count),
            .lambda = 0.001,
            .samples = 30,
            .stars = 3};
        const auto r = examples::undo(net, process, source, test, item, lanes, plan,
                                      [&] { return stop.requested(); });
        examples::print_digit_row(name, r, double(area));
        page.add(name, r.bits / double(area), r.film, r.samples);
        bits[name] = r.bits;
    };
    learn("uniform", diffusion::uniform_d3pm(K, diffusion::multinomial_cosine_beta{.cap = 1}, T));
    learn("absorbing", diffusion::absorbing_d3pm(K + 1, mask, diffusion::reciprocal_beta{}, T));
    const double longer = 96 / double(T);  // steps, if there are few
    const auto nearby =
        diffusion::gaussian_d3pm(K, diffusion::linear_beta{0.01 * longer, 0.2 * longer}, T);
    learn("Gaussian", nearby);
    learn("Gauss+logistic", nearby, true);
    examples::print_comparison(
        "The paper's CIFAR-10, 256 levels, bits/dim: uniform 5.08, absorbing 4.40, Gaussian 3.97, "
        "with logistic 3.44",
        "Gauss+logistic", bits, ", where most pixels are black or white");
    page.save(given.out + "/discrete.png");
    std::printf("wrote %s/discrete.png\n", given.out.c_str());
}

int run(int argc, char** argv) {
    options given;
    std::string part = "both";
    examples::arguments line("discrete", "Diffusion of words and of grey levels (D3PM).");
    line.number("--seconds", given.seconds, "train this long, seven nets together", 0.1, 1e6);
    line.choice("--part", part, "what to learn", {"both", "sentences", "digits"});
    line.flag("--quick", given.quick, "a few seconds in all, for a test");
    line.number("--threads", given.threads, "0: as many as there are cores", std::size_t(0),
                std::size_t(256));
    line.number("--seed", given.seed, "of all random numbers");
    line.text("--out", given.out, "folder for the picture");
    if (const auto code = line.parse(argc, argv)) return *code;
    std::filesystem::create_directories(given.out);  // fails now if at all, not when all is done
    nn::lanes<float> lanes(nn::lanes_options{.threads = given.threads, .chunk = 16});
    const examples::interrupt stop;
    if (part != "digits") sentences(given, lanes, stop);
    if (part != "sentences") digits(given, lanes, stop);
    return 0;
}

}  // namespace

int main(int argc, char** argv) { return examples::run_program("discrete", run, argc, argv); }
