#pragma once

#include <filesystem>

namespace examples {

/// The folder of the trained networks that come with the examples.
inline std::filesystem::path models_folder() {
#ifdef DIFFUSION_EXAMPLE_MODELS  // CMake knows where it is
    return DIFFUSION_EXAMPLE_MODELS;
#else
    return "examples/models";
#endif
}

}  // namespace examples
