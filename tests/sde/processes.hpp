#pragma once
// The SDEs of the library, for what must hold of all of them.

#include <diffusion/sde/continuous.hpp>

/// Calls check(sde) with each, away from the ends where f or 1/sigma is not finite.
template <class Check>
void for_each_sde(Check&& check) {
    check(diffusion::vp_sde{});
    check(diffusion::sub_vp_sde{});
    check(diffusion::ve_sde{});
    check(diffusion::cosine_sde{});
    check(diffusion::edm_sde{{0.01, 2}});
    check(diffusion::flow_sde{});
}
