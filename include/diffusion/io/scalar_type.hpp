#pragma once

#include <bit>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <type_traits>
#include <utility>

#include <diffusion/io/half.hpp>

namespace diffusion::io {

/// The kinds of numbers that the file formats of this module know.
enum class scalar_type : std::uint8_t {
    boolean,
    u8,
    i8,
    u16,
    i16,
    u32,
    i32,
    u64,
    i64,
    f16,   // IEEE 754 binary16: 1 sign, 5 exponent, 10 fraction bits
    bf16,  // the upper half of a binary32
    f32,
    f64
};

/// Bytes per element.
constexpr std::size_t size_of(scalar_type type) {
    switch (type) {
        case scalar_type::boolean:
        case scalar_type::u8:
        case scalar_type::i8:
            return 1;
        case scalar_type::u16:
        case scalar_type::i16:
        case scalar_type::f16:
        case scalar_type::bf16:
            return 2;
        case scalar_type::u32:
        case scalar_type::i32:
        case scalar_type::f32:
            return 4;
        case scalar_type::u64:
        case scalar_type::i64:
        case scalar_type::f64:
            return 8;
    }
    return 0;
}

namespace detail {
template <class T, class... Types>
inline constexpr bool one_of = (std::same_as<T, Types> || ...);
}

/// The C++ types that arrays can be read into and written from: integers, float, double.
/// Characters and bool are not numbers.
template <class T>
concept file_scalar =
    detail::one_of<T, signed char, unsigned char, short, unsigned short, int, unsigned, long,
                   unsigned long, long long, unsigned long long, float, double>;

/// The scalar_type that holds a C++ type bit for bit.
template <file_scalar T>
constexpr scalar_type scalar_type_of() {
    if constexpr (std::same_as<T, float>) {
        return scalar_type::f32;
    } else if constexpr (std::same_as<T, double>) {
        return scalar_type::f64;
    } else if constexpr (sizeof(T) == 1) {
        return std::is_signed_v<T> ? scalar_type::i8 : scalar_type::u8;
    } else if constexpr (sizeof(T) == 2) {
        return std::is_signed_v<T> ? scalar_type::i16 : scalar_type::u16;
    } else if constexpr (sizeof(T) == 4) {
        return std::is_signed_v<T> ? scalar_type::i32 : scalar_type::u32;
    } else {
        static_assert(sizeof(T) == 8, "diffusion::io: no file format holds integers of this size");
        return std::is_signed_v<T> ? scalar_type::i64 : scalar_type::u64;
    }
}

namespace detail {

template <std::size_t Size>
using unsigned_of_size = std::conditional_t<
    Size == 1, std::uint8_t,
    std::conditional_t<Size == 2, std::uint16_t,
                       std::conditional_t<Size == 4, std::uint32_t, std::uint64_t>>>;

/// The number whose bytes start at `from` in the given order.
template <class T>
T load(const std::byte* from, std::endian order) {
    using bits_type = unsigned_of_size<sizeof(T)>;
    bits_type bits = 0;
    if (order == std::endian::native) {
        std::memcpy(&bits, from, sizeof bits);
    } else {
        for (std::size_t i = 0; i < sizeof bits; ++i) {  // i counts from the least significant byte
            const std::size_t at = order == std::endian::little ? i : sizeof bits - 1 - i;
            bits |= static_cast<bits_type>(std::to_integer<bits_type>(from[at]) << (8 * i));
        }
    }
    return std::bit_cast<T>(bits);
}

/// The inverse of load.
template <class T>
void store(T value, std::byte* to, std::endian order) {
    const auto bits = std::bit_cast<unsigned_of_size<sizeof(T)>>(value);
    for (std::size_t i = 0; i < sizeof bits; ++i) {
        const std::size_t at = order == std::endian::little ? i : sizeof bits - 1 - i;
        to[at] = static_cast<std::byte>((bits >> (8 * i)) & 0xff);
    }
}

/// Whether `value` can become a To without losing more than rounding: integers must fit, a finite
/// number may not become infinite, and a fractional type never becomes an integer.
template <class To, class From>
bool representable(From value) {
    if constexpr (std::integral<To>) {
        if constexpr (std::integral<From>) {
            return std::in_range<To>(value);
        } else {
            return false;
        }
    } else if constexpr (std::same_as<From, double> && std::same_as<To, float>) {
        return !std::isfinite(value) || std::fabs(value) <= std::numeric_limits<float>::max();
    } else {
        return true;
    }
}

template <class To, class From>
std::size_t convert_from(std::span<const std::byte> bytes, std::endian order, std::span<To> to) {
    if (std::same_as<To, From> && order == std::endian::native) {
        if (!to.empty()) std::memcpy(to.data(), bytes.data(), to.size_bytes());
        return to.size();
    }
    for (std::size_t i = 0; i < to.size(); ++i) {
        const From value = load<From>(bytes.data() + i * sizeof(From), order);
        if (!representable<To>(value)) return i;
        to[i] = static_cast<To>(value);
    }
    return to.size();
}

template <class To, class Convert>
std::size_t convert_half(std::span<const std::byte> bytes, std::endian order, std::span<To> to,
                         Convert convert) {
    for (std::size_t i = 0; i < to.size(); ++i) {
        const float value = convert(load<std::uint16_t>(bytes.data() + 2 * i, order));
        if (!representable<To>(value)) return i;
        to[i] = static_cast<To>(value);
    }
    return to.size();
}

/// Fills `to` from `to.size()` stored elements; returns how many could be represented. If that is
/// fewer than `to.size()`, it is the index of the first that could not.
template <class To>
std::size_t convert(std::span<const std::byte> bytes, scalar_type type, std::endian order,
                    std::span<To> to) {
    switch (type) {
        case scalar_type::boolean:
            for (std::size_t i = 0; i < to.size(); ++i) {
                if (std::to_integer<unsigned>(bytes[i]) > 1) return i;
                to[i] = static_cast<To>(std::to_integer<unsigned>(bytes[i]));
            }
            return to.size();
        case scalar_type::u8:
            return convert_from<To, std::uint8_t>(bytes, order, to);
        case scalar_type::i8:
            return convert_from<To, std::int8_t>(bytes, order, to);
        case scalar_type::u16:
            return convert_from<To, std::uint16_t>(bytes, order, to);
        case scalar_type::i16:
            return convert_from<To, std::int16_t>(bytes, order, to);
        case scalar_type::u32:
            return convert_from<To, std::uint32_t>(bytes, order, to);
        case scalar_type::i32:
            return convert_from<To, std::int32_t>(bytes, order, to);
        case scalar_type::u64:
            return convert_from<To, std::uint64_t>(bytes, order, to);
        case scalar_type::i64:
            return convert_from<To, std::int64_t>(bytes, order, to);
        case scalar_type::f16:
            return convert_half(bytes, order, to, float_from_f16);
        case scalar_type::bf16:
            return convert_half(bytes, order, to, float_from_bf16);
        case scalar_type::f32:
            return convert_from<To, float>(bytes, order, to);
        case scalar_type::f64:
            return convert_from<To, double>(bytes, order, to);
    }
    return 0;
}

/// Whether the type holds fractions.
constexpr bool is_fractional(scalar_type type) { return type >= scalar_type::f16; }

/// The opposite of `convert` for fractions: writes `values` as the fractional type `type` into
/// `to`, rounded to nearest even. Returns how many it could write; a finite number that would
/// become infinite ends it.
template <std::floating_point From>
std::size_t store_fractions(std::span<const From> values, scalar_type type, std::endian order,
                            std::span<std::byte> to) {
    const auto each = [&](auto rounded, auto is_infinite) {
        for (std::size_t i = 0; i < values.size(); ++i) {
            const auto stored = rounded(values[i]);
            if (is_infinite(stored) && std::isfinite(values[i])) return i;
            store(stored, to.data() + i * sizeof stored, order);
        }
        return values.size();
    };
    const auto infinite_float = [](auto value) { return std::isinf(value); };
    switch (type) {
        case scalar_type::f16:
            return each(f16_from, [](std::uint16_t code) { return (code & 0x7fff) == 0x7c00; });
        case scalar_type::bf16:
            return each(bf16_from, [](std::uint16_t code) { return (code & 0x7fff) == 0x7f80; });
        case scalar_type::f32:
            return each([](From value) { return static_cast<float>(value); }, infinite_float);
        case scalar_type::f64:
            return each([](From value) { return static_cast<double>(value); }, infinite_float);
        default:
            return 0;
    }
}

}  // namespace detail
}  // namespace diffusion::io
