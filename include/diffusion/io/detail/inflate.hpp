#pragma once

#include <algorithm>
#include <array>
#include <climits>
#include <cstddef>
#include <new>
#include <span>

#include <zlib.h>

namespace diffusion::io::detail {

/// Unpacks a deflate stream piece by piece, so that the memory it takes never depends on what the
/// packed bytes promise.
class inflater {
public:
    enum class wrapping : int { zlib = MAX_WBITS, gzip = MAX_WBITS + 16 };

    explicit inflater(wrapping kind) {
        if (inflateInit2(&stream_, static_cast<int>(kind)) != Z_OK) throw std::bad_alloc();
    }
    inflater(const inflater&) = delete;
    inflater& operator=(const inflater&) = delete;
    ~inflater() { inflateEnd(&stream_); }

    /// The stream's end was reached and its checksum is right.
    bool finished() const { return finished_; }

    /// Begins another stream of the same kind.
    void restart() {
        inflateReset(&stream_);
        finished_ = false;
    }

    /// Unpacks the front of `packed`, removes what was used from it, and passes the result to
    /// `sink` in pieces; stops at the end of `packed` or of the stream. Returns nullptr, or what is
    /// wrong with the stream.
    template <class Sink>
    const char* unpack(std::span<const std::byte>& packed, Sink&& sink) {
        std::array<std::byte, 32768> piece;
        bool full = true;  // zlib may hold output back although its input is used up
        while (!finished_ && (!packed.empty() || full)) {
            const std::size_t offered = std::min<std::size_t>(packed.size(), INT_MAX);
            // zlib does not write there; its interface is older than const.
            stream_.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(packed.data()));
            stream_.avail_in = static_cast<uInt>(offered);
            stream_.next_out = reinterpret_cast<Bytef*>(piece.data());
            stream_.avail_out = static_cast<uInt>(piece.size());
            const int status = inflate(&stream_, Z_NO_FLUSH);
            packed = packed.subspan(offered - stream_.avail_in);
            const std::size_t produced = piece.size() - stream_.avail_out;
            if (produced > 0) sink(std::span<const std::byte>(piece.data(), produced));
            full = stream_.avail_out == 0;
            if (status == Z_STREAM_END) {
                finished_ = true;
            } else if (status == Z_MEM_ERROR) {
                throw std::bad_alloc();
            } else if (status != Z_OK && status != Z_BUF_ERROR) {
                return stream_.msg != nullptr ? stream_.msg : "a preset dictionary is needed";
            }
        }
        return nullptr;
    }

private:
    z_stream stream_{};
    bool finished_ = false;
};

}  // namespace diffusion::io::detail
