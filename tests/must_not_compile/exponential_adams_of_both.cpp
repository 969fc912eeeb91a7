// expect: diffusion::exponential_adams: extrapolate either prediction::data or prediction::noise
#include <diffusion/rule/exponential_adams.hpp>

#ifdef FIXED
constexpr diffusion::exponential_adams<2, diffusion::prediction::noise> rule;
#else
constexpr diffusion::exponential_adams<2, diffusion::prediction::data_and_noise> rule;
#endif
double eta() { return rule.eta; }
