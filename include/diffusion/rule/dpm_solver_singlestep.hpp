#pragma once
// L4: the singlestep DPM-Solvers: a step asks the network at up to two more nodes inside it.

#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include <diffusion/detail/require.hpp>
#include <diffusion/grid/time_grid.hpp>
#include <diffusion/rule/exponential_adams.hpp>
#include <diffusion/rule/stages.hpp>

namespace diffusion {

/// The nodes inside a step at which the network is asked too, noisiest first.
struct inner_nodes {
    std::size_t count = 0;
    std::array<node, 2> at{};
};

/// Inner nodes at shares of the step in lambda: lambda_k = lambda_t + r_k (lambda_s - lambda_t), by
/// default r_k = k/K for a step of K evaluations, and none in a step of infinite h. `nodes` gives
/// the node of any rho = sigma/alpha, for instance nodes_of{schedule}. `calls`, if given, is the
/// number of evaluations of each step, `shares` the r_k of a step that has them all.
template <class Nodes>
struct in_lambda {
    Nodes nodes;
    std::vector<std::size_t> calls;
    std::vector<double> shares;

    in_lambda(Nodes nodes_, std::vector<std::size_t> calls_ = {}, std::vector<double> shares_ = {})
        : nodes(std::move(nodes_)), calls(std::move(calls_)), shares(std::move(shares_)) {
        double last = 0;
        for (const double r : shares) {
            detail::require(r > last && r < 1, "diffusion::in_lambda",
                            "shares must lie in (0, 1) and rise", r);
            last = r;
        }
    }

    inner_nodes operator()(const grid_step& step, std::size_t most) const {
        constexpr const char* function = "diffusion::in_lambda";
        detail::require(calls.empty() || calls.size() == step.n, function,
                        "there must be as many numbers of calls as steps", calls.size());
        detail::require(shares.empty() || shares.size() == most, function,
                        "there must be a share for every inner node", shares.size());
        const std::size_t evaluations = calls.empty() ? most + 1 : calls[step.i];
        detail::require(evaluations >= 1 && evaluations <= most + 1, function,
                        "the number of calls of a step must lie between 1 and the rule's order",
                        evaluations);
        const double h = step.s.lambda - step.t.lambda;
        inner_nodes inner;
        if (!std::isfinite(h)) return inner;
        for (; inner.count + 1 < evaluations; ++inner.count) {
            const double r =
                evaluations == shares.size() + 1
                    ? shares[inner.count]
                    : static_cast<double>(inner.count + 1) / static_cast<double>(evaluations);
            inner.at[inner.count] = nodes(std::exp(-(step.t.lambda + r * h)));
        }
        return inner;
    }
};

/// Inner nodes that are those of a fine grid between the ends of the step: x is carried over the
/// steps of a coarse grid (`coarse`), and the network asked at all nodes of the fine one. Throws
/// std::invalid_argument for a fine grid whose levels are not finite, and for a step whose ends are
/// not nodes of it.
struct at_nodes {
    time_grid fine;

    at_nodes(time_grid fine_) : fine(std::move(fine_)) {
        detail::require_levels(fine, "diffusion::at_nodes");
    }

    inner_nodes operator()(const grid_step& step, std::size_t most) const {
        constexpr const char* function = "diffusion::at_nodes";
        std::size_t first = 0, last = fine.size();
        while (first < fine.size() && !(fine[first] == step.t)) ++first;
        while (last > first && !(fine[last - 1] == step.s)) --last;
        detail::require(last > first + 1, function,
                        "both ends of a step must be nodes of the fine grid; lambda_s",
                        step.s.lambda);
        inner_nodes inner;
        for (std::size_t i = first + 1; i + 1 < last; ++i) {
            detail::require(inner.count < most, function,
                            "a step holds more nodes of the fine grid than the rule takes, its "
                            "number",
                            step.i);
            inner.at[inner.count++] = fine[i];
        }
        return inner;
    }
};

/// Published variants of the singlestep DPM-Solvers, which differ in their weights alone. D_0, D_1,
/// D_2 are the predictions at t and at the inner nodes.
enum class singlestep_form {
    published,  ///< two evaluations: Phi_0/2 for Phi_1; three: x_s by D_0 and D_2 alone, exactly
    taylor,     ///< exact quadrature through all predictions ("taylor", diffusers' "heun")
    midpoint    ///< as published, with Phi_0/2 at the second inner node too (diffusers' "midpoint")
};

/// What eta stands for between 0 and 1; there the two agree.
enum class noise_share {
    of_sde,  ///< the SDE of `exponential_adams`: std = sigma_s sqrt(1 - e^{-2 eta h})
    of_ddim  ///< that of `ddim`: std = eta sigma_s sqrt(1 - e^{-2h}), for eta in [0, 1]
};

/// Singlestep DPM-Solver of up to K evaluations, on noise (DPM-Solver-1, -2, -3; Lu et al. 2022a,
/// algorithms 1, 2, 4 and 5) and on data (DPM-Solver++ 2S, Lu et al. 2022b, algorithm 1; 3S). Every
/// stage is an exponential quadrature through the predictions before it, with the weight that
/// `exponential_adams` has, so in data prediction for two evaluations
///
///     x_1 = (sigma_1/sigma_t) x_t - alpha_1 (e^{-r_1 h} - 1) D_0,
///     x_s = (sigma_s/sigma_t) x_t - alpha_s (e^{-h} - 1) (D_0 + (D_1 - D_0)/(2 r_1)),
///
/// and for three (noise: sigma for alpha, alpha for sigma, -h for h)
///
///     x_2 = (sigma_2/sigma_t) x_t - alpha_2 (e^{-r_2 h} - 1) D_0
///           + alpha_2 (r_2/r_1) ((e^{-r_2 h} - 1)/(r_2 h) + 1) (D_1 - D_0),
///     x_s = (sigma_s/sigma_t) x_t - alpha_s (e^{-h} - 1) D_0
///           + alpha_s/r_2 ((e^{-h} - 1)/h + 1) (D_2 - D_0).
///
/// `inner` gives the inner nodes (`in_lambda`, `at_nodes`), and with their number the order of a
/// step:
///
///     singlestep(dpm_solver<3>(nodes_of{schedule}), uniform_lambda(schedule, 10, 1, 1e-3))
///     singlestep(dpm_solver_pp<2>(at_nodes{fine}), coarse(fine, call_groups(fine, 2)))
///
/// Order K; with three evaluations for r_2 = 2/3 only, where D_1, which is the least exact, counts
/// least, and order 2 otherwise. At most K evaluations a step, one in a step of infinite h. With
/// eta > 0 every stage is that of the SDE, with noise of its own (weak order 1): `brownian_noise`
/// draws the noise of nested intervals from one path. Throws std::invalid_argument for eta < 0 and
/// for inner nodes that do not lie inside the step.
template <std::size_t K, prediction Prediction, class Inner>
struct dpm_solver_singlestep {
    static_assert(K >= 1 && K <= 3, "diffusion::dpm_solver_singlestep: K must be 1, 2 or 3");
    Inner inner;
    singlestep_form form = singlestep_form::published;
    double eta = 0;
    noise_share share = noise_share::of_sde;
    static constexpr std::size_t evaluations = K;
    static constexpr prediction combines = Prediction;

    stages<K> operator()(const grid_step& step) const {
        const auto [count, inside] = inner(step, K - 1);
        stages<K> result{1, {1, {}, 0}, {step.t}, {}};
        for (; result.count <= count; ++result.count)
            result.at[result.count] = inside[result.count - 1];
        for (std::size_t k = 1; k < result.count; ++k)
            detail::require(result.at[k].lambda > result.at[k - 1].lambda &&
                                result.at[k].lambda <= step.s.lambda &&
                                std::isfinite(step.s.lambda - step.t.lambda),
                            "diffusion::dpm_solver_singlestep",
                            "inner nodes must lie inside a step of finite length, in order; lambda",
                            result.at[k].lambda);
        for (std::size_t k = 0; k < result.count; ++k) {
            const bool last = k + 1 == result.count;
            result.to[k] = stage({result.at.data(), k + 1}, last ? step.s : result.at[k + 1], last);
        }
        return result;
    }

private:
    /// The eta of the SDE whose noise over a stage of length h is that asked for.
    double eta_to(double h) const {
        if (share == noise_share::of_sde || eta == 0 || eta == 1 || !std::isfinite(h)) return eta;
        detail::require(eta > 0 && eta < 1, "diffusion::dpm_solver_singlestep",
                        "eta must lie in [0, 1]", eta);
        return -0.5 * std::log1p(eta * eta * std::expm1(-2 * h)) / h;
    }

    /// From asked[0] to `end` by the predictions at the nodes `asked`.
    gaussian_kernel<K> stage(std::span<const node> asked, const node& end, bool last) const {
        const auto quadrature = [&](std::span<const node> nodes, two_node_form weight) {
            return detail::exponential_quadrature<K, Prediction>(
                asked[0], end, nodes, eta_to(end.lambda - asked[0].lambda),
                detail::first_moment{weight});
        };
        if (form == singlestep_form::taylor || asked.size() == 1)
            return quadrature(asked, two_node_form::heun);
        if (asked.size() == 2)
            return quadrature(asked, last || form == singlestep_form::midpoint
                                         ? two_node_form::midpoint
                                         : two_node_form::heun);
        const std::array<node, 2> ends{asked[0], asked[2]};
        gaussian_kernel<K> kernel = quadrature(ends, two_node_form::heun);
        if constexpr (K == 3) std::swap(kernel.b[1], kernel.b[2]);
        return kernel;
    }
};

namespace detail {

/// A function from rho to its node stands for inner nodes at equal shares of lambda.
template <class Inner>
auto inner_of(Inner inner) {
    if constexpr (requires(const node& n, const grid_step& step) { inner(step, 1); }) return inner;
    else return in_lambda<Inner>(std::move(inner));
}
template <class Inner>
using inner_t = decltype(inner_of(std::declval<Inner>()));

}  // namespace detail

/// DPM-Solver-K, on noise.
template <std::size_t K, class Inner>
dpm_solver_singlestep<K, prediction::noise, detail::inner_t<Inner>> dpm_solver(
    Inner inner, singlestep_form form = singlestep_form::published, double eta = 0) {
    return {detail::inner_of(std::move(inner)), form, eta, noise_share::of_sde};
}

/// DPM-Solver++ of K evaluations, on data; 2 is "2S", 3 is "3S", eta = 1 their SDE forms.
template <std::size_t K, class Inner>
dpm_solver_singlestep<K, prediction::data, detail::inner_t<Inner>> dpm_solver_pp(
    Inner inner, singlestep_form form = singlestep_form::published, double eta = 0) {
    return {detail::inner_of(std::move(inner)), form, eta, noise_share::of_sde};
}

}  // namespace diffusion
