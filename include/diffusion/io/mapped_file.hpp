#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <system_error>
#include <vector>

#if __has_include(<sys/mman.h>) && __has_include(<unistd.h>)
#define DIFFUSION_IO_HAS_MMAP 1
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

#include <diffusion/io/file.hpp>
#include <diffusion/io/format_error.hpp>

namespace diffusion::io {

/// The content of a regular file without a copy of it: the system shows the file's own pages, and
/// fetches each when it is first looked at. Where there is no POSIX mmap the file is read.
///
/// Whoever writes into the file changes what is seen here, and a look behind the end of a file that
/// was cut short ends the program (SIGBUS). A file that is replaced as a whole, as `atomic_file`
/// does it, stays for those who have it mapped what it was.
class mapped_file {
public:
    /// Throws format_error if the file cannot be opened.
    explicit mapped_file(const std::filesystem::path& path) : path_(path) {
        detail::require_regular_file(path_);
        std::error_code error;
        time_ = std::filesystem::last_write_time(path_, error);
#ifdef DIFFUSION_IO_HAS_MMAP
        struct closer {
            int file;
            ~closer() {
                if (file >= 0) ::close(file);
            }
        } const opened{::open(path_.c_str(), O_RDONLY | O_CLOEXEC)};
        struct ::stat found {};
        if (opened.file < 0 || ::fstat(opened.file, &found) != 0) fail("be opened");
        const auto size = static_cast<std::size_t>(found.st_size);
        if (size == 0) return;  // mmap refuses it
        void* const start = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, opened.file, 0);
        if (start == MAP_FAILED) fail("be mapped into memory");
        bytes_ = {static_cast<const std::byte*>(start), size};
#else
        content_ = read_file(path_);
        bytes_ = content_;
#endif
    }

    mapped_file(const mapped_file&) = delete;
    mapped_file& operator=(const mapped_file&) = delete;

    ~mapped_file() {
#ifdef DIFFUSION_IO_HAS_MMAP
        // The interface of munmap is older than const; nothing is written there.
        if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
#endif
    }

    /// The file's content, as long as this object lives. It begins at a multiple of the page size,
    /// or at least of alignof(std::max_align_t).
    std::span<const std::byte> bytes() const { return bytes_; }

    /// Whether the file of that name has another size or another time of its last change than when
    /// it was opened, or is gone.
    bool changed() const {
        std::error_code error;
        return std::filesystem::file_size(path_, error) != bytes_.size() || error ||
               std::filesystem::last_write_time(path_, error) != time_ || error;
    }

private:
    [[noreturn]] void fail(const char* what) const {
        const std::string why = std::generic_category().message(errno);
        throw format_error(path_.string(), 0, std::string("the file cannot ") + what + ": " + why);
    }

    std::filesystem::path path_;
    std::filesystem::file_time_type time_;
    std::span<const std::byte> bytes_;
#ifndef DIFFUSION_IO_HAS_MMAP
    std::vector<std::byte> content_;
#endif
};

}  // namespace diffusion::io
