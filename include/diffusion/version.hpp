#pragma once

/// The version of the library, stated here and nowhere else: the build reads these three lines.
#define DIFFUSION_VERSION_MAJOR 0
#define DIFFUSION_VERSION_MINOR 1
#define DIFFUSION_VERSION_PATCH 0

namespace diffusion {

/// A version number in three parts; while `major` is 0, a new `minor` may change the interface.
struct version_number {
    int major_number = 0, minor_number = 0, patch_number = 0;

    friend constexpr bool operator==(const version_number&, const version_number&) = default;
};

/// The version of these headers.
inline constexpr version_number version{DIFFUSION_VERSION_MAJOR, DIFFUSION_VERSION_MINOR,
                                        DIFFUSION_VERSION_PATCH};

}  // namespace diffusion
