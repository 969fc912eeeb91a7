#pragma once

#include "point.hpp"
#include "statistics.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <diffusion/io/csv.hpp>
#include <diffusion/random/fill.hpp>

namespace examples {

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
    std::vector<point> points() const {
        std::vector<point> result;
        for (std::size_t i = 0; i < size(); ++i) result.push_back({height[i], weight[i]});
        return result;
    }
};

/// Two groups of equal size, whose heights are normal and whose weights are log-normal given the
/// height.
inline people made_up_people(std::size_t count, std::uint64_t seed) {
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

/// The two columns of a table, whatever its other columns are: one whose name holds "height" or
/// "stature" and one whose name holds "weight"; the units mm and hg (0.1 kg) at the end of a name
/// are converted. Throws std::runtime_error where that cannot be, diffusion::io::format_error for a
/// damaged table.
inline people read_people(const std::string& file) {
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
    if (standard_deviation(read.height) == 0 || standard_deviation(read.weight) == 0)
        throw std::runtime_error(file + ": heights and weights must not all be equal");
    return read;
}

}  // namespace examples
