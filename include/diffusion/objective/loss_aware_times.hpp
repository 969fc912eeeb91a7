#pragma once
// L3: training more often at the times that have most to lose.

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <iterator>
#include <span>
#include <utility>
#include <vector>

#include <diffusion/detail/require.hpp>
#include <diffusion/objective/times.hpp>

namespace diffusion {

/// Times 0 .. T-1 by the losses seen there (Nichol and Dhariwal 2021, section 3.3 and eq. 18):
///
///     p_t ~ sqrt(E[L_t^2]),     L_vlb = E_{t ~ p}[L_t / p_t] = T E_{t ~ p}[L_t / (T p_t)],
///
/// the choice of p whose estimate of L_vlb is least noisy if losses could not be negative. E is the
/// mean over the last `history` losses of each t; until every t has so many, t is uniform. A loss
/// is given the weight 1/(T p_t), so that its mean stays what it is with uniform times.
///
///     loss_aware_times times(1000);
///     draw_times(t, schedule, times, time_sampling::stratified, seed, iteration);
///     loss = mean over the batch of times.weight(t_i) L_i
///     times.record(t, L);                                      // L without the weights
///
/// A `time_distribution` whose draws are a function of (seed, iteration) and of what was recorded.
class loss_aware_times {
public:
    /// uniform_share: of all draws, at least so many are uniform, lest a time whose losses were
    /// once small be forgotten; 0 is the paper's formula, 0.001 its code's. Throws
    /// std::invalid_argument unless T and history are positive and the share lies in [0, 1].
    explicit loss_aware_times(std::size_t T, std::size_t history = 10, double uniform_share = 0.001)
        : history_(history), uniform_(uniform_share), losses_(T), below_(T) {
        constexpr const char* function = "diffusion::loss_aware_times";
        detail::require(T > 0, function, "there must be at least one time", T);
        detail::require(history > 0, function, "the number of losses to keep must be positive",
                        history);
        detail::require(uniform_ >= 0 && uniform_ <= 1, function,
                        "the uniform share must lie in [0, 1]", uniform_);
        update();
    }

    std::size_t size() const { return below_.size(); }

    /// Whether every time has its losses, so that p_t is not uniform any more.
    bool warmed_up() const { return warmed_up_; }

    /// p_t
    double probability(double t) const {
        const std::size_t i = index(t);
        return below_[i] - (i > 0 ? below_[i - 1] : 0);
    }

    /// 1/(T p_t), what a loss at t counts.
    double weight(double t) const { return 1 / (static_cast<double>(size()) * probability(t)); }

    /// The time of u in (0, 1): the first with P(T <= t) > u.
    double operator()(double u) const {
        const auto at = std::upper_bound(below_.begin(), below_.end(), u);
        return static_cast<double>(
            std::min<std::ptrdiff_t>(at - below_.begin(), std::ssize(below_) - 1));
    }

    /// Takes in the losses of a batch, one for each time. Throws std::invalid_argument for another
    /// time than 0 .. T-1, or a loss that is not finite.
    void record(std::span<const double> times, std::span<const double> losses) {
        constexpr const char* function = "diffusion::loss_aware_times";
        detail::require(times.size() == losses.size(), function,
                        "there must be a loss for each time", losses.size());
        for (const double loss : losses)
            detail::require(std::isfinite(loss), function, "losses must be finite", loss);
        for (const double t : times) index(t);  // all or none are taken in
        for (std::size_t i = 0; i < times.size(); ++i) {
            std::vector<double>& of = losses_[index(times[i])];
            if (of.size() == history_) of.erase(of.begin());
            of.push_back(losses[i]);
        }
        update();
    }

    /// All that it has learnt: for each time the number of losses, then the losses, oldest first,
    /// then zeros.
    std::vector<double> state() const {
        std::vector<double> all;
        for (const std::vector<double>& of : losses_) {
            all.push_back(static_cast<double>(of.size()));
            all.insert(all.end(), of.begin(), of.end());
            all.resize(all.size() + history_ - of.size());
        }
        return all;
    }

    /// Takes over another one's `state()`. Throws std::invalid_argument if T or history differ, and
    /// for what no other one can have learnt.
    void restore(std::span<const double> state) {
        constexpr const char* function = "diffusion::loss_aware_times";
        detail::require(state.size() == size() * (history_ + 1), function,
                        "the state must be that of as many times and losses", state.size());
        std::vector<std::vector<double>> losses;
        for (std::size_t t = 0; t < size(); ++t, state = state.subspan(history_ + 1)) {
            detail::require(state[0] >= 0 && state[0] <= static_cast<double>(history_) &&
                                state[0] == std::floor(state[0]),
                            function, "no time has so many losses", state[0]);
            const auto of = state.subspan(1, static_cast<std::size_t>(state[0]));
            for (const double loss : of)
                detail::require(std::isfinite(loss), function, "losses must be finite", loss);
            losses.emplace_back(of.begin(), of.end());
        }
        losses_ = std::move(losses);
        update();
    }

private:
    std::size_t index(double t) const {
        detail::require(t >= 0 && t < static_cast<double>(size()) && t == std::floor(t),
                        "diffusion::loss_aware_times", "times must be 0 .. T-1", t);
        return static_cast<std::size_t>(t);
    }

    /// below_[t] = P(T <= t)
    void update() {
        warmed_up_ = std::all_of(losses_.begin(), losses_.end(),
                                 [&](const auto& of) { return of.size() == history_; });
        double sum = 0;
        for (std::size_t t = 0; t < size() && warmed_up_; ++t) {
            double squares = 0;
            for (const double loss : losses_[t]) squares += loss * loss;
            below_[t] = sum += std::sqrt(squares);
        }
        const double n = static_cast<double>(size()), uniform = sum > 0 ? uniform_ : 1;
        for (std::size_t t = 0; t < size(); ++t)
            below_[t] = uniform * static_cast<double>(t + 1) / n +
                        (sum > 0 ? (1 - uniform) * below_[t] / sum : 0);
    }

    std::size_t history_;
    double uniform_;
    std::vector<std::vector<double>> losses_;  // of each time, oldest first
    std::vector<double> below_;
    bool warmed_up_ = false;
};

/// A time distribution that learns from the losses of a training, and weights them.
template <class D>
concept loss_aware = time_distribution<D> &&
    requires(D& of, const D& known, std::span<const double> values) {
    of.record(values, values);
    { known.weight(0.0) } -> std::convertible_to<double>;
};

}  // namespace diffusion
