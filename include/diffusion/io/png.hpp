#pragma once
// PNG (ISO/IEC 15948; W3C, "Portable Network Graphics", 2003): a signature, then chunks of
// length, type, data and CRC. IHDR has the sizes, the IDAT chunks together one zlib stream with
// the rows, each row behind a byte that tells how it was predicted from its neighbours.
//
// Written with stb_image_write. Read with zlib and the code below: a decoder for garbled files has
// to compare the promised sizes, checksums and palette with what is there, and to say where they
// differ, which leaves little for a library to do.

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <zlib.h>

#include <diffusion/io/detail/inflate.hpp>
#include <diffusion/io/detail/source.hpp>
#include <diffusion/io/detail/stb_image_write.hpp>
#include <diffusion/io/file.hpp>
#include <diffusion/io/image.hpp>

namespace diffusion::io {

namespace detail {

inline constexpr std::array<std::uint8_t, 8> png_signature{137, 80, 78, 71, 13, 10, 26, 10};

enum class png_colour : std::uint8_t {
    grey = 0,
    rgb = 2,
    palette = 3,
    grey_alpha = 4,
    rgb_alpha = 6
};

struct png_header {
    std::size_t width = 0, height = 0;
    unsigned depth = 8;  // bits per sample
    png_colour colour = png_colour::grey;
    bool interlaced = false;

    std::size_t samples_per_pixel() const {
        switch (colour) {
            case png_colour::rgb:
                return 3;
            case png_colour::grey_alpha:
                return 2;
            case png_colour::rgb_alpha:
                return 4;
            default:
                return 1;
        }
    }
    std::size_t bits_per_pixel() const { return samples_per_pixel() * depth; }
    std::size_t row_bytes(std::size_t columns) const {
        return (columns * bits_per_pixel() + 7) / 8;
    }
    /// The distance to the byte that a filter calls "left".
    std::size_t filter_step() const { return std::max<std::size_t>(1, bits_per_pixel() / 8); }
    std::size_t channels() const {
        return colour == png_colour::grey || colour == png_colour::grey_alpha ? 1 : 3;
    }
};

/// A picture is sent in one pass, or in the seven of Adam7, each a coarser grid of its pixels.
struct png_pass {
    std::size_t left, top, step_x, step_y;

    std::size_t columns(const png_header& h) const {
        return h.width > left ? (h.width - left + step_x - 1) / step_x : 0;
    }
    std::size_t rows(const png_header& h) const {
        return h.height > top ? (h.height - top + step_y - 1) / step_y : 0;
    }
    /// Bytes in the unpacked stream: a filter byte before each row; empty passes take none.
    std::size_t size(const png_header& h) const {
        return columns(h) == 0 ? 0 : rows(h) * (1 + h.row_bytes(columns(h)));
    }
};

inline std::span<const png_pass> png_passes(const png_header& header) {
    static constexpr std::array<png_pass, 1> whole{{{0, 0, 1, 1}}};
    static constexpr std::array<png_pass, 7> adam7{{{0, 0, 8, 8},
                                                    {4, 0, 8, 8},
                                                    {0, 4, 4, 8},
                                                    {2, 0, 4, 4},
                                                    {0, 2, 2, 4},
                                                    {1, 0, 2, 2},
                                                    {0, 1, 1, 2}}};
    if (header.interlaced) return adam7;
    return whole;
}

/// Pictures of more pixels are neither read nor written; unpacked, they take at most 256 MiB.
inline constexpr std::size_t png_pixel_limit = std::size_t{1} << 25;

/// stb_image_write adds up the bytes of a row in an int.
inline constexpr std::size_t png_width_limit = std::size_t{1} << 22;

inline png_header read_png_header(source& in) {
    const std::size_t begin = in.position();
    png_header header;
    header.width = in.take_number<std::uint32_t>(std::endian::big, "the width");
    header.height = in.take_number<std::uint32_t>(std::endian::big, "the height");
    header.depth = in.take_number<std::uint8_t>(std::endian::big, "the bit depth");
    const auto colour = in.take_number<std::uint8_t>(std::endian::big, "the colour type");
    const auto compression = in.take_number<std::uint8_t>(std::endian::big, "the compression");
    const auto filter = in.take_number<std::uint8_t>(std::endian::big, "the filter method");
    const auto interlace = in.take_number<std::uint8_t>(std::endian::big, "the interlace method");

    // 2^31 - 1 is the format's own limit; with both in range no product below can overflow.
    constexpr std::size_t most = 0x7fffffff;
    if (header.width == 0 || header.width > most || header.height == 0 || header.height > most) {
        in.fail_at(begin, "the size " + std::to_string(header.width) + " x " +
                              std::to_string(header.height) + " is not valid");
    }
    const bool small = header.depth == 1 || header.depth == 2 || header.depth == 4;
    const bool deep = header.depth == 8 || header.depth == 16;
    const bool known = (colour == 0 && (small || deep)) ||
                       (colour == 3 && (small || header.depth == 8)) ||
                       ((colour == 2 || colour == 4 || colour == 6) && deep);
    if (!known) {
        in.fail_at(begin + 8, "there is no colour type " + std::to_string(colour) + " with " +
                                  std::to_string(header.depth) + " bits");
    }
    header.colour = static_cast<png_colour>(colour);
    if (compression != 0) in.fail_at(begin + 10, "the compression method is unknown");
    if (filter != 0) in.fail_at(begin + 11, "the filter method is unknown");
    if (interlace > 1) in.fail_at(begin + 12, "the interlace method is unknown");
    header.interlaced = interlace == 1;
    if (header.width > png_pixel_limit / header.height) {
        in.fail_at(begin, "pictures of more than 2^25 pixels are not read");
    }
    return header;
}

/// Adds to each byte of a row what was predicted from its neighbours (section 9.2).
/// `above` is the finished row before it, or empty in the first row.
inline void undo_png_filter(unsigned filter, std::span<std::uint8_t> row,
                            std::span<const std::uint8_t> above, std::size_t step) {
    for (std::size_t i = 0; i < row.size(); ++i) {
        const int a = i >= step ? row[i - step] : 0;                      // left
        const int b = !above.empty() ? above[i] : 0;                      // above
        const int c = i >= step && !above.empty() ? above[i - step] : 0;  // above left
        int predicted = 0;
        switch (filter) {
            case 1:
                predicted = a;
                break;
            case 2:
                predicted = b;
                break;
            case 3:
                predicted = (a + b) / 2;
                break;
            case 4: {  // Paeth: the neighbour nearest to a + b - c, ties in the order a, b, c
                const int to_a = std::abs(b - c);
                const int to_b = std::abs(a - c);
                const int to_c = std::abs(a + b - 2 * c);
                predicted = to_a <= to_b && to_a <= to_c ? a : to_b <= to_c ? b : c;
                break;
            }
            default:
                break;
        }
        row[i] = static_cast<std::uint8_t>(row[i] + predicted);
    }
}

/// The index-th sample of a row: packed from the high bits down if it has less than 8 bits; of 16
/// bits the upper 8.
inline unsigned png_sample(std::span<const std::uint8_t> row, std::size_t index, unsigned depth) {
    if (depth == 8) return row[index];
    if (depth == 16) return row[2 * index];
    const std::size_t per_byte = 8 / depth;
    const auto shift = static_cast<unsigned>(8 - depth * (index % per_byte + 1));
    return (static_cast<unsigned>(row[index / per_byte]) >> shift) & ((1u << depth) - 1);
}

/// Reads a PNG chunk by chunk.
class png_reader {
public:
    explicit png_reader(source in) : in_(in) {}

    image read() {
        const std::span<const std::byte> start = in_.take(8, "the PNG signature");
        for (std::size_t i = 0; i < 8; ++i) {
            if (std::to_integer<std::uint8_t>(start[i]) != png_signature[i]) {
                in_.fail_at(i, "this is not a PNG file");
            }
        }
        chunk header = next_chunk();
        if (header.type != "IHDR" || header.size != 13) {
            in_.fail_at(header.begin, "a PNG file must start with an IHDR chunk of 13 bytes");
        }
        in_.seek(header.begin + 8);
        header_ = read_png_header(in_);
        in_.seek(header.end);
        for (const png_pass& pass : png_passes(header_)) expected_ += pass.size(header_);

        for (chunk c = next_chunk(); c.type != "IEND"; c = next_chunk()) read_chunk(c);
        if (!in_.at_end()) in_.fail("bytes follow the end of the PNG file");
        if (data_begin_ == 0) in_.fail("there is no IDAT chunk");
        if (!inflater_.finished()) in_.fail_at(data_end_, "the picture's data is incomplete");
        if (rows_.size() != expected_) {
            in_.fail_at(data_end_, "the picture's data has " + std::to_string(rows_.size()) +
                                       " bytes, its size needs " + std::to_string(expected_));
        }
        return decode();
    }

private:
    struct chunk {
        std::string_view type;
        std::size_t begin, size,
            end;  // from its length to behind its CRC; size is that of the data
        std::span<const std::byte> data;
    };

    chunk next_chunk() {
        chunk c;
        c.begin = in_.position();
        c.size = in_.take_number<std::uint32_t>(std::endian::big, "the length of a chunk");
        const std::span<const std::byte> rest = in_.rest();
        c.type = in_.take_text(4, "the type of a chunk");
        const auto letter = [](char x) { return (x >= 'a' && x <= 'z') || (x >= 'A' && x <= 'Z'); };
        if (!std::all_of(c.type.begin(), c.type.end(), letter)) {
            in_.fail_at(c.begin + 4, "a chunk's type must be four letters");
        }
        c.data = in_.take(c.size, "the chunk " + std::string(c.type));
        const auto stored = in_.take_number<std::uint32_t>(std::endian::big, "the CRC of a chunk");
        const auto actual = ::crc32_z(0, reinterpret_cast<const Bytef*>(rest.data()), 4 + c.size);
        if (stored != actual) {
            in_.fail_at(c.begin, "the chunk " + std::string(c.type) + " does not match its CRC");
        }
        c.end = in_.position();
        return c;
    }

    void read_chunk(const chunk& c) {
        if (c.type == "IDAT") {
            if (data_begin_ == 0) {
                data_begin_ = c.begin;
            } else if (data_end_ != c.begin) {
                in_.fail_at(c.begin, "the IDAT chunks are not consecutive");
            }
            data_end_ = c.end;
            unpack(c);
        } else if (c.type == "PLTE") {
            if (!palette_.empty() || data_begin_ != 0) {
                in_.fail_at(c.begin, "the chunk PLTE is repeated or too late");
            }
            if (c.size == 0 || c.size % 3 != 0 || c.size > 3 * 256) {
                in_.fail_at(c.begin,
                            "a palette of " + std::to_string(c.size) + " bytes is not valid");
            }
            palette_ = c.data;
        } else if (c.type[0] >= 'A' && c.type[0] <= 'Z') {  // a capital: must be understood
            in_.fail_at(c.begin, "the chunk " + std::string(c.type) + " is unknown or repeated");
        }
    }

    /// Appends to rows_, which grows with what is really there: a few bytes that promise a huge
    /// picture are found out before memory is taken for it.
    void unpack(const chunk& c) {
        std::span<const std::byte> packed = c.data;
        const auto at = [&] { return c.begin + 8 + (c.size - packed.size()); };
        const char* wrong = inflater_.unpack(packed, [&](std::span<const std::byte> piece) {
            if (piece.size() > expected_ - rows_.size()) {
                in_.fail_at(at(), "the picture's data is longer than its size needs");
            }
            const auto* begin = reinterpret_cast<const std::uint8_t*>(piece.data());
            rows_.insert(rows_.end(), begin, begin + piece.size());
        });
        if (wrong != nullptr) {
            in_.fail_at(at(), std::string("the packed data is garbled: ") + wrong);
        }
        if (!packed.empty()) in_.fail_at(at(), "bytes follow the picture's data");
    }

    image decode() {
        if (header_.colour == png_colour::palette && palette_.empty()) {
            in_.fail_at(data_begin_, "the palette is missing");
        }
        image picture{header_.height, header_.width, header_.channels(), {}};
        picture.pixels.resize(picture.height * picture.width * picture.channels);
        std::size_t begin = 0;
        for (const png_pass& pass : png_passes(header_)) {
            const std::size_t columns = pass.columns(header_);
            if (columns == 0) continue;
            const std::size_t size = header_.row_bytes(columns);
            std::span<std::uint8_t> above;
            for (std::size_t y = 0; y < pass.rows(header_); ++y) {
                const unsigned filter = rows_[begin];
                if (filter > 4) {
                    in_.fail_at(data_begin_, "the filter " + std::to_string(filter) + " of row " +
                                                 std::to_string(y) + " is unknown");
                }
                const std::span<std::uint8_t> row(rows_.data() + begin + 1, size);
                undo_png_filter(filter, row, above, header_.filter_step());
                for (std::size_t x = 0; x < columns; ++x) {
                    const std::size_t to_y = pass.top + y * pass.step_y;
                    const std::size_t to_x = pass.left + x * pass.step_x;
                    put_pixel(row, x,
                              &picture.pixels[(to_y * header_.width + to_x) * picture.channels]);
                }
                above = row;
                begin += 1 + size;
            }
        }
        return picture;
    }

    void put_pixel(std::span<const std::uint8_t> row, std::size_t x, std::uint8_t* to) const {
        if (header_.colour == png_colour::palette) {
            const std::size_t index = png_sample(row, x, header_.depth);
            if (3 * index + 3 > palette_.size()) {
                in_.fail_at(data_begin_, "a pixel has colour " + std::to_string(index) +
                                             ", but the palette ends before it");
            }
            for (std::size_t k = 0; k < 3; ++k) {
                to[k] = std::to_integer<std::uint8_t>(palette_[3 * index + k]);
            }
            return;
        }
        const unsigned spread = header_.depth < 8 ? 255 / ((1u << header_.depth) - 1) : 1;
        for (std::size_t k = 0; k < header_.channels(); ++k) {
            const std::size_t index = x * header_.samples_per_pixel() + k;
            to[k] = static_cast<std::uint8_t>(png_sample(row, index, header_.depth) * spread);
        }
    }

    source in_;
    png_header header_;
    std::span<const std::byte> palette_;
    inflater inflater_{inflater::wrapping::zlib};
    std::vector<std::uint8_t> rows_;  // the unpacked stream, of expected_ bytes in the end
    std::size_t expected_ = 0;
    std::size_t data_begin_ = 0, data_end_ = 0;  // of the IDAT chunks
};

}  // namespace detail

/// Decodes a PNG file in memory; `file` is the name used in messages.
///
/// All kinds of PNG are read, as 8-bit grey or RGB: palettes are looked up, 16-bit samples keep
/// their upper 8 bits, an alpha channel and other transparency are left out, colour profiles and
/// gamma are ignored. Throws format_error for anything garbled (every checksum is verified) and
/// for pictures of more than 2^25 pixels.
inline image parse_png(std::span<const std::byte> bytes, std::string_view file = "memory") {
    return detail::png_reader(detail::source(bytes, file)).read();
}

/// Reads a PNG file as parse_png does.
inline image read_png(const std::filesystem::path& path) {
    return parse_png(read_file(path), path.string());
}

/// The bytes of a PNG file. Throws std::invalid_argument unless the picture has 1 or 3 channels,
/// height * width * channels samples, 1 to 2^25 pixels, and a width of at most 2^22.
inline std::vector<std::byte> format_png(const image& picture) {
    constexpr const char* function = "diffusion::io::write_png";
    detail::require_image(picture, function);
    diffusion::detail::require(picture.width <= detail::png_width_limit, function,
                               "a picture must be at most 2^22 pixels wide", picture.width);
    diffusion::detail::require(picture.height <= detail::png_pixel_limit / picture.width, function,
                               "a picture must have at most 2^25 pixels", picture.pixels.size());
    int size = 0;
    const auto width = static_cast<int>(picture.width);
    const auto channels = static_cast<int>(picture.channels);
    const std::unique_ptr<unsigned char, void (*)(void*)> memory(
        detail::stb::stbi_write_png_to_mem(picture.pixels.data(), width * channels, width,
                                           static_cast<int>(picture.height), channels, &size),
        &std::free);
    if (memory == nullptr) throw std::bad_alloc();
    const auto* begin = reinterpret_cast<const std::byte*>(memory.get());
    return {begin, begin + size};
}

/// Writes a PNG file; a file of that name is replaced only when all of it is written.
/// Throws as format_png, and std::filesystem::filesystem_error if the file cannot be written.
inline void write_png(const std::filesystem::path& path, const image& picture) {
    write_file(path, format_png(picture));
}

}  // namespace diffusion::io
