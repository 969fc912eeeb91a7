#pragma once

/// All normalisations, and FiLM, which follows them.

#include <diffusion/nn/batch_norm.hpp>
#include <diffusion/nn/film.hpp>
#include <diffusion/nn/group_norm.hpp>
#include <diffusion/nn/layer_norm.hpp>
#include <diffusion/nn/normalize_length.hpp>
