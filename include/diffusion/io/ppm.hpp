#pragma once
// The binary Netpbm formats, "PGM" (grey, P5) and "PPM" (RGB, P6): a header of text,
//     P6  width height  largest sample
// with any white space between the words and comments from # to the end of the line, exactly one
// white-space character, then the samples. Nothing but this file is needed to read or write them.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <diffusion/io/detail/source.hpp>
#include <diffusion/io/file.hpp>
#include <diffusion/io/image.hpp>

namespace diffusion::io {

namespace detail {

inline char take_character(source& in, std::string_view what) {
    return static_cast<char>(in.take_number<std::uint8_t>(std::endian::big, what));
}

/// The next number of a Netpbm header, and the one character behind it.
inline std::size_t take_netpbm_number(source& in, std::string_view what) {
    const auto space = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
    const auto digit = [](char c) { return c >= '0' && c <= '9'; };
    char c = take_character(in, what);
    while (space(c) || c == '#') {
        if (c == '#') {
            while (c != '\n' && c != '\r') c = take_character(in, "a comment");
        }
        c = take_character(in, what);
    }
    const std::size_t begin = in.position() - 1;
    std::size_t number = 0;
    for (; digit(c); c = take_character(in, what)) {
        const std::optional<std::size_t> tenfold = product(number, 10);
        if (!tenfold || *tenfold > static_cast<std::size_t>(-1) - 9) {
            in.fail_at(begin, std::string(what) + " is too large");
        }
        number = *tenfold + static_cast<std::size_t>(c - '0');
    }
    if (in.position() - 1 == begin || !space(c)) {
        in.fail_at(in.position() - 1, std::string(what) + " is not a number");
    }
    return number;
}

}  // namespace detail

/// Decodes a binary PGM or PPM file in memory; samples are scaled to 0 .. 255 if the largest one
/// is not 255. Throws format_error if it is garbled, has more than 8 bits per sample, or has not
/// exactly the bytes that its header tells.
inline image parse_ppm(std::span<const std::byte> bytes, std::string_view file = "memory") {
    detail::source in(bytes, file);
    const std::string_view magic = in.take_text(2, "the magic number P5 or P6");
    if (magic != "P5" && magic != "P6") in.fail_at(0, "this is not a binary PGM or PPM file");
    image picture;
    picture.channels = magic == "P5" ? 1 : 3;
    picture.width = detail::take_netpbm_number(in, "the width");
    picture.height = detail::take_netpbm_number(in, "the height");
    const std::size_t largest = detail::take_netpbm_number(in, "the largest sample");
    if (largest < 1 || largest > 255) {
        in.fail("the largest sample must be 1 to 255, not " + std::to_string(largest));
    }
    if (picture.width == 0 || picture.height == 0) in.fail("the picture has no pixels");
    const std::size_t shape[] = {picture.height, picture.width, picture.channels};
    picture.pixels = in.take_array<std::uint8_t>(shape, scalar_type::u8, std::endian::native);
    if (largest == 255) return picture;
    for (std::size_t i = 0; i < picture.pixels.size(); ++i) {
        const std::size_t sample = picture.pixels[i];
        if (sample > largest) {
            in.fail_at(in.size() - picture.pixels.size() + i,
                       "a sample is larger than the largest, " + std::to_string(largest));
        }
        picture.pixels[i] = static_cast<std::uint8_t>((sample * 255 + largest / 2) / largest);
    }
    return picture;
}

/// Reads a binary PGM or PPM file as parse_ppm does.
inline image read_ppm(const std::filesystem::path& path) {
    return parse_ppm(read_file(path), path.string());
}

/// Writes a picture as binary PGM (1 channel) or PPM (3 channels).
///
/// Throws std::invalid_argument if the picture's sizes do not fit together, and
/// std::filesystem::filesystem_error if the file cannot be written.
inline void write_ppm(const std::filesystem::path& path, const image& picture) {
    detail::require_image(picture, "diffusion::io::write_ppm");
    atomic_file out(path);
    out.write(std::string(picture.channels == 1 ? "P5" : "P6") + '\n' +
              std::to_string(picture.width) + ' ' + std::to_string(picture.height) + "\n255\n");
    out.write(std::as_bytes(std::span(picture.pixels)));
    out.commit();
}

}  // namespace diffusion::io
