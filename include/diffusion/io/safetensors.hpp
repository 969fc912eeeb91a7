#pragma once
// The safetensors format (Hugging Face, version 0.4): 8 bytes with the length N of the header
// (little-endian), N bytes of JSON, then the tensors' bytes without gaps:
//
//     {"__metadata__": {"schedule": "cosine"},
//      "conv.weight": {"dtype": "F32", "shape": [8, 1, 3, 3], "data_offsets": [0, 288]}, ...}
//
// Offsets count from the end of the header; elements are little-endian, in row-major order.

#include <diffusion/io/safetensors/listing.hpp>
#include <diffusion/io/safetensors/permuted.hpp>
#include <diffusion/io/safetensors/reader.hpp>
#include <diffusion/io/safetensors/tensors.hpp>
#include <diffusion/io/safetensors/writer.hpp>
