#pragma once

#include "drawn_digits.hpp"
#include "labelled_images.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include <diffusion/io/idx.hpp>

namespace examples {

/// The file `name` of an MNIST-style folder, gzipped or not, with '-' or '.' before "idx".
inline std::filesystem::path idx_file(const std::filesystem::path& folder, std::string name) {
    for (const char* end : {"", ".gz"})
        if (const auto path = folder / (name + end); std::filesystem::exists(path)) return path;
    std::string dotted = name;
    dotted[dotted.find("-idx")] = '.';
    for (const char* end : {"", ".gz"})
        if (const auto path = folder / (dotted + end); std::filesystem::exists(path)) return path;
    throw std::runtime_error("the folder " + folder.string() + " has no file " + name + " (or " +
                             name + ".gz)");
}

/// The pictures and labels "train-..." or "t10k-..." of a folder in MNIST's layout: values 0 to 255
/// become [-1, 1]. Throws std::runtime_error where the files do not fit each other, and
/// diffusion::io::format_error where one is damaged.
inline labelled_images read_idx_digits(const std::filesystem::path& folder,
                                       const std::string& part) {
    if (!std::filesystem::is_directory(folder))
        throw std::runtime_error("there is no folder " + folder.string());
    const auto picture_file = idx_file(folder, part + "-images-idx3-ubyte");
    const auto label_file = idx_file(folder, part + "-labels-idx1-ubyte");
    const auto pictures = diffusion::io::read_idx<std::uint8_t>(picture_file);
    const auto labels = diffusion::io::read_idx<std::uint8_t>(label_file);
    if (pictures.shape.size() != 3)
        throw std::runtime_error(picture_file.string() +
                                 " must hold pictures in 3 dimensions, got " +
                                 std::to_string(pictures.shape.size()));
    if (labels.shape.size() != 1 || labels.values.size() != pictures.shape[0])
        throw std::runtime_error(label_file.string() + " must hold one label for each of the " +
                                 std::to_string(pictures.shape[0]) + " pictures, got " +
                                 std::to_string(labels.values.size()));
    labelled_images set;
    set.count = pictures.shape[0];
    set.height = pictures.shape[1];
    set.width = pictures.shape[2];
    if (set.count == 0) throw std::runtime_error(picture_file.string() + " holds no picture");
    if (set.height % 4 != 0 || set.width % 4 != 0 || set.height < 8 || set.width < 8)
        throw std::runtime_error(
            "the network halves a picture twice, so height and width must be "
            "multiples of 4 from 8 up; " +
            picture_file.string() + " has " + std::to_string(set.height) + " x " +
            std::to_string(set.width));
    set.pixels.reserve(pictures.values.size());
    for (const std::uint8_t value : pictures.values)
        set.pixels.push_back(float(value) / 127.5f - 1);
    for (const std::uint8_t label : labels.values) {
        if (label > 9)
            throw std::runtime_error(label_file.string() + " must hold labels 0 to 9, got " +
                                     std::to_string(label));
        set.labels.push_back(label);
    }
    return set;
}

/// The pictures of one label, or all of them for a negative one; at most `most`.
inline labelled_images only(const labelled_images& set, int label, std::size_t most) {
    labelled_images chosen{0, set.height, set.width, {}, {}};
    for (std::size_t i = 0; i < set.count && chosen.count < most; ++i) {
        if (label >= 0 && set.labels[i] != label) continue;
        ++chosen.count;
        chosen.labels.push_back(set.labels[i]);
        chosen.pixels.insert(chosen.pixels.end(), set.picture(i).begin(), set.picture(i).end());
    }
    return chosen;
}

}  // namespace examples
