// expect: diffusion::multistep: not a rule; a rule has a static `order` >= 1
#include <diffusion/sampler/multistep.hpp>

struct my_rule {
#ifdef FIXED
    static constexpr std::size_t order = 1;
#endif
    static constexpr auto extrapolates = diffusion::prediction::data;
    diffusion::gaussian_kernel<1> operator()(std::span<const diffusion::node>,
                                             const diffusion::node& s) const {
        return {0, {s.alpha}, s.sigma};
    }
};

void plan(const diffusion::time_grid& grid) { diffusion::multistep(my_rule{}, grid).size(); }
