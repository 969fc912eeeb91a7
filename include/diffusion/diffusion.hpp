#pragma once
// The core of the library: schedules, grids, kernels, denoisers, rules and samplers, on
// std::vector, std::array and std::span. Other tensors: <diffusion/tensor/eigen.hpp>,
// <diffusion/tensor/xtensor.hpp>, or your own tensor_traits.

#include <diffusion/denoiser/denoiser.hpp>
#include <diffusion/denoiser/guidance.hpp>
#include <diffusion/denoiser/prediction.hpp>
#include <diffusion/denoiser/threshold.hpp>
#include <diffusion/denoiser/time_input.hpp>
#include <diffusion/grid/spacing.hpp>
#include <diffusion/grid/time_grid.hpp>
#include <diffusion/grid/uniform.hpp>
#include <diffusion/kernel/divergence.hpp>
#include <diffusion/kernel/forward.hpp>
#include <diffusion/kernel/gaussian_kernel.hpp>
#include <diffusion/kernel/posterior.hpp>
#include <diffusion/kernel/q_sample.hpp>
#include <diffusion/objective/simple.hpp>
#include <diffusion/objective/target.hpp>
#include <diffusion/objective/times.hpp>
#include <diffusion/objective/weighting.hpp>
#include <diffusion/random/gaussian_noise.hpp>
#include <diffusion/random/noise_source.hpp>
#include <diffusion/random/sequential.hpp>
#include <diffusion/rule/ddim.hpp>
#include <diffusion/rule/ddpm.hpp>
#include <diffusion/rule/dpm_solver.hpp>
#include <diffusion/rule/exponential_adams.hpp>
#include <diffusion/rule/rule.hpp>
#include <diffusion/sampler/heun.hpp>
#include <diffusion/sampler/multistep.hpp>
#include <diffusion/sampler/observer.hpp>
#include <diffusion/sampler/sample.hpp>
#include <diffusion/sampler/sampler.hpp>
#include <diffusion/sampler/steps.hpp>
#include <diffusion/schedule/beta.hpp>
#include <diffusion/schedule/continuous.hpp>
#include <diffusion/schedule/discrete.hpp>
#include <diffusion/schedule/noise_level.hpp>
#include <diffusion/tensor/batch.hpp>
#include <diffusion/tensor/linear.hpp>
#include <diffusion/tensor/span.hpp>
#include <diffusion/tensor/std.hpp>
#include <diffusion/tensor/traits.hpp>
#include <diffusion/version.hpp>
