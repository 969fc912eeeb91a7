#pragma once
// All of the core: <diffusion/diffusion.hpp>, which most programs need, and every further schedule, grid and solver.

#include <diffusion/denoiser/dynamic_threshold.hpp>
#include <diffusion/diffusion.hpp>
#include <diffusion/grid/align_your_steps.hpp>
#include <diffusion/grid/beta_quantiles.hpp>
#include <diffusion/grid/first_level.hpp>
#include <diffusion/grid/flow_times.hpp>
#include <diffusion/grid/sigma_grid.hpp>
#include <diffusion/grid/sigmas.hpp>
#include <diffusion/grid/simple.hpp>
#include <diffusion/rule/churn.hpp>
#include <diffusion/rule/deis.hpp>
#include <diffusion/rule/ipndm.hpp>
#include <diffusion/rule/lms.hpp>
#include <diffusion/sampler/pndm.hpp>
#include <diffusion/schedule/alpha_bar_beta.hpp>
#include <diffusion/schedule/shifted_flow.hpp>
#include <diffusion/schedule/sub_vp.hpp>
#include <diffusion/schedule/vp_sigmoid.hpp>
#include <diffusion/schedule/zero_terminal_snr.hpp>
