#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include <diffusion/detail/require.hpp>
#include <diffusion/discrete/categorical_process.hpp>
#include <diffusion/discrete/categorical_sample.hpp>

namespace diffusion {

/// A network that guesses clean states: `predict(x_t, t, logits)` writes K logits of p(x_0 | x_t)
/// for each element of x_t, one element's behind the other's. t = 1 .. T.
template <class F>
concept x_0_predictor = requires(F& predict, std::span<const std::size_t> x_t, std::size_t t,
                                 std::span<double> logits) {
    predict(x_t, t, logits);
};

/// n steps that are as long as each other, but for rounding: T = t_0 > ... > t_n = 0. Throws
/// std::invalid_argument unless 1 <= n <= T.
inline std::vector<std::size_t> even_times(std::size_t T, std::size_t n) {
    detail::require(n >= 1 && n <= T, "diffusion::even_times",
                    "the number of steps must be one of 1 .. T", n);
    std::vector<std::size_t> times(n + 1);
    for (std::size_t i = 0; i <= n; ++i) times[i] = (T * (n - i) + n / 2) / n;
    return times;
}

/// The reverse process (Austin et al. 2021, section 3): x_T from the prior, then x_s ~
/// p_theta(x_s | x_t) for each step t -> s. It knows the steps and does not change; what a run
/// needs is in its memory.
///
///     categorical_sampler sampler(process);
///     std::vector<std::size_t> x(64 * length);
///     sample_states(x, sampler, predict, seed);
template <categorical_process P>
class categorical_sampler {
public:
    /// All T steps.
    explicit categorical_sampler(const P& process)
        : categorical_sampler(process, even_times(process.steps(), process.steps())) {}

    /// Steps between these times, T first and 0 last; skipping some is as exact as p(x_0 | x_t) is.
    /// Throws std::invalid_argument unless they fall.
    categorical_sampler(const P& process, std::vector<std::size_t> times)
        : times_(std::move(times)) {
        constexpr const char* function = "diffusion::categorical_sampler";
        detail::require(times_.size() >= 2, function, "there must be at least 2 times",
                        times_.size());
        detail::require(times_.front() == process.steps(), function, "the first time must be T",
                        times_.front());
        detail::require(times_.back() == 0, function, "the last time must be 0", times_.back());
        for (std::size_t i = 0; i + 1 < times_.size(); ++i)
            back_.push_back(step_back(process, times_[i], times_[i + 1]));
        for (std::size_t k = 0; k < process.categories(); ++k) prior_.push_back(process.prior(k));
    }

    /// The memory of a run.
    struct memory {
        std::vector<double> logits, scratch;
    };

    /// The number of steps.
    std::size_t size() const { return back_.size(); }

    /// T = times()[0] > ... > times()[size()] = 0.
    const std::vector<std::size_t>& times() const { return times_; }

    std::size_t categories() const { return prior_.size(); }

    /// Memory for so many elements.
    memory init(std::size_t elements) const {
        return {std::vector<double>(elements * categories()), std::vector<double>(categories())};
    }

    /// x_T. `first_element`: the place of x[0] in a larger batch, whose draws these are.
    void start(std::span<std::size_t> x, std::uint64_t seed,
               std::uint64_t first_element = 0) const {
        detail::each_uniform(x.size(), seed, {noise_stream::start}, first_element,
                             [&](std::size_t i, double u) { x[i] = draw_state(prior_, u); });
    }

    /// Step i, from times()[i] to times()[i + 1].
    template <x_0_predictor Predict>
    void step(std::size_t i, std::span<std::size_t> x, memory& mem, Predict&& predict,
              std::uint64_t seed, std::uint64_t first_element = 0) const {
        predict(std::span<const std::size_t>(x), times_[i], std::span<double>(mem.logits));
        p_sample(back_[i], x, mem.logits, mem.scratch, seed, {noise_stream::step, i},
                 first_element);
    }

private:
    std::vector<std::size_t> times_;
    std::vector<categorical_step<kernel_of<P>>> back_;
    std::vector<double> prior_;
};

/// Noise into data: overwrites x, of any number of elements, by a draw of the reverse process.
template <categorical_process P, x_0_predictor Predict>
void sample_states(std::span<std::size_t> x, const categorical_sampler<P>& sampler,
                   Predict&& predict, std::uint64_t seed, std::uint64_t first_element = 0) {
    auto memory = sampler.init(x.size());
    sampler.start(x, seed, first_element);
    for (std::size_t i = 0; i < sampler.size(); ++i)
        sampler.step(i, x, memory, predict, seed, first_element);
}

}  // namespace diffusion
