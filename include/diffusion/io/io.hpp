#pragma once
// Everything in diffusion::io. It needs zlib, stb and nlohmann-json (CMake: diffusion::io);
// each header can also be included alone, with what it needs:
//
//     csv.hpp npy.hpp ppm.hpp image.hpp     nothing
//     idx.hpp                               zlib
//     png.hpp                               zlib, stb
//     safetensors.hpp                       nlohmann-json
//
// <diffusion/io/diffusers_config.hpp> stands apart: it needs nlohmann-json and includes all of the
// core.

#include <diffusion/io/csv.hpp>
#include <diffusion/io/file.hpp>
#include <diffusion/io/format_error.hpp>
#include <diffusion/io/half.hpp>
#include <diffusion/io/idx.hpp>
#include <diffusion/io/image.hpp>
#include <diffusion/io/mapped_file.hpp>
#include <diffusion/io/nd_array.hpp>
#include <diffusion/io/npy.hpp>
#include <diffusion/io/png.hpp>
#include <diffusion/io/ppm.hpp>
#include <diffusion/io/safetensors.hpp>
#include <diffusion/io/scalar_type.hpp>
