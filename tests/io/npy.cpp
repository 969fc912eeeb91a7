#include <diffusion/io/npy.hpp>

#include "support.hpp"

#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>

using namespace diffusion::io;
using namespace io_test;
using namespace std::string_view_literals;

namespace {

// A file of version 1 with a header that is not padded: the format does not ask for it.
bytes file_with(std::string_view header, std::string_view data) {
    bytes all = to_bytes("\x93NUMPY\x01\x00"sv);
    all.push_back(static_cast<std::byte>(header.size()));
    all.push_back(std::byte{0});
    return all + to_bytes(header) + to_bytes(data);
}

template <class T>
void check_round_trip(const std::vector<std::size_t>& shape, const std::vector<T>& values) {
    const temporary_folder folder;
    write_npy(folder / "x.npy", shape, values);
    const nd_array<T> back = read_npy<T>(folder / "x.npy");
    CHECK(back.shape == shape);
    CHECK(back.values == values);
}

}  // namespace

TEST_CASE("Every number type and shape comes back from an npy file") {
    check_round_trip<float>({2, 3}, {1, -2, 3.5f, 1e-45f, -0.0f, 1e38f});
    check_round_trip<double>({}, {0.1});
    check_round_trip<double>({0, 7}, {});
    check_round_trip<std::uint8_t>({5}, {0, 1, 2, 254, 255});
    check_round_trip<std::int8_t>({1, 2, 1, 1}, {-128, 127});
    check_round_trip<std::uint16_t>({1}, {65535});
    check_round_trip<std::int16_t>({1}, {-32768});
    check_round_trip<std::uint32_t>({1}, {4294967295u});
    check_round_trip<std::int32_t>({1}, {std::numeric_limits<std::int32_t>::min()});
    check_round_trip<std::uint64_t>({1}, {std::numeric_limits<std::uint64_t>::max()});
    check_round_trip<std::int64_t>({1}, {std::numeric_limits<std::int64_t>::min()});
    check_round_trip<float>(
        {2}, {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity()});
}

TEST_CASE("A written file has the bytes that NumPy writes") {
    const temporary_folder folder;
    write_npy<float>(folder / "x.npy", {2, 1}, {1.0f, -2.0f});
    // numpy.save of numpy.array([[1], [-2]], '<f4'): the elements start at byte 128
    std::string expected("\x93NUMPY\x01\x00\x76\x00"sv);
    expected += "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), }";
    expected.resize(127, ' ');
    expected += "\n\x00\x00\x80\x3f\x00\x00\x00\xc0"sv;
    CHECK(read_file(folder / "x.npy") == to_bytes(expected));

    write_npy<std::int8_t>(folder / "x.npy", {1}, {7});
    const bytes small = read_file(folder / "x.npy");
    CHECK(std::string(reinterpret_cast<const char*>(small.data()) + 10, 57) ==
          "{'descr': '|i1', 'fortran_order': False, 'shape': (1,), }");
}

TEST_CASE("Keys in any order, double quotes and long integers of Python 2 are read") {
    const bytes file = file_with("{\"shape\":(2L,),'fortran_order' : False, \"descr\": '<i2'}  \n",
                                 "\x01\x00\xff\xff"sv);
    const nd_array<int> array = parse_npy<int>(file);
    CHECK(array.shape == std::vector<std::size_t>{2});
    CHECK(array.values == std::vector<int>{1, -1});
}

TEST_CASE("Versions 2 and 3 have a header length of four bytes") {
    const std::string_view header = "{'descr': '|u1', 'fortran_order': False, 'shape': (), }";
    for (const char version : {'\2', '\3'}) {
        bytes file = to_bytes("\x93NUMPY"sv);
        file.push_back(static_cast<std::byte>(version));
        file = file + to_bytes("\0\x37\0\0\0"sv) + to_bytes(header) + to_bytes("A");
        CHECK(parse_npy<int>(file).values == std::vector<int>{65});
    }
}

TEST_CASE("A header that does not fit 65535 bytes is written as version 2") {
    // 64 dimensions of 20 digits do not do it: the format's own limit keeps ours at version 1.
    const std::vector<std::size_t> shape(64, 1);
    const temporary_folder folder;
    write_npy<double>(folder / "x.npy", shape, {1.5});
    CHECK(read_file(folder / "x.npy")[6] == std::byte{1});
    CHECK(read_npy<double>(folder / "x.npy").shape == shape);
    const std::string head = detail::npy_head(scalar_type::f64, std::vector<std::size_t>(30000, 1));
    CHECK(head[6] == '\2');
    CHECK(head.size() % 64 == 0);
    const unsigned length = static_cast<unsigned char>(head[8]) +
                            256u * static_cast<unsigned char>(head[9]) +
                            65536u * static_cast<unsigned char>(head[10]);
    CHECK(length + 12 == head.size());
}

TEST_CASE("Big-endian numbers, booleans and half precision are converted") {
    const auto header = [](std::string_view descr) {
        return "{'descr': '" + std::string(descr) + "', 'fortran_order': False, 'shape': (2,), }";
    };
    const auto parse = [&](std::string_view descr, std::string_view data) {
        return parse_npy<double>(file_with(header(descr), data)).values;
    };
    using numbers = std::vector<double>;
    CHECK(parse(">i4", "\x00\x00\x01\x02\xff\xff\xff\xfe"sv) == numbers{258, -2});
    CHECK(parse(">f4", "\x3f\x80\x00\x00\xc0\x00\x00\x00"sv) == numbers{1, -2});
    CHECK(parse("|b1", "\x00\x01"sv) == numbers{0, 1});
    CHECK(parse("<f2", "\x00\x3c\x01\x00"sv) == numbers{1, std::ldexp(1.0, -24)});
    CHECK(parse("<u8", "\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x80"sv) == numbers{1, std::ldexp(1.0, 63)});
}

TEST_CASE("Fortran order is transposed to C order") {
    const bytes file = file_with("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3), }",
                                 "\x01\x04\x02\x05\x03\x06");
    CHECK(parse_npy<int>(file).values == std::vector<int>{1, 2, 3, 4, 5, 6});

    // Three dimensions: element (i, j, k) of shape (2, 3, 4) is stored at i + 2 (j + 3 k).
    std::string stored(24, '\0');
    std::vector<int> expected;
    for (std::size_t i = 0; i < 2; ++i) {
        for (std::size_t j = 0; j < 3; ++j) {
            for (std::size_t k = 0; k < 4; ++k) {
                stored[i + 2 * (j + 3 * k)] = static_cast<char>(100 * i + 10 * j + k);
                expected.push_back(static_cast<int>(100 * i + 10 * j + k));
            }
        }
    }
    const bytes cube =
        file_with("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3, 4), }", stored);
    CHECK(parse_npy<int>(cube).values == expected);
    CHECK(
        parse_npy<int>(file_with("{'descr': '|u1', 'fortran_order': True, 'shape': (0, 3), }", ""))
            .values.empty());
}

TEST_CASE("A number that the requested type cannot hold is refused at its place") {
    const auto one = [](std::string_view descr, std::string_view data) {
        return file_with(
            "{'descr': '" + std::string(descr) + "', 'fortran_order': False, 'shape': (" +
                std::to_string(data.size() / static_cast<std::size_t>(descr[2] - '0')) + ",), }",
            data);
    };
    const bytes wide = one("<i4", "\x01\x00\x00\x00\x2c\x01\x00\x00"sv);
    CHECK(parse_npy<int>(wide).values == std::vector<int>{1, 300});
    check_refused([&] { parse_npy<std::uint8_t>(wide); }, wide.size() - 4,
                  "element 1 does not fit the requested type");
    const bytes fraction = one("<f4", "\x00\x00\x80\x3f"sv);
    check_refused([&] { parse_npy<int>(fraction); }, fraction.size() - 4,
                  "element 0 does not fit the requested type");
    const bytes huge = one("<f8", "\x00\x00\x00\x00\x00\x00\xe0\x7f"sv);  // 2^1023
    CHECK(parse_npy<double>(huge).values == std::vector<double>{std::ldexp(1.0, 1023)});
    check_refused([&] { parse_npy<float>(huge); }, huge.size() - 8,
                  "element 0 does not fit the requested type");
    const bytes infinite = one("<f8", "\x00\x00\x00\x00\x00\x00\xf0\x7f"sv);
    CHECK(parse_npy<float>(infinite).values[0] == std::numeric_limits<float>::infinity());
    const bytes not_boolean = one("|b1", "\x02"sv);
    check_refused([&] { parse_npy<int>(not_boolean); }, not_boolean.size() - 1,
                  "element 0 does not fit the requested type");
}

TEST_CASE("An npy file that is not as it should be is refused where it goes wrong") {
    const auto refused = [](const bytes& file, std::uint64_t offset, const std::string& reason) {
        check_refused([&] { parse_npy<float>(file); }, offset, reason);
    };
    refused({}, 0, "the magic string takes 6 bytes, but the file ends after 0");
    refused(to_bytes("\x89PNG\r\n\x1a\n"), 0, "this is not an npy file");
    refused(to_bytes("\x93NUMPY\x09\x00\x00\x00"sv), 6, "the version 9.0 is unknown");
    refused(to_bytes("\x93NUMPY\x01\x00\xff\xff{}"sv), 10,
            "the header takes 65535 bytes, but the file ends after 2");
    refused(to_bytes("\x93NUMPY\x02\x00\xff\xff\xff\xff{}"sv), 12,
            "the header takes 4294967295 bytes, but the file ends after 2");

    const auto header = [&](std::string_view text, std::uint64_t offset,
                            const std::string& reason) {
        refused(file_with(text, ""), 10 + offset, "npy header: " + reason);
    };
    header("", 0, "expected {");
    header("{}", 2, "descr, fortran_order or shape is missing");
    header("{'descr': '<f4', 'descr': '<f4'}", 17, "the key 'descr' is unknown or repeated");
    header("{'colour': 1}", 1, "the key 'colour' is unknown or repeated");
    header("{descr: 1}", 1, "expected a text in quotation marks");
    header("{'descr", 7, "a quotation mark is missing");
    header("{'descr' '<f4'}", 9, "expected :");
    header("{'descr': '<c8'}", 10, "the element type '<c8' is not supported");
    header("{'descr': '|O'}", 10, "the element type '|O' is not supported");
    header("{'descr': [('x', '<f4')]}", 10, "expected a text in quotation marks");
    header("{'fortran_order': 0}", 18, "expected True or False");
    header("{'shape': 3}", 10, "expected (");
    header("{'shape': (3)}", 12, "expected , after a single extent");
    header("{'shape': (3, -4)}", 14, "expected an extent");
    header("{'shape': (99999999999999999999,)}", 11, "an extent is too large");
    header("{'shape': (3,) 'descr'", 15, "expected }");
    header("{} []", 3, "the dictionary is followed by more text");
    std::string long_shape = "{'shape': (";
    for (int i = 0; i < 65; ++i) long_shape += "1,";
    header(long_shape, 11 + 64 * 2, "more than 64 dimensions");

    const auto shape = [&](std::string_view text, std::string_view data) {
        return file_with("{'descr':'<f4','fortran_order':False,'shape':" + std::string(text) + "}",
                         data);
    };
    refused(shape("(2,)", "abcdefg"), 60,
            "data of shape (2,) takes 8 bytes, but the file ends after 7");
    refused(shape("(1,)", "abcde"), 64, "data of shape (1,) ends here, but 1 more bytes follow");
    refused(shape("(4294967296,4294967296)", ""), 79,
            "the shape (4294967296, 4294967296) has more elements than memory can hold");
    refused(shape("(4611686018427387904,)", ""), 78,
            "the shape (4611686018427387904,) has more elements than memory can hold");
    CHECK(parse_npy<float>(shape("(4294967296,4294967296,0)", "")).values.empty());
}

TEST_CASE("A shape that does not fit the values is not written") {
    const temporary_folder folder;
    CHECK_THROWS_WITH_AS(write_npy<float>(folder / "x.npy", {2, 2}, {1, 2, 3}),
                         "diffusion::io::write_npy: the shape must have as many elements as there "
                         "are values, got 3",
                         std::invalid_argument);
    CHECK(folder.count() == 0);
}
