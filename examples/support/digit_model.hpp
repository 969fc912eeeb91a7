#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <diffusion/io/safetensors.hpp>
#include <diffusion/nn/nn.hpp>
#include <diffusion/nn/safetensors.hpp>
#include <diffusion/schedule/beta.hpp>
#include <diffusion/schedule/discrete.hpp>

namespace examples {

/// The digits' network and what has to be known to use it: its sizes, the pictures it was made for.
/// It predicts the velocity on the cosine schedule of T = 1000 steps, and knows ten classes and
/// none.
struct digit_model {
    std::size_t height;
    std::size_t width;
    std::string learned;  ///< what from: "drawn" or "idx"
    diffusion::nn::unet<float> net;
    diffusion::discrete_schedule<diffusion::cosine_beta> schedule{};

    static constexpr std::size_t classes = 10;
    static constexpr std::size_t null_label = 10;

    /// The sizes of the network: for 16 x 16 pixels a small one, which makes good use of a minute;
    /// for larger pictures one of twice the width, which wants several.
    struct sizes {
        std::size_t base;
        std::vector<std::size_t> multipliers;

        static sizes for_pictures(std::size_t height, std::size_t width) {
            if (height * width <= 16 * 16) return {16, {1, 2, 4}};
            return {32, {1, 2, 2}};
        }
    };

    /// A new network for pictures of this size.
    static digit_model fresh(std::size_t height, std::size_t width, std::string learned,
                             std::uint64_t seed, const sizes& net) {
        diffusion::nn::unet_options options;
        options.base = net.base;
        options.multipliers = net.multipliers;
        options.attention.assign(net.multipliers.size(), false);
        options.attention.back() = true;
        options.classes = classes;
        return {height, width, std::move(learned), diffusion::nn::unet<float>(options, seed)};
    }

    /// Throws std::runtime_error unless the pictures are of the size that this network, which came
    /// from `file`, was made for.
    void require_size(std::size_t pictures_height, std::size_t pictures_width,
                      const std::string& file) const {
        if (height != pictures_height || width != pictures_width)
            throw std::runtime_error("the network in " + file + " draws " + std::to_string(height) +
                                     " x " + std::to_string(width) + " pixels, the data have " +
                                     std::to_string(pictures_height) + " x " +
                                     std::to_string(pictures_width));
    }

    /// Writes the parameters in half precision, as metadata everything that `load` needs, and the
    /// command that made them.
    void save(const std::filesystem::path& path, const std::string& command) const {
        std::string multipliers;
        for (const std::size_t m : net.options().multipliers) {
            if (!multipliers.empty()) multipliers += ' ';
            multipliers += std::to_string(m);
        }
        diffusion::nn::save_parameters(path, net.parameters(),
                                       {{"model", "diffusion digits"},
                                        {"command", command},
                                        {"height", std::to_string(height)},
                                        {"width", std::to_string(width)},
                                        {"base", std::to_string(net.options().base)},
                                        {"multipliers", multipliers},
                                        {"learned", learned},
                                        {"prediction", "velocity"},
                                        {"schedule", "cosine, T = 1000"}},
                                       diffusion::io::scalar_type::f16);
    }

    /// Reads what `save` wrote. Throws diffusion::io::format_error for a damaged file, and
    /// std::runtime_error for one that holds something else.
    static digit_model load(const std::filesystem::path& path) {
        const auto metadata = diffusion::io::read_safetensors(path).metadata;
        const auto found = metadata.find("model");
        if (found == metadata.end() || found->second != "diffusion digits")
            throw std::runtime_error(path.string() +
                                     " is not a network that this example has saved");
        const auto numbers = [&](const std::string& name, std::size_t count) {
            std::vector<std::size_t> values;
            const auto entry = metadata.find(name);
            std::istringstream text(entry == metadata.end() ? "" : entry->second);
            for (std::size_t value = 0; text >> value;) values.push_back(value);
            const bool good = values.size() == count && text.eof();
            if (!good || *std::min_element(values.begin(), values.end()) < 1 ||
                *std::max_element(values.begin(), values.end()) > 256)
                throw std::runtime_error(path.string() + ": its metadata do not tell its " + name);
            return values;
        };
        const auto learned = metadata.find("learned");
        digit_model model = fresh(numbers("height", 1)[0], numbers("width", 1)[0],
                                  learned == metadata.end() ? "drawn" : learned->second, 0,
                                  {numbers("base", 1)[0], numbers("multipliers", 3)});
        diffusion::nn::load_parameters(path, model.net.parameters());
        return model;
    }
};

}  // namespace examples
