#pragma once
// L5: samplers by their names, for programs that choose at run time. This header includes nearly
// every method of the library; those that are made of functions or rules of your own (er_sde's phi,
// deis_in_time, predictor_corrector of any two rules) have no name.

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <diffusion/detail/require.hpp>
#include <diffusion/detail/with_order.hpp>
#include <diffusion/grid/time_grid.hpp>
#include <diffusion/kernel/posterior.hpp>
#include <diffusion/rule/ancestral_flow.hpp>
#include <diffusion/rule/churn.hpp>
#include <diffusion/rule/consistency.hpp>
#include <diffusion/rule/ddim.hpp>
#include <diffusion/rule/ddpm.hpp>
#include <diffusion/rule/deis.hpp>
#include <diffusion/rule/dpm2.hpp>
#include <diffusion/rule/dpm_solver.hpp>
#include <diffusion/rule/dpm_solver_pp_2s.hpp>
#include <diffusion/rule/dpm_solver_singlestep.hpp>
#include <diffusion/rule/er_sde.hpp>
#include <diffusion/rule/euler.hpp>
#include <diffusion/rule/exponential_adams.hpp>
#include <diffusion/rule/flow_heun.hpp>
#include <diffusion/rule/gradient_estimation.hpp>
#include <diffusion/rule/heun.hpp>
#include <diffusion/rule/ipndm.hpp>
#include <diffusion/rule/lms.hpp>
#include <diffusion/rule/res.hpp>
#include <diffusion/rule/reverse_diffusion.hpp>
#include <diffusion/rule/unipc.hpp>
#include <diffusion/sampler/any_sampler.hpp>
#include <diffusion/sampler/dpm_adaptive.hpp>
#include <diffusion/sampler/dpm_fast.hpp>
#include <diffusion/sampler/langevin.hpp>
#include <diffusion/sampler/learned_variance.hpp>
#include <diffusion/sampler/multistep.hpp>
#include <diffusion/sampler/pndm.hpp>
#include <diffusion/sampler/repaint.hpp>
#include <diffusion/sampler/restart.hpp>
#include <diffusion/sampler/sa_solver.hpp>
#include <diffusion/sampler/sampler_options.hpp>
#include <diffusion/sampler/singlestep.hpp>
#include <diffusion/sampler/unipc.hpp>
#include <diffusion/tensor/std.hpp>

namespace diffusion {

namespace detail {

/// A method by its name.
template <tensor X, class S>
struct named_sampler {
    using request = sampler_request<X, S>;
    std::string_view name;
    any_sampler<X> (*make)(request&);
};

// Methods that take more than a line.

template <class R>
auto make_dpm_solver(R& r) {
    return r.with_nodes([&](auto nodes) {
        return r.template by_order<3>(
            3, [&](auto k) { return r.single(dpm_solver<k()>(nodes, r.stages(), r.eta())); });
    });
}
template <class R>
auto make_dpm_solver_pp(R& r) {
    return r.with_nodes([&](auto nodes) {
        return r.template by_order<3>(
            2, [&](auto k) { return r.single(dpm_solver_pp<k()>(nodes, r.stages(), r.eta())); });
    });
}
template <class R>
auto make_exponential_adams(R& r) {
    return r.by_prediction([&](auto on) {
        return r.template multi_of<4>(
            2, [&](auto k) { return exponential_adams<k(), on()>{r.eta()}; });
    });
}
template <class R>
auto make_sa_solver(R& r) {
    return r.template by_order<3>(3, [&](auto p) {
        const constant_tau tau{r.tau()};
        const last_steps ending = r.ending(last_steps::falling_order);
        const std::size_t c = r.corrector_order(p());
        if (c < 1 || c > 4) r.refuse("the corrector_order must lie in 1 .. 4", c);
        return with_order<4>(
            c, [&](auto q) { return r.any(sa_solver<p(), q()>(r.grid(), tau, ending)); });
    });
}
template <class R>
auto make_unip(R& r) {
    return r.by_prediction([&](auto on) {
        return r.template multi_of<3>(2, [&](auto k) { return unip<k(), on()>{r.form()}; });
    });
}
template <class R>
auto make_unipc(R& r) {
    return r.by_prediction([&](auto on) {
        return r.template by_order<3>(2, [&](auto k) {
            return r.any(
                unipc<k(), on()>(r.grid(), {r.form(), r.ending(last_steps::falling_order), {}}));
        });
    });
}

template <class R>
auto make_dpm2_ancestral(R& r) {
    return r.inside([&](auto nodes) { return dpm2_ancestral(nodes, r.eta(1)); });
}
template <class R>
auto make_dpm_adaptive(R& r) {
    return r.with_nodes([&](auto nodes) {
        const adaptive_options options = r.adaptive();
        const std::size_t k = r.order(3);
        if (k == 2) return r.any(dpm_adaptive<2>(nodes, r.grid(), options));
        if (k != 3) r.refuse("the order must be 2 or 3", k);
        return r.any(dpm_adaptive<3>(nodes, r.grid(), options));
    });
}
/// As many evaluations as the grid has steps, from its first level to the last positive one.
template <class R>
auto make_dpm_fast(R& r) {
    return r.with_nodes([&](auto nodes) {
        const time_grid& grid = r.grid();
        require_grid(grid, "diffusion::make_sampler");
        const std::size_t n = grid.size() - 1;
        const node& last = grid[grid[n].sigma > 0 ? n : n - 1];
        const sigma_range range{noise_to_signal(last), noise_to_signal(grid[0])};
        return r.any(dpm_fast(nodes, n, range, r.eta()));
    });
}
template <class R>
auto make_dpm_solver_pp_2s_ancestral(R& r) {
    return r.inside([&](auto nodes) { return dpm_solver_pp_2s_ancestral(nodes, r.eta(1)); });
}
template <class R>
auto make_dpm_solver_pp_sde(R& r) {
    return r.inside([&](auto nodes) { return dpm_solver_pp_sde(nodes, r.eta(1)); });
}
template <class R>
auto make_langevin(R& r) {
    return r.any(langevin_corrected(reverse_diffusion{}, r.grid(), r.corrections()));
}
template <class R>
auto make_pndm(R& r) {
    return r.with_schedule([&](const auto& s) { return r.any(pndm(s, r.grid())); });
}
template <class R>
auto make_repaint(R& r) {
    return r.any(singlestep(ddim{r.eta(1)}, repaint_path(r.grid(), r.jumps())));
}
template <class R>
auto make_restart(R& r) {
    return r.with_nodes([&](auto nodes) {
        return r.any(singlestep(heun{}, restart_path(r.grid(), nodes, r.restarts())));
    });
}
template <class R>
auto make_tcd(R& r) {
    return r.with_schedule([&](const auto& s) { return r.multi(tcd{s, r.eta(0.3)}); });
}

/// All of them, in alphabetical order, a line each.
template <tensor X, class S, class R = sampler_request<X, S>>
inline constexpr named_sampler<X, S> named_samplers[] = {
    // clang-format off
    {"ancestral_flow", [](R& r) { return r.multi(ancestral_flow{r.eta(1)}); }},
    {"consistency_sampling", [](R& r) { return r.multi(consistency_sampling{r.floor()}); }},
    {"ddim", [](R& r) { return r.multi(ddim{r.eta()}); }},
    {"ddim_inversion", [](R& r) { return r.multi(ddim_inversion{}); }},
    {"ddim_published", [](R& r) { return r.multi(ddim_published{r.eta()}); }},
    {"ddpm", [](R& r) { return r.multi(ddpm{r.variance()}); }},
    {"deis", [](R& r) { return r.template multi_of<4>(3, [](auto k) { return deis<k()>{}; }); }},
    {"dpm2", [](R& r) { return r.with_nodes([&](auto n) { return r.stirred(dpm2(n)); }); }},
    {"dpm2_ancestral", make_dpm2_ancestral<R>},
    {"dpm_adaptive", make_dpm_adaptive<R>},
    {"dpm_fast", make_dpm_fast<R>},
    {"dpm_solver", make_dpm_solver<R>},
    {"dpm_solver_2m", [](R& r) { return r.multi(dpm_solver_2m{r.eta(), r.form()}); }},
    {"dpm_solver_3m", [](R& r) { return r.multi(dpm_solver_3m{r.eta(), r.form()}); }},
    {"dpm_solver_pp", make_dpm_solver_pp<R>},
    {"dpm_solver_pp_2m", [](R& r) { return r.multi(dpm_solver_pp_2m{r.eta(), r.form()}); }},
    {"dpm_solver_pp_2s", [](R& r) { return r.inside([](auto n) { return dpm_solver_pp_2s(n); }); }},
    {"dpm_solver_pp_2s_ancestral", make_dpm_solver_pp_2s_ancestral<R>},
    {"dpm_solver_pp_3m", [](R& r) { return r.multi(dpm_solver_pp_3m{r.eta(), r.form()}); }},
    {"dpm_solver_pp_sde", make_dpm_solver_pp_sde<R>},
    {"er_sde", [](R& r) { return r.template multi_of<3>(3, [](auto k) { return er_sde<k()>{}; }); }},
    {"euler", [](R& r) { return r.stirred(one_evaluation<ddim>{euler}); }},
    {"euler_ancestral", [](R& r) { return r.multi(euler_ancestral(r.eta(1))); }},
    {"exponential_adams", make_exponential_adams<R>},
    {"flow_heun", [](R& r) { return r.stirred(flow_heun{}); }},
    {"gradient_estimation", [](R& r) { return r.multi(gradient_estimation{r.gamma()}); }},
    {"heun", [](R& r) { return r.stirred(heun{}); }},
    {"ipndm", [](R& r) { return r.template multi_of<4>(4, [](auto k) { return ipndm<k()>{}; }); }},
    {"langevin", make_langevin<R>},
    {"lcm", [](R& r) { return r.multi(lcm{}); }},
    {"learned_variance", [](R& r) { return r.any(learned_variance(r.grid(), r.output())); }},
    {"lms", [](R& r) { return r.template multi_of<4>(4, [](auto k) { return lms<k()>{}; }); }},
    {"plms", [](R& r) { return r.any(pndm(r.grid())); }},
    {"pndm", make_pndm<R>},
    {"repaint", make_repaint<R>},
    {"res_multistep", [](R& r) { return r.multi(res_multistep{}); }},
    {"restart", make_restart<R>},
    {"reverse_diffusion", [](R& r) { return r.multi(reverse_diffusion{}); }},
    {"sa_solver", make_sa_solver<R>},
    {"tcd", make_tcd<R>},
    {"unip", make_unip<R>},
    {"unipc", make_unipc<R>},
    // clang-format on
};

template <tensor X, class S>
any_sampler<X> make_sampler(std::string_view name, const S& schedule, const time_grid& grid,
                            const sampler_options& options) {
    std::string names;
    for (const named_sampler<X, S>& known : named_samplers<X, S>) {
        if (known.name == name) {
            sampler_request<X, S> request(name, schedule, grid, options);
            any_sampler<X> made = known.make(request);
            request.require_all_taken();
            return made;
        }
        names += (names.empty() ? "" : ", ") + std::string(known.name);
    }
    sampler_request<X, S>::refuse("the name must be one of " + names, name);
}

}  // namespace detail

/// A sampler by its name here, for tensors X:
///
///     const any_sampler<X> s = make_sampler<X>("dpm_solver_pp_2m", grid, {.eta = 1});
///     const any_sampler<X> t = make_sampler<X>("heun", schedule, grid, {.stir = churn{40}});
///
/// Methods that ask the network between the nodes of the grid need the schedule of its times.
/// Throws std::invalid_argument for a name that there is not, with the list of all; for an option
/// that the method does not have, with those that it has; and as the method itself does.
template <tensor X>
any_sampler<X> make_sampler(std::string_view name, const time_grid& grid,
                            const sampler_options& options = {}) {
    return detail::make_sampler<X>(name, detail::no_schedule{}, grid, options);
}
template <tensor X, noise_schedule S>
any_sampler<X> make_sampler(std::string_view name, const S& schedule, const time_grid& grid,
                            const sampler_options& options = {}) {
    return detail::make_sampler<X>(name, schedule, grid, options);
}

/// The names that `make_sampler` knows, in alphabetical order.
inline std::vector<std::string> sampler_names() {
    std::vector<std::string> names;
    for (const auto& known : detail::named_samplers<std::vector<float>, detail::no_schedule>)
        names.emplace_back(known.name);
    return names;
}

}  // namespace diffusion
