#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <diffusion/detail/require.hpp>
#include <diffusion/io/format_error.hpp>
#include <diffusion/io/idx.hpp>
#include <diffusion/io/image.hpp>
#include <diffusion/io/png.hpp>
#include <diffusion/trainer/data_source.hpp>

namespace diffusion {

/// Pictures of an IDX file of bytes (count, height, width), as MNIST's, with their labels from
/// another one if it is named: 0 becomes -1, 255 becomes 1. Give them to `in_memory`. Throws
/// io::format_error if a file is damaged or holds something else.
inline item_batch<float> read_idx_items(const std::filesystem::path& pictures,
                                        const std::filesystem::path& labels = {}) {
    const io::nd_array<std::uint8_t> file = io::read_idx<std::uint8_t>(pictures);
    if (file.shape.size() != 3 || file.values.empty())
        throw io::format_error(pictures.string(), 3,
                               "pictures need three dimensions, none of them 0");
    item_batch<float> set;
    set.shape = {file.shape[0], file.shape[1], file.shape[2], 1};
    set.values.reserve(file.values.size());
    for (const std::uint8_t sample : file.values)
        set.values.push_back(static_cast<float>(sample) / 127.5f - 1.0f);
    if (labels.empty()) return set;
    const io::nd_array<std::uint8_t> classes = io::read_idx<std::uint8_t>(labels);
    if (classes.shape.size() != 1 || classes.shape[0] != set.items())
        throw io::format_error(
            labels.string(), 3,
            "there must be one label for each of the " + std::to_string(set.items()) + " pictures");
    set.labels.assign(classes.values.begin(), classes.values.end());
    return set;
}

namespace detail {

/// One line of averages: out[i] is the mean of `in` over the i-th of `size` equal parts of the
/// `length` elements from `first`, those at the ends of a part counted by what lies in it. The
/// numbers stand `stride` apart.
inline void average_line(const float* in, double first, double length, std::size_t stride,
                         float* out, std::size_t size, std::size_t out_stride) {
    const double part = length / static_cast<double>(size);
    for (std::size_t i = 0; i < size; ++i) {
        const double begin = first + part * static_cast<double>(i), end = begin + part;
        double sum = 0, weight = 0;
        for (std::size_t j = static_cast<std::size_t>(begin); static_cast<double>(j) < end; ++j) {
            const double at = static_cast<double>(j);
            const double w = std::min(end, at + 1) - std::max(begin, at);
            if (w < 1e-9 * part) continue;  // rounding, perhaps beyond the last element
            sum += w * static_cast<double>(in[j * stride]);
            weight += w;
        }
        out[i * out_stride] = static_cast<float>(sum / weight);
    }
}

}  // namespace detail

/// The middle of a picture, cut to the proportions height : width and averaged over areas to that
/// size (no aliasing when it shrinks, square blocks when it grows), with 1 channel (the mean of
/// red, green and blue, if there were three) or 3; in [-1, 1].
inline std::vector<float> resized(const io::image& picture, std::size_t height, std::size_t width,
                                  std::size_t channels) {
    constexpr const char* function = "diffusion::resized";
    detail::require(height > 0 && width > 0, function, "the new size must be positive");
    detail::require(channels == 1 || channels == 3, function, "a picture must have 1 or 3 channels",
                    channels);
    const std::vector<float> all = io::to_values(picture);
    const std::size_t pixels = picture.height * picture.width, from = picture.channels;
    std::vector<float> values(pixels * channels);
    for (std::size_t p = 0; p < pixels; ++p) {
        for (std::size_t c = 0; c < channels; ++c) {
            const float* pixel = all.data() + p * from;
            const bool mean = channels < from;
            values[p * channels + c] =
                mean ? (pixel[0] + pixel[1] + pixel[2]) / 3 : pixel[std::min(c, from - 1)];
        }
    }
    const double h = static_cast<double>(picture.height), w = static_cast<double>(picture.width);
    const double scale = std::min(h / static_cast<double>(height), w / static_cast<double>(width));
    const double part_h = scale * static_cast<double>(height);
    const double part_w = scale * static_cast<double>(width);
    std::vector<float> narrow(picture.height * width * channels), out(height * width * channels);
    for (std::size_t y = 0; y < picture.height; ++y)
        for (std::size_t c = 0; c < channels; ++c)
            detail::average_line(values.data() + y * picture.width * channels + c,
                                 std::max(0.0, (w - part_w) / 2), part_w, channels,
                                 narrow.data() + y * width * channels + c, width, channels);
    for (std::size_t x = 0; x < width * channels; ++x)
        detail::average_line(narrow.data() + x, std::max(0.0, (h - part_h) / 2), part_h,
                             width * channels, out.data() + x, height, width * channels);
    return out;
}

/// All PNG files of a folder, in the order of their names, each `resized`. Give them to
/// `in_memory`. Throws io::format_error if a file is damaged, std::invalid_argument if there is
/// none, and std::filesystem::filesystem_error if the folder cannot be read.
inline item_batch<float> read_png_folder(const std::filesystem::path& folder, std::size_t height,
                                         std::size_t width, std::size_t channels = 3) {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        const std::string type = entry.path().extension().string();
        if (entry.is_regular_file() && (type == ".png" || type == ".PNG"))
            files.push_back(entry.path());
    }
    detail::require(!files.empty(), "diffusion::read_png_folder",
                    "the folder must have a file *.png", folder.string());
    std::sort(files.begin(), files.end());
    item_batch<float> set;
    set.shape = {files.size(), height, width, channels};
    set.values.reserve(set.shape.size());
    for (const std::filesystem::path& file : files) {
        const std::vector<float> picture = resized(io::read_png(file), height, width, channels);
        set.values.insert(set.values.end(), picture.begin(), picture.end());
    }
    return set;
}

}  // namespace diffusion
