#pragma once
// The scheduler classes of diffusers: which have a C++ counterpart, and what their fields are if a
// scheduler_config.json does not say (diffusers 0.40).

#include <map>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace diffusion::io::detail {

/// A class that is not loaded, and why.
struct refused_class {
    std::string_view name, reason;
};

inline constexpr std::string_view discrete_tokens =
    "it samples discrete tokens, and this library diffuses numbers";

inline constexpr refused_class refused_classes[] = {
    {"AmusedScheduler", discrete_tokens},
    {"BlockRefinementScheduler", discrete_tokens},
    {"ConsistencyDecoderScheduler", "it is part of one autoencoder's decoder"},
    {"DiscreteDDIMScheduler", discrete_tokens},
    {"EntropyBoundScheduler", discrete_tokens},
    {"HeliosDMDScheduler", "it changes the size of the tensor from stage to stage"},
    {"HeliosScheduler", "it changes the size of the tensor from stage to stage"},
    {"VQDiffusionScheduler", discrete_tokens},
};

/// Every other class with its fields. "like" stands for the fields of another class.
inline constexpr std::string_view class_defaults_text = R"({
  "DDIMScheduler": {"num_train_timesteps": 1000, "beta_start": 0.0001, "beta_end": 0.02,
     "beta_schedule": "linear", "trained_betas": null, "clip_sample": true,
     "set_alpha_to_one": true, "steps_offset": 0, "prediction_type": "epsilon",
     "thresholding": false, "dynamic_thresholding_ratio": 0.995, "clip_sample_range": 1.0,
     "sample_max_value": 1.0, "timestep_spacing": "leading", "rescale_betas_zero_snr": false},
  "DDIMParallelScheduler": {"like": "DDIMScheduler"},
  "DDIMInverseScheduler": {"num_train_timesteps": 1000, "beta_start": 0.0001,
     "beta_end": 0.02, "beta_schedule": "linear", "trained_betas": null, "clip_sample": true,
     "set_alpha_to_one": true, "steps_offset": 0, "prediction_type": "epsilon",
     "clip_sample_range": 1.0, "timestep_spacing": "leading", "rescale_betas_zero_snr": false},
  "CogVideoXDDIMScheduler": {"like": "DDIMInverseScheduler", "beta_start": 0.00085,
     "beta_end": 0.012, "beta_schedule": "scaled_linear", "sample_max_value": 1.0,
     "snr_shift_scale": 3.0},
  "CogVideoXDPMScheduler": {"like": "CogVideoXDDIMScheduler"},
  "DDPMScheduler": {"num_train_timesteps": 1000, "beta_start": 0.0001, "beta_end": 0.02,
     "beta_schedule": "linear", "trained_betas": null, "variance_type": "fixed_small",
     "clip_sample": true, "prediction_type": "epsilon", "thresholding": false,
     "dynamic_thresholding_ratio": 0.995, "clip_sample_range": 1.0, "sample_max_value": 1.0,
     "timestep_spacing": "leading", "steps_offset": 0, "rescale_betas_zero_snr": false},
  "DDPMParallelScheduler": {"like": "DDPMScheduler"},
  "CMStochasticIterativeScheduler": {"num_train_timesteps": 40, "sigma_min": 0.002,
     "sigma_max": 80.0, "sigma_data": 0.5, "s_noise": 1.0, "rho": 7.0, "clip_denoised": true},
  "CosineDPMSolverMultistepScheduler": {"sigma_min": 0.3, "sigma_max": 500, "sigma_data": 1.0,
     "sigma_schedule": "exponential", "num_train_timesteps": 1000, "solver_order": 2,
     "prediction_type": "v_prediction", "rho": 7.0, "solver_type": "midpoint",
     "lower_order_final": true, "euler_at_final": false, "final_sigmas_type": "zero"},
  "DDPMWuerstchenScheduler": {"scaler": 1.0, "s": 0.008},
  "DEISMultistepScheduler": {"num_train_timesteps": 1000, "beta_start": 0.0001,
     "beta_end": 0.02, "beta_schedule": "linear", "trained_betas": null, "solver_order": 2,
     "prediction_type": "epsilon", "thresholding": false, "dynamic_thresholding_ratio": 0.995,
     "sample_max_value": 1.0, "algorithm_type": "deis", "solver_type": "logrho",
     "lower_order_final": true, "use_karras_sigmas": false, "use_exponential_sigmas": false,
     "use_beta_sigmas": false, "use_flow_sigmas": false, "flow_shift": 1.0,
     "timestep_spacing": "linspace", "steps_offset": 0, "use_dynamic_shifting": false,
     "time_shift_type": "exponential"},
  "DPMSolverMultistepScheduler": {"like": "DEISMultistepScheduler",
     "algorithm_type": "dpmsolver++", "solver_type": "midpoint", "euler_at_final": false,
     "use_lu_lambdas": false, "final_sigmas_type": "zero", "lambda_min_clipped": "-Infinity",
     "variance_type": null, "rescale_betas_zero_snr": false},
  "DPMSolverMultistepInverseScheduler": {"num_train_timesteps": 1000, "beta_start": 0.0001,
     "beta_end": 0.02, "beta_schedule": "linear", "trained_betas": null, "solver_order": 2,
     "prediction_type": "epsilon", "thresholding": false, "dynamic_thresholding_ratio": 0.995,
     "sample_max_value": 1.0, "algorithm_type": "dpmsolver++", "solver_type": "midpoint",
     "lower_order_final": true, "euler_at_final": false, "use_karras_sigmas": false,
     "use_exponential_sigmas": false, "use_beta_sigmas": false, "use_flow_sigmas": false,
     "flow_shift": 1.0, "lambda_min_clipped": "-Infinity", "variance_type": null,
     "timestep_spacing": "linspace", "steps_offset": 0},
  "DPMSolverSDEScheduler": {"num_train_timesteps": 1000, "beta_start": 0.00085,
     "beta_end": 0.012, "beta_schedule": "linear", "trained_betas": null,
     "prediction_type": "epsilon", "use_karras_sigmas": false,
     "use_exponential_sigmas": false, "use_beta_sigmas": false, "noise_sampler_seed": null,
     "timestep_spacing": "linspace", "steps_offset": 0},
  "DPMSolverSinglestepScheduler": {"num_train_timesteps": 1000, "beta_start": 0.0001,
     "beta_end": 0.02, "beta_schedule": "linear", "trained_betas": null, "solver_order": 2,
     "prediction_type": "epsilon", "thresholding": false, "dynamic_thresholding_ratio": 0.995,
     "sample_max_value": 1.0, "algorithm_type": "dpmsolver++", "solver_type": "midpoint",
     "lower_order_final": false, "use_karras_sigmas": false, "use_exponential_sigmas": false,
     "use_beta_sigmas": false, "use_flow_sigmas": false, "flow_shift": 1.0,
     "final_sigmas_type": "zero", "lambda_min_clipped": "-Infinity", "variance_type": null,
     "use_dynamic_shifting": false, "time_shift_type": "exponential"},
  "EDMDPMSolverMultistepScheduler": {"like": "CosineDPMSolverMultistepScheduler",
     "sigma_min": 0.002, "sigma_max": 80.0, "sigma_data": 0.5, "sigma_schedule": "karras",
     "prediction_type": "epsilon", "thresholding": false, "dynamic_thresholding_ratio": 0.995,
     "sample_max_value": 1.0, "algorithm_type": "dpmsolver++"},
  "EDMEulerScheduler": {"sigma_min": 0.002, "sigma_max": 80.0, "sigma_data": 0.5,
     "sigma_schedule": "karras", "num_train_timesteps": 1000, "prediction_type": "epsilon",
     "rho": 7.0, "final_sigmas_type": "zero"},
  "EulerAncestralDiscreteScheduler": {"num_train_timesteps": 1000, "beta_start": 0.0001,
     "beta_end": 0.02, "beta_schedule": "linear", "trained_betas": null,
     "prediction_type": "epsilon", "timestep_spacing": "linspace", "steps_offset": 0,
     "rescale_betas_zero_snr": false},
  "EulerDiscreteScheduler": {"like": "EulerAncestralDiscreteScheduler",
     "interpolation_type": "linear", "use_karras_sigmas": false,
     "use_exponential_sigmas": false, "use_beta_sigmas": false, "sigma_min": null,
     "sigma_max": null, "timestep_type": "discrete", "final_sigmas_type": "zero"},
  "FlowMapEulerDiscreteScheduler": {"num_train_timesteps": 1000, "shift": 1.0},
  "FlowMatchEulerDiscreteScheduler": {"num_train_timesteps": 1000, "shift": 1.0,
     "use_dynamic_shifting": false, "base_shift": 0.5, "max_shift": 1.15,
     "base_image_seq_len": 256, "max_image_seq_len": 4096, "invert_sigmas": false,
     "shift_terminal": null, "use_karras_sigmas": false, "use_exponential_sigmas": false,
     "use_beta_sigmas": false, "time_shift_type": "exponential", "stochastic_sampling": false},
  "FlowMatchHeunDiscreteScheduler": {"num_train_timesteps": 1000, "shift": 1.0},
  "FlowMatchLCMScheduler": {"num_train_timesteps": 1000, "shift": 1.0,
     "use_dynamic_shifting": false, "base_shift": 0.5, "max_shift": 1.15,
     "base_image_seq_len": 256, "max_image_seq_len": 4096, "invert_sigmas": false,
     "shift_terminal": null, "use_karras_sigmas": false, "use_exponential_sigmas": false,
     "use_beta_sigmas": false, "time_shift_type": "exponential", "scale_factors": null,
     "upscale_mode": "bicubic"},
  "HeunDiscreteScheduler": {"num_train_timesteps": 1000, "beta_start": 0.00085,
     "beta_end": 0.012, "beta_schedule": "linear", "trained_betas": null,
     "prediction_type": "epsilon", "use_karras_sigmas": false,
     "use_exponential_sigmas": false, "use_beta_sigmas": false, "clip_sample": false,
     "clip_sample_range": 1.0, "timestep_spacing": "linspace", "steps_offset": 0},
  "IPNDMScheduler": {"num_train_timesteps": 1000, "trained_betas": null},
  "KDPM2AncestralDiscreteScheduler": {"num_train_timesteps": 1000, "beta_start": 0.00085,
     "beta_end": 0.012, "beta_schedule": "linear", "trained_betas": null,
     "use_karras_sigmas": false, "use_exponential_sigmas": false, "use_beta_sigmas": false,
     "prediction_type": "epsilon", "timestep_spacing": "linspace", "steps_offset": 0},
  "KDPM2DiscreteScheduler": {"like": "KDPM2AncestralDiscreteScheduler"},
  "LCMScheduler": {"like": "DDIMScheduler", "beta_start": 0.00085, "beta_end": 0.012,
     "beta_schedule": "scaled_linear", "original_inference_steps": 50, "clip_sample": false,
     "timestep_scaling": 10.0},
  "LMSDiscreteScheduler": {"like": "KDPM2AncestralDiscreteScheduler", "beta_start": 0.0001,
     "beta_end": 0.02},
  "LTXEulerAncestralRFScheduler": {"num_train_timesteps": 1000, "eta": 1.0, "s_noise": 1.0},
  "MiniMaxH3Scheduler": {"shift": 12.0},
  "PNDMScheduler": {"num_train_timesteps": 1000, "beta_start": 0.0001, "beta_end": 0.02,
     "beta_schedule": "linear", "trained_betas": null, "skip_prk_steps": false,
     "set_alpha_to_one": false, "prediction_type": "epsilon", "timestep_spacing": "leading",
     "steps_offset": 0},
  "RePaintScheduler": {"num_train_timesteps": 1000, "beta_start": 0.0001, "beta_end": 0.02,
     "beta_schedule": "linear", "eta": 0.0, "trained_betas": null, "clip_sample": true},
  "SASolverScheduler": {"like": "LMSDiscreteScheduler", "predictor_order": 2,
     "corrector_order": 2, "tau_func": null, "thresholding": false,
     "dynamic_thresholding_ratio": 0.995, "sample_max_value": 1.0,
     "algorithm_type": "data_prediction", "lower_order_final": true, "use_flow_sigmas": false,
     "flow_shift": 1.0, "lambda_min_clipped": "-Infinity", "variance_type": null},
  "SCMScheduler": {"num_train_timesteps": 1000, "prediction_type": "trigflow",
     "sigma_data": 0.5},
  "ScoreSdeVeScheduler": {"num_train_timesteps": 2000, "snr": 0.15, "sigma_min": 0.01,
     "sigma_max": 1348.0, "sampling_eps": 1e-05, "correct_steps": 1},
  "TCDScheduler": {"like": "LCMScheduler"},
  "UnCLIPScheduler": {"num_train_timesteps": 1000, "variance_type": "fixed_small_log",
     "clip_sample": true, "clip_sample_range": 1.0, "prediction_type": "epsilon",
     "beta_schedule": "squaredcos_cap_v2"},
  "UniPCMultistepScheduler": {"like": "LMSDiscreteScheduler", "solver_order": 2,
     "thresholding": false, "dynamic_thresholding_ratio": 0.995, "sample_max_value": 1.0,
     "predict_x0": true, "solver_type": "bh2", "lower_order_final": true,
     "disable_corrector": [], "solver_p": null, "use_flow_sigmas": false, "flow_shift": 1.0,
     "final_sigmas_type": "zero", "rescale_betas_zero_snr": false,
     "use_dynamic_shifting": false, "time_shift_type": "exponential", "sigma_min": null,
     "sigma_max": null, "shift_terminal": null}
})";

/// Class name -> its fields with their defaults.
inline const std::map<std::string, nlohmann::json, std::less<>>& class_defaults() {
    static const auto table = [] {
        std::map<std::string, nlohmann::json, std::less<>> classes;
        const auto all = nlohmann::ordered_json::parse(class_defaults_text);
        for (const auto& [name, fields] : all.items()) {
            nlohmann::json whole = nlohmann::json::object();
            if (fields.contains("like")) whole = classes.at(fields["like"].get<std::string>());
            for (const auto& [field, value] : fields.items())
                if (field != "like") whole[field] = value;
            classes.emplace(name, std::move(whole));
        }
        return classes;
    }();
    return table;
}

}  // namespace diffusion::io::detail
