#include <diffusion/io/safetensors.hpp>

#include "support.hpp"

#include <cmath>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

using namespace diffusion::io;
using namespace io_test;
using namespace std::string_view_literals;

namespace {

bytes file_with(std::string_view header, std::string_view data) {
    bytes all(8);
    detail::store<std::uint64_t>(header.size(), all.data(), std::endian::little);
    return all + to_bytes(header) + to_bytes(data);
}

template <class T>
void check_values(std::string_view dtype, std::string_view data, const std::vector<T>& expected) {
    const bytes file = file_with("{\"x\":{\"dtype\":\"" + std::string(dtype) + "\",\"shape\":[" +
                                     std::to_string(expected.size()) + "],\"data_offsets\":[0," +
                                     std::to_string(data.size()) + "]}}",
                                 data);
    const safetensors_file parsed = parse_safetensors(file);
    CHECK(parsed.at("x").values<T>() == expected);
}

}  // namespace

TEST_CASE("Tensors, their order and the metadata come back from a safetensors file") {
    const temporary_folder folder;
    safetensors_file file;
    file.metadata = {{"schedule", "cosine"}, {"net", "{\"base\": 32}\n\"\xc3\xa9\""}};
    file.add("z.weight", {2, 3}, std::vector<float>{1, 2, 3, 4, 5, -0.0f});
    file.add("a.step", {}, std::vector<std::int64_t>{-7});
    file.add("empty", {0, 4}, std::vector<double>{});
    file.add("odd", {3}, std::vector<std::uint8_t>{1, 2, 255});
    const std::vector<double> kept{0.1, 0.2};
    file.add_view<double>("after odd", {2, 1}, kept);
    write_safetensors(folder / "x.safetensors", file);

    const safetensors_file back = read_safetensors(folder / "x.safetensors");
    CHECK(back.metadata == file.metadata);
    REQUIRE(back.entries.size() == 5);
    for (std::size_t i = 0; i < 5; ++i) {
        CHECK(back.entries[i].name == file.entries[i].name);
        CHECK(back.entries[i].type == file.entries[i].type);
        CHECK(back.entries[i].shape == file.entries[i].shape);
    }
    CHECK(back.at("z.weight").values<float>() == std::vector<float>{1, 2, 3, 4, 5, 0});
    CHECK(back.at("a.step").values<int>() == std::vector<int>{-7});
    CHECK(back.at("a.step").size() == 1);
    CHECK(back.at("empty").values<float>().empty());
    CHECK(back.at("after odd").values<double>() == kept);
    CHECK(back.find("nothing") == nullptr);
    CHECK_THROWS_WITH_AS(
        back.at("nothing"),
        "diffusion::io::safetensors_file::at: the name must be that of a tensor in "
        "the file, got \"nothing\"",
        std::invalid_argument);
}

TEST_CASE("A file without tensors, and one that is read and written again") {
    const temporary_folder folder;
    write_safetensors(folder / "x", {});
    CHECK(read_file(folder / "x") == to_bytes("\x08\0\0\0\0\0\0\0{}      "sv));
    CHECK(read_safetensors(folder / "x").entries.empty());

    safetensors_file file;
    file.metadata = {{"a", "b"}};
    file.add("x", {1}, std::vector<float>{1});
    write_safetensors(folder / "x", file);
    const bytes before = read_file(folder / "x");
    write_safetensors(folder / "x", read_safetensors(folder / "x"));
    CHECK(read_file(folder / "x") == before);
    CHECK(before ==
          file_with("{\"__metadata__\":{\"a\":\"b\"},\"x\":{\"dtype\":\"F32\",\"shape\":[1]"
                    ",\"data_offsets\":[0,4]}} ",
                    "\0\0\x80\x3f"sv));
}

TEST_CASE("Every number type of the format becomes float or integer") {
    using floats = std::vector<float>;
    check_values<float>("F32", "\0\0\x80\x3f"sv, floats{1});
    check_values<float>("F64", "\0\0\0\0\0\0\0\xc0"sv, floats{-2});
    check_values<float>("F16", "\x00\x3c\x01\x80"sv, floats{1, -std::ldexp(1.0f, -24)});
    check_values<float>("BF16", "\x80\x3f\x49\xc0"sv, floats{1, -3.140625f});
    check_values<float>("I8", "\xff\x02"sv, floats{-1, 2});
    check_values<float>("U8", "\xff\x02"sv, floats{255, 2});
    check_values<float>("I16", "\xfe\xff"sv, floats{-2});
    check_values<float>("U16", "\xfe\xff"sv, floats{65534});
    check_values<float>("I32", "\xfe\xff\xff\xff"sv, floats{-2});
    check_values<float>("U32", "\x00\x00\x00\x80"sv, floats{std::ldexp(1.0f, 31)});
    check_values<float>("I64", "\xfe\xff\xff\xff\xff\xff\xff\xff"sv, floats{-2});
    check_values<std::uint64_t>("U64", "\xff\xff\xff\xff\xff\xff\xff\xff"sv, {0xffffffffffffffffu});
    check_values<float>("BOOL", "\x00\x01"sv, floats{0, 1});
}

TEST_CASE("A view looks at the file itself where it can, and converts where it must") {
    const auto memory = std::make_shared<const bytes>(
        file_with("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
                  "\"b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[8,9]},"
                  "\"c\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[9,13]}}    ",
                  "\0\0\x80\x3f\0\0\0\x40\x07\0\0\x80\x3f"sv));
    REQUIRE((memory->size() - 13) % 4 == 0);
    const safetensors_file file = parse_safetensors(*memory, "memory", memory);
    std::vector<float> scratch;
    const std::span<const float> a = file.at("a").view(scratch);
    CHECK(static_cast<const void*>(a.data()) == file.at("a").bytes.data());
    CHECK(a[1] == 2.0f);
    CHECK(scratch.empty());
    CHECK(file.at("b").view(scratch)[0] == 7.0f);
    CHECK(scratch.size() == 1);
    CHECK(file.at("c").view(scratch)[0] == 1.0f);  // not at a multiple of 4
    CHECK(scratch.size() == 1);
}

TEST_CASE("An entry keeps the memory of its file alive") {
    const temporary_folder folder;
    tensor_entry entry;
    {
        safetensors_file file;
        file.add("x", {1}, std::vector<float>{42});
        write_safetensors(folder / "x", file);
        entry = read_safetensors(folder / "x").at("x");
    }
    CHECK(entry.values<float>() == std::vector<float>{42});
}

TEST_CASE("A number that the requested type cannot hold is refused with file, place and tensor") {
    const temporary_folder folder;
    safetensors_file file;
    file.add("x", {2}, std::vector<double>{1, 1e300});
    write_safetensors(folder / "x", file);
    const safetensors_file back = read_safetensors(folder / "x");
    const std::uint64_t end = std::filesystem::file_size(folder / "x");
    const format_error error = refusal([&] { back.at("x").values<float>(); });
    CHECK(error.file() == (folder / "x").string());
    CHECK(error.offset() == end - 8);
    CHECK(error.reason() == "element 1 of tensor \"x\" does not fit the requested type");
    CHECK_THROWS_AS(back.at("x").values<int>(), format_error);
    std::vector<double> three(3);
    CHECK_THROWS_AS(back.at("x").copy_to(std::span<double>(three)), std::invalid_argument);
}

TEST_CASE("A header that is not as it should be is refused behind the piece that is wrong") {
    const auto refused = [](std::string_view header, std::string_view until,
                            const std::string& reason) {
        CAPTURE(header);
        const std::size_t offset = 8 + header.find(until) + until.size();
        check_refused([&] { parse_safetensors(file_with(header, "")); }, offset, reason);
    };
    refused("{\"a\" 1}", "{\"a\" 1}", "this is not well-formed JSON");
    refused("{} x", "{} x", "this is not well-formed JSON");
    refused("{\"a\":[]}", "[", "expected a tensor's description, found a list");
    refused("{\"a\":\"b\"}", "\"b\"", "expected a tensor's description, found a string");
    refused("{\"a\":null}", "null", "expected a tensor's description, found null");
    refused("{\"a\":true}", "true", "expected a tensor's description, found a truth value");
    refused("{\"a\":{\"dtype\":\"F4\"}}", "\"F4\"", "the dtype \"F4\" is not supported");
    refused("{\"a\":{\"dtype\":\"F8_E4M3\"}}", "E4M3\"", "the dtype \"F8_E4M3\" is not supported");
    refused("{\"a\":{\"dtype\":{}}}", "\":{\"dtype\":{",
            "expected a dtype's name, found an object");
    refused("{\"a\":{\"shape\":7 }}", "7 ", "expected a list of extents, found a number");
    refused("{\"a\":{\"shape\":[-7 ]}}", "-7 ",
            "expected a list of extents, found a negative number");
    refused("{\"a\":{\"shape\":[1.5 ]}}", "1.5 ",
            "expected a list of extents, found a fractional number");
    refused("{\"a\":{\"shape\":[18446744073709551616 ]}}", "616 ", "a number is too large");
    refused("{\"a\":{\"shape\":[[", "[[", "expected a list of extents, found a list");
    refused("{\"a\":{\"data_offsets\":[0]}}", "[0]", "data_offsets of \"a\" needs two numbers");
    refused("{\"a\":{\"data_offsets\":[0,0,0 ]}}", "[0,0,0 ",
            "data_offsets has more than two numbers");
    refused("{\"a\":{\"dtype\":\"U8\",\"dtype\"", "\"U8\",\"dtype\"", "\"dtype\" is repeated");
    refused("{\"a\":{\"size\":1}}", "\"size\"",
            "a tensor's description has the unknown key \"size\"");
    refused("{\"a\":{\"dtype\":\"U8\"}}", "\"U8\"}",
            "the tensor \"a\" lacks its dtype, shape or data_offsets");
    refused("{\"__metadata__\":{\"k\":1 }}", "1 ", "expected a metadata string, found a number");
    refused("{\"__metadata__\":{\"k\":{}}}", "\"k\":{",
            "expected a metadata string, found an object");
    refused("{\"__metadata__\":{\"k\":\"\",\"k\"", ",\"k\"", "the metadata key \"k\" is repeated");
    refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]},\"a\"", "},\"a\"",
            "the name \"a\" is repeated");
}

TEST_CASE("A length, or offsets, that do not fit the file are refused") {
    check_refused([] { parse_safetensors(to_bytes("abc")); }, 0,
                  "the header's length takes 8 bytes, but the file ends after 3");
    check_refused([] { parse_safetensors(to_bytes("\xff\xff\xff\xff\xff\xff\xff\xff{}"sv)); }, 0,
                  "the header should have 18446744073709551615 bytes, but the file ends after 2");
    check_refused([] { parse_safetensors(file_with("", "")); }, 8,
                  "the header does not start with {");
    check_refused([] { parse_safetensors(file_with(" {}", "")); }, 8,
                  "the header does not start with {");

    const auto entry = [](std::string_view name, std::string_view shape, std::string_view offsets) {
        return '"' + std::string(name) + "\":{\"dtype\":\"F32\",\"shape\":" + std::string(shape) +
               ",\"data_offsets\":" + std::string(offsets) + '}';
    };
    const auto refused = [](const std::string& entries, std::string_view data, std::uint64_t offset,
                            const std::string& reason) {
        const std::string header = '{' + entries + '}';
        check_refused([&] { parse_safetensors(file_with(header, data)); },
                      8 + header.size() + offset, reason);
    };
    refused("", "x", 0, "the last tensor ends here, but 1 more bytes follow");
    refused(entry("a", "[1]", "[0,4]"), "abc", 3,
            "the tensor \"a\" ends at 4 of the data, but the file ends at 3");
    refused(entry("a", "[1]", "[0,4]"), "abcde", 4,
            "the last tensor ends here, but 1 more bytes follow");
    refused(entry("a", "[2]", "[0,4]"), "abcd", 0,
            "the tensor \"a\" of shape (2,) does not fill its 4 bytes");
    refused(entry("a", "[4294967296,4294967296,4]", "[0,0]"), "", 0,
            "the tensor \"a\" of shape (4294967296, 4294967296, 4) does not fill its 0 bytes");
    refused(entry("a", "[1]", "[4,8]"), "abcdefgh", 0,
            "the tensor \"a\" has the data_offsets [4, 8], expected to start at 0");
    refused(entry("a", "[1]", "[4,0]"), "abcd", 0,
            "the tensor \"a\" has the data_offsets [4, 0], expected to start at 0");
    refused(entry("a", "[2]", "[0,8]") + ',' + entry("b", "[1]", "[4,8]"), "abcdefgh", 8,
            "the tensor \"b\" has the data_offsets [4, 8], expected to start at 8");
    // Their order in the header is free.
    const std::string swapped = entry("b", "[1]", "[4,8]") + ',' + entry("a", "[1]", "[0,4]");
    const bytes good = file_with('{' + swapped + '}', "\0\0\0\0\0\0\x80\x3f"sv);
    CHECK(parse_safetensors(good).entries.front().values<float>() == std::vector<float>{1});
}

TEST_CASE("A file that could not be read again is not written") {
    const temporary_folder folder;
    const auto refused = [&](const safetensors_file& file, const char* message) {
        CHECK_THROWS_WITH_AS(write_safetensors(folder / "x", file), message, std::invalid_argument);
        CHECK(folder.count() == 0);
    };
    const std::vector<float> one{1};
    safetensors_file file;
    file.add("a", {1}, one);
    file.add("a", {1}, one);
    refused(file,
            "diffusion::io::write_safetensors: tensor names must be unique and not __metadata__, "
            "got \"a\"");
    file.entries = {};
    file.add("__metadata__", {1}, one);
    refused(file,
            "diffusion::io::write_safetensors: tensor names must be unique and not __metadata__, "
            "got \"__metadata__\"");
    file.entries = {};
    file.add("\xff", {1}, one);
    refused(file, "diffusion::io::write_safetensors: names and metadata must be UTF-8");
    file.entries = {};
    file.add("a", {1}, one);
    file.entries[0].shape = {2};
    refused(file,
            "diffusion::io::write_safetensors: a tensor's shape must fit its bytes, got \"a\"");
    CHECK_THROWS_AS(file.add("b", {2}, one), std::invalid_argument);
}

TEST_CASE("Fractions can be stored in another type, which rounds to nearest even") {
    const temporary_folder folder;
    const std::vector<float> values{1, 0.333333333f, -65504, 1e-7f, -0.0f, 1 + 1 / 2048.0f};
    safetensors_file file;
    for (const scalar_type type :
         {scalar_type::f16, scalar_type::bf16, scalar_type::f32, scalar_type::f64}) {
        file.add(std::string(dtype_name(type)), {6}, std::span<const float>(values), type);
    }
    write_safetensors(folder / "x", file);
    const safetensors_file back = read_safetensors(folder / "x");
    for (const tensor_entry& entry : back.entries) CHECK(dtype_name(entry.type) == entry.name);
    CHECK(back.at("F16").bytes.size() == 12);
    const std::vector<double> halves = back.at("F16").values<double>();
    CHECK(halves == std::vector<double>{1, 0.333251953125, -65504, std::ldexp(2.0, -24), 0, 1});
    CHECK(std::signbit(halves[4]));
    CHECK(back.at("BF16").values<float>()[1] == 0.333984375f);
    CHECK(back.at("F32").values<float>() == values);
    CHECK(back.at("F64").values<float>() == values);
}

TEST_CASE("A number that the stored type cannot hold is refused with the tensor's name") {
    safetensors_file file;
    const std::vector<double> large{1, 65520}, huge{1e39}, infinite{HUGE_VAL, -HUGE_VAL};
    const auto add = [&](const std::vector<double>& values, scalar_type type) {
        file.add("w", {values.size()}, std::span<const double>(values), type);
    };
    CHECK_THROWS_WITH_AS(
        add(large, scalar_type::f16),
        "diffusion::io::safetensors_file::add: every element of \"w\" must fit the "
        "stored type, got 65520",
        std::invalid_argument);
    CHECK_THROWS_AS(add(huge, scalar_type::bf16), std::invalid_argument);
    CHECK_THROWS_AS(add(huge, scalar_type::f32), std::invalid_argument);
    CHECK_THROWS_WITH_AS(add({1}, scalar_type::i8),
                         "diffusion::io::safetensors_file::add: the stored type must be f16, bf16, "
                         "f32 or f64, got \"w\"",
                         std::invalid_argument);
    CHECK_NOTHROW(add(infinite, scalar_type::f16));  // it was infinite before
    CHECK(file.entries.size() == 1);
}

TEST_CASE("A mapped file's tensors lie in the mapping, not in a copy of it") {
    const temporary_folder folder;
    safetensors_file file;
    file.add("x", {3}, std::vector<float>{1, 2, 3});
    file.add("y", {1}, std::vector<std::uint16_t>{0x3c00});
    file.entries.back().type = scalar_type::f16;
    write_safetensors(folder / "w", file);
    const safetensors_file mapped = map_safetensors(folder / "w");
    const tensor_entry& x = mapped.at("x");
    const auto owner = std::static_pointer_cast<const mapped_file>(x.owner);
    CHECK(x.bytes.data() == owner->bytes().data() + x.offset);
    std::vector<float> scratch;
    const std::span<const float> values = x.view(scratch);
    CHECK(scratch.empty());
    CHECK(static_cast<const void*>(values.data()) == x.bytes.data());
    CHECK(values[2] == 3);
    CHECK(mapped.at("y").view(scratch)[0] == 1);
    CHECK(scratch.size() == 1);

    // Written anew, the file has another place on the disk: the mapping still shows the old one.
    file.entries[0] = file.entries[1];
    file.entries[0].name = "other";
    write_safetensors(folder / "w", file);
    CHECK(owner->changed());
    CHECK(values[2] == 3);
    CHECK(map_safetensors(folder / "w").find("other") != nullptr);
}

TEST_CASE("A mapped file that was cut short is refused when it is opened") {
    const temporary_folder folder;
    safetensors_file file;
    file.add("x", {4}, std::vector<float>{1, 2, 3, 4});
    write_safetensors(folder / "w", file);
    const std::uint64_t size = std::filesystem::file_size(folder / "w");
    for (std::uint64_t shorter = 0; shorter < size; ++shorter) {
        std::filesystem::resize_file(folder / "w", size - 1 - shorter);
        CHECK_THROWS_AS(map_safetensors(folder / "w"), format_error);
    }
    std::filesystem::remove(folder / "w");
    check_refused([&] { map_safetensors(folder / "w"); }, 0, "the file does not exist");
    check_refused([&] { map_safetensors(folder.path()); }, 0, "this is not a regular file");
}

TEST_CASE("A listing names the tensors of a file with type, shape and bytes") {
    safetensors_file file;
    file.add("conv.weight", {8, 1, 3, 3}, std::vector<float>(72));
    file.add("conv.bias", {8}, std::vector<double>(8));
    file.add("step", {}, std::vector<std::int64_t>{1});
    const std::vector<tensor_info> lines = listing(file);
    REQUIRE(lines.size() == 3);
    CHECK(lines[1] == tensor_info{"conv.bias", scalar_type::f64, {8}, 64});
    CHECK(to_text(lines) ==
          "conv.weight  F32  (8, 1, 3, 3)  288\n"
          "conv.bias    F64  (8,)           64\n"
          "step         I64  ()              8\n"
          "3 tensors, 81 elements, 360 bytes\n");
    CHECK(to_text({}) == "0 tensors, 0 elements, 0 bytes\n");
}

TEST_CASE("Permuted axes: element (i, j, k) goes where the axes say") {
    safetensors_file file;
    std::vector<std::int16_t> values(24);
    for (std::size_t i = 0; i < 24; ++i) values[i] = static_cast<std::int16_t>(i);
    file.add("x", {2, 3, 4}, values);
    const std::vector<std::size_t> axes{2, 0, 1};
    const tensor_entry turned = permuted(file.at("x"), axes);
    CHECK(turned.shape == std::vector<std::size_t>{4, 2, 3});
    const std::vector<int> got = turned.values<int>();
    for (std::size_t i = 0; i < 2; ++i)
        for (std::size_t j = 0; j < 3; ++j)
            for (std::size_t k = 0; k < 4; ++k)
                CHECK(got[(k * 2 + i) * 3 + j] == values[(i * 3 + j) * 4 + k]);

    file.add("scalar", {}, std::vector<float>{5});
    file.add("empty", {0, 2}, std::vector<float>{});
    CHECK(permuted(file.at("scalar"), {}).values<float>() == std::vector<float>{5});
    const std::vector<std::size_t> swap{1, 0}, twice{1, 1};
    CHECK(permuted(file.at("empty"), swap).shape == std::vector<std::size_t>{2, 0});
    CHECK_THROWS_AS(permuted(file.at("x"), swap), std::invalid_argument);
    CHECK_THROWS_AS(permuted(file.at("empty"), twice), std::invalid_argument);
}
