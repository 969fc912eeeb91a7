#include <diffusion/io/ppm.hpp>

#include "support.hpp"

#include <stdexcept>
#include <string_view>

using namespace diffusion::io;
using namespace io_test;
using namespace std::string_view_literals;

namespace {
image parse(std::string_view text) { return parse_ppm(to_bytes(text)); }
}  // namespace

TEST_CASE("A PGM and a PPM file are the header's text and the samples") {
    const temporary_folder folder;
    const image grey{2, 3, 1, {0, 1, 2, 253, 254, 255}};
    write_ppm(folder / "x.pgm", grey);
    CHECK(read_file(folder / "x.pgm") == to_bytes("P5\n3 2\n255\n\x00\x01\x02\xfd\xfe\xff"sv));
    CHECK(read_ppm(folder / "x.pgm") == grey);

    const image colour{1, 1, 3, {1, 2, 3}};
    write_ppm(folder / "x.ppm", colour);
    CHECK(read_file(folder / "x.ppm") == to_bytes("P6\n1 1\n255\n\x01\x02\x03"sv));
    CHECK(read_ppm(folder / "x.ppm") == colour);
}

TEST_CASE("Comments and any white space may stand between the words of the header") {
    CHECK(parse("P5# a comment\n\t2\r\n # another\n 1 255 ab"sv) == image{1, 2, 1, {'a', 'b'}});
    CHECK(parse("P5 1 1 255\n\n"sv) == image{1, 1, 1, {'\n'}});  // one space, then the samples
}

TEST_CASE("Samples with another largest one are scaled to 255") {
    CHECK(parse("P5 3 1 2 \x00\x01\x02"sv) == image{1, 3, 1, {0, 128, 255}});
    check_refused([] { parse("P5 3 1 2 \x00\x01\x03"sv); }, 11,
                  "a sample is larger than the largest, 2");
}

TEST_CASE("A PPM file that is not as it should be is refused where it goes wrong") {
    check_refused([] { parse(""); }, 0,
                  "the magic number P5 or P6 takes 2 bytes, but the file ends after 0");
    check_refused([] { parse("P2 1 1 255 0"); }, 0, "this is not a binary PGM or PPM file");
    check_refused([] { parse("P5 2 "); }, 5, "the height takes 1 bytes, but the file ends after 0");
    check_refused([] { parse("P5 # without an end"); }, 19,
                  "a comment takes 1 bytes, but the file ends after 0");
    check_refused([] { parse("P5 x 1 255 a"); }, 3, "the width is not a number");
    check_refused([] { parse("P5 -1 1 255 a"); }, 3, "the width is not a number");
    check_refused([] { parse("P5 1 99999999999999999999 255 a"); }, 5, "the height is too large");
    check_refused([] { parse("P5 1 1 65535 aa"); }, 13,
                  "the largest sample must be 1 to 255, not 65535");
    check_refused([] { parse("P5 1 0 255 "); }, 11, "the picture has no pixels");
    check_refused([] { parse("P6 2 1 255 abcde"); }, 11,
                  "data of shape (1, 2, 3) takes 6 bytes, but the file ends after 5");
    check_refused([] { parse("P6 1 1 255 abcd"); }, 14,
                  "data of shape (1, 1, 3) ends here, but 1 more bytes follow");
    check_refused([] { parse("P6 9999999999 9999999999 255 abcd"); }, 29,
                  "the shape (9999999999, 9999999999, 3) has more elements than memory can hold");
}

TEST_CASE("A picture that does not fit its sizes is not written") {
    const temporary_folder folder;
    CHECK_THROWS_WITH_AS(write_ppm(folder / "x", {1, 2, 1, {0}}),
                         "diffusion::io::write_ppm: a picture must have height * width * channels "
                         "samples, got 1",
                         std::invalid_argument);
    CHECK_THROWS_AS(write_ppm(folder / "x", {1, 1, 2, {0, 0}}), std::invalid_argument);
    CHECK_THROWS_AS(write_ppm(folder / "x", {}), std::invalid_argument);
    CHECK(folder.count() == 0);
}
