#include <diffusion/io/scalar_type.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

using namespace diffusion::io;

TEST_CASE("Half precision becomes the float that IEEE 754 gives it") {
    CHECK(float_from_f16(0x3c00) == 1.0f);
    CHECK(float_from_f16(0xc000) == -2.0f);
    CHECK(float_from_f16(0x7bff) == 65504.0f);                  // the largest
    CHECK(float_from_f16(0x0400) == std::ldexp(1.0f, -14));     // the smallest normal
    CHECK(float_from_f16(0x03ff) == std::ldexp(1023.0f, -24));  // the largest subnormal
    CHECK(float_from_f16(0x0001) == std::ldexp(1.0f, -24));
    CHECK(float_from_f16(0x3555) == 0.333251953125f);
    CHECK(std::signbit(float_from_f16(0x8000)));
    CHECK(float_from_f16(0x8000) == 0.0f);
    CHECK(float_from_f16(0xfc00) == -std::numeric_limits<float>::infinity());
    CHECK(std::isnan(float_from_f16(0x7c01)));
}

TEST_CASE("Bfloat16 is the upper half of a float") {
    CHECK(float_from_bf16(0x3f80) == 1.0f);
    CHECK(float_from_bf16(0xc049) == -3.140625f);
    CHECK(float_from_bf16(0x7f80) == std::numeric_limits<float>::infinity());
}

TEST_CASE("A number is stored and loaded in the byte order that is asked for") {
    std::byte memory[4];
    detail::store<std::uint32_t>(0x01020304, memory, std::endian::big);
    CHECK(memory[0] == std::byte{1});
    CHECK(detail::load<std::uint32_t>(memory, std::endian::big) == 0x01020304);
    CHECK(detail::load<std::uint32_t>(memory, std::endian::little) == 0x04030201);
    detail::store(-2.5f, memory, std::endian::little);
    CHECK(detail::load<float>(memory, std::endian::little) == -2.5f);
}

TEST_CASE("Numbers can be kept in files, characters and truth values cannot") {
    static_assert(file_scalar<float>);
    static_assert(file_scalar<std::uint8_t>);
    static_assert(file_scalar<long long>);
    static_assert(!file_scalar<char>);
    static_assert(!file_scalar<bool>);
    static_assert(!file_scalar<long double>);
    static_assert(!file_scalar<const float>);
    static_assert(scalar_type_of<unsigned long>() == scalar_type::u64);
    static_assert(size_of(scalar_type::bf16) == 2);
}
