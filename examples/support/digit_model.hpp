#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>

#include <diffusion/io/safetensors.hpp>
#include <diffusion/nn/nn.hpp>
#include <diffusion/nn/safetensors.hpp>
#include <diffusion/schedule/beta.hpp>
#include <diffusion/schedule/discrete.hpp>

namespace examples {

/// The digits' network and what has to be known to use it: its sizes, the pictures it was made for.
/// It predicts the velocity on the cosine schedule of T = 1000 steps, and knows ten classes and none.
struct digit_model {
    std::size_t height;
    std::size_t width;
    std::string learned;  ///< what from: "drawn" or "idx"
    diffusion::nn::unet<float> net;
    diffusion::discrete_schedule<diffusion::cosine_beta> schedule{};

    static constexpr std::size_t classes = 10;
    static constexpr std::size_t null_label = 10;

    /// A new network for pictures of this size.
    static digit_model fresh(std::size_t height, std::size_t width, std::string learned,
                             std::uint64_t seed, std::size_t base = 32) {
        diffusion::nn::unet_options options;
        options.base = base;
        options.multipliers = {1, 2, 2};
        options.attention = {false, false, true};
        options.classes = classes;
        return {height, width, std::move(learned), diffusion::nn::unet<float>(options, seed)};
    }

    /// Writes the parameters, and as metadata everything that `load` needs.
    void save(const std::filesystem::path& path) const {
        diffusion::nn::save_parameters(path, net.parameters(),
                                       {{"model", "diffusion digits"},
                                        {"height", std::to_string(height)},
                                        {"width", std::to_string(width)},
                                        {"base", std::to_string(net.options().base)},
                                        {"learned", learned},
                                        {"prediction", "velocity"},
                                        {"schedule", "cosine, T = 1000"}});
    }

    /// Reads what `save` wrote. Throws diffusion::io::format_error for a damaged file, and
    /// std::runtime_error for one that holds something else.
    static digit_model load(const std::filesystem::path& path) {
        const auto metadata = diffusion::io::read_safetensors(path).metadata;
        const auto found = metadata.find("model");
        if (found == metadata.end() || found->second != "diffusion digits")
            throw std::runtime_error(path.string() +
                                     " is not a network that this example has saved");
        const auto number = [&](const std::string& name) {
            const auto entry = metadata.find(name);
            std::size_t value = 0;
            if (entry != metadata.end())
                std::from_chars(entry->second.data(), entry->second.data() + entry->second.size(),
                                value);
            if (value < 1 || value > 1024)
                throw std::runtime_error(path.string() + " does not say its " + name);
            return value;
        };
        const auto learned = metadata.find("learned");
        digit_model model =
            fresh(number("height"), number("width"),
                  learned == metadata.end() ? "drawn" : learned->second, 0, number("base"));
        diffusion::nn::load_parameters(path, model.net.parameters());
        return model;
    }
};

}  // namespace examples
