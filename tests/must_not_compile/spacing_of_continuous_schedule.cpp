// expect: discrete_noise_schedule
#include <diffusion/grid/spacing.hpp>
#include <diffusion/grid/uniform.hpp>
#include <diffusion/schedule/continuous.hpp>

diffusion::time_grid grid() {
#ifdef FIXED
    return diffusion::uniform_time(diffusion::vp_cosine{}, 50, 0.99, 0.001);
#else
    return diffusion::leading(diffusion::vp_cosine{}, 50);
#endif
}
