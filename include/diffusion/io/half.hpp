#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace diffusion::io {

/// Binary16 to binary32, exact (IEEE 754-2019, section 3.6); a NaN becomes a quiet one.
inline float float_from_f16(std::uint16_t bits) {
    const bool negative = (bits & 0x8000u) != 0;
    const int exponent = (bits >> 10) & 0x1f;
    const int fraction = bits & 0x3ff;
    float magnitude = 0;
    if (exponent == 31) {
        magnitude = fraction == 0 ? std::numeric_limits<float>::infinity()
                                  : std::numeric_limits<float>::quiet_NaN();
    } else if (exponent == 0) {
        magnitude = std::ldexp(static_cast<float>(fraction), -24);  // subnormal: fraction * 2^-24
    } else {
        magnitude = std::ldexp(static_cast<float>(fraction + 1024), exponent - 25);
    }
    return negative ? -magnitude : magnitude;
}

/// Bfloat16, the upper half of a binary32, to binary32, exact.
inline float float_from_bf16(std::uint16_t bits) {
    return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

namespace detail {

/// `value` in a format of 16 bits with the given numbers of exponent and fraction bits, rounded
/// once, to nearest with ties to even.
template <int Exponent, int Fraction>
std::uint16_t rounded_to_16_bits(double value) {
    static_assert(Exponent + Fraction == 15);
    constexpr int bias = (1 << (Exponent - 1)) - 1;
    constexpr std::uint64_t infinity = std::uint64_t{(1 << Exponent) - 1} << Fraction;
    const auto bits = std::bit_cast<std::uint64_t>(value);
    const std::uint64_t sign = bits >> 63 << 15;
    const int stored_exponent = static_cast<int>(bits >> 52 & 0x7ff);
    if (std::isnan(value)) {
        constexpr std::uint64_t quiet = std::uint64_t{1} << (Fraction - 1);
        return static_cast<std::uint16_t>(sign | infinity | quiet);
    }
    if (std::isinf(value)) return static_cast<std::uint16_t>(sign | infinity);

    // |value| = significand 2^(exponent - 52); its last bits are shifted out, more of them where
    // the result is subnormal. (A double's own subnormals are far below half of the smallest.)
    const std::uint64_t significand =
        (bits & 0xfffffffffffff) | (stored_exponent != 0 ? std::uint64_t{1} << 52 : 0);
    const int exponent = stored_exponent - 1023;
    const int kept_exponent = std::max(exponent, 1 - bias);
    const int shift = std::min(52 - Fraction + kept_exponent - exponent, 60);
    const std::uint64_t rest = significand & ((std::uint64_t{1} << shift) - 1);
    const std::uint64_t half = std::uint64_t{1} << (shift - 1);
    std::uint64_t kept = significand >> shift;
    if (rest > half || (rest == half && kept % 2 == 1)) ++kept;
    // A normal number's leading 1 adds 1 to the exponent's field, and so does a carry.
    const std::uint64_t code =
        (static_cast<std::uint64_t>(kept_exponent + bias - 1) << Fraction) + kept;
    return static_cast<std::uint16_t>(sign | std::min(code, infinity));
}

}  // namespace detail

/// To the nearest binary16, of two equally near ones to the one whose last bit is 0 (IEEE 754-2019,
/// section 4.3.1). From 65520 on that is infinity; a NaN stays one, and so does a zero's sign.
inline std::uint16_t f16_from(double value) { return detail::rounded_to_16_bits<5, 10>(value); }

/// To the nearest bfloat16, by the same rule: 8 bits of precision in the range of a float.
inline std::uint16_t bf16_from(double value) { return detail::rounded_to_16_bits<8, 7>(value); }

}  // namespace diffusion::io
