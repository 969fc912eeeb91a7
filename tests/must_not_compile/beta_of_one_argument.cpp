// expect: diffusion::discrete_schedule: not a beta schedule; write a callable
#include <cstddef>

#include <diffusion/schedule/discrete.hpp>

double first() {
#ifdef FIXED
    const auto beta = [](std::size_t, std::size_t) { return 0.01; };
#else
    const auto beta = [](std::size_t) { return 0.01; };
#endif
    return diffusion::discrete_schedule(beta, 100).beta(0);
}
