// Each reader gets valid files with random damage, 10^5 in all. Whatever comes, the answer is a
// value or a format_error, and no single piece of memory is larger than the file justifies.

#include <diffusion/io/csv.hpp>
#include <diffusion/io/idx.hpp>
#include <diffusion/io/npy.hpp>
#include <diffusion/io/png.hpp>
#include <diffusion/io/ppm.hpp>

#include "allocations.hpp"
#include "fuzz.hpp"
#include "support.hpp"

#include <zlib.h>

using namespace diffusion::io;
using namespace io_test;

namespace {

/// Without right checksums damage would not get past them.
void repair_png(bytes& file) {
    for (std::size_t at = 8; at + 12 <= file.size();) {
        const auto size = detail::load<std::uint32_t>(file.data() + at, std::endian::big);
        if (size > file.size() - at - 12) return;
        const auto crc = ::crc32_z(0, reinterpret_cast<const Bytef*>(&file[at + 4]), size + 4);
        detail::store(static_cast<std::uint32_t>(crc), &file[at + 8 + size], std::endian::big);
        at += 12 + size;
    }
}

bytes file_from(const std::filesystem::path& path) { return read_file(path); }

}  // namespace

TEST_CASE("A damaged npy file gives an array or a format_error") {
    const temporary_folder folder;
    std::vector<bytes> seeds;
    write_npy<float>(folder / "x", {2, 3}, {1, 2, 3, 4, 5, 6});
    seeds.push_back(file_from(folder / "x"));
    write_npy<std::uint8_t>(folder / "x", {7}, {1, 2, 3, 4, 5, 6, 7});
    seeds.push_back(file_from(folder / "x"));
    seeds.push_back(
        to_bytes(std::string_view("\x93NUMPY\2\0\x41\0\0\0"
                                  "{'descr': '>i2', 'fortran_order': True , "
                                  "'shape': (2, 1L, 2), }    \n"
                                  "\0\1\0\2\0\3\0\4",
                                  12 + 0x41 + 8)));
    fuzz(seeds, 34000, 8, [](const bytes& file) {  // bytes read as doubles
        parse_npy<double>(file);
        parse_npy<float>(file);
    });
}

TEST_CASE("A damaged IDX file gives an array or a format_error, plain and gzipped") {
    const temporary_folder folder;
    std::vector<bytes> seeds;
    const std::vector<std::uint8_t> pixels(60, 7);
    write_idx(folder / "x", {3, 4, 5}, pixels);
    seeds.push_back(file_from(folder / "x"));
    write_idx<double>(folder / "x", {2, 2}, {1, 2, 3, 4});
    seeds.push_back(file_from(folder / "x"));
    fuzz(seeds, 50000, 8, [](const bytes& file) { parse_idx<double>(file); });

    for (bytes& seed : seeds) seed = detail::gzipped(seed);
    fuzz(seeds, 50000, 8, [](const bytes& file) { parse_idx<double>(file); });

    // Damage under the packing.
    fuzz(
        {file_from(folder / "x")}, 50000, 64, [](const bytes& file) { parse_idx<double>(file); },
        [](bytes& file, dice&) { file = detail::gzipped(file); });
}

TEST_CASE("A damaged PNG file gives a picture or a format_error") {
    std::vector<bytes> seeds;
    image picture{6, 5, 3, {}};
    for (unsigned i = 0; i < 90; ++i) picture.pixels.push_back(static_cast<std::uint8_t>(i * i));
    seeds.push_back(format_png(picture));
    picture = {9, 9, 1, std::vector<std::uint8_t>(81, 50)};
    seeds.push_back(format_png(picture));
    // With a palette of two colours, 1 bit per pixel, 16 x 2.
    bytes indexed(seeds[0].begin(), seeds[0].begin() + 33);
    indexed[19] = std::byte{16};
    indexed[23] = std::byte{2};
    indexed[24] = std::byte{1};
    indexed[25] = std::byte{3};
    indexed = indexed + big_endian(6) + to_bytes("PLTEabcdefCRC.") + big_endian(17) +
              to_bytes("IDAT") +
              to_bytes(std::string_view(
                  "\x78\x01\x01\x06\0\xf9\xff\0\x01\x02\0\x03\x04\0\x1d\0\x0b", 17)) +
              to_bytes("CRC.") + big_endian(0) + to_bytes("IENDCRC.");
    repair_png(indexed);
    seeds.push_back(indexed);

    fuzz(
        seeds, 34000, 24, [](const bytes& file) { parse_png(file); },
        [](bytes& file, dice& random) {
            if (random.below(8) != 0) repair_png(file);
        });
}

TEST_CASE("A damaged PPM file gives a picture or a format_error") {
    const std::vector<bytes> seeds{to_bytes("P6\n2 2\n255\nabcdefghijkl"),
                                   to_bytes("P5 # comment\n 3 2 100\nABCDEF")};
    fuzz(seeds, 50000, 8, [](const bytes& file) { parse_ppm(file); });
}

TEST_CASE("A damaged CSV file gives a table or a format_error") {
    const auto fuzz_csv = [](const std::vector<bytes>& seeds, char delimiter) {
        fuzz(seeds, 34000, 40, [&](const bytes& file) {
            const csv_table table = parse_csv(file, "memory", {.delimiter = delimiter});
            for (std::size_t k = 0; k < table.columns(); ++k) table.texts(k);
            try {
                table.numbers(0);
            } catch (const format_error& error) {  // some cells are text
                REQUIRE(error.offset() <= file.size());
            }
        });
    };
    fuzz_csv({to_bytes("sex,\"height\",weight\nM,177.6,\"81.5\"\nF,-1e2,+3\n"),
              to_bytes(std::string(60, ',') + "\n")},
             ',');
    fuzz_csv({to_bytes("1;2\r\n3;4\r\n\r\n\"5\";\"6\"\"\"")}, ';');
}

TEST_CASE("A few bytes that promise a gigabyte take no memory") {
    const auto allocated = [](const auto& read) {
        largest_allocation = 0;
        CHECK_THROWS_AS(read(), format_error);
        return largest_allocation;
    };
    const bytes idx = big_endian(0x00000e02) + big_endian(1 << 14) + big_endian(1 << 14);
    const bytes packed_idx = detail::gzipped(idx);
    CHECK(allocated([&] { parse_idx(idx); }) < 65536);
    CHECK(allocated([&] { parse_idx(packed_idx); }) < 65536);
    CHECK(allocated([] { parse_ppm(to_bytes("P6 30000 30000 255 abc")); }) < 65536);
    bytes png = format_png({1, 1, 1, {0}});
    png[18] = std::byte{0x10};  // 4097 x 4097
    png[22] = std::byte{0x10};
    repair_png(png);
    CHECK(allocated([&] { parse_png(png); }) < 65536);
    const bytes npy =
        to_bytes(std::string_view("\x93NUMPY\1\0\x39\0"
                                  "{'descr': '<f4','fortran_order':False,'shape':"
                                  "(500000000,)}",
                                  10 + 0x3b));
    CHECK(allocated([&] { parse_npy<float>(npy); }) < 65536);
}
