// Learns a distribution: a small network is shown the heights and weights of people and then makes up
// new people, who are no copies of the old ones but come from the same distribution.
//
// By default the people are made up too: two groups whose heights are normal and whose weights are
// log-normal given the height. `--data F.csv` takes a real table: any file with a column whose name
// holds "height" or "stature" and one whose name holds "weight"; the units mm and hg (0.1 kg) in a name
// are converted to cm and kg.
//
// Writes heights_weights.png: scatter and density, data beside samples, and the two histograms.

#include "support/arguments.hpp"
#include "support/interrupt.hpp"
#include "support/plot.hpp"
#include "support/progress.hpp"
#include "support/statistics.hpp"
#include "support/training.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <diffusion/diffusion.hpp>
#include <diffusion/io/csv.hpp>
#include <diffusion/nn/nn.hpp>

namespace {

/// Heights in cm and weights in kg.
struct people {
    std::vector<double> height;
    std::vector<double> weight;

    std::size_t size() const { return height.size(); }

    std::vector<double> body_mass_index() const {  // kg / m^2: says whether the two belong together
        std::vector<double> index;
        for (std::size_t i = 0; i < size(); ++i)
            index.push_back(1e4 * weight[i] / (height[i] * height[i]));
        return index;
    }
    std::vector<examples::point> points() const {
        std::vector<examples::point> result;
        for (std::size_t i = 0; i < size(); ++i) result.push_back({height[i], weight[i]});
        return result;
    }
};

/// Two groups of equal size.
people made_up(std::size_t count, std::uint64_t seed) {
    people made;
    std::vector<double> z(2 * count);
    diffusion::fill_normal<double>(z, seed, {diffusion::noise_stream::data});
    for (std::size_t i = 0; i < count; ++i) {
        const bool tall = i % 2 == 1;
        const double mean = tall ? 180 : 163, deviation = 6;
        const double height = mean + deviation * z[2 * i];
        const double typical = std::log(tall ? 86.0 : 58.0) + 0.009 * (height - mean);
        made.height.push_back(height);
        made.weight.push_back(std::exp(typical + 0.12 * z[2 * i + 1]));
    }
    return made;
}

/// The two columns of a table, whatever its other columns are.
people read_people(const std::string& file) {
    std::ifstream stream(file);
    if (!stream) throw std::runtime_error("cannot open " + file);
    std::string first;
    std::getline(stream, first);
    diffusion::io::csv_options options;
    options.header = diffusion::io::csv_header::present;
    for (const char delimiter : {';', '\t'})
        if (std::count(first.begin(), first.end(), delimiter) >
            std::count(first.begin(), first.end(), options.delimiter))
            options.delimiter = delimiter;
    const diffusion::io::csv_table table = diffusion::io::read_csv(file, options);

    const auto column = [&](const std::vector<std::string>& words) {
        for (std::size_t k = 0; k < table.columns(); ++k) {
            std::string name = table.names()[k];
            for (char& letter : name)
                if (letter >= 'A' && letter <= 'Z') letter = char(letter - 'A' + 'a');
            for (const std::string& word : words) {
                if (name.find(word) == name.npos) continue;
                std::vector<double> values = table.numbers(k);
                for (double& value : values) {
                    if (!std::isfinite(value))
                        throw std::runtime_error(file + ": column \"" + name +
                                                 "\" must hold finite numbers");
                    if (name.ends_with("mm") || name.ends_with("hg")) value *= 0.1;
                }
                return values;
            }
        }
        throw std::runtime_error(file + " has no column whose name holds \"" + words[0] + "\"");
    };
    people read{column({"height", "stature"}), column({"weight"})};
    if (read.size() < 20)
        throw std::runtime_error(file + " must hold at least 20 people, got " +
                                 std::to_string(read.size()));
    if (examples::standard_deviation(read.height) == 0 ||
        examples::standard_deviation(read.weight) == 0)
        throw std::runtime_error(file + ": heights and weights must not all be equal");
    return read;
}

/// To mean 0 and standard deviation 1, in which networks learn best, and back.
struct scale {
    double mean, deviation;
    explicit scale(const std::vector<double>& values)
        : mean(examples::mean(values)), deviation(examples::standard_deviation(values)) {}
    float in(double value) const { return float((value - mean) / deviation); }
    double out(float value) const { return mean + deviation * double(value); }
};

void draw(const people& data, const people& samples, const std::string& file) {
    examples::canvas page(1200, 1220);
    const examples::axis height = examples::axis_for(data.height, "height in cm");
    const examples::axis weight = examples::axis_for(data.weight, "weight in kg");
    const auto panel = [&](double column, double row, const char* title, const examples::axis& x,
                           const examples::axis& y) {
        return examples::plot(page, {600 * column, 12 + 400 * row},
                              {600 * column + 600, 412 + 400 * row}, title, x, y);
    };
    const people* sets[] = {&data, &samples};
    const examples::colour inks[] = {examples::blue, examples::orange};
    const char* names[] = {"data", "samples"};
    double densest = 0;
    std::vector<examples::density_map> maps;
    for (const people* set : sets) {
        maps.push_back(examples::density_map::of(set->points(), height, weight, 48, 36));
        densest = std::max(densest,
                           *std::max_element(maps.back().values.begin(), maps.back().values.end()));
    }
    for (std::size_t k = 0; k < 2; ++k) {
        const double opacity = std::clamp(1500.0 / double(sets[k]->size()), 0.15, 0.8);
        panel(double(k), 0, names[k], height, weight)
            .scatter(sets[k]->points(), inks[k], 1.6, opacity);
        panel(double(k), 1, k == 0 ? "density of the data" : "density of the samples", height,
              weight)
            .heat(maps[k], densest);
    }
    const auto histogram = [&](double column, const char* title, examples::axis x,
                               const std::vector<double>& a, const std::vector<double>& b) {
        examples::axis y{0, 2.2 / (x.high - x.low), "density"};
        for (const auto* values : {&a, &b}) {  // the highest bar sets the scale
            std::vector<double> bars(40, 0.0);
            for (const double value : *values) {
                const double u = 40 * (value - x.low) / (x.high - x.low);
                if (u >= 0 && u < 40)
                    bars[std::size_t(u)] += 40 / ((x.high - x.low) * double(values->size()));
            }
            y.high = std::max(y.high, 1.15 * *std::max_element(bars.begin(), bars.end()));
        }
        examples::plot graph = panel(column, 2, title, x, y);
        graph.histogram(a, 40, examples::blue, 0.45);
        graph.histogram(b, 40, examples::orange, 0.45);
        graph.legend("data", examples::blue);
        graph.legend("samples", examples::orange);
    };
    histogram(0, "height", height, data.height, samples.height);
    histogram(1, "weight", weight, data.weight, samples.weight);
    page.save(file);
}

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

    const people data = file.empty() ? made_up(6000, seed) : read_people(file);
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
    people samples;
    for (std::size_t i = 0; i < count; ++i) {
        samples.height.push_back(of_height.out(x[2 * i]));
        samples.weight.push_back(of_weight.out(x[2 * i + 1]));
    }

    const auto row = [](const char* name, double a, double b) {
        std::printf("  %-26s %9.2f %9.2f\n", name, a, b);
    };
    std::printf("  %-26s %9s %9s\n", "", "data", "samples");
    row("mean height, cm", examples::mean(data.height), examples::mean(samples.height));
    row("standard deviation", examples::standard_deviation(data.height),
        examples::standard_deviation(samples.height));
    row("mean weight, kg", examples::mean(data.weight), examples::mean(samples.weight));
    row("standard deviation", examples::standard_deviation(data.weight),
        examples::standard_deviation(samples.weight));
    row("correlation", examples::correlation(data.height, data.weight),
        examples::correlation(samples.height, samples.weight));
    std::printf(
        "KS distance: height %.4f, weight %.4f, body mass index %.4f\n"
        "(two samples of one distribution stay below %.4f in 999 of 1000 cases)\n",
        examples::ks_distance(data.height, samples.height),
        examples::ks_distance(data.weight, samples.weight),
        examples::ks_distance(data.body_mass_index(), samples.body_mass_index()),
        examples::ks_limit(data.size(), count));
    draw(data, samples, out + "/heights_weights.png");
    std::printf("wrote %s/heights_weights.png\n", out.c_str());
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return run(argc, argv);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "heights_weights: %s\n", error.what());
        return 2;
    }
}
