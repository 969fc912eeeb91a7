#pragma once

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#if __has_include(<unistd.h>)
#include <unistd.h>
#endif

#include <diffusion/io/format_error.hpp>

namespace diffusion::io {

namespace detail {

/// Throws format_error unless there is a regular file at `path`: a pipe or a device has no size to
/// check a header against.
inline void require_regular_file(const std::filesystem::path& path) {
    const std::string name = path.string();
    std::error_code error;
    const std::filesystem::file_status status = std::filesystem::status(path, error);
    if (status.type() == std::filesystem::file_type::not_found) {
        throw format_error(name, 0, "the file does not exist");
    }
    if (error) throw format_error(name, 0, "the file cannot be opened: " + error.message());
    if (status.type() != std::filesystem::file_type::regular) {
        throw format_error(name, 0, "this is not a regular file");
    }
}

}  // namespace detail

/// The whole content of a regular file. Throws format_error if it cannot be read.
inline std::vector<std::byte> read_file(const std::filesystem::path& path) {
    detail::require_regular_file(path);
    const std::string name = path.string();
    std::error_code error;
    errno = 0;
    std::FILE* file = std::fopen(name.c_str(), "rb");
    if (file == nullptr) {
        const std::string why = std::generic_category().message(errno);
        throw format_error(name, 0, "the file cannot be opened: " + why);
    }
    struct closer {
        std::FILE* file;
        ~closer() { std::fclose(file); }
    } const close_at_exit{file};

    const std::uintmax_t size = std::filesystem::file_size(path, error);
    if (error) throw format_error(name, 0, "the file's size is unknown: " + error.message());
    std::vector<std::byte> bytes(static_cast<std::size_t>(size));
    const std::size_t got = bytes.empty() ? 0 : std::fread(bytes.data(), 1, bytes.size(), file);
    if (got != bytes.size()) {
        const std::string why = std::ferror(file) != 0 ? std::generic_category().message(errno)
                                                       : "it became shorter while it was read";
        throw format_error(name, got, "the file cannot be read: " + why);
    }
    return bytes;
}

/// A file that appears whole or not at all.
///
/// Writes go to a temporary file in the target's directory; `commit` flushes it to the disk and
/// renames it over the target. Without `commit` (an exception on the way, say) the temporary is
/// removed and an older file of that name stays as it was. A symbolic link is followed: the file
/// it names is replaced, not the link.
/// Every failure throws std::filesystem::filesystem_error with the path and the system's reason.
class atomic_file {
public:
    explicit atomic_file(const std::filesystem::path& path) : target_(path) {
        namespace fs = std::filesystem;
        std::error_code error;
        const fs::file_status status = fs::status(path, error);
        // Renaming over /dev/null would replace the device.
        if (fs::exists(status) && !fs::is_regular_file(status)) {
            fail("the target is not a regular file", EINVAL);
        }
        if (fs::is_symlink(fs::symlink_status(path, error))) {
            target_ = fs::weakly_canonical(path, error);
            if (error) fail("the symbolic link cannot be followed", error.value());
        }

        // The counter keeps threads apart, the mode "x" (fail if it exists) processes.
        static std::atomic<unsigned> counter{0};
        for (int attempt = 0; file_ == nullptr; ++attempt) {
            temporary_ = target_;
            temporary_ += ".tmp" + std::to_string(process_number()) + "-" +
                          std::to_string(counter.fetch_add(1));
            errno = 0;
            file_ = std::fopen(temporary_.string().c_str(), "wbx");
            if (file_ == nullptr && (errno != EEXIST || attempt == 100)) {
                fail("a temporary file beside it cannot be created", errno);
            }
        }
        if (fs::exists(status)) fs::permissions(temporary_, status.permissions(), error);
    }

    atomic_file(const atomic_file&) = delete;
    atomic_file& operator=(const atomic_file&) = delete;

    ~atomic_file() { discard(); }

    /// Appends bytes.
    void write(std::span<const std::byte> bytes) {
        errno = 0;
        if (!bytes.empty() && std::fwrite(bytes.data(), 1, bytes.size(), file_) != bytes.size()) {
            fail("the file cannot be written", errno);
        }
    }

    /// Appends text as it is.
    void write(std::string_view text) { write(std::as_bytes(std::span(text))); }

    /// Makes the written bytes the file's content. Nothing may be written afterwards.
    void commit() {
        errno = 0;
        bool ok = std::fflush(file_) == 0;
#if __has_include(<unistd.h>)
        // Without it a power cut could keep the new name and lose the bytes. EINVAL: no such call
        // on this file system.
        ok = ok && (::fsync(::fileno(file_)) == 0 || errno == EINVAL);
#endif
        int why = errno;
        ok = (std::fclose(file_) == 0) && ok;  // a network file system may report here
        file_ = nullptr;
        if (!ok) {
            why = why != 0 ? why : errno;
            remove_temporary();
            fail("the file cannot be written", why);
        }
        std::error_code error;
        std::filesystem::rename(temporary_, target_, error);
        if (error) {
            remove_temporary();
            fail("the temporary file cannot be renamed", error.value());
        }
    }

private:
    static long process_number() {
#if __has_include(<unistd.h>)
        return static_cast<long>(::getpid());
#else
        return 0;
#endif
    }

    void discard() noexcept {
        if (file_ == nullptr) return;
        std::fclose(file_);
        file_ = nullptr;
        remove_temporary();
    }

    void remove_temporary() noexcept {
        std::error_code ignored;
        std::filesystem::remove(temporary_, ignored);
    }

    [[noreturn]] void fail(const char* what, int number) {
        throw std::filesystem::filesystem_error(
            std::string("diffusion::io: ") + what, target_,
            std::error_code(number != 0 ? number : EIO, std::generic_category()));
    }

    std::filesystem::path target_;
    std::filesystem::path temporary_;
    std::FILE* file_ = nullptr;
};

/// Writes a whole file through an atomic_file.
inline void write_file(const std::filesystem::path& path, std::span<const std::byte> bytes) {
    atomic_file file(path);
    file.write(bytes);
    file.commit();
}

}  // namespace diffusion::io
