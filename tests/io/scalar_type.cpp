#include <diffusion/io/scalar_type.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>

using namespace diffusion::io;

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
