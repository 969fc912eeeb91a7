#pragma once

#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include <diffusion/io/scalar_type.hpp>

namespace diffusion::io {

namespace detail {

inline constexpr std::array<std::pair<scalar_type, std::string_view>, 13> safetensors_types{
    {{scalar_type::boolean, "BOOL"},
     {scalar_type::u8, "U8"},
     {scalar_type::i8, "I8"},
     {scalar_type::u16, "U16"},
     {scalar_type::i16, "I16"},
     {scalar_type::u32, "U32"},
     {scalar_type::i32, "I32"},
     {scalar_type::u64, "U64"},
     {scalar_type::i64, "I64"},
     {scalar_type::f16, "F16"},
     {scalar_type::bf16, "BF16"},
     {scalar_type::f32, "F32"},
     {scalar_type::f64, "F64"}}};

}  // namespace detail

/// What safetensors files call a type: "F32", "BF16", "I64".
constexpr std::string_view dtype_name(scalar_type type) {
    for (const auto& [known, name] : detail::safetensors_types) {
        if (known == type) return name;
    }
    return {};
}

/// The type of that name, or nothing if it is not one of ours (8-bit fractions, complex numbers).
constexpr std::optional<scalar_type> dtype_named(std::string_view name) {
    for (const auto& [type, known] : detail::safetensors_types) {
        if (known == name) return type;
    }
    return std::nullopt;
}

}  // namespace diffusion::io
