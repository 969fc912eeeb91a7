#pragma once
// What the tests of the readers and writers share.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <diffusion/io/file.hpp>
#include <diffusion/io/format_error.hpp>

namespace io_test {

using bytes = std::vector<std::byte>;

/// The bytes of a text, also behind a zero byte: to_bytes("P5\0"sv).
inline bytes to_bytes(std::string_view text) {
    const auto all = std::as_bytes(std::span(text));
    return bytes(all.begin(), all.end());
}

inline bytes operator+(bytes a, const bytes& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

inline bytes big_endian(std::uint32_t number) {
    bytes result;
    for (int shift = 24; shift >= 0; shift -= 8) {
        result.push_back(static_cast<std::byte>((number >> shift) & 0xff));
    }
    return result;
}

inline bytes first(const bytes& all, std::size_t count) {
    return bytes(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count));
}

/// What `call` throws, which must be a format_error.
template <class Call>
diffusion::io::format_error refusal(Call call) {
    try {
        call();
    } catch (const diffusion::io::format_error& error) {
        return error;
    }
    FAIL("no format_error was thrown");
    std::abort();
}

/// Checks that `call` throws a format_error with this offset and reason.
template <class Call>
void check_refused(Call call, std::uint64_t offset, const std::string& reason) {
    const diffusion::io::format_error error = refusal(call);
    CHECK(error.reason() == reason);
    CHECK(error.offset() == offset);
}

/// A new empty folder that is removed at the end of the test.
class temporary_folder {
public:
    temporary_folder() {
        const std::string base =
            (std::filesystem::temp_directory_path() / "diffusion-io-").string();
        for (int i = 0;; ++i) {
            path_ = base + std::to_string(i);
            if (std::filesystem::create_directory(path_)) break;
        }
    }
    temporary_folder(const temporary_folder&) = delete;
    temporary_folder& operator=(const temporary_folder&) = delete;
    ~temporary_folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }

    std::filesystem::path operator/(const char* name) const { return path_ / name; }
    const std::filesystem::path& path() const { return path_; }

    /// How many files are in it.
    std::size_t count() const {
        const std::filesystem::directory_iterator files(path_);
        return static_cast<std::size_t>(std::distance(begin(files), end(files)));
    }

private:
    std::filesystem::path path_;
};

}  // namespace io_test
