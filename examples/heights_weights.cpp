// Learns a distribution: a small network is shown the heights and weights of people and then makes
// up new people, who are no copies of the old ones but come from the same distribution.
//
// By default the people are made up too: two groups whose heights are normal and whose weights are
// log-normal given the height. `--data F.csv` takes a real table: any file with a column whose name
// holds "height" or "stature" and one whose name holds "weight"; the units mm and hg (0.1 kg) in a
// name are converted to cm and kg.
//
// Writes heights_weights.png: scatter and density, data beside samples, and the two histograms.

#include "support/arguments.hpp"
#include "support/interrupt.hpp"
#include "support/people.hpp"
#include "support/people_report.hpp"
#include "support/progress.hpp"
#include "support/statistics.hpp"
#include "support/training.hpp"

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

/// To mean 0 and standard deviation 1, in which networks learn best, and back.
struct scale {
    double mean, deviation;
    explicit scale(const std::vector<double>& values)
        : mean(examples::mean(values)), deviation(examples::standard_deviation(values)) {}
    float in(double value) const { return float((value - mean) / deviation); }
    double out(float value) const { return mean + deviation * double(value); }
};

int run(int argc, char** argv) {
    namespace nn = diffusion::nn;
    double seconds = 20;
    std::size_t count = 6000, steps = 100, threads = 0;
    std::uint64_t seed = 1;
    std::string file, out = "build/gallery";
    examples::arguments line("heights_weights", "Learns the heights and weights of people.");
    line.number("--seconds", seconds, "train this long", 0.1, 1e6);
    line.number("--count", count, "people to make up", std::size_t(20), std::size_t(1000000));
    line.number("--sampling-steps", steps, "steps from noise to people", std::size_t(1),
                std::size_t(1000));
    line.number("--threads", threads, "0: as many as there are cores", std::size_t(0),
                std::size_t(256));
    line.number("--seed", seed, "of all random numbers");
    line.text("--data", file, "a table of real people, .csv");
    line.text("--out", out, "folder for the picture");
    if (const auto code = line.parse(argc, argv)) return *code;
    std::filesystem::create_directories(out);  // fails now if at all, not when all is done

    const examples::people data =
        file.empty() ? examples::made_up_people(6000, seed) : examples::read_people(file);
    const scale of_height(data.height), of_weight(data.weight);
    std::vector<float> points;
    for (std::size_t i = 0; i < data.size(); ++i) {
        points.push_back(of_height.in(data.height[i]));
        points.push_back(of_weight.in(data.weight[i]));
    }

    const diffusion::discrete_schedule<diffusion::cosine_beta> schedule;
    nn::mlp<float> net({.in = 2, .hidden = 128, .layers = 4, .out = 2}, seed);
    nn::lanes<float> lanes(threads);
    examples::training_plan plan;
    plan.seconds = seconds;
    plan.batch = 256;
    plan.ema = 0.999;
    plan.seed = seed;
    {
        const examples::interrupt stop;
        const auto record = examples::train(net, lanes, schedule, {points, {1, 1, 1, 2}, {}}, plan,
                                            0, [&] { return stop.requested(); });
        std::printf("%zu people, a network of %zu parameters, %zu training steps in %s\n",
                    data.size(), net.parameters().count(), record.losses.size(),
                    examples::spoken_time(record.seconds).c_str());
    }

    // Noise into people.
    auto network = [&](const std::vector<float>& x, double t, std::vector<float>& v) {
        nn::evaluate(net, lanes, {x.size() / 2, 1, 1, 2}, std::span<const float>(x),
                     std::span<const double>(&t, 1), {}, std::span<float>(v));
    };
    const diffusion::multistep sampler(diffusion::dpm_solver_pp_2m{},
                                       diffusion::trailing(schedule, steps),
                                       diffusion::last_steps::first_order);
    std::vector<float> x(2 * count);
    diffusion::draw_prior(x, sampler.grid().front(), diffusion::gaussian_noise{seed});
    diffusion::sample(x, sampler, diffusion::predicts_velocity(network));
    examples::people samples;
    for (std::size_t i = 0; i < count; ++i) {
        samples.height.push_back(of_height.out(x[2 * i]));
        samples.weight.push_back(of_weight.out(x[2 * i + 1]));
    }

    examples::print_comparison(data, samples);
    examples::comparison_page(data, samples).save(out + "/heights_weights.png");
    std::printf("wrote %s/heights_weights.png\n", out.c_str());
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    return examples::run_program("heights_weights", run, argc, argv);
}
