#pragma once
// L5: a predictor and a corrector, turned into a sampler of one evaluation a step.

#include <cmath>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include <diffusion/detail/require.hpp>
#include <diffusion/grid/time_grid.hpp>
#include <diffusion/rule/rule.hpp>
#include <diffusion/sampler/multistep.hpp>

namespace diffusion {

/// A predictor and a corrector as one multistep rule. The prediction m_t at t was asked for at the
/// predicted state; it corrects the step that led there and then serves the next one:
///
///     x_t        =  a x_r + sum b_j m_j + c z                  predicted from r, seen before t
///     x_t'       =  a x_r + b'_t m_t + sum b'_j m_j + c z      corrected, the same a, c and z
///                =  x_t + b'_t m_t + sum (b'_j - b_j) m_j
///     x_s        =  a x_t' + b_t m_t + sum b_j m_j + c z       predicted from t
///
/// The second line needs neither x_r nor z again, so that all of it is one kernel: x_s is affine in
/// x_t and the predictions. Order: one above the predictor's, if the corrector has it.
template <multistep_rule Predictor, corrector_rule Corrector>
    requires(Predictor::extrapolates == Corrector::extrapolates &&
             Predictor::extrapolates != prediction::data_and_noise)
struct corrected {
    Predictor predictor;
    Corrector corrector;
    static constexpr std::size_t order =
        Predictor::order < Corrector::order ? Corrector::order : Predictor::order + 1;
    static constexpr prediction extrapolates = Predictor::extrapolates;

    gaussian_kernel<order> operator()(std::span<const node> seen, const node& s) const {
        const auto of = [](const auto& rule, std::span<const node> nodes, const node& to) {
            return rule(nodes.size() > rule.order ? nodes.first(rule.order) : nodes, to);
        };
        const gaussian_kernel<Predictor::order> next = of(predictor, seen, s);
        if (seen.size() < 2) return join(next);
        const std::span<const node> before = seen.subspan(1);
        return join(next, of(predictor, before, seen[0]), of(corrector, before, seen[0]));
    }

    /// The kernel of a step without a correction.
    static gaussian_kernel<order> join(const gaussian_kernel<Predictor::order>& next) {
        gaussian_kernel<order> kernel{next.a, {}, next.c};
        for (std::size_t k = 0; k < Predictor::order; ++k) kernel.b[k] = next.b[k];
        return kernel;
    }

    /// The kernel of a step that first corrects the one before it. Throws std::invalid_argument
    /// unless both rules take x and the noise with the same weights.
    static gaussian_kernel<order> join(const gaussian_kernel<Predictor::order>& next,
                                       const gaussian_kernel<Predictor::order>& predicted,
                                       const gaussian_kernel<Corrector::order>& better) {
        const auto same = [](double p, double q) { return std::abs(p - q) <= 1e-12 * std::abs(p); };
        detail::require(same(predicted.a, better.a) && same(predicted.c, better.c),
                        "diffusion::predictor_corrector",
                        "the corrector must take x and the noise with the predictor's weights; its "
                        "weight of x is",
                        better.a);
        gaussian_kernel<order> kernel = join(next);
        for (std::size_t k = 0; k < Corrector::order; ++k) kernel.b[k] += next.a * better.b[k];
        for (std::size_t k = 0; k < Predictor::order; ++k)
            kernel.b[k + 1] -= next.a * predicted.b[k];
        return kernel;
    }
};
template <class Predictor, class Corrector>
corrected(Predictor, Corrector) -> corrected<Predictor, Corrector>;

/// The sampler of a predictor and a corrector on a grid:
///
///     predictor_corrector(unip<2>{}, unic<2>{}, grid, last_steps::falling_order)
///
/// which is `unipc<2>`. It is `multistep` with the rule `corrected`, one evaluation and one pass
/// over memory a step, where each step is corrected from as many predictions as it was made of,
/// also at the start and as the order falls towards the end. The steps named in `uncorrected` are
/// not corrected, counted from 0. Nor is the last one, at whose end the network is not asked,
/// unless the grid's last node stands there twice: the additional evaluation then corrects x and
/// nothing else.
///
/// Throws std::invalid_argument as `multistep` does, and where an uncorrected step does not exist.
template <multistep_rule Predictor, corrector_rule Corrector>
class predictor_corrector : public multistep<corrected<Predictor, Corrector>> {
    using joined = corrected<Predictor, Corrector>;
    using base = multistep<joined>;

public:
    using whole_type = predictor_corrector;  ///< see `multistep`

    predictor_corrector(const Predictor& predictor, const Corrector& corrector, time_grid grid,
                        last_steps ending = last_steps::full_order,
                        const std::vector<std::size_t>& uncorrected = {})
        : base(checked(std::move(grid), ending, uncorrected), [&](const time_grid& nodes,
                                                                  std::size_t i) {
              const std::size_t n = nodes.size() - 1;
              const auto predicted = [&](std::size_t j) {
                  return detail::kernel_on(predictor, nodes, j,
                                           detail::visible(Predictor::order, j, n, ending));
              };
              const auto next =
                  is_empty(nodes, i) ? gaussian_kernel<Predictor::order>{1, {}, 0} : predicted(i);
              bool keeps = i == 0;
              for (const std::size_t j : uncorrected) keeps = keeps || j + 1 == i;
              if (keeps) return joined::join(next);
              // The prediction at nodes[i] takes one of the corrector's places.
              constexpr std::size_t past = Corrector::order > 1 ? Corrector::order - 1 : 1;
              return joined::join(next, predicted(i - 1),
                                  detail::kernel_on(corrector, nodes, i - 1,
                                                    detail::visible(past, i - 1, n, ending)));
          }) {}

private:
    static bool is_empty(const time_grid& grid, std::size_t i) {
        return grid[i].lambda == grid[i + 1].lambda;
    }

    static time_grid checked(time_grid grid, last_steps ending,
                             const std::vector<std::size_t>& uncorrected) {
        constexpr const char* function = "diffusion::predictor_corrector";
        const bool twice = grid.size() >= 3 && std::isfinite(grid.back().lambda) &&
                           is_empty(grid, grid.size() - 2);
        detail::require_grid(twice ? time_grid(grid.begin(), grid.end() - 1) : grid, function);
        detail::require_steps(grid, Predictor::order, ending, function);
        for (const std::size_t i : uncorrected)
            detail::require(i + 1 < grid.size(), function, "there is no such uncorrected step", i);
        return grid;
    }
};

}  // namespace diffusion
