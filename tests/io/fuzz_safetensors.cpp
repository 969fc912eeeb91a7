// A million damaged safetensors files. Half of them get random bytes, the others a header that is
// wrong on purpose around numbers, names and braces that are right, so that every rule is reached.

#include <diffusion/io/safetensors.hpp>

#include "allocations.hpp"
#include "fuzz.hpp"
#include "support.hpp"

#include <array>
#include <filesystem>
#include <string>
#include <string_view>

using namespace diffusion::io;
using namespace io_test;
using namespace std::string_view_literals;

namespace {

std::vector<bytes> seeds() {
    const temporary_folder folder;
    std::vector<bytes> files;
    const auto keep = [&](const safetensors_file& file) {
        write_safetensors(folder / "x", file);
        files.push_back(read_file(folder / "x"));
    };
    safetensors_file file;
    file.metadata = {{"schedule", "cosine"}, {"steps", "1000"}};
    file.add("conv.weight", {2, 1, 2}, std::vector<float>{1, 2, 3, 4});
    const std::vector<float> halves{1, -65504, 1e-7f};
    file.add("half", {3}, std::span<const float>(halves), scalar_type::f16);
    file.add("brain", {1, 3}, std::span<const float>(halves), scalar_type::bf16);
    file.add("count", {}, std::vector<std::int64_t>{7});
    keep(file);
    file = {};
    file.add("a", {3}, std::vector<std::uint8_t>{1, 2, 3});
    file.add("b", {0}, std::vector<double>{});
    file.add("c", {1}, std::vector<double>{0.5});
    keep(file);
    keep({});
    file.metadata = {{"\xc3\xa9", "\"\\\n"}};
    file.entries.resize(1);
    file.entries[0].type = scalar_type::boolean;
    file.entries[0].bytes = std::as_bytes(std::span("\0\1\1"sv));
    keep(file);
    return files;
}

/// Everything that can be asked of a file.
void look_at(const bytes& damaged) {
    const safetensors_file parsed = parse_safetensors(damaged);
    to_text(listing(parsed));
    for (const tensor_entry& entry : parsed.entries) {
        std::vector<float> scratch;
        try {
            entry.view(scratch);
        } catch (const format_error& error) {  // a double that is too large for a float
            if (error.offset() >= damaged.size()) FAIL("an error outside of the file");
        }
    }
}

/// Replaces one piece of the header, or doubles it, or puts something before it.
void spoil_header(std::string& header, dice& random) {
    static constexpr std::array marks{"\""sv, ":"sv, ","sv, "{"sv, "}"sv, "["sv, "]"sv, "0"sv};
    static constexpr std::array pieces{
        "18446744073709551615"sv,
        "18446744073709551616"sv,
        "-1"sv,
        "0"sv,
        "1"sv,
        "3"sv,
        "1.5"sv,
        "1e999"sv,
        "null"sv,
        "true"sv,
        "\xff\xfe"sv,
        "\xc3"sv,
        "\xed\xa0\x80"sv,
        "\\ud800"sv,
        "\\u0000"sv,
        "\0"sv,
        "\"a\""sv,
        "\"__metadata__\":{},"sv,
        "\"dtype\":\"F16\","sv,
        "\"shape\":[4294967296,4294967296],"sv,
        "\"data_offsets\":[0,8],"sv,
        "\"b\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]},"sv,
        "BF16"sv,
        "F64"sv,
        "/*"sv,
        "\xef\xbb\xbf"sv,
        "{"sv,
        "[[[[[[[["sv,
        "\"\":{\"\":{\"\":{\"\":"sv};
    const std::size_t start = random.below(header.size() + 1);
    std::size_t at = header.find(marks[random.below(marks.size())], start);
    if (at == header.npos) at = start;
    const std::string_view piece = pieces[random.below(pieces.size())];
    switch (random.below(5)) {
        case 0:
            header.insert(at, piece);
            break;
        case 1:
            header.replace(at, random.below(8), piece);
            break;
        case 2: {  // deep nesting, long lists
            static constexpr std::array repeated{"["sv, "{"sv, "{\"\":"sv, "1,"sv, "0,"sv};
            const std::string_view one = repeated[random.below(repeated.size())];
            std::string many;
            for (std::size_t n = random.below(1000); n > 0; --n) many += one;
            header.insert(at, many);
            break;
        }
        case 3: {  // an entry or a field twice, or elsewhere
            const std::size_t end = header.find(',', at);
            header.insert(at, header.substr(at, end == header.npos ? end : end - at + 1));
            break;
        }
        default:  // another offset or extent: gaps, overlaps, wrong sizes
            at = header.find_first_of("0123456789", at);
            if (at != header.npos) header[at] = static_cast<char>('0' + random.below(10));
            break;
    }
}

}  // namespace

TEST_CASE("A damaged safetensors file gives tensors or a format_error") {
    const outcome result = fuzz(seeds(), 125000, 16, look_at);
    CHECK(result.values + result.errors == 500000);
}

TEST_CASE("A safetensors file with a malicious header gives tensors or a format_error") {
    const auto spoil = [](bytes& file, dice& random) {
        const auto length = detail::load<std::uint64_t>(file.data(), std::endian::little);
        const auto* text = reinterpret_cast<const char*>(file.data()) + 8;
        std::string header(text, static_cast<std::size_t>(length));
        for (std::size_t n = random.below(2) + 1; n > 0; --n) spoil_header(header, random);
        bytes spoiled(8);
        detail::store<std::uint64_t>(header.size(), spoiled.data(), std::endian::little);
        file.erase(file.begin(), file.begin() + 8 + signed_of(static_cast<std::size_t>(length)));
        file = std::move(spoiled) + to_bytes(header) + file;
    };
    const outcome result = fuzz_with(seeds(), 125000, 16, look_at, spoil);
    CHECK(result.values + result.errors == 500000);
    // Each rule was broken at least once.
    for (const std::string_view rule : {"not well-formed JSON",
                                        "the name \"",
                                        "is repeated",
                                        "expected to start at",
                                        "ends at",
                                        "more bytes follow",
                                        "does not fill its",
                                        "is not supported",
                                        "is too long",
                                        "is too large",
                                        "more than two numbers",
                                        "needs two numbers",
                                        "found a list",
                                        "found an object",
                                        "a negative number",
                                        "a fractional number",
                                        "unknown key",
                                        "lacks its",
                                        "does not start with {",
                                        "metadata key"}) {
        CAPTURE(rule);
        bool seen = false;
        for (const std::string& reason : result.reasons)
            seen = seen || reason.find(rule) != reason.npos;
        CHECK(seen);
    }
}

TEST_CASE("A damaged file that is mapped gives the same answer as one that is read") {
    const temporary_folder folder;
    const auto answer = [](const auto& open) -> std::string {
        try {
            return to_text(listing(open()));
        } catch (const format_error& error) {
            return error.what();
        }
    };
    dice random;
    for (const bytes& seed : seeds()) {
        for (int i = 0; i < 300; ++i) {
            bytes file = seed;
            damage(file, random);
            write_file(folder / "x", file);
            REQUIRE(answer([&] { return map_safetensors(folder / "x"); }) ==
                    answer([&] { return read_safetensors(folder / "x"); }));
        }
    }
}
