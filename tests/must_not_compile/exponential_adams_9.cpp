// expect: diffusion::exponential_adams: the order must lie in 1 .. 4
#include <diffusion/rule/exponential_adams.hpp>

#ifdef FIXED
constexpr diffusion::exponential_adams<3> rule;
#else
constexpr diffusion::exponential_adams<9> rule;
#endif
double eta() { return rule.eta; }
