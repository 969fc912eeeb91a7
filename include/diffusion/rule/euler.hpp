#pragma once
// L4: Euler's method in sigma/alpha, by its names.

#include <diffusion/rule/ddim.hpp>

namespace diffusion {

/// Euler's method for dy/drho = eps-hat, y = x/alpha and rho = sigma/alpha (Karras et al. 2022,
/// algorithm 1 without its correction): y_s = y_t + (rho_s - rho_t) eps-hat. That is DDIM, whatever
/// the schedule,
///
///     x_s = (alpha_s/alpha_t) x_t + alpha_s (rho_s - rho_t) eps-hat
///         = alpha_s x0-hat + sigma_s eps-hat.
///
/// On the straight path of flow matching it is Euler's method in t as well. Order 1, one evaluation
/// a step. `churned(euler, nodes, {.amount = 40})` adds the noise of their algorithm 2.
inline constexpr ddim euler{};

/// "Euler ancestral" (Crowson 2022, k-diffusion): a step to the cleaner level rho_down and rho_up
/// of fresh noise, rho_up = eta rho_s sqrt(1 - rho_s^2/rho_t^2) and rho_down^2 = rho_s^2 -
/// rho_up^2. That is DDIM with eta.
constexpr ddim euler_ancestral(double eta = 1) { return {eta}; }

}  // namespace diffusion
