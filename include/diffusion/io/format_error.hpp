#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>

namespace diffusion::io {

/// A file that cannot be read: it is missing, truncated, garbled, or not of the expected kind.
///
/// what() reads "diffusion::io: weights.npy: byte 10: the header ends after 118 bytes, ...".
/// Every reader of this module answers bad input with this exception and nothing else.
class format_error : public std::runtime_error {
public:
    format_error(std::string file, std::uint64_t offset, std::string reason)
        : std::runtime_error("diffusion::io: " + file + ": byte " + std::to_string(offset) + ": " +
                             reason),
          file_(std::move(file)),
          offset_(offset),
          reason_(std::move(reason)) {}

    /// The file's name as it was given, or the name that was given to the bytes in memory.
    const std::string& file() const noexcept { return file_; }

    /// Where reading stopped, in bytes from the start of the file.
    std::uint64_t offset() const noexcept { return offset_; }

    /// What is wrong there, in words.
    const std::string& reason() const noexcept { return reason_; }

private:
    std::string file_;
    std::uint64_t offset_;
    std::string reason_;
};

}  // namespace diffusion::io
