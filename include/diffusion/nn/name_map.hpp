#pragma once

#include <algorithm>
#include <cstddef>
#include <diffusion/detail/require.hpp>
#include <diffusion/nn/matches.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace diffusion::nn {

/// What the tensors of a foreign file are called in a model, and which of them it wants:
///
///     nn::load_parameters("foreign.safetensors", net.parameters(),
///                         {.rename = {{"model.0.weight", "in.weight"}, {"model.*", "layer.*"}},
///                          .ignore = {"*.num_batches_tracked"}});
///
/// Names may be patterns, see `matches`. Of each list the first entry that fits counts; a tensor
/// that no entry fits keeps its name and its axes.
struct name_map {
    struct change {
        std::string from;  ///< in the file
        std::string to;    ///< in the model; its stars take over what those of `from` stand for
    };
    struct permutation {
        std::string name;               ///< in the file
        std::vector<std::size_t> axes;  ///< axis k of what PyTorch would have is `axes`[k] there
    };
    std::vector<change> rename = {};
    std::vector<permutation> permute = {};
    std::vector<std::string> ignore = {};  ///< in the file, not to be loaded
    std::vector<std::string> keep = {};    ///< in the model, may be missing in the file

    /// The model's name for a tensor of the file, or nothing if it is ignored. Throws
    /// std::invalid_argument if both sides of a change have different numbers of stars.
    std::optional<std::string> name_in_model(std::string_view name) const {
        for (const std::string& pattern : ignore)
            if (matches(pattern, name)) return std::nullopt;
        std::vector<std::string_view> stars;
        for (const auto& [from, to] : rename) {
            diffusion::detail::require(
                std::count(from.begin(), from.end(), '*') == std::count(to.begin(), to.end(), '*'),
                "diffusion::nn::name_map", "both names of a pair must have as many stars", from);
            if (!matches(from, name, &stars)) continue;
            std::string result;
            auto star = stars.begin();
            for (const char c : to) c == '*' ? result += * star++ : result += c;
            return result;
        }
        return std::string(name);
    }

    /// The order of the axes for a tensor of the file; null if they stay as they are.
    const std::vector<std::size_t>* axes_of(std::string_view name) const {
        for (const permutation& p : permute)
            if (matches(p.name, name)) return &p.axes;
        return nullptr;
    }

    /// Whether a parameter may be missing in the file, and is then left as it is.
    bool may_miss(std::string_view name) const {
        return std::any_of(keep.begin(), keep.end(),
                           [&](const std::string& pattern) { return matches(pattern, name); });
    }
};

}  // namespace diffusion::nn
