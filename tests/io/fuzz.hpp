#pragma once
// Random damage to valid files, and what readers may answer to it.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include <diffusion/io/format_error.hpp>

#include "allocations.hpp"
#include "support.hpp"

namespace io_test {

/// A xorshift generator (Marsaglia, 2003): the same damage in every run.
class dice {
public:
    std::size_t below(std::size_t n) {
        state_ ^= state_ << 13;
        state_ ^= state_ >> 7;
        state_ ^= state_ << 17;
        return static_cast<std::size_t>(state_ % n);
    }

private:
    std::uint64_t state_ = 0x9e3779b97f4a7c15u;
};

inline std::ptrdiff_t signed_of(std::size_t n) { return static_cast<std::ptrdiff_t>(n); }

/// One kind of damage at one place.
inline void damage(bytes& file, dice& random) {
    if (file.empty()) file.push_back(std::byte{0});
    const std::size_t at = random.below(file.size());
    const std::size_t length = random.below(std::min<std::size_t>(file.size() - at, 40)) + 1;
    const auto begin = file.begin() + signed_of(at);
    switch (random.below(9)) {
        case 0:
            file[at] ^= static_cast<std::byte>(1 << random.below(8));
            break;
        case 1:
            file[at] = static_cast<std::byte>(random.below(256));
            break;
        case 2:
            file.resize(at);
            break;
        case 3:
            file.insert(begin, length, static_cast<std::byte>(random.below(256)));
            break;
        case 4:
            file.erase(begin, begin + signed_of(length));
            break;
        case 5: {  // a piece twice
            const bytes piece(begin, begin + signed_of(length));
            const auto to = file.begin() + signed_of(random.below(file.size() + 1));
            file.insert(to, piece.begin(), piece.end());
            break;
        }
        case 6: {  // an integer from the edge of a type, in either byte order
            static constexpr std::array<std::uint64_t, 10> edges{
                0, 1, 0x7f, 0xff, 0x7fff, 0xffffffff, 0x7fffffff, 0x100000000, ~0ull >> 1, ~0ull};
            const std::uint64_t edge = edges[random.below(edges.size())];
            const std::size_t size = std::size_t{1} << random.below(4);
            const bool reversed = random.below(2) == 1;
            for (std::size_t i = 0; i < size && at + i < file.size(); ++i) {
                const std::size_t shift = 8 * (reversed ? size - 1 - i : i);
                file[at + i] = static_cast<std::byte>((edge >> shift) & 0xff);
            }
            break;
        }
        case 7: {  // a digit: sizes are text in some formats
            const auto digit = std::find_if(begin, file.end(), [](std::byte b) {
                return b >= std::byte{'0'} && b <= std::byte{'9'};
            });
            if (digit != file.end()) {
                *digit = static_cast<std::byte>('0' + random.below(10));
                if (random.below(2) == 1) file.insert(digit, random.below(20), *digit);
            }
            break;
        }
        default: {  // a character that means something in one of the formats
            static constexpr std::string_view characters = "{}[]()\",:;'\n\r\0#<>|-";
            file[at] = static_cast<std::byte>(characters[random.below(characters.size())]);
            break;
        }
    }
}

struct outcome {
    std::size_t values = 0;
    std::size_t errors = 0;
    double largest_ratio = 0;
    std::set<std::string> reasons;
};

/// Memory for `size` bytes of file: `factor` times as much, and what any reader may take anyway
/// (the unpacked pieces of a compressed stream, the texts of an error).
inline std::size_t justified(std::size_t size, std::size_t factor) { return factor * size + 65536; }

/// Reads `count` copies of each seed with `read` after `spoil` has damaged them.
template <class Read, class Spoil>
outcome fuzz_with(const std::vector<bytes>& seeds, std::size_t count, std::size_t factor, Read read,
                  Spoil spoil) {
    outcome result;
    dice random;
    for (const bytes& seed : seeds) {
        read(seed);  // not damaged: must not throw
        for (std::size_t i = 0; i < count; ++i) {
            bytes file = seed;
            spoil(file, random);
            const bytes exact(file);  // no spare capacity: reading past the end is seen
            largest_allocation = 0;
            try {
                read(exact);
                ++result.values;
            } catch (const diffusion::io::format_error& error) {
                const std::size_t allocation = largest_allocation;
                if (error.file() != "memory") FAIL("an error in " << error.file());
                if (error.reason().empty()) FAIL("an error without a reason");
                if (result.reasons.size() < 20000) result.reasons.insert(error.reason());
                largest_allocation = allocation;
                ++result.errors;
            }
            // Any other exception ends the test.
            if (largest_allocation > justified(file.size(), factor)) {
                FAIL("an allocation of " << largest_allocation << " bytes for a file of "
                                         << file.size());
            }
        }
    }
    // Both must happen, or the damage does not reach deep enough or destroys too much.
    CHECK(result.values > 0);
    CHECK(result.errors > 0);
    CHECK(result.reasons.size() > 20);
    return result;
}

/// The same with one to four random damages and what `repair` does about them.
template <class Read, class Repair>
outcome fuzz(const std::vector<bytes>& seeds, std::size_t count, std::size_t factor, Read read,
             Repair repair) {
    return fuzz_with(seeds, count, factor, read, [&](bytes& file, dice& random) {
        for (std::size_t n = random.below(4) + 1; n > 0; --n) damage(file, random);
        repair(file, random);
    });
}

template <class Read>
outcome fuzz(const std::vector<bytes>& seeds, std::size_t count, std::size_t factor, Read read) {
    return fuzz(seeds, count, factor, read, [](bytes&, dice&) {});
}

}  // namespace io_test
