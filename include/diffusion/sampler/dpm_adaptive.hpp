#pragma once
// L5: DPM-Solver-12 and -23, which choose their steps themselves.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include <diffusion/assert.hpp>
#include <diffusion/denoiser/denoiser.hpp>
#include <diffusion/detail/require.hpp>
#include <diffusion/grid/time_grid.hpp>
#include <diffusion/kernel/apply.hpp>
#include <diffusion/random/noise_source.hpp>
#include <diffusion/rule/ancestral.hpp>
#include <diffusion/rule/dpm_solver_singlestep.hpp>
#include <diffusion/sampler/sampler.hpp>
#include <diffusion/sampler/step_control.hpp>
#include <diffusion/tensor/batch.hpp>
#include <diffusion/tensor/linear.hpp>

namespace diffusion {

/// How exact an adaptive run is, and how it begins.
struct adaptive_options {
    double rtol = 0.05, atol = 0.0078;  ///< relative and absolute tolerance
    double h = 0.05;                    ///< the first step's length in lambda
    double eta = 0;                     ///< noise as in `ancestral`
    std::size_t items = 1;              ///< of the batch: the error is that of the worst of them
    std::size_t most_attempts = 10000;  ///< in one step of the grid
};

/// DPM-Solver of adaptive step size (Lu et al. 2022a, appendix C; "dpm_adaptive" of k-diffusion),
/// DPM-Solver-12 for K = 2 and DPM-Solver-23 for K = 3. Each attempt makes two results out of the
/// same evaluations, x_high of order K (`dpm_solver<K>`) and x_low of order K - 1, and compares
/// them,
///
///     error = RMS of (x_high - x_low)/max(atol, rtol max(|x_low|, |x_before|)),
///
/// x_before the x_low of the last accepted one. `Control` then accepts x_high or not and chooses
/// the next length.
///
/// It runs between the nodes of a grid, as many attempts each as it takes, and arrives at each of
/// them exactly: two nodes are a whole run, more are where an observer looks. The length goes on
/// from node to node. Whoever wants to see every attempt owns the loop:
///
///     const auto plan = dpm_adaptive<3>(nodes_of{schedule}, {first, last});
///     sample(x, plan, D);
///     while (!plan.attempt(0, x, memory, D, noise)) draw(x);
///
/// At most K evaluations an attempt; after a rejection one less, since that at t is kept. Throws
/// std::invalid_argument for rtol < 0, for atol and a first h that are not positive, for a node of
/// infinite lambda (end at a positive sigma, and let one step of `ddim` follow), for eta outside
/// [0, 1], and as `ancestral` does; std::runtime_error in a run whose error is not a number or
/// whose steps do not come to an end.
template <std::size_t K, prediction Prediction, class Nodes, class Control = pid_control>
class adaptive_dpm_solver {
    static_assert(K == 2 || K == 3, "diffusion::dpm_adaptive: K must be 2 or 3");
    static constexpr std::size_t extra = Prediction == prediction::data ? 0 : 1;

public:
    /// What was spent.
    struct counts {
        std::size_t evaluations = 0, accepted = 0, rejected = 0;
    };

    template <tensor X>
    class memory {
        friend class adaptive_dpm_solver;
        std::array<owner_t<X>, K + extra> m_;
        std::array<owner_t<X>, 2> low_;
        owner_t<X> start_;
        std::optional<owner_t<X>> z_;
        std::size_t now_ = 0, latest_ = 0, attempts_ = 0;
        std::optional<node> t_;      // where x is, inside a step of the grid
        bool has_first_ = false;     // m_[0] is the prediction at t_
        bool has_previous_ = false;  // low_[1 - now_] is that of the last accepted step
        step_control control_;
        counts spent_;

        memory(std::array<owner_t<X>, K + extra> m, std::array<owner_t<X>, 2> low, owner_t<X> start,
               double h)
            : m_(std::move(m)), low_(std::move(low)), start_(std::move(start)), control_{h} {}
    };

    adaptive_dpm_solver(Nodes nodes, time_grid grid, const adaptive_options& options = {},
                        Control control = {})
        : nodes_(std::move(nodes)),
          grid_(checked(std::move(grid))),
          options_(options),
          control_(control),
          high_({in_lambda<Nodes>(nodes_)}, options.eta, cleanest(grid_)),
          low_({in_lambda<Nodes>(nodes_, {}, low_shares())}, options.eta, cleanest(grid_)) {
        constexpr const char* function = "diffusion::dpm_adaptive";
        if constexpr (requires { control.check(); }) control.check();
        detail::require(options.rtol >= 0 && std::isfinite(options.rtol), function,
                        "rtol must be finite and not negative", options.rtol);
        detail::require(options.atol > 0 && std::isfinite(options.atol), function,
                        "atol must be finite and positive", options.atol);
        detail::require(options.h > 0 && std::isfinite(options.h), function,
                        "the first h must be finite and positive", options.h);
        detail::require(options.items >= 1, function, "a batch needs at least one item",
                        options.items);
        detail::require(options.eta >= 0 && options.eta <= 1, function, "eta must lie in [0, 1]",
                        options.eta);
    }

    /// Number of steps, each of as many attempts as it takes.
    std::size_t size() const { return grid_.size() - 1; }
    const time_grid& grid() const { return grid_; }

    template <tensor X>
    memory<X> init(const X& x) const {
        const auto tensors = [&]<std::size_t... k>(std::index_sequence<k...>) {
            return std::array<owner_t<X>, sizeof...(k)>{((void)k, like(x))...};
        };
        memory<X> mem(tensors(std::make_index_sequence<K + extra>{}),
                      tensors(std::make_index_sequence<2>{}), like(x), options_.h);
        if (options_.eta > 0) mem.z_.emplace(like(x));
        return mem;
    }

    /// x0-hat of the latest evaluation.
    template <tensor X>
    const owner_t<X>& x0(const memory<X>& mem) const {
        return mem.m_[Prediction == prediction::data ? mem.latest_ : K];
    }

    /// What the run has spent so far.
    template <tensor X>
    counts spent(const memory<X>& mem) const {
        return mem.spent_;
    }

    /// From grid()[i] to grid()[i + 1].
    template <tensor X, class D, class Z>
        requires denoiser<D, X> && noise_source<Z, owner_t<X>>
    void step(std::size_t i, X& x, memory<X>& mem, D&& denoise, Z&& noise) const {
        while (!attempt(i, x, mem, denoise, noise)) {}
    }

    /// One attempt on the way to grid()[i + 1]; true if it arrived there. A rejected one leaves x
    /// as it was.
    template <tensor X, class D, class Z>
        requires denoiser<D, X> && noise_source<Z, owner_t<X>>
    bool attempt(std::size_t i, X& x, memory<X>& mem, D&& denoise, Z&& noise) const {
        DIFFUSION_ASSERT(i < size(), "diffusion::dpm_adaptive: there is no such step");
        if (!mem.t_) begin(i, mem);
        const node t = *mem.t_, end = grid_[i + 1];
        const double h = mem.control_.h;
        // What would be left is too short to be a step of its own.
        const bool arrives = t.lambda + h >= end.lambda - 1e-5;
        require_progress(t.lambda + h > t.lambda && mem.attempts_++ < options_.most_attempts);
        const node s = arrives ? end : nodes_(std::exp(-(t.lambda + h)));

        if (!mem.has_previous_) ref(mem.low_[1 - mem.now_]) = 1 * ref(std::as_const(x));
        stages<K> high = high_({0, 1, t, s});
        const stages<K - 1> low = low_({0, 1, t, s});
        const double std = std::exchange(high.to[K - 1].c, 0);
        const auto m = [&](std::size_t k) -> const owner_t<X>& { return mem.m_[k]; };
        ref(mem.start_) = 1 * ref(std::as_const(x));
        for (std::size_t k = 0; k < K; ++k) {
            if (k > 0 || !mem.has_first_) ask(k, high.at[k], x, mem, denoise);
            apply(high.to[k], x, mem.start_, m, static_cast<const owner_t<X>*>(nullptr));
        }
        gaussian_kernel<K - 1> to_low = low.to[K - 2];
        to_low.c = 0;
        apply(to_low, mem.low_[mem.now_], mem.start_, m, static_cast<const owner_t<X>*>(nullptr));

        // With noise the published control takes the order for 1.5.
        const double order = options_.eta > 0 ? 1.5 : static_cast<double>(K);
        const double length = (arrives ? end.lambda : s.lambda) - t.lambda;
        mem.has_first_ = !control_(error(x, mem), order, length, mem.control_);
        mem.has_previous_ = true;
        if (mem.has_first_) {
            ++mem.spent_.rejected;
            ref(x) = 1 * ref(mem.start_);
            return false;
        }
        mem.now_ = 1 - mem.now_;
        if (std > 0) {
            noise(*mem.z_, step_noise(mem.spent_.accepted, t, s));
            ref(x) = 1 * ref(std::as_const(x)) + std * ref(std::as_const(*mem.z_));
        }
        ++mem.spent_.accepted;
        if (arrives) mem.t_.reset();
        else mem.t_ = s;
        return arrives;
    }

private:
    using high_rule = dpm_solver_singlestep<K, Prediction, in_lambda<Nodes>>;
    using low_rule = dpm_solver_singlestep<K - 1, Prediction, in_lambda<Nodes>>;

    static time_grid checked(time_grid grid) {
        constexpr const char* function = "diffusion::dpm_adaptive";
        detail::require_denoising(grid, function);
        for (const node& n : grid)
            detail::require(std::isfinite(n.lambda), function,
                            "lambda must be finite at every node; end at a positive sigma",
                            n.lambda);
        return grid;
    }

    static double cleanest(const time_grid& grid) { return grid.back().sigma / grid.back().alpha; }

    /// The inner node of x_low is the first one of x_high.
    static std::vector<double> low_shares() {
        return K == 3 ? std::vector<double>{1.0 / 3} : std::vector<double>{};
    }

    template <tensor X>
    void begin(std::size_t i, memory<X>& mem) const {
        mem.t_ = grid_[i];
        mem.has_first_ = false;
        mem.attempts_ = 0;
        if (i > 0) return;
        mem.control_ = {options_.h};
        mem.has_previous_ = false;
        mem.spent_ = {};
    }

    template <tensor X, class D>
    void ask(std::size_t k, const node& at, const X& x, memory<X>& mem, D& denoise) const {
        if constexpr (Prediction == prediction::data) denoise(x, at, mem.m_[k]);
        else detail::denoise_with_noise(denoise, x, at, mem.m_[K], mem.m_[k]);
        mem.latest_ = k;
        ++mem.spent_.evaluations;
    }

    /// The largest error of an item of x = x_high.
    template <tensor X>
    double error(const X& x, const memory<X>& mem) const {
        const auto low = elements(mem.low_[mem.now_]), previous = elements(mem.low_[1 - mem.now_]);
        const std::size_t n = item_size(low.size(), options_.items);
        double worst = 0;
        for_each_item(x, options_.items, [&](std::size_t i, auto high) {
            double sum = 0;
            for (std::size_t e = 0; e < n; ++e) {
                const double a = static_cast<double>(low[i * n + e]);
                const double before = static_cast<double>(previous[i * n + e]);
                const double size = std::max(std::abs(a), std::abs(before));
                const double off = (static_cast<double>(high[e]) - a) /
                                   std::max(options_.atol, options_.rtol * size);
                sum += off * off;
            }
            const double rms = std::sqrt(sum / static_cast<double>(n));
            if (!(rms <= worst)) worst = rms;  // NaN too
        });
        if (!std::isfinite(worst))
            throw std::runtime_error(
                "diffusion::dpm_adaptive: the error is not a finite number; the denoiser's answers "
                "are not either");
        return worst;
    }

    static void require_progress(bool goes_on) {
        if (!goes_on)
            throw std::runtime_error(
                "diffusion::dpm_adaptive: too many attempts, or a step too short to tell; loosen "
                "the tolerances");
    }

    Nodes nodes_;
    time_grid grid_;
    adaptive_options options_;
    Control control_;
    ancestral<high_rule> high_;
    ancestral<low_rule> low_;
};

/// DPM-Solver-23 (K = 3) or DPM-Solver-12 (K = 2) on noise, as "dpm_adaptive" of k-diffusion is.
template <std::size_t K, prediction Prediction = prediction::noise, class Nodes,
          class Control = pid_control>
adaptive_dpm_solver<K, Prediction, Nodes, Control> dpm_adaptive(
    Nodes nodes, time_grid grid, const adaptive_options& options = {}, Control control = {}) {
    return {std::move(nodes), std::move(grid), options, control};
}

}  // namespace diffusion
