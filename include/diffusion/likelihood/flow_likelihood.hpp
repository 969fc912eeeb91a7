#pragma once
// The likelihood of data by the probability-flow ODE: its latent, and how much the flow stretches
// space on the way there.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <diffusion/denoiser/denoiser.hpp>
#include <diffusion/detail/require.hpp>
#include <diffusion/grid/time_grid.hpp>
#include <diffusion/kernel/divergence.hpp>
#include <diffusion/random/fill.hpp>
#include <diffusion/random/noise_source.hpp>
#include <diffusion/sde/dormand_prince.hpp>
#include <diffusion/sde/reverse_time.hpp>
#include <diffusion/sde/sde.hpp>
#include <diffusion/tensor/batch.hpp>
#include <diffusion/tensor/std.hpp>

namespace diffusion {

/// How the trace of a Jacobian is found: by its d columns, or as E v . J v over probes v with
/// E v v^T = I (Hutchinson 1989; Skilling 1989), one product for any d. Rademacher's v_i = 1 or -1
/// is the less noisy one: exact on the diagonal of J.
enum class trace_estimate { exact, rademacher, gaussian };

/// Items, where the flow takes them.
template <class X>
struct flow_encoding {
    std::vector<double> log_density;  ///< of each item, in nats
    std::vector<double> log_volume;   ///< of each item: log |det dlatent/dx|
    X latent;                         ///< what `ode_sampler` decodes
    ode_counts spent;
};

/// log p(x) of the model that draws x_T ~ N(0, prior_std^2 I) and follows the probability-flow ODE
/// dx = F(x, t) dt down to t_data, by the change of variables (Chen et al. 2018, theorem 1; Song et
/// al. 2021, eq. 39):
///
///     log p(x) = log p_T(latent) + int_{t_data}^{t_prior} div F(x_t, t) dt
///     F     = f x - g^2/2 score = u x + m D(x, t),    u = f + g^2/(2 sigma^2),
///                                                     m = -g^2 alpha/(2 sigma^2)
///     div F = d u + m tr dD/dx
///
/// x_t and log p are one state of `dormand_prince`, with one tolerance. A probe is the same all
/// along the way (Grathwohl et al. 2019), a function of (seed, draw): the estimate of log p is
/// unbiased, and averaging over draws makes it better. With the exact trace each slope takes d
/// products, without it one.
///
/// The latent is what the data determine alone, whatever the network, if it is good enough
/// ("uniquely identifiable encoding"). Pictures: `uniform_dequantisation` says what to do first and
/// how nats become bits per dimension.
///
///     const flow_likelihood of(vp_sde{}, 1e-5, 1, trace_estimate::rademacher);
///     const auto found = of(x, items, predicts_noise(nn::as_differentiable(net, lanes, h, w)));
template <linear_sde Sde>
class flow_likelihood {
public:
    /// t_data: where the data are taken to be, with a little noise left; t_prior: where noise is
    /// all. prior_std: if not given, sqrt(alpha^2 + sigma^2) at t_prior: 1 for VP. Throws
    /// std::invalid_argument unless 0 < sigma(t_data) and t_data < t_prior.
    explicit flow_likelihood(Sde sde, double t_data, double t_prior,
                             trace_estimate trace = trace_estimate::exact,
                             const ode_options& options = {}, std::optional<double> prior_std = {})
        : sde_(std::move(sde)),
          t_data_(t_data),
          t_prior_(t_prior),
          trace_(trace),
          solver_(options) {
        constexpr const char* function = "diffusion::flow_likelihood";
        detail::require(t_data < t_prior, function, "t_data must be below t_prior, which is",
                        t_prior);
        const noise_level low = sde_.marginal(t_data), high = sde_.marginal(t_prior);
        detail::require(low.sigma > 0, function,
                        "the score is not finite at clean data; sigma at t_data must be positive",
                        low.sigma);
        prior_std_ = prior_std.value_or(std::hypot(high.alpha, high.sigma));
        detail::require(prior_std_ > 0 && std::isfinite(prior_std_), function,
                        "the prior's standard deviation must be finite and positive", prior_std_);
    }

    /// Encodes the items of a batch. The items must not know of each other in D.
    template <tensor X, class D>
        requires denoiser<D, owner_t<X>> flow_encoding<owner_t<X>>
    operator()(const X& x, std::size_t items, D&& denoise, std::uint64_t seed = 0,
               std::uint64_t draw = 0) const {
        using Y = owner_t<X>;
        static_assert(differentiable_denoiser<D, Y>,
                      "diffusion::flow_likelihood: the denoiser must have with_product(x, t, v, "
                      "x0, jv); wrap a network that has one, such as "
                      "predicts_noise(nn::as_differentiable(net, lanes, h, w)), or take "
                      "by_differences(denoise, scratch)");
        const std::size_t n = elements(x).size(), d = item_size(n, items);
        detail::check_denoiser(denoise, node_at(sde_.marginal, t_data_));
        detail::check_denoiser(denoise, node_at(sde_.marginal, t_prior_));
        Y here = like(x), v = like(x), x0 = like(x), jv = like(x);
        if (trace_ != trace_estimate::exact) draw_probe(v, seed, draw);
        std::vector<double> state(elements(x).begin(), elements(x).end());
        state.resize(n + items);  // log |det| of each item behind all elements
        auto memory = solver_.init(state);
        const ode_counts spent = solver_.integrate(
            [&](double t, const std::vector<double>& y, std::vector<double>& dy) {
                const node at = node_at(sde_.marginal, t);
                const double slope = reverse_time(sde_, t, 0).score / (at.sigma * at.sigma);
                const double u = sde_.drift(t) - slope, m = slope * at.alpha;
                copy(std::span(y).first(n), here);
                for (std::size_t k = 0; k < items; ++k) dy[n + k] = static_cast<double>(d) * u;
                const std::size_t columns = trace_ == trace_estimate::exact ? d : 1;
                for (std::size_t j = 0; j < columns; ++j) {
                    if (trace_ == trace_estimate::exact) choose_column(v, j, d);
                    denoise.with_product(std::as_const(here), at, std::as_const(v), x0, jv);
                    const auto probe = elements(v), product = elements(jv);
                    for (std::size_t e = 0; e < n; ++e)
                        dy[n + e / d] +=
                            m * static_cast<double>(probe[e]) * static_cast<double>(product[e]);
                }
                const auto data = elements(x0);
                for (std::size_t e = 0; e < n; ++e)
                    dy[e] = u * y[e] + m * static_cast<double>(data[e]);
            },
            t_data_, t_prior_, state, memory);
        flow_encoding<Y> result{std::vector<double>(items), {}, like(x), spent};
        copy(std::span(state).first(n), result.latent);
        result.log_volume.assign(state.begin() + static_cast<std::ptrdiff_t>(n), state.end());
        for (std::size_t k = 0; k < items; ++k) {
            result.log_density[k] = result.log_volume[k];
            for (std::size_t e = k * d; e < (k + 1) * d; ++e)
                result.log_density[k] += log_density(state[e], 0, prior_std_);
        }
        return result;
    }

private:
    template <tensor Y>
    static void copy(std::span<const double> from, Y& to) {
        const auto out = elements(to);
        for (std::size_t e = 0; e < out.size(); ++e) out[e] = static_cast<scalar_t<Y>>(from[e]);
    }

    template <tensor Y>
    void draw_probe(Y& v, std::uint64_t seed, std::uint64_t draw) const {
        const noise_address where{noise_stream::step, draw, 1};
        if (trace_ == trace_estimate::gaussian) return fill_normal(elements(v), seed, where);
        fill_uniform(elements(v), seed, where);
        for (auto& e : elements(v)) e = e < scalar_t<Y>(0.5) ? scalar_t<Y>(-1) : scalar_t<Y>(1);
    }

    /// v = e_j in every item, as no item's x_0-hat depends on another one.
    template <tensor Y>
    static void choose_column(Y& v, std::size_t j, std::size_t d) {
        const auto out = elements(v);
        for (std::size_t e = 0; e < out.size(); ++e) out[e] = e % d == j ? 1 : 0;
    }

    Sde sde_;
    double t_data_, t_prior_;
    trace_estimate trace_;
    dormand_prince solver_;
    double prior_std_ = 1;
};

}  // namespace diffusion
