#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include <diffusion/detail/require.hpp>
#include <diffusion/io/detail/source.hpp>
#include <diffusion/io/file.hpp>
#include <diffusion/io/safetensors/tensors.hpp>
#include <diffusion/io/safetensors/types.hpp>

namespace diffusion::io {

namespace detail {

/// The first two parts of the file that holds `file`, and its data's order: checked here, so that
/// nothing is opened for a file that cannot be written.
inline std::string safetensors_head(const safetensors_file& file) {
    constexpr const char* function = "diffusion::io::write_safetensors";
    nlohmann::ordered_json header = nlohmann::ordered_json::object();
    if (!file.metadata.empty()) header["__metadata__"] = file.metadata;
    std::set<std::string_view> names{"__metadata__"};
    std::size_t position = 0;
    for (const tensor_entry& entry : file.entries) {
        diffusion::detail::require(names.insert(entry.name).second, function,
                                   "tensor names must be unique and not __metadata__", entry.name);
        const std::optional<std::size_t> count = element_count(entry.shape);
        const std::optional<std::size_t> size =
            count ? product(*count, size_of(entry.type)) : std::nullopt;
        diffusion::detail::require(size == entry.bytes.size(), function,
                                   "a tensor's shape must fit its bytes", entry.name);
        header.push_back({entry.name,
                          {{"dtype", dtype_name(entry.type)},
                           {"shape", entry.shape},
                           {"data_offsets", {position, position + *size}}}});
        position += *size;
    }
    std::string text;
    try {
        text = header.dump();
    } catch (const nlohmann::ordered_json::type_error&) {
        diffusion::detail::reject(function, "names and metadata must be UTF-8");
    }
    text.append((8 - text.size() % 8) % 8, ' ');  // the data starts at a multiple of 8
    std::array<std::byte, 8> length{};
    store<std::uint64_t>(text.size(), length.data(), std::endian::little);
    return std::string(reinterpret_cast<const char*>(length.data()), 8) + text;
}

}  // namespace detail

/// Writes a safetensors file, tensors in the order of `file.entries`.
///
/// Throws std::invalid_argument if two tensors have the same name, one is called `__metadata__`,
/// a name is not UTF-8, or a shape does not fit its bytes;
/// std::filesystem::filesystem_error if the file cannot be written.
inline void write_safetensors(const std::filesystem::path& path, const safetensors_file& file) {
    const std::string head = detail::safetensors_head(file);
    atomic_file out(path);
    out.write(head);
    for (const tensor_entry& entry : file.entries) out.write(entry.bytes);
    out.commit();
}

}  // namespace diffusion::io
