#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <string>
#include <utility>

#include <unistd.h>

namespace examples {

/// A wall clock that starts when it is made.
class stopwatch {
public:
    double seconds() const {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    }

private:
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// Time as people say it: "41 s", "3 min 20 s", "1 h 05 min".
inline std::string spoken_time(double seconds) {
    const long whole = std::lround(std::max(seconds, 0.0));
    char buffer[48];
    if (whole < 60) std::snprintf(buffer, sizeof buffer, "%ld s", whole);
    else if (whole < 3600)
        std::snprintf(buffer, sizeof buffer, "%ld min %02ld s", whole / 60, whole % 60);
    else std::snprintf(buffer, sizeof buffer, "%ld h %02ld min", whole / 3600, whole / 60 % 60);
    return buffer;
}

/// A progress line on the error stream, so that results on the output stream stay clean.
///
/// On a terminal one line with a bar is drawn over and over, ten times a second; in a file or a
/// pipe a plain line appears every ten per cent, and no control character at all.
class progress {
public:
    explicit progress(std::string task, std::FILE* stream = stderr)
        : progress(std::move(task), stream, ::isatty(::fileno(stream)) == 1) {}

    progress(std::string task, std::FILE* stream, bool terminal)
        : task_(std::move(task)), stream_(stream), terminal_(terminal) {}

    /// `part` of the work is done (0 to 1); `note` is shown behind it, for example rate and loss.
    void show(double part, const std::string& note) {
        part = std::clamp(part, 0.0, 1.0);
        const double now = watch_.seconds();
        const bool due = terminal_ ? now - shown_at_ >= 0.1 : std::floor(10 * part) > tenths_;
        if (!due && shown_at_ >= 0) return;
        shown_at_ = now;
        tenths_ = std::floor(10 * part);
        write(part, note);
    }

    /// The last state, and the end of the line.
    void finish(double part, const std::string& note) {
        if (terminal_ || part < 1 || tenths_ < 10) write(std::clamp(part, 0.0, 1.0), note);
        if (terminal_) std::fputc('\n', stream_);
        std::fflush(stream_);
    }

private:
    void write(double part, const std::string& note) {
        const double now = watch_.seconds();
        std::string left;
        if (part > 0.01 && part < 1) left = ", " + spoken_time(now / part * (1 - part)) + " left";
        char head[64];
        std::snprintf(head, sizeof head, "%3.0f %%", std::floor(100 * part + 1e-9));
        if (terminal_) {
            const auto full = std::size_t(24 * part);
            const std::string bar = std::string(full, '#') + std::string(24 - full, '.');
            std::fprintf(stream_, "\r%s [%s] %s  %s%s\033[K", task_.c_str(), bar.c_str(), head,
                         note.c_str(), left.c_str());
        } else {
            std::fprintf(stream_, "%s %s  %s%s\n", task_.c_str(), head, note.c_str(), left.c_str());
        }
        std::fflush(stream_);
    }

    std::string task_;
    std::FILE* stream_;
    bool terminal_;
    stopwatch watch_;
    double shown_at_ = -1;
    double tenths_ = -1;
};

}  // namespace examples
