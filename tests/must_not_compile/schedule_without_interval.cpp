// expect: noise_schedule
#include <diffusion/grid/uniform.hpp>

struct my_schedule {
    diffusion::noise_level operator()(double t) const { return diffusion::variance_preserving(-t); }
#ifdef FIXED
    double t_min() const { return 0; }
    double t_max() const { return 5; }
#endif
};

diffusion::time_grid grid() { return diffusion::uniform_time(my_schedule{}, 10); }
