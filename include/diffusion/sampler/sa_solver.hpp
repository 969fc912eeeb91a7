#pragma once
// L5: SA-Solver by its name.

#include <cstddef>
#include <utility>

#include <diffusion/rule/sa_solver.hpp>
#include <diffusion/sampler/predictor_corrector.hpp>

namespace diffusion {

/// SA-Solver (Xue et al. 2023, algorithm 1) as published, with a predictor on P and a corrector on
/// C predictions and noise of strength tau(t), any callable:
///
///     sa_solver<2, 2>(grid)                                        the SDE, tau = 1
///     sa_solver<3, 3>(grid, constant_tau{0.5})
///     sa_solver<2, 2>(grid, [](double t) { return t > 200; })
///
/// One evaluation a step. With tau = 0 the order is C for C <= P + 1; with noise, in distribution,
/// it is 2, and 1 for P = C = 1.
template <std::size_t P, std::size_t C, prediction Prediction = prediction::data,
          class Tau = constant_tau>
predictor_corrector<sa_predictor<P, Prediction, Tau>, sa_corrector<C, Prediction, Tau>> sa_solver(
    time_grid grid, const Tau& tau = {}, last_steps ending = last_steps::falling_order) {
    return {{tau}, {tau}, std::move(grid), ending};
}

}  // namespace diffusion
