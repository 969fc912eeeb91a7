#pragma once
// L0: 128-bit integers, as gcc and clang have them on every 64-bit processor.

#include <cstdint>

namespace diffusion::detail {

__extension__ using uint128 = unsigned __int128;

constexpr uint128 joined(std::uint64_t high, std::uint64_t low) {
    return uint128{high} << 64 | low;
}

}  // namespace diffusion::detail
