#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <diffusion/io/detail/source.hpp>
#include <diffusion/io/file.hpp>
#include <diffusion/io/mapped_file.hpp>
#include <diffusion/io/safetensors/header.hpp>
#include <diffusion/io/safetensors/tensors.hpp>

namespace diffusion::io {

/// Reads a safetensors file from memory. The entries look into `bytes`; `owner`, if given, is
/// kept by each entry (a mapped file, for example). `file` is the name used in messages.
///
/// Throws format_error unless the header is well-formed, names are unique, and the tensors cover
/// the bytes behind the header exactly once.
inline safetensors_file parse_safetensors(std::span<const std::byte> bytes,
                                          std::string_view file = "memory",
                                          std::shared_ptr<const void> owner = nullptr) {
    detail::source in(bytes, file);
    const auto length = in.take_number<std::uint64_t>(std::endian::little, "the header's length");
    if (length > in.left()) {
        in.fail_at(0, "the header should have " + std::to_string(length) +
                          " bytes, but the file ends after " + std::to_string(in.left()));
    }
    const std::string_view text = in.take_text(static_cast<std::size_t>(length), "the header");
    if (text.empty() || text.front() != '{') in.fail_at(8, "the header does not start with {");

    detail::safetensors_header header;
    std::size_t parsed = 0;
    const bool ok = nlohmann::ordered_json::sax_parse(
        detail::counting_iterator{text.data(), &parsed},
        detail::counting_iterator{text.data() + text.size(), &parsed}, &header);
    if (!ok) in.fail_at(8 + parsed, header.reason);

    // The ranges must tile the rest of the file: sorted by their start, each begins where the one
    // before it ended. Nothing is stored twice, nothing is hidden between.
    const std::size_t count = header.entries.size();
    std::vector<std::size_t> order(count);
    for (std::size_t i = 0; i < count; ++i) order[i] = i;
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return std::pair(header.ranges[a].begin, header.ranges[a].end) <
               std::pair(header.ranges[b].begin, header.ranges[b].end);
    });
    const std::size_t data = in.position();
    const std::size_t size = in.left();
    std::size_t covered = 0;
    for (const std::size_t i : order) {
        tensor_entry& entry = header.entries[i];
        const auto [begin, end] = header.ranges[i];
        const std::string quoted = "the tensor \"" + entry.name + '"';
        if (begin != covered || end < begin) {
            in.fail_at(data + covered, quoted + " has the data_offsets [" + std::to_string(begin) +
                                           ", " + std::to_string(end) + "], expected to start at " +
                                           std::to_string(covered));
        }
        if (end > size) {
            in.fail_at(data + size, quoted + " ends at " + std::to_string(end) +
                                        " of the data, but the file ends at " +
                                        std::to_string(size));
        }
        const std::optional<std::size_t> elements = detail::element_count(entry.shape);
        const std::optional<std::size_t> needed =
            elements ? detail::product(*elements, size_of(entry.type)) : std::nullopt;
        if (needed != end - begin) {
            in.fail_at(data + begin, quoted + " of shape " + detail::shape_text(entry.shape) +
                                         " does not fill its " + std::to_string(end - begin) +
                                         " bytes");
        }
        entry.bytes = bytes.subspan(data + begin, end - begin);
        entry.owner = owner;
        entry.file = std::string(file);
        entry.offset = data + begin;
        covered = end;
    }
    if (covered != size) {
        in.fail_at(data + covered, "the last tensor ends here, but " +
                                       std::to_string(size - covered) + " more bytes follow");
    }
    return {std::move(header.metadata), std::move(header.entries)};
}

/// Reads a safetensors file; the entries share the memory of its content.
inline safetensors_file read_safetensors(const std::filesystem::path& path) {
    const auto bytes = std::make_shared<const std::vector<std::byte>>(read_file(path));
    return parse_safetensors(*bytes, path.string(), bytes);
}

/// The same without a copy: the file is mapped into memory, each entry looks at its place there and
/// keeps the mapping alive. Only the header is read; a tensor comes from the disk when its bytes
/// are looked at. See `mapped_file` for what happens if the file is written to afterwards.
///
/// Throws format_error as parse_safetensors does, so for a truncated file, and if the file changes
/// while it is opened.
inline safetensors_file map_safetensors(const std::filesystem::path& path) {
    const auto mapped = std::make_shared<const mapped_file>(path);
    safetensors_file file = parse_safetensors(mapped->bytes(), path.string(), mapped);
    if (mapped->changed()) {
        throw format_error(path.string(), 0, "the file changed while it was opened");
    }
    return file;
}

}  // namespace diffusion::io
