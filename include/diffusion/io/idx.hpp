#pragma once
// The IDX format of the MNIST files (LeCun, Cortes, Burges: "THE MNIST DATABASE of handwritten
// digits", 1998): two zero bytes, a byte for the element type, a byte for the number of
// dimensions, one 4-byte extent for each, then the elements in row-major order. All numbers are
// big-endian. The files are usually gzipped; both forms are read.

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <zlib.h>

#include <diffusion/detail/require.hpp>
#include <diffusion/io/detail/inflate.hpp>
#include <diffusion/io/detail/source.hpp>
#include <diffusion/io/file.hpp>
#include <diffusion/io/nd_array.hpp>
#include <diffusion/io/scalar_type.hpp>

namespace diffusion::io {

namespace detail {

struct idx_type {
    std::uint8_t code;
    scalar_type type;
};

inline constexpr std::array<idx_type, 6> idx_types{{{0x08, scalar_type::u8},
                                                    {0x09, scalar_type::i8},
                                                    {0x0b, scalar_type::i16},
                                                    {0x0c, scalar_type::i32},
                                                    {0x0d, scalar_type::f32},
                                                    {0x0e, scalar_type::f64}}};

struct idx_header {
    scalar_type type = scalar_type::u8;
    std::vector<std::size_t> shape;
};

inline constexpr std::size_t largest_idx_header = 4 + 4 * 255;

inline idx_header read_idx_header(source& in) {
    const auto zero = in.take_number<std::uint16_t>(std::endian::big, "the magic number");
    const auto code = in.take_number<std::uint8_t>(std::endian::big, "the element type");
    const auto rank = in.take_number<std::uint8_t>(std::endian::big, "the number of dimensions");
    if (zero != 0) in.fail_at(0, "this is not an IDX file");
    const auto known = std::find_if(idx_types.begin(), idx_types.end(),
                                    [&](const idx_type& t) { return t.code == code; });
    if (known == idx_types.end()) {
        in.fail_at(2, "the element type " + std::to_string(code) + " is unknown");
    }
    if (rank == 0) in.fail_at(3, "an IDX file needs at least one dimension");
    in.need(4u * rank, "the list of extents");
    idx_header header{known->type, {}};
    for (unsigned i = 0; i < rank; ++i) {
        header.shape.push_back(in.take_number<std::uint32_t>(std::endian::big, "an extent"));
    }
    return header;
}

/// Unpacks a gzipped IDX file. The header tells how much there will be: unpacking stops as soon as
/// there is more, and memory grows only with what has really been unpacked.
inline std::vector<std::byte> unpack_idx(const source& in) {
    std::span<const std::byte> packed = in.rest();
    std::vector<std::byte> unpacked;
    std::optional<std::size_t> expected;
    const auto at = [&] { return in.size() - packed.size(); };
    const auto append = [&](std::span<const std::byte> piece) {
        unpacked.insert(unpacked.end(), piece.begin(), piece.end());
        // A rank of r means a header of 4 + 4 r bytes.
        if (!expected && unpacked.size() >= 4 &&
            unpacked.size() >= 4 + 4 * std::to_integer<std::size_t>(unpacked[3])) {
            source start(unpacked, in.file(), " (in the unpacked data)");
            const idx_header header = read_idx_header(start);
            const std::optional<std::size_t> count = element_count(header.shape);
            const std::optional<std::size_t> size =
                count ? product(*count, size_of(header.type)) : std::nullopt;
            if (!size || *size > std::numeric_limits<std::size_t>::max() / 2) {
                start.fail("the shape " + shape_text(header.shape) +
                           " has more elements than memory can hold");
            }
            expected = start.position() + *size;
        }
        if (expected && unpacked.size() > *expected) {
            in.fail_at(at(), "the packed data is longer than the " + std::to_string(*expected) +
                                 " bytes that its header tells");
        }
    };

    inflater stream(inflater::wrapping::gzip);
    do {  // a gzip file is a sequence of members, nearly always one
        if (stream.finished()) stream.restart();
        const char* wrong = stream.unpack(packed, append);
        if (wrong != nullptr) in.fail_at(at(), std::string("the gzip data is garbled: ") + wrong);
    } while (stream.finished() && !packed.empty());
    if (!stream.finished()) in.fail_at(at(), "the gzip data is incomplete");
    return unpacked;
}

template <class T>
nd_array<T> parse_plain_idx(source in) {
    idx_header header = read_idx_header(in);
    nd_array<T> array;
    array.values = in.take_array<T>(header.shape, header.type, std::endian::big);
    array.shape = std::move(header.shape);
    return array;
}

inline std::vector<std::byte> gzipped(std::span<const std::byte> bytes) {
    z_stream stream{};
    constexpr int gzip_window = MAX_WBITS + 16;
    if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, gzip_window, 8, Z_DEFAULT_STRATEGY) !=
        Z_OK) {
        throw std::bad_alloc();
    }
    struct closer {
        z_stream& stream;
        ~closer() { deflateEnd(&stream); }
    } const close_at_exit{stream};

    std::vector<std::byte> packed;
    std::array<std::byte, 32768> piece;
    int status = Z_OK;
    while (status != Z_STREAM_END) {
        const std::size_t offered =
            std::min<std::size_t>(bytes.size(), std::numeric_limits<int>::max());
        stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes.data()));
        stream.avail_in = static_cast<uInt>(offered);
        stream.next_out = reinterpret_cast<Bytef*>(piece.data());
        stream.avail_out = static_cast<uInt>(piece.size());
        status = deflate(&stream, offered == bytes.size() ? Z_FINISH : Z_NO_FLUSH);
        bytes = bytes.subspan(offered - stream.avail_in);
        packed.insert(packed.end(), piece.data(), piece.data() + (piece.size() - stream.avail_out));
    }
    return packed;
}

}  // namespace detail

/// Reads an IDX file from memory, plain or gzipped; `file` is the name used in messages.
///
/// Elements become T by rounding at most: one that T cannot hold (300 as std::uint8_t, 1e300 as
/// float, any fraction type as an integer) is refused. Throws format_error, also if bytes are
/// missing or left over. Unpacked data may not exceed what the header tells.
template <file_scalar T = std::uint8_t>
nd_array<T> parse_idx(std::span<const std::byte> bytes, std::string_view file = "memory") {
    detail::source in(bytes, file);
    const bool packed =
        bytes.size() >= 2 && bytes[0] == std::byte{0x1f} && bytes[1] == std::byte{0x8b};
    if (!packed) return detail::parse_plain_idx<T>(in);
    const std::vector<std::byte> unpacked = detail::unpack_idx(in);
    return detail::parse_plain_idx<T>(detail::source(unpacked, file, " (in the unpacked data)"));
}

/// Reads an IDX file as parse_idx does: read_idx("train-images-idx3-ubyte.gz").
template <file_scalar T = std::uint8_t>
nd_array<T> read_idx(const std::filesystem::path& path) {
    return parse_idx<T>(read_file(path), path.string());
}

/// Writes an IDX file of type T, gzipped if the name ends in .gz.
///
/// T is one of the types that IDX knows: 8-bit integers, signed integers of 16 and 32 bits, float,
/// double. Throws std::invalid_argument if the shape does not fit the number of values, has no or
/// more than 255 dimensions, or an extent of 2^32 or more; std::filesystem::filesystem_error if
/// the file cannot be written.
template <file_scalar T>
void write_idx(const std::filesystem::path& path, std::span<const std::size_t> shape,
               std::span<const T> values) {
    static_assert(
        scalar_type_of<T>() == scalar_type::u8 || scalar_type_of<T>() == scalar_type::i8 ||
            scalar_type_of<T>() == scalar_type::i16 || scalar_type_of<T>() == scalar_type::i32 ||
            scalar_type_of<T>() == scalar_type::f32 || scalar_type_of<T>() == scalar_type::f64,
        "diffusion::io::write_idx: IDX has no such element type; "
        "convert to std::uint8_t, std::int32_t or float first");
    using diffusion::detail::require;
    constexpr const char* function = "diffusion::io::write_idx";
    require(!shape.empty() && shape.size() <= 255, function, "there must be 1 to 255 dimensions",
            shape.size());
    require(detail::element_count(shape) == values.size(), function,
            "the shape must have as many elements as there are values", values.size());

    const auto known =
        std::find_if(detail::idx_types.begin(), detail::idx_types.end(),
                     [](const detail::idx_type& t) { return t.type == scalar_type_of<T>(); });
    std::vector<std::byte> bytes(4 + 4 * shape.size() + values.size_bytes());
    bytes[2] = std::byte{known->code};
    bytes[3] = static_cast<std::byte>(shape.size());
    std::byte* to = bytes.data() + 4;
    for (const std::size_t extent : shape) {
        require(extent <= 0xffffffff, function, "an extent must be below 2^32", extent);
        detail::store(static_cast<std::uint32_t>(extent), to, std::endian::big);
        to += 4;
    }
    for (const T value : values) {
        detail::store(value, to, std::endian::big);
        to += sizeof(T);
    }
    write_file(path, path.extension() == ".gz" ? detail::gzipped(bytes) : bytes);
}

/// The same for vectors: write_idx("labels.gz", {n}, labels).
template <file_scalar T>
void write_idx(const std::filesystem::path& path, const std::vector<std::size_t>& shape,
               const std::vector<T>& values) {
    write_idx(path, std::span<const std::size_t>(shape), std::span<const T>(values));
}

/// The same for an nd_array.
template <file_scalar T>
void write_idx(const std::filesystem::path& path, const nd_array<T>& array) {
    write_idx(path, array.shape, array.values);
}

}  // namespace diffusion::io
