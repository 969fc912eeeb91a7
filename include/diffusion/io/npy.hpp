#pragma once
// The npy format of NumPy (NEP 1): "\x93NUMPY", version (1, 0), (2, 0) or (3, 0), the header's
// length (2 bytes little-endian, from version 2 on 4), the header, the elements. The header is the
// text of a Python dictionary:
//     {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <diffusion/detail/require.hpp>
#include <diffusion/io/detail/source.hpp>
#include <diffusion/io/file.hpp>
#include <diffusion/io/nd_array.hpp>
#include <diffusion/io/scalar_type.hpp>

namespace diffusion::io {

namespace detail {

inline constexpr std::string_view npy_magic = "\x93NUMPY";

struct npy_header {
    scalar_type type = scalar_type::f32;
    std::endian order = std::endian::little;
    bool fortran_order = false;
    std::vector<std::size_t> shape;
};

/// Reads the dictionary: exactly the three keys, in any order.
class npy_header_parser {
public:
    /// `offset` is where the text starts in the file.
    npy_header_parser(const source& in, std::string_view text, std::size_t offset)
        : in_(in), text_(text), offset_(offset) {}

    npy_header parse() {
        expect('{');
        while (!accept('}')) {
            const std::size_t begin = at_;
            const std::string_view key = quoted();
            expect(':');
            if (key == "descr" && !descr_) {
                descr_ = true;
                parse_descr();
            } else if (key == "fortran_order" && !order_) {
                order_ = true;
                parse_order();
            } else if (key == "shape" && !shape_) {
                shape_ = true;
                parse_shape();
            } else {
                fail_at(begin, "the key '" + std::string(key) + "' is unknown or repeated");
            }
            if (!accept(',')) {
                expect('}');
                break;
            }
        }
        skip_space();
        if (at_ != text_.size()) fail("the dictionary is followed by more text");
        if (!descr_ || !order_ || !shape_) fail("descr, fortran_order or shape is missing");
        return std::move(header_);
    }

private:
    [[noreturn]] void fail(const std::string& reason) const { fail_at(at_, reason); }
    [[noreturn]] void fail_at(std::size_t at, const std::string& reason) const {
        in_.fail_at(offset_ + at, "npy header: " + reason);
    }

    void skip_space() {
        while (at_ < text_.size() &&
               (text_[at_] == ' ' || (text_[at_] >= '\t' && text_[at_] <= '\r'))) {
            ++at_;
        }
    }

    bool accept(char c) {
        skip_space();
        if (at_ == text_.size() || text_[at_] != c) return false;
        ++at_;
        return true;
    }

    void expect(char c) {
        if (!accept(c)) fail(std::string("expected ") + c);
    }

    std::string_view quoted() {
        skip_space();
        const char quote = at_ < text_.size() ? text_[at_] : ' ';
        if (quote != '\'' && quote != '"') fail("expected a text in quotation marks");
        const std::size_t begin = ++at_;
        while (at_ < text_.size() && text_[at_] != quote) ++at_;
        if (at_ == text_.size()) fail("a quotation mark is missing");
        return text_.substr(begin, at_++ - begin);
    }

    void parse_descr() {
        skip_space();
        const std::size_t begin = at_;
        const std::string_view descr = quoted();  // '<f4': byte order, kind, bytes per element
        static constexpr std::array<std::pair<std::string_view, scalar_type>, 12> known{
            {{"b1", scalar_type::boolean},
             {"u1", scalar_type::u8},
             {"i1", scalar_type::i8},
             {"u2", scalar_type::u16},
             {"i2", scalar_type::i16},
             {"u4", scalar_type::u32},
             {"i4", scalar_type::i32},
             {"u8", scalar_type::u64},
             {"i8", scalar_type::i64},
             {"f2", scalar_type::f16},
             {"f4", scalar_type::f32},
             {"f8", scalar_type::f64}}};
        for (const auto& [name, type] : known) {
            if (descr.size() != 3 || descr.substr(1) != name) continue;
            header_.type = type;
            const char order = descr[0];
            const bool single = size_of(type) == 1;
            if (order == '<' || order == '>' || order == '=' || (order == '|' && single)) {
                header_.order = order == '<'   ? std::endian::little
                                : order == '>' ? std::endian::big
                                               : std::endian::native;
                return;
            }
        }
        fail_at(begin, "the element type '" + std::string(descr) + "' is not supported");
    }

    void parse_order() {
        skip_space();
        for (const bool value : {false, true}) {
            const std::string_view word = value ? "True" : "False";
            if (text_.substr(at_, word.size()) == word) {
                at_ += word.size();
                header_.fortran_order = value;
                return;
            }
        }
        fail("expected True or False");
    }

    void parse_shape() {
        constexpr std::size_t maximum_rank = 64;
        expect('(');
        while (!accept(')')) {
            if (header_.shape.size() == maximum_rank) fail("more than 64 dimensions");
            header_.shape.push_back(extent());
            if (!accept(',')) {
                if (header_.shape.size() == 1) fail("expected , after a single extent");
                expect(')');
                break;
            }
        }
    }

    std::size_t extent() {
        skip_space();
        const std::size_t begin = at_;
        std::size_t number = 0;
        for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
            const std::optional<std::size_t> tenfold = product(number, 10);
            if (!tenfold || *tenfold > static_cast<std::size_t>(-1) - 9) {
                fail_at(begin, "an extent is too large");
            }
            number = *tenfold + static_cast<std::size_t>(text_[at_] - '0');
        }
        if (at_ == begin) fail("expected an extent");
        if (at_ < text_.size() && text_[at_] == 'L') ++at_;  // Python 2 wrote (3L, 4L)
        return number;
    }

    const source& in_;
    std::string_view text_;
    std::size_t offset_;
    std::size_t at_ = 0;
    npy_header header_;
    bool descr_ = false, order_ = false, shape_ = false;
};

inline npy_header read_npy_header(source& in) {
    if (in.take_text(npy_magic.size(), "the magic string") != npy_magic) {
        in.fail_at(0, "this is not an npy file");
    }
    const auto major = in.take_number<std::uint8_t>(std::endian::little, "the version");
    const auto minor = in.take_number<std::uint8_t>(std::endian::little, "the version");
    if (major < 1 || major > 3 || minor != 0) {
        in.fail_at(6, "the version " + std::to_string(major) + "." + std::to_string(minor) +
                          " is unknown");
    }
    const std::size_t length =
        major == 1 ? in.take_number<std::uint16_t>(std::endian::little, "the header's length")
                   : in.take_number<std::uint32_t>(std::endian::little, "the header's length");
    const std::size_t begin = in.position();
    const std::string_view text = in.take_text(length, "the header");
    return npy_header_parser(in, text, begin).parse();
}

/// From Fortran's order (first index fastest) to C's (last index fastest).
template <class T>
std::vector<T> transposed(const std::vector<T>& values, std::span<const std::size_t> shape) {
    std::vector<T> result;
    result.reserve(values.size());
    std::vector<std::size_t> index(shape.size(), 0);
    while (result.size() < values.size()) {
        std::size_t from = 0;  // i_0 + n_0 (i_1 + n_1 (i_2 + ...))
        for (std::size_t k = shape.size(); k-- > 0;) from = from * shape[k] + index[k];
        result.push_back(values[from]);
        for (std::size_t k = shape.size(); k-- > 0;) {  // the next index in C's order
            if (++index[k] < shape[k]) break;
            index[k] = 0;
        }
    }
    return result;
}

/// Everything before the elements, padded so that these start at a multiple of 64.
inline std::string npy_head(scalar_type type, std::span<const std::size_t> shape) {
    const char kind = type == scalar_type::f32 || type == scalar_type::f64 ? 'f'
                      : type == scalar_type::u8 || type == scalar_type::u16 ||
                              type == scalar_type::u32 || type == scalar_type::u64
                          ? 'u'
                          : 'i';
    const bool single = size_of(type) == 1;
    constexpr char native = std::endian::native == std::endian::little ? '<' : '>';
    std::string header = std::string("{'descr': '") + (single ? '|' : native) + kind +
                         std::to_string(size_of(type)) +
                         "', 'fortran_order': False, 'shape': " + shape_text(shape) + ", }";
    const auto padded = [&](std::size_t prefix) {  // with a line feed at the end
        return (prefix + header.size() + 1 + 63) / 64 * 64 - prefix;
    };
    const bool version_1 = padded(10) <= 0xffff;
    const std::size_t prefix = version_1 ? 10 : 12;
    const std::size_t length = padded(prefix);
    header.resize(length - 1, ' ');
    header += '\n';
    std::string head(npy_magic);
    head += version_1 ? '\1' : '\2';
    head += '\0';
    for (std::size_t i = 0; i < prefix - 8; ++i) {
        head += static_cast<char>(static_cast<unsigned char>((length >> (8 * i)) & 0xff));
    }
    return head + header;
}

}  // namespace detail

/// Reads an npy file from memory; `file` is the name used in messages.
///
/// Versions 1 to 3, both byte orders, booleans, integers and floating point of 2 to 8 bytes.
/// Fortran order is transposed to C order. Elements become T by rounding at most: one that T cannot
/// hold (300 as std::uint8_t, 1e300 as float, any fraction type as an integer) is refused.
/// Throws format_error, also if bytes are missing or left over.
template <file_scalar T>
nd_array<T> parse_npy(std::span<const std::byte> bytes, std::string_view file = "memory") {
    detail::source in(bytes, file);
    detail::npy_header header = detail::read_npy_header(in);
    nd_array<T> array;
    array.values = in.take_array<T>(header.shape, header.type, header.order);
    if (header.fortran_order) array.values = detail::transposed(array.values, header.shape);
    array.shape = std::move(header.shape);
    return array;
}

/// Reads an npy file as parse_npy does.
template <file_scalar T>
nd_array<T> read_npy(const std::filesystem::path& path) {
    return parse_npy<T>(read_file(path), path.string());
}

/// Writes an npy file of type T, in C order.
///
/// Throws std::invalid_argument if the shape does not fit the number of values, and
/// std::filesystem::filesystem_error if the file cannot be written.
template <file_scalar T>
void write_npy(const std::filesystem::path& path, std::span<const std::size_t> shape,
               std::span<const T> values) {
    diffusion::detail::require(
        detail::element_count(shape) == values.size(), "diffusion::io::write_npy",
        "the shape must have as many elements as there are values", values.size());
    atomic_file out(path);
    out.write(detail::npy_head(scalar_type_of<T>(), shape));
    out.write(std::as_bytes(values));
    out.commit();
}

/// The same for a vector, and with the shape in braces: write_npy("x.npy", {n, 28, 28}, x).
template <file_scalar T>
void write_npy(const std::filesystem::path& path, const std::vector<std::size_t>& shape,
               const std::vector<T>& values) {
    write_npy(path, std::span<const std::size_t>(shape), std::span<const T>(values));
}

/// The same for an nd_array.
template <file_scalar T>
void write_npy(const std::filesystem::path& path, const nd_array<T>& array) {
    write_npy(path, array.shape, array.values);
}

}  // namespace diffusion::io
