// expect: an error message can show a number, an enumerator or a string
#include <vector>

#include <diffusion/detail/require.hpp>

void check(const std::vector<double>& times) {
#ifdef FIXED
    diffusion::detail::require(!times.empty(), "f", "times are needed", times.size());
#else
    diffusion::detail::require(!times.empty(), "f", "times are needed", times);
#endif
}
