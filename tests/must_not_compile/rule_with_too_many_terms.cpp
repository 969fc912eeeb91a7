// expect: diffusion::multistep: not a rule; a rule has a static `order` >= 1
#include <diffusion/sampler/multistep.hpp>

#ifdef FIXED
using kernel = diffusion::gaussian_kernel<1>;
#else
using kernel = diffusion::gaussian_kernel<2>;
#endif

struct my_rule {
    static constexpr std::size_t order = 1;
    static constexpr auto extrapolates = diffusion::prediction::data;
    kernel operator()(std::span<const diffusion::node>, const diffusion::node&) const { return {}; }
};

void plan(const diffusion::time_grid& grid) { diffusion::multistep(my_rule{}, grid).size(); }
