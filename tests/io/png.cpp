#include <diffusion/io/png.hpp>

#include "support.hpp"

#include <array>
#include <cstdlib>
#include <stdexcept>
#include <string_view>

#include <zlib.h>

using namespace diffusion::io;
using namespace io_test;
using namespace std::string_view_literals;

namespace {

using samples = std::vector<std::uint8_t>;

const bytes signature = to_bytes("\x89PNG\r\n\x1a\n");

bytes chunk(std::string_view type, const bytes& data) {
    const bytes checked = to_bytes(type) + data;
    const auto crc = ::crc32_z(0, reinterpret_cast<const Bytef*>(checked.data()), checked.size());
    return big_endian(static_cast<std::uint32_t>(data.size())) + checked +
           big_endian(static_cast<std::uint32_t>(crc));
}

bytes header(std::uint32_t width, std::uint32_t height, int depth, int colour, int interlace = 0) {
    bytes data = big_endian(width) + big_endian(height);
    for (const int x : {depth, colour, 0, 0, interlace}) data.push_back(static_cast<std::byte>(x));
    return chunk("IHDR", data);
}

bytes packed(const samples& rows) {
    uLongf size = compressBound(rows.size());
    bytes result(size);
    REQUIRE(compress2(reinterpret_cast<Bytef*>(result.data()), &size, rows.data(), rows.size(),
                      6) == Z_OK);
    result.resize(size);
    return result;
}

const bytes end = chunk("IEND", {});

// A whole file around the unpacked rows.
bytes file_of(const bytes& ihdr, const samples& rows, const bytes& before_data = {}) {
    return signature + ihdr + before_data + chunk("IDAT", packed(rows)) + end;
}

image noise(std::size_t height, std::size_t width, std::size_t channels) {
    image picture{height, width, channels, samples(height * width * channels)};
    std::uint32_t state = 1;
    for (std::uint8_t& sample : picture.pixels) {
        state = state * 1664525u + 1013904223u;
        sample = static_cast<std::uint8_t>(state >> 24);
    }
    return picture;
}

}  // namespace

TEST_CASE("A picture of any size, grey or coloured, comes back from a PNG file") {
    const temporary_folder folder;
    for (const std::size_t height : {1u, 2u, 7u, 64u}) {
        for (const std::size_t width : {1u, 3u, 8u, 33u}) {
            for (const std::size_t channels : {1u, 3u}) {
                const image picture = noise(height, width, channels);
                write_png(folder / "x.png", picture);
                CHECK(read_png(folder / "x.png") == picture);
                CHECK(read_file(folder / "x.png") == format_png(picture));
            }
        }
    }
    image smooth{40, 50, 3, {}};  // the writer chooses other filters than for noise
    for (std::size_t i = 0; i < 6000; ++i)
        smooth.pixels.push_back(static_cast<std::uint8_t>(i / 24));
    CHECK(parse_png(format_png(smooth)) == smooth);
}

TEST_CASE("A file made by hand from the specification is read") {
    // A red pixel; the data is zlib.compress(b'\0\xff\0\0') of Python, 0, 255, 0, 0.
    const bytes file = signature + to_bytes(
                                       "\0\0\0\x0dIHDR\0\0\0\x01\0\0\0\x01\x08\x02\0\0\0"
                                       "\x90\x77\x53\xde"
                                       "\0\0\0\x0cIDAT\x78\x9c\x63\xf8\xcf\xc0\0\0\x03\x01\x01\0"
                                       "\xc9\xfe\x92\xef"
                                       "\0\0\0\0IEND\xae\x42\x60\x82"sv);
    CHECK(parse_png(file) == image{1, 1, 3, samples{255, 0, 0}});
}

TEST_CASE("Each of the five filters predicts as the specification says") {
    const image picture = noise(10, 6, 3);
    const std::size_t row = 18;
    samples rows;
    for (std::size_t y = 0; y < 10; ++y) {
        const std::size_t filter = y % 5;  // the first row sees each neighbour above as 0, and so
        rows.push_back(static_cast<std::uint8_t>(filter));  // does row 5 not
        for (std::size_t i = 0; i < row; ++i) {
            const auto at = [&](std::size_t up, std::size_t left) {
                return y < up || i < left ? 0 : int{picture.pixels[(y - up) * row + i - left]};
            };
            const int a = at(0, 3);
            const int b = at(1, 0);
            const int c = y < 1 || i < 3 ? 0 : at(1, 3);
            const int p = a + b - c;
            const int pa = std::abs(p - a);
            const int pb = std::abs(p - b);
            const int pc = std::abs(p - c);
            const int paeth = pa <= pb && pa <= pc ? a : (pb <= pc ? b : c);
            const int predicted = std::array<int, 5>{0, a, b, (a + b) / 2, paeth}[filter];
            rows.push_back(static_cast<std::uint8_t>(at(0, 0) - predicted));
        }
    }
    CHECK(parse_png(file_of(header(6, 10, 8, 2), rows)) == picture);
}

TEST_CASE("The first row has zeros above it, whatever its filter") {
    CHECK(parse_png(file_of(header(2, 1, 8, 0), {2, 5, 6})).pixels == samples{5, 6});
    CHECK(parse_png(file_of(header(2, 1, 8, 0), {3, 10, 6})).pixels == samples{10, 11});
    CHECK(parse_png(file_of(header(2, 1, 8, 0), {4, 10, 6})).pixels == samples{10, 16});
}

TEST_CASE("Samples of 1, 2, 4 and 16 bits become 8") {
    CHECK(parse_png(file_of(header(9, 1, 1, 0), {0, 0b10100001, 0b10000000})).pixels ==
          samples{255, 0, 255, 0, 0, 0, 0, 255, 255});
    CHECK(parse_png(file_of(header(5, 1, 2, 0), {0, 0b00011011, 0b11000000})).pixels ==
          samples{0, 85, 170, 255, 255});
    CHECK(parse_png(file_of(header(3, 1, 4, 0), {0, 0x0f, 0x80})).pixels == samples{0, 255, 136});
    CHECK(parse_png(file_of(header(1, 1, 16, 2), {0, 1, 255, 2, 255, 3, 255})).pixels ==
          samples{1, 2, 3});
}

TEST_CASE("An alpha channel is left out") {
    CHECK(parse_png(file_of(header(2, 1, 8, 4), {0, 1, 99, 2, 99})) == image{1, 2, 1, {1, 2}});
    CHECK(parse_png(file_of(header(1, 1, 8, 6), {0, 1, 2, 3, 99})) == image{1, 1, 3, {1, 2, 3}});
    CHECK(parse_png(file_of(header(1, 1, 16, 4), {0, 7, 0, 9, 0})) == image{1, 1, 1, {7}});
}

TEST_CASE("A palette is looked up, and an index beyond it is refused") {
    const bytes palette = chunk("PLTE", to_bytes("\x01\x02\x03\x04\x05\x06"));
    const bytes file = file_of(header(3, 1, 2, 3), {0, 0b01000100}, palette);
    CHECK(parse_png(file) == image{1, 3, 3, samples{4, 5, 6, 1, 2, 3, 4, 5, 6}});
    const bytes beyond = file_of(header(3, 1, 2, 3), {0, 0b01100000}, palette);
    check_refused([&] { parse_png(beyond); }, 33 + 18,
                  "a pixel has colour 2, but the palette ends before it");
    check_refused(
        [&] {
            parse_png(file_of(header(1, 1, 8, 3), {0, 0}));
        },
        33, "the palette is missing");
}

TEST_CASE("An interlaced picture of any size is put together from its seven passes") {
    // Which pass a pixel comes in, by its place in a square of 8 x 8 (section 8.2).
    const std::array<std::string_view, 8> pass_of{"16462646", "77777777", "56565656", "77777777",
                                                  "36463646", "77777777", "56565656", "77777777"};
    for (std::size_t height = 1; height <= 9; ++height) {
        for (std::size_t width = 1; width <= 9; ++width) {
            for (const int depth : {1, 8}) {
                image picture = noise(height, width, 1);
                if (depth == 1) {
                    for (std::uint8_t& x : picture.pixels) x = x < 128 ? 0 : 255;
                }
                samples rows;
                for (char pass = '1'; pass <= '7'; ++pass) {
                    for (std::size_t y = 0; y < height; ++y) {
                        samples row;
                        for (std::size_t x = 0; x < width; ++x) {
                            if (pass_of[y % 8][x % 8] == pass) {
                                row.push_back(picture.pixels[y * width + x]);
                            }
                        }
                        if (row.empty()) continue;
                        rows.push_back(0);
                        if (depth == 8) {
                            rows.insert(rows.end(), row.begin(), row.end());
                            continue;
                        }
                        for (std::size_t x = 0; x < row.size(); ++x) {
                            if (x % 8 == 0) rows.push_back(0);
                            if (row[x] != 0) rows.back() |= static_cast<std::uint8_t>(128 >> x % 8);
                        }
                    }
                }
                CAPTURE(width);
                CAPTURE(height);
                const auto w = static_cast<std::uint32_t>(width);
                const auto h = static_cast<std::uint32_t>(height);
                CHECK(parse_png(file_of(header(w, h, depth, 0, 1), rows)) == picture);
            }
        }
    }
}

TEST_CASE("Data in several chunks, and chunks that need not be understood, are read") {
    const bytes data = packed({0, 1, 2, 0, 3, 4});
    bytes file = signature + header(2, 2, 8, 0) + chunk("tEXt", to_bytes("a\0b"sv));
    for (const std::byte b : data) file = file + chunk("IDAT", {b});
    file = file + chunk("IDAT", {}) + chunk("tIME", to_bytes("1234567")) + end;
    CHECK(parse_png(file).pixels == samples{1, 2, 3, 4});
}

TEST_CASE("A PNG file that is not as it should be is refused where it goes wrong") {
    const bytes ihdr = header(2, 1, 8, 0);
    const bytes good = file_of(ihdr, {0, 1, 2});
    const auto refused = [](const bytes& file, std::uint64_t offset, const std::string& reason) {
        check_refused([&] { parse_png(file); }, offset, reason);
    };
    REQUIRE(parse_png(good).pixels == samples{1, 2});

    refused({}, 0, "the PNG signature takes 8 bytes, but the file ends after 0");
    refused(to_bytes("\x89PNG\n\n\x1a\n"), 4, "this is not a PNG file");
    refused(signature, 8, "the length of a chunk takes 4 bytes, but the file ends after 0");
    refused(first(good, 40), 37, "the type of a chunk takes 4 bytes, but the file ends after 3");
    refused(first(good, 45), 41, "the chunk IDAT takes 11 bytes, but the file ends after 4");
    refused(signature + end, 8, "a PNG file must start with an IHDR chunk of 13 bytes");
    refused(signature + big_endian(0) + to_bytes("I\0DR"sv), 12,
            "a chunk's type must be four letters");
    for (std::size_t n = 0; n < good.size(); ++n) {
        CHECK_THROWS_AS(parse_png(first(good, n)), format_error);
    }
    bytes flipped = good;
    flipped[16] ^= std::byte{1};
    refused(flipped, 8, "the chunk IHDR does not match its CRC");

    const auto refused_header = [&](const bytes& wrong, std::uint64_t offset,
                                    const std::string& reason) {
        refused(file_of(wrong, {0, 1, 2}), offset, reason);
    };
    refused_header(header(0, 1, 8, 0), 16, "the size 0 x 1 is not valid");
    refused_header(header(1, 0x80000000u, 8, 0), 16, "the size 1 x 2147483648 is not valid");
    refused_header(header(1u << 13, (1u << 12) + 1, 8, 0), 16,
                   "pictures of more than 2^25 pixels are not read");
    refused_header(header(1, 1, 8, 1), 24, "there is no colour type 1 with 8 bits");
    refused_header(header(1, 1, 16, 3), 24, "there is no colour type 3 with 16 bits");
    refused_header(header(1, 1, 4, 2), 24, "there is no colour type 2 with 4 bits");
    refused_header(header(1, 1, 3, 0), 24, "there is no colour type 0 with 3 bits");
    refused_header(header(1, 1, 8, 0, 2), 28, "the interlace method is unknown");

    refused(signature + ihdr + end, 45, "there is no IDAT chunk");
    refused(good + to_bytes("x"), good.size(), "bytes follow the end of the PNG file");
    refused(signature + ihdr + ihdr + end, 33, "the chunk IHDR is unknown or repeated");
    refused(signature + ihdr + chunk("ABCD", {}) + end, 33,
            "the chunk ABCD is unknown or repeated");
    refused(signature + ihdr + chunk("PLTE", to_bytes("ab")) + end, 33,
            "a palette of 2 bytes is not valid");
    const bytes palette = chunk("PLTE", to_bytes("abc"));
    refused(signature + ihdr + palette + palette + end, 48,
            "the chunk PLTE is repeated or too late");

    const bytes data = packed({0, 1, 2});
    const bytes head = first(data, 4);
    const bytes tail(data.begin() + 4, data.end());
    refused(signature + ihdr + chunk("IDAT", head) + end, 33 + 16,
            "the picture's data is incomplete");
    refused(signature + ihdr + chunk("IDAT", head) + chunk("tIME", {}) + chunk("IDAT", tail) + end,
            33 + 16 + 12, "the IDAT chunks are not consecutive");
    refused(signature + ihdr + chunk("IDAT", data + to_bytes("x")) + end, 41 + data.size(),
            "bytes follow the picture's data");
    refused(signature + ihdr + chunk("IDAT", to_bytes("\x78\x9c\xff")) + end, 44,
            "the packed data is garbled: invalid block type");
    refused(file_of(ihdr, {0, 1}), 33 + 12 + packed({0, 1}).size(),
            "the picture's data has 2 bytes, its size needs 3");
    refused(file_of(ihdr, {0, 1, 2, 3}), 41 + packed({0, 1, 2, 3}).size(),
            "the picture's data is longer than its size needs");
    refused(file_of(ihdr, {5, 1, 2}), 33, "the filter 5 of row 0 is unknown");
}

TEST_CASE("A picture that does not fit its sizes is not written") {
    const temporary_folder folder;
    CHECK_THROWS_WITH_AS(write_png(folder / "x", {1, 2, 1, {0}}),
                         "diffusion::io::write_png: a picture must have height * width * channels "
                         "samples, got 1",
                         std::invalid_argument);
    CHECK_THROWS_AS(write_png(folder / "x", {1, 1, 4, {0, 0, 0, 0}}), std::invalid_argument);
    CHECK_THROWS_AS(write_png(folder / "x", {}), std::invalid_argument);
    const std::size_t wide = (std::size_t{1} << 22) + 1;
    CHECK_THROWS_WITH_AS(
        write_png(folder / "x", {1, wide, 1, samples(wide)}),
        "diffusion::io::write_png: a picture must be at most 2^22 pixels wide, got 4194305",
        std::invalid_argument);
    CHECK(folder.count() == 0);
}
