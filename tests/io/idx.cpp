#include <diffusion/io/idx.hpp>

#include "support.hpp"

#include <stdexcept>
#include <string_view>

using namespace diffusion::io;
using namespace io_test;
using namespace std::string_view_literals;

namespace {

template <class T>
void check_round_trip(const std::vector<std::size_t>& shape, const std::vector<T>& values) {
    const temporary_folder folder;
    for (const char* name : {"x-idx-ubyte", "x-idx-ubyte.gz"}) {
        write_idx(folder / name, shape, values);
        const nd_array<T> back = read_idx<T>(folder / name);
        CHECK(back.shape == shape);
        CHECK(back.values == values);
    }
}

// gzip.compress(b'\0\0\x08\x01\0\0\0\x03abc', mtime=0) of Python
const std::string_view packed_abc =
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x63\x60\xe0\x60\x64\x60\x60\x60\x4e\x4c\x4a\x06\x00"
    "\x54\x24\x25\xc4\x0b\x00\x00\x00"sv;

}  // namespace

TEST_CASE("Every number type and shape comes back from an IDX file, plain and gzipped") {
    check_round_trip<std::uint8_t>({2, 1, 2}, {0, 1, 254, 255});
    check_round_trip<std::int8_t>({1}, {-128});
    check_round_trip<std::int16_t>({2}, {-32768, 258});
    check_round_trip<std::int32_t>({1}, {-65537});
    check_round_trip<float>({3}, {1.5f, -0.0f, 1e-45f});
    check_round_trip<double>({1, 1}, {0.1});
    check_round_trip<std::uint8_t>({0, 28, 28}, {});
    check_round_trip<std::uint8_t>({300, 300}, std::vector<std::uint8_t>(90000, 7));
}

TEST_CASE("An IDX file is a type, a rank, the extents and the numbers, all big-endian") {
    const temporary_folder folder;
    write_idx<std::int16_t>(folder / "x", {2, 1}, {258, -2});
    const bytes expected =
        to_bytes("\x00\x00\x0b\x02\x00\x00\x00\x02\x00\x00\x00\x01\x01\x02\xff\xfe"sv);
    CHECK(read_file(folder / "x") == expected);
    CHECK(parse_idx<double>(expected).values == std::vector<double>{258, -2});
}

TEST_CASE("A gzipped file of another program is read, also in two members") {
    const bytes packed = to_bytes(packed_abc);
    const auto abc = parse_idx(packed);
    CHECK(abc.shape == std::vector<std::size_t>{3});
    CHECK(abc.values == std::vector<std::uint8_t>{'a', 'b', 'c'});

    const bytes plain = to_bytes("\0\0\x08\x01\0\0\0\x03"sv) + to_bytes("abc");
    const bytes halves =
        detail::gzipped(first(plain, 6)) + detail::gzipped(bytes(plain.begin() + 6, plain.end()));
    CHECK(parse_idx(halves) == abc);
}

TEST_CASE("An IDX file that is not as it should be is refused where it goes wrong") {
    const auto refused = [](std::string_view file, std::uint64_t offset,
                            const std::string& reason) {
        check_refused([&] { parse_idx(to_bytes(file)); }, offset, reason);
    };
    refused("", 0, "the magic number takes 2 bytes, but the file ends after 0");
    refused("\x00\x00\x08"sv, 3,
            "the number of dimensions takes 1 bytes, but the file ends after 0");
    refused("\x89PNG", 0, "this is not an IDX file");
    refused("\x00\x00\x07\x01"sv, 2, "the element type 7 is unknown");
    refused("\x00\x00\x08\x00"sv, 3, "an IDX file needs at least one dimension");
    refused("\x00\x00\x08\x02\x00\x00\x00\x01"sv, 4,
            "the list of extents takes 8 bytes, but the file ends after 4");
    refused(
        "\x00\x00\x08\x01\x00\x00\x00\x03"
        "ab"sv,
        8, "data of shape (3,) takes 3 bytes, but the file ends after 2");
    refused(
        "\x00\x00\x08\x01\x00\x00\x00\x01"
        "ab"sv,
        9, "data of shape (1,) ends here, but 1 more bytes follow");
    refused(
        "\x00\x00\x0e\x03\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"sv, 16,
        "the shape (4294967295, 4294967295, 4294967295) has more elements than memory can hold");
    refused("\x00\x00\x0e\x02\xff\xff\xff\xff\xff\xff\xff\xff"sv, 12,
            "the shape (4294967295, 4294967295) has more elements than memory can hold");
}

TEST_CASE("A number that the requested type cannot hold is refused at its place") {
    const bytes file = to_bytes("\x00\x00\x0b\x01\x00\x00\x00\x02\x00\x01\x01\x2c"sv);
    check_refused([&] { parse_idx<std::uint8_t>(file); }, 10,
                  "element 1 does not fit the requested type");
}

TEST_CASE("Gzipped data that is cut off or garbled is refused") {
    const bytes packed = to_bytes(packed_abc);
    for (std::size_t n = 2; n < packed.size(); ++n) {
        CAPTURE(n);
        check_refused([&] { parse_idx(first(packed, n)); }, n, "the gzip data is incomplete");
    }
    bytes wrong_checksum = packed;
    wrong_checksum[packed.size() - 5] ^= std::byte{1};
    check_refused([&] { parse_idx(wrong_checksum); }, packed.size() - 4,
                  "the gzip data is garbled: incorrect data check");
    check_refused([&] { parse_idx(packed + to_bytes("xy")); }, packed.size() + 2,
                  "the gzip data is garbled: incorrect header check");
}

TEST_CASE("Errors behind the packing count their offset in the unpacked data") {
    const bytes short_file = detail::gzipped(to_bytes("\0\0\x08\x01\0\0\0\x03"sv) + to_bytes("ab"));
    check_refused([&] { parse_idx(short_file); }, 8,
                  "data of shape (3,) takes 3 bytes, but the file ends after 2 "
                  "(in the unpacked data)");
    const bytes other = detail::gzipped(to_bytes("hello, world"));
    check_refused([&] { parse_idx(other); }, 0, "this is not an IDX file (in the unpacked data)");
}

TEST_CASE("A gzip file that unpacks to more than its header tells is refused early") {
    bytes bomb = to_bytes("\0\0\x08\x01\0\0\0\x03"sv);
    bomb.resize(std::size_t{1} << 24);
    const bytes packed = detail::gzipped(bomb);
    REQUIRE(packed.size() < 20000);
    const format_error error = refusal([&] { parse_idx(packed); });
    CHECK(error.reason() == "the packed data is longer than the 11 bytes that its header tells");
    CHECK(error.offset() < 1000);  // after the first piece, not at the end
}

TEST_CASE("An array that IDX cannot describe is not written") {
    const temporary_folder folder;
    const std::vector<std::uint8_t> one{1};
    CHECK_THROWS_WITH_AS(write_idx(folder / "x", {2}, one),
                         "diffusion::io::write_idx: the shape must have as many elements as there "
                         "are values, got 1",
                         std::invalid_argument);
    CHECK_THROWS_WITH_AS(write_idx(folder / "x", {}, one),
                         "diffusion::io::write_idx: there must be 1 to 255 dimensions, got 0",
                         std::invalid_argument);
    CHECK_THROWS_AS(write_idx(folder / "x", std::vector<std::size_t>(256, 1), one),
                    std::invalid_argument);
    CHECK_THROWS_AS(write_idx<std::uint8_t>(folder / "x", {std::size_t{1} << 32, 0}, {}),
                    std::invalid_argument);
    CHECK(folder.count() == 0);
}
