#pragma once
// L5: UniPC by its name.

#include <cstddef>
#include <utility>
#include <vector>

#include <diffusion/rule/unipc.hpp>
#include <diffusion/sampler/predictor_corrector.hpp>

namespace diffusion {

/// The settings of UniPC.
struct unipc_options {
    two_node_form form = bh2;                       ///< or bh1
    last_steps ending = last_steps::falling_order;  ///< "lower_order_final"
    std::vector<std::size_t> uncorrected{};         ///< steps, from 0 ("disable_corrector")
};

/// UniPC-K (Zhao et al. 2023, algorithm 1) as published: UniP-K predicts, UniC-K corrects with the
/// evaluation that the next step needs anyway. Order K + 1 with `last_steps::full_order`, one
/// evaluation a step. Without the simplification of two predictions it is `predictor_corrector` of
/// `exponential_adams<K>` and `exponential_adams_moulton<K + 1>`.
template <std::size_t K, prediction Prediction = prediction::data>
predictor_corrector<unip<K, Prediction>, unic<K, Prediction>> unipc(
    time_grid grid, const unipc_options& options = {}) {
    return {{options.form}, {options.form}, std::move(grid), options.ending, options.uncorrected};
}

}  // namespace diffusion
