#pragma once
// L3: how straight the paths of a flow are.

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include <diffusion/detail/require.hpp>
#include <diffusion/tensor/batch.hpp>

namespace diffusion {

/// The straightness of a flow Z from time 0 to 1 (Liu et al. 2023, section 2.2),
///
///     S(Z) = int_0^1 E |(Z_1 - Z_0) - dZ_t/dt|^2 dt = int_0^1 E |dZ_t/dt|^2 dt - E |Z_1 - Z_0|^2,
///
/// 0 to rounding if and only if every path is a straight line that is run through at constant
/// speed: then one Euler step is exact. Measured on the polygons of a run with many steps, of which
/// it is an observer:
///
///     straightness S(x, items, sampler.grid().front().t);
///     sample(x, sampler, denoise, no_noise{}, S);
///     S.value();                                     // the mean over the items
///
/// Time is the grid's, scaled to length 1. Throws std::invalid_argument if it stands still.
template <class T>
class straightness {
public:
    template <tensor X>
    explicit straightness(const X& start, std::size_t items, double t)
        : start_(elements(start).begin(), elements(start).end()),
          here_(start_),
          items_(items),
          begin_(t),
          t_(t) {
        item_size(start_.size(), items);
    }

    /// The state x at time t; the path goes there straight from where it was.
    template <tensor X>
    void add(const X& x, double t) {
        const std::span<const T> to = elements(x);
        detail::require(to.size() == here_.size(), "diffusion::straightness",
                        "all states must have one size", to.size());
        detail::require(t != t_ && std::isfinite(t), "diffusion::straightness",
                        "each step must take time; it ends at", t);
        double squares = 0;
        for (std::size_t e = 0; e < to.size(); ++e) squares += square(to[e], here_[e]);
        action_ += squares / std::abs(t - t_);
        here_.assign(to.begin(), to.end());
        t_ = t;
    }
    template <class View>
    void operator()(const View& step) {
        add(step.x, step.t.t);
    }

    /// S of the path so far, the mean over the items; 0 before the first step.
    double value() const {
        double chord = 0;
        for (std::size_t e = 0; e < here_.size(); ++e) chord += square(here_[e], start_[e]);
        return (action_ * std::abs(t_ - begin_) - chord) / static_cast<double>(items_);
    }

private:
    static double square(T a, T b) {
        const double difference = static_cast<double>(a) - static_cast<double>(b);
        return difference * difference;
    }

    std::vector<T> start_, here_;
    std::size_t items_;
    double begin_, t_;
    double action_ = 0;  // the sum over steps of |step|^2/time
};
template <tensor X>
straightness(const X&, std::size_t, double) -> straightness<scalar_t<X>>;

}  // namespace diffusion
