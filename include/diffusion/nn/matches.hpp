#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace diffusion::nn {

/// Whether `name` fits `pattern`, in which each * stands for any characters or none: "down.*.bias".
/// `stars`, if given, receives what each * stands for, the first ones as short as possible.
inline bool matches(std::string_view pattern, std::string_view name,
                    std::vector<std::string_view>* stars = nullptr) {
    const std::size_t star = pattern.find('*');
    if (star == pattern.npos) return name == pattern;
    if (!name.starts_with(pattern.substr(0, star))) return false;
    for (std::size_t end = star; end <= name.size(); ++end) {
        if (stars != nullptr) stars->push_back(name.substr(star, end - star));
        if (matches(pattern.substr(star + 1), name.substr(end), stars)) return true;
        if (stars != nullptr) stars->pop_back();
    }
    return false;
}

}  // namespace diffusion::nn
