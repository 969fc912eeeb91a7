#include <diffusion/io/csv.hpp>

#include "support.hpp"

#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>

using namespace diffusion::io;
using namespace io_test;
using namespace std::string_view_literals;

namespace {
csv_table parse(std::string_view text, const csv_options& options = {}) {
    return parse_csv(to_bytes(text), "memory", options);
}
using numbers = std::vector<double>;
using texts = std::vector<std::string>;
}  // namespace

TEST_CASE("A column is found by its name and becomes numbers or text") {
    const csv_table table = parse("sex,height,weight\nM,177.6,81.5\nF, -1e2 ,+3\n");
    CHECK(table.rows() == 2);
    CHECK(table.names() == texts{"sex", "height", "weight"});
    CHECK(table.numbers("height") == numbers{177.6, -100});
    CHECK(table.numbers(2) == numbers{81.5, 3});
    CHECK(table.texts("sex") == texts{"M", "F"});
    CHECK(table.text(1, 1) == " -1e2 ");
}

TEST_CASE("The first line holds names if one of its cells is text, unless told otherwise") {
    CHECK(parse("1,2\n3,4").names() == texts{"0", "1"});
    CHECK(parse("1,2\n3,4").numbers("1") == numbers{2, 4});
    CHECK(parse("1,b\n3,4").rows() == 1);
    CHECK(parse("1,2\n3,4", {.header = csv_header::present}).names() == texts{"1", "2"});
    CHECK(parse("a,b\nc,d", {.header = csv_header::absent}).texts(0) == texts{"a", "c"});
}

TEST_CASE("Quotation marks protect delimiters, line ends and quotation marks") {
    const csv_table table =
        parse("a;b\r\n\"x;\ny\";\"say \"\"no\"\"\"\r\n\"\";\"2\"", {.delimiter = ';'});
    CHECK(table.texts("a") == texts{"x;\ny", ""});
    CHECK(table.texts("b") == texts{"say \"no\"", "2"});
    CHECK(table.number(1, 1) == 2);
}

TEST_CASE("Line ends of every kind, empty lines and a byte order mark are read") {
    for (const std::string_view text : {"a,b\n1,2\n"sv, "a,b\r\n1,2\r\n"sv, "a,b\r1,2"sv,
                                        "\xef\xbb\xbf"
                                        "a,b\n\n\n1,2\n\n"sv}) {
        CHECK(parse(text).names() == texts{"a", "b"});
        CHECK(parse(text).numbers("b") == numbers{2});
    }
    CHECK(parse("1,\n,2\n,").texts(1) == texts{"", "2", ""});
    CHECK(parse("7").numbers(0) == numbers{7});
    CHECK(parse("name\n").rows() == 0);
}

TEST_CASE("A CSV file that is not as it should be is refused where it goes wrong") {
    const auto refused = [](std::string_view text, std::uint64_t offset,
                            const std::string& reason) {
        check_refused([&] { parse(text); }, offset, reason);
    };
    refused("", 0, "the file has no cells");
    refused("\n\r\n", 3, "the file has no cells");
    refused("a,b\n1,2,3\n", 9, "line 2 has 3 cells, the first has 2");
    refused("a,b\n1", 5, "line 2 has 1 cells, the first has 2");
    refused("a,\"b\n1", 2, "this quotation mark has no partner");
    refused("a,b\"", 3, "a quotation mark inside a cell without them");
    refused("\"a\"b", 3, "a quotation mark must be followed by the delimiter or the line's end");
    refused("a,b\n1,\0"sv, 6, "a control character: this is not a text file");
    refused("\x89PNG\r\n\x1a\n", 6, "a control character: this is not a text file");
}

TEST_CASE("A cell that is not a number is refused with its column and line") {
    const csv_table table = parse("a,b\n1,2\n3,x\n");
    check_refused([&] { table.numbers("b"); }, 10, "column \"b\", line 3: this is not a number");
    for (const std::string_view text : {"", "1 2", "0x10", "1e999", "+-1", "1,5", "--1"}) {
        CAPTURE(text);
        const csv_table one = parse("a;b\n1;" + std::string(text), {.delimiter = ';'});
        CHECK_THROWS_AS(one.number(0, 1), format_error);
    }
}

TEST_CASE("A column, row or delimiter that cannot be is refused") {
    const csv_table table = parse("a,b,b\n1,2,3\n");
    CHECK_THROWS_WITH_AS(
        table.numbers("c"),
        "diffusion::io::csv_table::column: the name must be that of a column, got \"c\"",
        std::invalid_argument);
    CHECK_THROWS_WITH_AS(
        table.numbers("b"),
        "diffusion::io::csv_table::column: the name must be that of one column only, got \"b\"",
        std::invalid_argument);
    CHECK_THROWS_AS(table.number(1, 0), std::invalid_argument);
    CHECK_THROWS_AS(table.numbers(3), std::invalid_argument);
    CHECK_THROWS_AS(csv_table().number(0, 0), std::invalid_argument);
    CHECK_THROWS_AS(parse("a", {.delimiter = '"'}), std::invalid_argument);
}

TEST_CASE("Numbers come back exactly from a CSV file, names with any characters too") {
    const temporary_folder folder;
    const numbers values{0.1, -1e300, 5e-324, 3, std::numeric_limits<double>::infinity(), 1.0 / 3};
    const texts names{"plain", "with, comma and \"marks\""};
    write_csv(folder / "x.csv", names, values);
    CHECK(first(read_file(folder / "x.csv"), 8) == to_bytes("plain,\"w"));
    const csv_table table = read_csv(folder / "x.csv");
    CHECK(table.names() == names);
    CHECK(table.numbers(0) == numbers{0.1, 5e-324, std::numeric_limits<double>::infinity()});
    CHECK(table.numbers(1) == numbers{-1e300, 3, 1.0 / 3});

    write_csv(folder / "x.csv", {""}, {});
    CHECK(read_csv(folder / "x.csv", {.header = csv_header::present}).names() == texts{""});
    write_csv(folder / "x.csv", {"a"}, numbers(20000, 0.125));
    CHECK(read_csv(folder / "x.csv").numbers("a") == numbers(20000, 0.125));
}

TEST_CASE("Values that do not fill whole rows are not written") {
    const temporary_folder folder;
    CHECK_THROWS_WITH_AS(write_csv(folder / "x", {"a", "b"}, numbers{1}),
                         "diffusion::io::write_csv: the values must fill whole rows of the table, "
                         "got 1",
                         std::invalid_argument);
    CHECK_THROWS_AS(write_csv(folder / "x", {}, {}), std::invalid_argument);
    CHECK(folder.count() == 0);
}
