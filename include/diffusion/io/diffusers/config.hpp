#pragma once
// A scheduler_config.json as plain data: its fields, what they may hold, and which fields a class
// has.

#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <diffusion/denoiser/any_denoiser.hpp>
#include <diffusion/detail/require.hpp>
#include <diffusion/grid/time_grid.hpp>
#include <diffusion/io/diffusers/classes.hpp>
#include <diffusion/rule/churn.hpp>
#include <diffusion/rule/sa_solver.hpp>
#include <diffusion/sampler/any_sampler.hpp>
#include <diffusion/schedule/discrete.hpp>
#include <diffusion/tensor/traits.hpp>

namespace diffusion::io {

/// What the reference is told beside its config, when the steps are chosen (`set_timesteps`) and in
/// each step. Where something is not said, the class's own default holds.
struct run_options {
    std::vector<double> timesteps{};        ///< the times themselves, noisiest first
    std::vector<double> sigmas{};           ///< ... or the noise levels
    std::optional<double> mu{};             ///< the shift of use_dynamic_shifting; see `image_mu`
    std::optional<double> eta{};            ///< share of fresh noise of DDIM, TCD, RePaint
    bool use_clipped_model_output = false;  ///< DDIM
    churn stir{};                           ///< Euler, Heun
    std::optional<double> s_noise{};        ///< standard deviation of z
    std::size_t order = 4;                  ///< LMS
    std::optional<constant_tau> tau{};      ///< SA-Solver
    double strength = 1;                    ///< LCM, TCD
    std::optional<std::size_t> original_inference_steps{};  ///< LCM, TCD
    std::size_t jump_length = 10, jump_n_sample = 10;       ///< RePaint
    std::size_t begin_index = 0;  ///< img2img: steps left out at the start
    bool prev_timestep = true;    ///< UnCLIP: false is Python's None
    std::size_t items = 1;        ///< of the batch; ScoreSdeVe
};

/// A scheduler of diffusers, as its scheduler_config.json has it: the class and all fields of all
/// classes. Fields that the class does not have stay as they are here and say "off".
///
///     const scheduler_config c = read_scheduler_config("scheduler/scheduler_config.json");
///     const auto sampler = c.sampler<X>(50);
///     auto denoise = c.denoiser(network, x);              // out = network(x, t), as in Python
///     noise(x, {noise_stream::start});                    // z, or torch's randn
///     ref(x) = c.start_scale(50) * ref(x);
///     sample(x, sampler, denoise, noise);
///
/// The trajectory is the reference's, also where the library's own names do something else; the
/// faults that are reproduced are listed with the golden tests.
///
/// The state: what the reference's network is shown. Schedulers that count in sigma (Euler, Heun,
/// LMS, KDPM2, DPM-Solver SDE) keep y = x sqrt(1 + sigma^2) and divide by the root before each
/// call; here x itself runs, variance preserving, which is the same trajectory by the same rules.
/// EDM's keep y, and their input scaling is part of the denoiser.
struct scheduler_config {
    std::string class_name = "DDIMScheduler";

    // Training: the levels of the times 0 .. T-1.
    std::size_t num_train_timesteps = 1000;
    double beta_start = 1e-4, beta_end = 0.02;
    std::string beta_schedule = "linear";
    std::optional<std::vector<double>> trained_betas;
    bool rescale_betas_zero_snr = false;
    double snr_shift_scale = 1;    ///< CogVideoX
    double s = 0.008, scaler = 1;  ///< Wuerstchen: its cosine

    // The network: what it predicts, and what becomes of x0-hat.
    std::string prediction_type = "epsilon";
    std::string variance_type;  ///< empty for null
    bool clip_sample = false, clip_denoised = false, thresholding = false;
    double clip_sample_range = 1, dynamic_thresholding_ratio = 0.995, sample_max_value = 1;
    double sigma_data = 0.5;

    // Which times are visited.
    std::string timestep_spacing = "leading";
    std::size_t steps_offset = 0;
    bool set_alpha_to_one = true;
    bool use_karras_sigmas = false, use_exponential_sigmas = false, use_beta_sigmas = false;
    bool use_lu_lambdas = false, use_flow_sigmas = false;
    std::string sigma_schedule = "karras", final_sigmas_type = "zero";
    std::string interpolation_type = "linear", timestep_type = "discrete";
    std::optional<double> sigma_min, sigma_max;
    double rho = 7, sampling_eps = 1e-5;
    double lambda_min_clipped = -std::numeric_limits<double>::infinity();

    // Flow matching.
    double shift = 1, flow_shift = 1;
    std::optional<double> shift_terminal;
    bool use_dynamic_shifting = false, invert_sigmas = false, stochastic_sampling = false;
    std::string time_shift_type = "exponential";
    double base_shift = 0.5, max_shift = 1.15;
    std::size_t base_image_seq_len = 256, max_image_seq_len = 4096;
    std::optional<std::vector<double>> scale_factors;
    std::string upscale_mode = "bicubic";

    // The method.
    std::string algorithm_type = "dpmsolver++", solver_type = "midpoint";
    std::size_t solver_order = 2, predictor_order = 2, corrector_order = 2, correct_steps = 1;
    bool lower_order_final = false, euler_at_final = false, predict_x0 = true;
    std::vector<std::size_t> disable_corrector;
    std::optional<std::string> solver_p, tau_func;  ///< objects of Python; null is all that loads
    bool skip_prk_steps = false;
    double eta = 0, s_noise = 1, snr = 0.15;
    std::size_t original_inference_steps = 50;
    double timestep_scaling = 10;
    std::optional<std::size_t> noise_sampler_seed;

    friend bool operator==(const scheduler_config&, const scheduler_config&) = default;

    /// The levels of the times that the network was trained on. Throws std::invalid_argument for a
    /// class without betas.
    discrete_schedule<tabulated_beta> schedule() const;

    /// The nodes of n steps, told times as t. Steps that do nothing (a level twice) are left out.
    /// Throws std::invalid_argument for n outside of 1 .. T, and where the options do not fit the
    /// class.
    time_grid grid(std::size_t n, const run_options& run = {}) const;

    /// The class's method on `grid(n, run)`. Throws std::invalid_argument as `grid` does, and for
    /// what has no counterpart.
    template <tensor X>
    any_sampler<X> sampler(std::size_t n, const run_options& run = {}) const;

    /// The network as a denoiser for states like x, a batch of `items`: `out = network(x, t)` or
    /// `network(x, t, out)` with the input and the time of the reference. x is needed for memory
    /// only, so that nothing is allocated in a run.
    template <class Network, tensor X>
    any_denoiser<X> denoiser(Network network, const X& x, std::size_t items = 1) const;

    /// What the reference multiplies its first noise with (`init_noise_sigma`), for its own state.
    double init_noise_sigma(std::size_t n, const run_options& run = {}) const;

    /// The same for the state here: x = start_scale z. 1 for variance-preserving schedulers, also
    /// where sigma at the first node is a little less (`draw_prior` would start with that), and for
    /// those that count in sigma with `leading` spacing; sigma/sqrt(1 + sigma^2) for their other
    /// spacings.
    double start_scale(std::size_t n, const run_options& run = {}) const;
};

namespace detail {

using config_member = std::variant<
    bool scheduler_config::*, std::size_t scheduler_config::*, double scheduler_config::*,
    std::string scheduler_config::*, std::optional<double> scheduler_config::*,
    std::optional<std::size_t> scheduler_config::*, std::optional<std::string> scheduler_config::*,
    std::optional<std::vector<double>> scheduler_config::*,
    std::vector<std::size_t> scheduler_config::*>;

struct config_field {
    std::string_view name;
    config_member where;
};

/// Where each field of a file is kept.
inline constexpr config_field config_fields[] = {
    {"num_train_timesteps", &scheduler_config::num_train_timesteps},
    {"beta_start", &scheduler_config::beta_start},
    {"beta_end", &scheduler_config::beta_end},
    {"beta_schedule", &scheduler_config::beta_schedule},
    {"trained_betas", &scheduler_config::trained_betas},
    {"rescale_betas_zero_snr", &scheduler_config::rescale_betas_zero_snr},
    {"snr_shift_scale", &scheduler_config::snr_shift_scale},
    {"s", &scheduler_config::s},
    {"scaler", &scheduler_config::scaler},
    {"prediction_type", &scheduler_config::prediction_type},
    {"variance_type", &scheduler_config::variance_type},
    {"clip_sample", &scheduler_config::clip_sample},
    {"clip_denoised", &scheduler_config::clip_denoised},
    {"thresholding", &scheduler_config::thresholding},
    {"clip_sample_range", &scheduler_config::clip_sample_range},
    {"dynamic_thresholding_ratio", &scheduler_config::dynamic_thresholding_ratio},
    {"sample_max_value", &scheduler_config::sample_max_value},
    {"sigma_data", &scheduler_config::sigma_data},
    {"timestep_spacing", &scheduler_config::timestep_spacing},
    {"steps_offset", &scheduler_config::steps_offset},
    {"set_alpha_to_one", &scheduler_config::set_alpha_to_one},
    {"use_karras_sigmas", &scheduler_config::use_karras_sigmas},
    {"use_exponential_sigmas", &scheduler_config::use_exponential_sigmas},
    {"use_beta_sigmas", &scheduler_config::use_beta_sigmas},
    {"use_lu_lambdas", &scheduler_config::use_lu_lambdas},
    {"use_flow_sigmas", &scheduler_config::use_flow_sigmas},
    {"sigma_schedule", &scheduler_config::sigma_schedule},
    {"final_sigmas_type", &scheduler_config::final_sigmas_type},
    {"interpolation_type", &scheduler_config::interpolation_type},
    {"timestep_type", &scheduler_config::timestep_type},
    {"sigma_min", &scheduler_config::sigma_min},
    {"sigma_max", &scheduler_config::sigma_max},
    {"rho", &scheduler_config::rho},
    {"sampling_eps", &scheduler_config::sampling_eps},
    {"lambda_min_clipped", &scheduler_config::lambda_min_clipped},
    {"shift", &scheduler_config::shift},
    {"flow_shift", &scheduler_config::flow_shift},
    {"shift_terminal", &scheduler_config::shift_terminal},
    {"use_dynamic_shifting", &scheduler_config::use_dynamic_shifting},
    {"invert_sigmas", &scheduler_config::invert_sigmas},
    {"stochastic_sampling", &scheduler_config::stochastic_sampling},
    {"time_shift_type", &scheduler_config::time_shift_type},
    {"base_shift", &scheduler_config::base_shift},
    {"max_shift", &scheduler_config::max_shift},
    {"base_image_seq_len", &scheduler_config::base_image_seq_len},
    {"max_image_seq_len", &scheduler_config::max_image_seq_len},
    {"scale_factors", &scheduler_config::scale_factors},
    {"upscale_mode", &scheduler_config::upscale_mode},
    {"algorithm_type", &scheduler_config::algorithm_type},
    {"solver_type", &scheduler_config::solver_type},
    {"solver_order", &scheduler_config::solver_order},
    {"predictor_order", &scheduler_config::predictor_order},
    {"corrector_order", &scheduler_config::corrector_order},
    {"correct_steps", &scheduler_config::correct_steps},
    {"lower_order_final", &scheduler_config::lower_order_final},
    {"euler_at_final", &scheduler_config::euler_at_final},
    {"predict_x0", &scheduler_config::predict_x0},
    {"disable_corrector", &scheduler_config::disable_corrector},
    {"solver_p", &scheduler_config::solver_p},
    {"tau_func", &scheduler_config::tau_func},
    {"skip_prk_steps", &scheduler_config::skip_prk_steps},
    {"eta", &scheduler_config::eta},
    {"s_noise", &scheduler_config::s_noise},
    {"snr", &scheduler_config::snr},
    {"original_inference_steps", &scheduler_config::original_inference_steps},
    {"timestep_scaling", &scheduler_config::timestep_scaling},
    {"noise_sampler_seed", &scheduler_config::noise_sampler_seed},
};

inline const config_field* find_field(std::string_view name) {
    for (const config_field& field : config_fields)
        if (field.name == name) return &field;
    return nullptr;
}

/// What is wrong with a config: the field, and the rule that it breaks with what it holds.
struct config_fault {
    std::string field, text;
};

/// Notes the first rule that is broken. A rule about a field that the class does not have is none.
class rules_of_class {
public:
    explicit rules_of_class(const scheduler_config& c) : c_(c) {
        const auto found = class_defaults().find(c.class_name);
        if (found != class_defaults().end()) {
            fields_ = &found->second;
            return;
        }
        for (const auto& [name, reason] : refused_classes)
            if (name == c.class_name)
                fault_ = {"_class_name", c.class_name + " is not offered: " + std::string(reason)};
        if (!fault_)
            fault_ = {"_class_name", "there is no scheduler class \"" + c.class_name + '"'};
    }

    bool is(std::initializer_list<std::string_view> names) const {
        for (const std::string_view name : names)
            if (c_.class_name == name) return true;
        return false;
    }
    bool has(std::string_view field) const {
        return fields_ != nullptr && fields_->contains(std::string(field));
    }

    template <class V>
    void require(bool ok, std::string_view field, const std::string& rule, const V& got) {
        if (ok || fault_ || !has(field)) return;
        fault_ = {std::string(field), rule + ", got " + diffusion::detail::shown(got)};
    }

    void one_of(std::string_view field, const std::string& got,
                std::initializer_list<std::string_view> known) {
        std::string rule = "must be";
        for (const std::string_view name : known) {
            if (name == got) return;
            rule += (rule.size() > 7 ? " or \"" : " \"") + std::string(name) + '"';
        }
        require(false, field, rule, got);
    }

    std::optional<config_fault> fault() const { return fault_; }

private:
    const scheduler_config& c_;
    const nlohmann::json* fields_ = nullptr;
    std::optional<config_fault> fault_;
};

inline std::optional<config_fault> find_fault(const scheduler_config& c) {
    rules_of_class rules(c);
    const auto finite = [&](std::string_view field, double v, double lowest, bool lowest_too) {
        rules.require(std::isfinite(v) && (v > lowest || (lowest_too && v == lowest)), field,
                      std::string("must be finite and ") + (lowest_too ? "not below " : "above ") +
                          diffusion::detail::shown(lowest),
                      v);
    };
    const auto between = [&](std::string_view field, double v, double low, double high) {
        rules.require(v > low && v < high, field,
                      "must lie in (" + diffusion::detail::shown(low) + ", " +
                          diffusion::detail::shown(high) + ')',
                      v);
    };
    const auto within = [&](std::string_view field, std::size_t v, std::size_t low,
                            std::size_t high) {
        rules.require(v >= low && v <= high, field,
                      "must lie in " + std::to_string(low) + " .. " + std::to_string(high), v);
    };

    // The training schedule.
    within("num_train_timesteps", c.num_train_timesteps, 1, 1000000);
    if (rules.is({"DDPMScheduler", "DDPMParallelScheduler"}))
        rules.one_of("beta_schedule", c.beta_schedule,
                     {"linear", "scaled_linear", "squaredcos_cap_v2", "laplace", "sigmoid"});
    else if (rules.is({"RePaintScheduler"}))
        rules.one_of("beta_schedule", c.beta_schedule,
                     {"linear", "scaled_linear", "squaredcos_cap_v2", "sigmoid"});
    else if (rules.is({"HeunDiscreteScheduler"}))
        rules.one_of("beta_schedule", c.beta_schedule,
                     {"linear", "scaled_linear", "squaredcos_cap_v2", "exp"});
    else if (rules.is({"UnCLIPScheduler"}))
        rules.one_of("beta_schedule", c.beta_schedule, {"squaredcos_cap_v2"});
    else
        rules.one_of("beta_schedule", c.beta_schedule,
                     {"linear", "scaled_linear", "squaredcos_cap_v2"});
    if (!c.trained_betas) {
        between("beta_start", c.beta_start, 0, 1);
        between("beta_end", c.beta_end, 0, 1);
    } else {
        rules.require(!rules.is({"IPNDMScheduler"}), "trained_betas", "must be null for this class",
                      c.trained_betas->size());
        rules.require(c.trained_betas->size() == c.num_train_timesteps, "trained_betas",
                      "must have num_train_timesteps numbers", c.trained_betas->size());
        for (const double beta : *c.trained_betas) between("trained_betas", beta, 0, 1);
    }
    rules.require(!c.rescale_betas_zero_snr || c.prediction_type != "epsilon",
                  "rescale_betas_zero_snr",
                  "noise says nothing about the data where alpha = 0; with zero terminal SNR "
                  "prediction_type must not be \"epsilon\"",
                  c.rescale_betas_zero_snr);
    rules.require(!c.rescale_betas_zero_snr || c.num_train_timesteps >= 2, "rescale_betas_zero_snr",
                  "takes at least 2 times", c.num_train_timesteps);
    finite("snr_shift_scale", c.snr_shift_scale, 0, false);
    finite("s", c.s, 0, true);
    finite("scaler", c.scaler, 0, false);

    // The network.
    if (rules.is({"PNDMScheduler", "EulerAncestralDiscreteScheduler", "KDPM2DiscreteScheduler",
                  "KDPM2AncestralDiscreteScheduler", "DPMSolverSDEScheduler", "EDMEulerScheduler",
                  "EDMDPMSolverMultistepScheduler", "CosineDPMSolverMultistepScheduler"}))
        rules.one_of("prediction_type", c.prediction_type, {"epsilon", "v_prediction"});
    else if (rules.is({"UnCLIPScheduler"}))
        rules.one_of("prediction_type", c.prediction_type, {"epsilon", "sample"});
    else if (rules.is({"SCMScheduler"}))
        rules.one_of("prediction_type", c.prediction_type, {"trigflow"});
    else if (c.use_flow_sigmas)
        rules.one_of("prediction_type", c.prediction_type,
                     {"epsilon", "sample", "v_prediction", "flow_prediction"});
    else rules.one_of("prediction_type", c.prediction_type, {"epsilon", "sample", "v_prediction"});
    if (rules.is({"DDPMScheduler", "DDPMParallelScheduler"}))
        rules.one_of("variance_type", c.variance_type,
                     {"fixed_small", "fixed_small_log", "fixed_large", "learned", "learned_range"});
    else if (rules.is({"UnCLIPScheduler"}))
        rules.one_of("variance_type", c.variance_type, {"fixed_small_log", "learned_range"});
    else rules.one_of("variance_type", c.variance_type, {"", "learned", "learned_range"});
    if (c.clip_sample) finite("clip_sample_range", c.clip_sample_range, 0, false);
    if (c.thresholding) {
        rules.require(c.dynamic_thresholding_ratio > 0 && c.dynamic_thresholding_ratio <= 1,
                      "dynamic_thresholding_ratio", "must lie in (0, 1]",
                      c.dynamic_thresholding_ratio);
        finite("sample_max_value", c.sample_max_value, 0, false);
    }
    finite("sigma_data", c.sigma_data, 0, false);

    // The times.
    if (rules.is({"DDIMInverseScheduler"}))
        rules.one_of("timestep_spacing", c.timestep_spacing, {"leading", "trailing"});
    else rules.one_of("timestep_spacing", c.timestep_spacing, {"leading", "linspace", "trailing"});
    rules.require(c.steps_offset < c.num_train_timesteps, "steps_offset",
                  "must lie below num_train_timesteps", c.steps_offset);
    rules.require(
        int{c.use_karras_sigmas} + c.use_exponential_sigmas + c.use_beta_sigmas <= 1,
        "use_karras_sigmas",
        "only one of use_karras_sigmas, use_exponential_sigmas and use_beta_sigmas may be "
        "set",
        c.use_karras_sigmas);
    const bool karras_flow = rules.is({"UniPCMultistepScheduler"}) && c.use_karras_sigmas;
    rules.require(!c.use_flow_sigmas || karras_flow ||
                      !(c.use_karras_sigmas || c.use_exponential_sigmas || c.use_beta_sigmas ||
                        c.use_lu_lambdas),
                  "use_flow_sigmas", "goes with no other list of sigmas", c.use_flow_sigmas);
    rules.one_of("sigma_schedule", c.sigma_schedule, {"karras", "exponential"});
    rules.one_of("final_sigmas_type", c.final_sigmas_type, {"zero", "sigma_min"});
    rules.one_of("interpolation_type", c.interpolation_type, {"linear", "log_linear"});
    rules.one_of("timestep_type", c.timestep_type, {"discrete", "continuous"});
    if (c.sigma_min) finite("sigma_min", *c.sigma_min, 0, false);
    if (c.sigma_max) finite("sigma_max", *c.sigma_max, c.sigma_min.value_or(0), false);
    finite("rho", c.rho, 0, false);
    between("sampling_eps", c.sampling_eps, 0, 1);
    rules.require(!std::isnan(c.lambda_min_clipped) && c.lambda_min_clipped < 0,
                  "lambda_min_clipped", "must be negative", c.lambda_min_clipped);

    // Flow matching.
    finite("shift", c.shift, 0, false);
    finite("flow_shift", c.flow_shift, 0, false);
    if (c.shift_terminal) between("shift_terminal", *c.shift_terminal, 0, 1);
    if (rules.has("use_flow_sigmas") && c.use_dynamic_shifting &&
        !rules.is({"UniPCMultistepScheduler"}))
        rules.one_of("time_shift_type", c.time_shift_type, {"exponential"});
    else rules.one_of("time_shift_type", c.time_shift_type, {"exponential", "linear"});
    rules.require(c.base_image_seq_len < c.max_image_seq_len, "base_image_seq_len",
                  "must lie below max_image_seq_len", c.base_image_seq_len);
    rules.require(!c.scale_factors, "scale_factors",
                  "must be null: a state that changes its size is not offered",
                  c.scale_factors ? c.scale_factors->size() : 0);

    // The method. The names of other solvers' types stand for the class's own, as in the reference.
    if (rules.is({"DEISMultistepScheduler"}))
        rules.one_of("algorithm_type", c.algorithm_type, {"deis", "dpmsolver", "dpmsolver++"});
    else if (rules.is({"SASolverScheduler"}))
        rules.one_of("algorithm_type", c.algorithm_type, {"data_prediction", "noise_prediction"});
    else if (rules.is({"EDMDPMSolverMultistepScheduler"}))
        rules.one_of("algorithm_type", c.algorithm_type,
                     {"dpmsolver++", "sde-dpmsolver++", "deis"});
    else if (rules.is({"DPMSolverSinglestepScheduler"}))
        rules.one_of("algorithm_type", c.algorithm_type,
                     {"dpmsolver", "dpmsolver++", "sde-dpmsolver++", "deis"});
    else
        rules.one_of("algorithm_type", c.algorithm_type,
                     {"dpmsolver", "dpmsolver++", "sde-dpmsolver", "sde-dpmsolver++", "deis"});
    rules.one_of("solver_type", c.solver_type, {"midpoint", "heun", "logrho", "bh1", "bh2"});
    within("solver_order", c.solver_order, 1,
           rules.is({"CosineDPMSolverMultistepScheduler"}) ? 2 : 3);
    within("predictor_order", c.predictor_order, 1, 4);
    within("corrector_order", c.corrector_order, 1, 4);
    within("correct_steps", c.correct_steps, 0, 1000);
    const bool ends_clean = c.final_sigmas_type == "zero";
    rules.require(
        !ends_clean || (c.algorithm_type != "dpmsolver" && c.algorithm_type != "sde-dpmsolver"),
        "final_sigmas_type", "must be \"sigma_min\" with algorithm_type \"dpmsolver\"",
        c.final_sigmas_type);
    if (rules.is({"UniPCMultistepScheduler"}) && ends_clean) {
        // The reference's last step is 0/0.
        rules.require(c.predict_x0, "final_sigmas_type",
                      "must be \"sigma_min\" with predict_x0 = false", c.final_sigmas_type);
        rules.require(c.solver_type != "bh1", "final_sigmas_type",
                      "must be \"sigma_min\" with solver_type \"bh1\"", c.final_sigmas_type);
        rules.require(c.lower_order_final || c.solver_order == 1, "final_sigmas_type",
                      "must be \"sigma_min\" with lower_order_final = false", c.final_sigmas_type);
    }
    rules.require(!rules.is({"UniPCMultistepScheduler"}) || c.predict_x0 ||
                      c.prediction_type != "flow_prediction",
                  "predict_x0", "must be true with prediction_type \"flow_prediction\"",
                  c.predict_x0);
    rules.require(!c.solver_p, "solver_p", "must be null", std::string(c.solver_p.value_or("")));
    rules.require(!c.tau_func, "tau_func", "must be null", std::string(c.tau_func.value_or("")));
    finite("eta", c.eta, 0, true);
    finite("s_noise", c.s_noise, 0, true);
    finite("snr", c.snr, 0, false);
    within("original_inference_steps", c.original_inference_steps, 1, c.num_train_timesteps);
    finite("timestep_scaling", c.timestep_scaling, 0, false);
    return rules.fault();
}

/// Throws std::invalid_argument with the field and the rule that it breaks.
inline void require_valid(const scheduler_config& c) {
    if (const auto fault = find_fault(c))
        throw std::invalid_argument("diffusion::io::scheduler_config: " + fault->field + ": " +
                                    fault->text);
}

}  // namespace detail
}  // namespace diffusion::io
