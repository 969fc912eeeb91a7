#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <diffusion/detail/require.hpp>
#include <diffusion/io/detail/source.hpp>
#include <diffusion/io/format_error.hpp>
#include <diffusion/io/scalar_type.hpp>

namespace diffusion::io {

static_assert(std::endian::native == std::endian::little,
              "diffusion::io: tensor_entry looks at little-endian bytes in place");

/// One named tensor of a safetensors file: a description and a look at its bytes.
struct tensor_entry {
    std::string name;
    scalar_type type = scalar_type::f32;
    std::vector<std::size_t> shape;    ///< slowest index first; empty for a scalar
    std::span<const std::byte> bytes;  ///< little-endian, row-major

    std::shared_ptr<const void> owner = nullptr;  ///< keeps `bytes` alive; may be null
    std::string file = "memory";                  ///< where the bytes came from, for messages
    std::uint64_t offset = 0;                     ///< of the bytes in that file

    /// The number of elements.
    std::size_t size() const { return bytes.size() / size_of(type); }

    /// Converts the elements into `out`, which must have size() of them.
    ///
    /// Integers and half precision become T by rounding at most; an element that T cannot hold
    /// (300 as std::uint8_t, 1e300 as float, any fraction type as an integer) throws format_error.
    template <file_scalar T>
    void copy_to(std::span<T> out) const;

    /// The elements as a vector, converted as by copy_to.
    template <file_scalar T>
    std::vector<T> values() const;

    /// The elements in place if they are stored as T and aligned for it, otherwise converted into
    /// `scratch`. Valid as long as both the entry's memory and `scratch` live.
    template <file_scalar T>
    std::span<const T> view(std::vector<T>& scratch) const;
};

/// A safetensors file: a map of strings and a list of tensors, in the order of the header.
struct safetensors_file {
    std::map<std::string, std::string> metadata;
    std::vector<tensor_entry> entries;

    /// The tensor of that name, or nullptr.
    const tensor_entry* find(std::string_view name) const;

    /// The tensor of that name; throws std::invalid_argument if there is none.
    const tensor_entry& at(std::string_view name) const;

    /// Appends a tensor and copies its values.
    template <file_scalar T>
    void add(std::string name, std::vector<std::size_t> shape, std::span<const T> values);

    /// The same for a vector, whose element type need not be spelled out.
    template <file_scalar T>
    void add(std::string name, std::vector<std::size_t> shape, const std::vector<T>& values) {
        add(std::move(name), std::move(shape), std::span<const T>(values));
    }

    /// Appends a tensor whose values are stored as `type`, one of f16, bf16, f32 and f64, rounded
    /// to nearest even: half precision halves a file. Throws std::invalid_argument for another
    /// type, or where a finite number would become infinite (beyond 65504 in f16).
    template <std::floating_point T>
    void add(std::string name, std::vector<std::size_t> shape, std::span<const T> values,
             scalar_type type);

    /// Appends a tensor that looks at `values`; they must stay where they are until the file is
    /// written.
    template <file_scalar T>
    void add_view(std::string name, std::vector<std::size_t> shape, std::span<const T> values);
};

// ---------------------------------------------------------------------------------------------

template <file_scalar T>
void tensor_entry::copy_to(std::span<T> out) const {
    diffusion::detail::require(out.size() == size(), "diffusion::io::tensor_entry::copy_to",
                               "the span must have as many elements as the tensor", out.size());
    const std::size_t done = detail::convert(bytes, type, std::endian::little, out);
    if (done != out.size()) {
        throw format_error(file, offset + done * size_of(type),
                           "element " + std::to_string(done) + " of tensor \"" + name +
                               "\" does not fit the requested type");
    }
}

template <file_scalar T>
std::vector<T> tensor_entry::values() const {
    std::vector<T> result(size());
    copy_to(std::span<T>(result));
    return result;
}

template <file_scalar T>
std::span<const T> tensor_entry::view(std::vector<T>& scratch) const {
    const auto address = reinterpret_cast<std::uintptr_t>(bytes.data());
    if (type == scalar_type_of<T>() && address % alignof(T) == 0) {
        return {reinterpret_cast<const T*>(bytes.data()), size()};
    }
    scratch.resize(size());
    copy_to(std::span<T>(scratch));
    return scratch;
}

inline const tensor_entry* safetensors_file::find(std::string_view name) const {
    for (const tensor_entry& entry : entries) {
        if (entry.name == name) return &entry;
    }
    return nullptr;
}

inline const tensor_entry& safetensors_file::at(std::string_view name) const {
    const tensor_entry* entry = find(name);
    diffusion::detail::require(entry != nullptr, "diffusion::io::safetensors_file::at",
                               "the name must be that of a tensor in the file", name);
    return *entry;
}

template <file_scalar T>
void safetensors_file::add_view(std::string name, std::vector<std::size_t> shape,
                                std::span<const T> values) {
    diffusion::detail::require(
        detail::element_count(shape) == values.size(), "diffusion::io::safetensors_file::add",
        "the shape must have as many elements as there are values", values.size());
    entries.push_back(
        {std::move(name), scalar_type_of<T>(), std::move(shape), std::as_bytes(values)});
}

template <file_scalar T>
void safetensors_file::add(std::string name, std::vector<std::size_t> shape,
                           std::span<const T> values) {
    const auto copy = std::make_shared<const std::vector<T>>(values.begin(), values.end());
    add_view(std::move(name), std::move(shape), std::span<const T>(*copy));
    entries.back().owner = copy;
}

template <std::floating_point T>
void safetensors_file::add(std::string name, std::vector<std::size_t> shape,
                           std::span<const T> values, scalar_type type) {
    constexpr const char* function = "diffusion::io::safetensors_file::add";
    diffusion::detail::require(detail::is_fractional(type), function,
                               "the stored type must be f16, bf16, f32 or f64", name);
    if (type == scalar_type_of<T>()) return add(std::move(name), std::move(shape), values);
    const auto copy = std::make_shared<std::vector<std::byte>>(values.size() * size_of(type));
    const std::size_t done =
        detail::store_fractions(values, type, std::endian::little, std::span<std::byte>(*copy));
    if (done < values.size()) {
        const std::string rule = "every element of \"" + name + "\" must fit the stored type";
        diffusion::detail::reject(function, rule.c_str(), values[done]);
    }
    add_view(std::move(name), std::move(shape), values);
    entries.back().type = type;
    entries.back().bytes = *copy;
    entries.back().owner = copy;
}

}  // namespace diffusion::io
