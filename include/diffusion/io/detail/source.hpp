#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <diffusion/io/format_error.hpp>
#include <diffusion/io/scalar_type.hpp>

namespace diffusion::io::detail {

/// a * b, or nothing if it does not fit.
inline std::optional<std::size_t> product(std::size_t a, std::size_t b) {
    if (a != 0 && b > static_cast<std::size_t>(-1) / a) return std::nullopt;
    return a * b;
}

/// The number of elements of a shape, 1 for a scalar; nothing if it does not fit.
inline std::optional<std::size_t> element_count(std::span<const std::size_t> shape) {
    for (const std::size_t extent : shape) {
        if (extent == 0) return 0;  // also when the other extents' product would overflow
    }
    std::optional<std::size_t> count = 1;
    for (const std::size_t extent : shape) {
        count = product(*count, extent);
        if (!count) return count;
    }
    return count;
}

/// "(3, 4)", for messages.
inline std::string shape_text(std::span<const std::size_t> shape) {
    std::string text = "(";
    for (std::size_t i = 0; i < shape.size(); ++i) {
        text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
    }
    return text + (shape.size() == 1 ? ",)" : ")");
}

/// The bytes of a file with its name and a position; every check that fails throws format_error at
/// that position.
class source {
public:
    /// `note` is added to every reason, for example where the offset counts from.
    source(std::span<const std::byte> bytes, std::string_view file, std::string_view note = "")
        : bytes_(bytes), file_(file), note_(note) {}

    std::size_t position() const { return position_; }
    std::size_t size() const { return bytes_.size(); }
    std::size_t left() const { return bytes_.size() - position_; }
    bool at_end() const { return left() == 0; }
    std::string_view file() const { return file_; }
    std::span<const std::byte> rest() const { return bytes_.subspan(position_); }

    void seek(std::size_t position) { position_ = position; }

    /// The next `count` bytes.
    std::span<const std::byte> take(std::size_t count, std::string_view what) {
        need(count, what);
        const std::span<const std::byte> taken = bytes_.subspan(position_, count);
        position_ += count;
        return taken;
    }

    /// The next bytes as a number.
    template <class T>
    T take_number(std::endian order, std::string_view what) {
        return load<T>(take(sizeof(T), what).data(), order);
    }

    /// The next bytes as characters; they share the file's memory.
    std::string_view take_text(std::size_t count, std::string_view what) {
        const std::span<const std::byte> taken = take(count, what);
        return {reinterpret_cast<const char*>(taken.data()), taken.size()};
    }

    /// Checks that `count` more bytes are there before anything of that size is allocated.
    void need(std::size_t count, std::string_view what) const {
        if (count > left()) {
            fail(std::string(what) + " takes " + std::to_string(count) +
                 " bytes, but the file ends after " + std::to_string(left()));
        }
    }

    /// Checks that exactly `count` more bytes are there.
    void need_exactly(std::size_t count, std::string_view what) const {
        need(count, what);
        if (count < left()) {
            fail_at(position_ + count, std::string(what) + " ends here, but " +
                                           std::to_string(left() - count) + " more bytes follow");
        }
    }

    [[noreturn]] void fail(const std::string& reason) const { fail_at(position_, reason); }

    [[noreturn]] void fail_at(std::size_t offset, const std::string& reason) const {
        throw format_error(std::string(file_), offset, reason + std::string(note_));
    }

    /// The rest of the file as `shape` elements of `type`: sizes are checked first, then the memory
    /// is taken, then each number is converted.
    template <class T>
    std::vector<T> take_array(std::span<const std::size_t> shape, scalar_type type,
                              std::endian order) {
        const std::optional<std::size_t> count = element_count(shape);
        const std::optional<std::size_t> size =
            count ? product(*count, size_of(type)) : std::nullopt;
        if (!size)
            fail("the shape " + shape_text(shape) + " has more elements than memory can hold");
        need_exactly(*size, "data of shape " + shape_text(shape));
        std::vector<T> values(*count);
        const std::size_t done = convert(rest(), type, order, std::span<T>(values));
        if (done != *count) {
            fail_at(position_ + done * size_of(type),
                    "element " + std::to_string(done) + " does not fit the requested type");
        }
        position_ = bytes_.size();
        return values;
    }

private:
    std::span<const std::byte> bytes_;
    std::string_view file_;
    std::string_view note_;
    std::size_t position_ = 0;
};

}  // namespace diffusion::io::detail
