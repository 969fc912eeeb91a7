#include <diffusion/io/half.hpp>

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

using namespace diffusion::io;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// What IEEE 754 says of a code with `Fraction` fraction bits, by its formula.
template <int Fraction>
double value_of(std::uint32_t code) {
    constexpr int top = (1 << (15 - Fraction)) - 1, bias = top / 2;
    const int exponent = static_cast<int>(code & 0x7fff) >> Fraction;
    const double fraction =
        std::ldexp(static_cast<double>(code & ((1u << Fraction) - 1)), -Fraction);
    const double sign = (code & 0x8000) != 0 ? -1 : 1;
    if (exponent == top) return fraction == 0 ? sign * infinity : std::nan("");
    if (exponent == 0) return sign * std::ldexp(fraction, 1 - bias);
    return sign * std::ldexp(1 + fraction, exponent - bias);
}

/// Counts the codes that are not read as the formula says, or not written back as themselves; a
/// NaN must stay one, with its sign.
template <int Fraction, class Read, class Write>
int wrong_codes(Read read, Write write) {
    int wrong = 0;
    for (std::uint32_t code = 0; code < 65536; ++code) {
        const auto bits = static_cast<std::uint16_t>(code);
        const double expected = value_of<Fraction>(code), got = read(bits);
        if (std::isnan(expected)) {
            wrong += !std::isnan(got) || !std::isnan(read(write(got))) ? 1 : 0;
        } else {
            const bool same = std::bit_cast<std::uint64_t>(got) ==
                              std::bit_cast<std::uint64_t>(expected);  // so that -0 is not 0
            wrong += !same || write(got) != bits ? 1 : 0;
        }
    }
    return wrong;
}

/// Between each two neighbours a < b: just below the middle rounds to a, just above to b, and the
/// middle to the one that is even. Beyond the largest comes infinity, as if it were the next.
template <int Fraction, class Write>
int wrong_roundings(Write write) {
    int wrong = 0;
    constexpr std::uint32_t top = 0x7fffu >> Fraction << Fraction;  // infinity
    for (std::uint32_t code = 0; code < top; ++code) {
        const double low = value_of<Fraction>(code);
        const double step = code > 0 && code + 1 == top ? low - value_of<Fraction>(code - 1)
                                                        : value_of<Fraction>(code + 1) - low;
        const double middle = low + step / 2;
        for (const std::uint32_t sign : {0u, 0x8000u}) {
            const double s = sign != 0 ? -1 : 1;
            wrong += write(s * std::nextafter(middle, 0.0)) != (sign | code) ? 1 : 0;
            wrong += write(s * middle) != (sign | (code + code % 2)) ? 1 : 0;
            wrong += write(s * std::nextafter(middle, infinity)) != (sign | (code + 1)) ? 1 : 0;
        }
    }
    return wrong;
}

}  // namespace

TEST_CASE("All 65536 codes of half precision are read exactly and written back as they were") {
    CHECK(wrong_codes<10>(float_from_f16, f16_from) == 0);
    CHECK(wrong_codes<7>(float_from_bf16, bf16_from) == 0);
}

TEST_CASE("A number between two codes becomes the nearer one, and the even one from the middle") {
    CHECK(wrong_roundings<10>(f16_from) == 0);
    CHECK(wrong_roundings<7>(bf16_from) == 0);
}

TEST_CASE("Half precision has these landmarks") {
    CHECK(float_from_f16(0x3c00) == 1.0f);
    CHECK(float_from_f16(0xc000) == -2.0f);
    CHECK(float_from_f16(0x7bff) == 65504.0f);                  // the largest
    CHECK(float_from_f16(0x0400) == std::ldexp(1.0f, -14));     // the smallest normal
    CHECK(float_from_f16(0x03ff) == std::ldexp(1023.0f, -24));  // the largest subnormal
    CHECK(float_from_f16(0x0001) == std::ldexp(1.0f, -24));
    CHECK(float_from_f16(0x3555) == 0.333251953125f);
    CHECK(f16_from(65520) == 0x7c00);  // no longer the largest
    CHECK(f16_from(1e300) == 0x7c00);
    CHECK(f16_from(-infinity) == 0xfc00);
    CHECK(f16_from(-1e-300) == 0x8000);
    CHECK(f16_from(std::numeric_limits<double>::denorm_min()) == 0);
    CHECK(f16_from(std::nan("")) == 0x7e00);
}

TEST_CASE("Bfloat16 is the upper half of a float, rounded once also from a double") {
    CHECK(float_from_bf16(0x3f80) == 1.0f);
    CHECK(float_from_bf16(0xc049) == -3.140625f);
    CHECK(float_from_bf16(0x7f80) == std::numeric_limits<float>::infinity());
    CHECK(bf16_from(std::numeric_limits<float>::max()) == 0x7f80);
    // Just above the middle of 1 and its neighbour: as a float it would be the middle itself, and
    // then go to the even 1.
    CHECK(bf16_from(1 + std::ldexp(1.0, -8) + std::ldexp(1.0, -40)) == 0x3f81);
}
