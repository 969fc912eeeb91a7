#pragma once
// What a network says of bits, as the reverse kernel p_theta.

#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include <diffusion/detail/require.hpp>
#include <diffusion/discrete/binomial_process.hpp>
#include <diffusion/discrete/categorical_kernel.hpp>
#include <diffusion/discrete/categorical_sample.hpp>
#include <diffusion/kernel/factor.hpp>

namespace diffusion {

/// p_theta(x_s | x_t) of bits that are independent where x_t is known: `reverse(x_t, s, t, one)`
/// writes P(x_s = 1 | x_t) for each bit, B(x_s; f_b(x_t, t)) in table App.1 of Sohl-Dickstein et
/// al. (2015). Models: `guesses_bits`, `flips_bits`, `multiplied_bits`, and lambdas of this form.
template <class F>
concept binomial_reverse = requires(F& reverse, std::span<const std::size_t> x_t, std::size_t s,
                                    std::size_t t, std::span<double> one) {
    reverse(x_t, s, t, one);
};

/// A network that guesses clean bits: `guess(x_t, t, one)` writes P(x_0 = 1 | x_t) for each bit.
/// The posterior makes the reverse kernel of it, for steps of any length. Refers to the process.
template <class Guess>
struct guesses_bits {
    const binomial_process* process;
    Guess guess;

    explicit guesses_bits(const binomial_process& process_, Guess guess_)
        : process(&process_), guess(std::move(guess_)) {}
    explicit guesses_bits(const binomial_process&&, Guess) = delete;  // would be gone at once

    void operator()(std::span<const std::size_t> x_t, std::size_t s, std::size_t t,
                    std::span<double> one) {
        guess(x_t, t, one);
        const binomial_posterior q = process->posterior(s, t);
        for (std::size_t i = 0; i < x_t.size(); ++i) {
            detail::require_probability(one[i], "diffusion::guesses_bits");
            one[i] = q(x_t[i], one[i]);
        }
    }
};

/// A network that says with which probability each bit of x_t flips on the step: `flip(x_t, s, t,
/// out)`, as that of the paper.
template <class Flip>
struct flips_bits {
    Flip flip;

    explicit flips_bits(Flip flip_) : flip(std::move(flip_)) {}

    void operator()(std::span<const std::size_t> x_t, std::size_t s, std::size_t t,
                    std::span<double> one) {
        flip(x_t, s, t, one);
        for (std::size_t i = 0; i < x_t.size(); ++i) one[i] = binomial_flip(one[i])(x_t[i], 1);
    }
};

/// The product of B(x; one) and r(x), where r(1) is `odds` times r(0): exactly B(x; one odds / (one
/// odds + 1 - one)). Odds 0 and infinity say what the bit is, whatever p says. Throws
/// std::invalid_argument for a probability outside of [0, 1], and for negative odds.
inline double multiplied(double one, double odds) {
    constexpr const char* function = "diffusion::multiplied";
    detail::require_probability(one, function);
    detail::require(odds >= 0, function, "odds must not be negative", odds);
    if (odds == 0) return 0;
    if (std::isinf(odds)) return 1;
    return one / (one + (1 - one) / odds);
}

/// The product of a step and r, after each state.
inline binomial_kernel multiplied(const binomial_kernel& kernel, double odds) {
    return {multiplied(kernel.one_after_0, odds), multiplied(kernel.one_after_1, odds)};
}

/// The reverse kernel that is multiplied by a second distribution of independent bits, p-tilde(x_s
/// | x_t) = p(x_s | x_t) r_s(x_s) / Z(x_t) (Sohl-Dickstein et al. 2015, section 2.5):
///
///     inpainting   odds infinity or 0 for a bit that is known to be 1 or 0, else 1
///     denoising    odds ((1 - error) / error)^(2 y - 1) where bit y was received, which is wrong
///                  with probability `error`
///
/// A step is exact, bit by bit. The chain is not, as the paper leaves Z out: it forgets which x_t
/// had led up to what r asks for, and which had been lucky. `log_weights` keeps the product of
/// Z(x_t) for each item; items that are drawn anew with these weights (`resample`) make up for it.
/// With known bits and many items that is exactly p(x) r(x), as the way that a bit takes forwards
/// depends on no other bit.
///
/// `odds`: r(1)/r(0) of each bit of an item; batches are items one behind the other. `schedule`:
/// see `factor_schedule`; T of the process that the steps belong to.
template <class Reverse>
struct multiplied_bits {
    Reverse reverse;
    std::vector<double> odds;
    std::size_t T;
    factor_schedule schedule;
    std::vector<double> log_weights{};  ///< sum of log Z of each item, since it was last cleared

    explicit multiplied_bits(Reverse reverse_, std::vector<double> odds_, std::size_t T_,
                             factor_schedule schedule_ = factor_schedule::constant)
        : reverse(std::move(reverse_)), odds(std::move(odds_)), T(T_), schedule(schedule_) {
        constexpr const char* function = "diffusion::multiplied_bits";
        detail::require(!odds.empty(), function, "there must be odds for each bit of an item",
                        odds.size());
        for (const double r : odds)
            detail::require(r >= 0, function, "odds must not be negative", r);
    }

    void operator()(std::span<const std::size_t> x_t, std::size_t s, std::size_t t,
                    std::span<double> one) {
        const std::size_t bits = odds.size();
        detail::require(one.size() % bits == 0, "diffusion::multiplied_bits",
                        "the bits must be those of whole items", one.size());
        reverse(x_t, s, t, one);
        log_weights.resize(one.size() / bits);
        const double power = factor_power(schedule, s, T);
        for (std::size_t i = 0; i < one.size() && power > 0; ++i) {
            const double r = std::pow(odds[i % bits], power), p = one[i];
            one[i] = multiplied(p, r);
            // Z but for r(0), or r(1) where the odds are infinite, which all items have in common
            if (r != 1) log_weights[i / bits] += std::log(std::isinf(r) ? p : 1 - p + p * r);
        }
    }
};

/// Draws the items anew in proportion to exp(log_weights), which become 0: item i becomes the one
/// in whose share of the sum (i + u)/n falls (systematic resampling; Kitagawa 1996, appendix A). u
/// is a function of (seed, where). Does nothing while the weights are even enough: while the
/// effective number (sum w)^2 / sum w^2 is at least `least` of n; in the end of a run `least` = 1
/// is right. Throws std::invalid_argument for a part of an item, a weight that is no number, and if
/// none is positive.
inline void resample(std::span<std::size_t> x, std::vector<double>& log_weights, std::uint64_t seed,
                     const noise_address& where, double least = 0.5) {
    constexpr const char* function = "diffusion::resample";
    const std::size_t n = log_weights.size();
    detail::require(n > 0 && x.size() % n == 0, function, "there must be a weight for each item",
                    n);
    double largest = log_weights[0], sum = 0, squares = 0;
    for (const double w : log_weights) {
        detail::require(!std::isnan(w), function, "a weight must be a number, its log", w);
        largest = w > largest ? w : largest;
    }
    detail::require(std::isfinite(largest), function,
                    "the largest weight must be positive, its log", largest);
    for (const double w : log_weights) {
        sum += std::exp(w - largest);
        squares += std::exp(2 * (w - largest));
    }
    if (sum * sum >= least * static_cast<double>(n) * squares) return;
    double u = 0;
    fill_uniform(std::span(&u, 1), seed, where);
    const std::vector<std::size_t> before(x.begin(), x.end());
    const std::size_t bits = x.size() / n;
    double reached = 0;
    std::size_t from = 0;
    for (std::size_t i = 0; i < n; ++i) {
        const double wanted = (static_cast<double>(i) + u) / static_cast<double>(n) * sum;
        while (from + 1 < n && reached + std::exp(log_weights[from] - largest) < wanted)
            reached += std::exp(log_weights[from++] - largest);
        for (std::size_t k = 0; k < bits; ++k) x[i * bits + k] = before[from * bits + k];
    }
    log_weights.assign(n, 0);
}

/// The reverse process: x_T from fair coins, then x_s ~ p_theta(x_s | x_t) for each step. See
/// `categorical_sampler`, whose members these are.
class binomial_sampler {
public:
    explicit binomial_sampler(const binomial_process& process) : T_(process.steps()) {}

    /// The memory of a run.
    struct memory {
        std::vector<double> one;
    };

    /// The number of steps, T.
    std::size_t size() const { return T_; }

    /// Memory for so many bits.
    memory init(std::size_t bits) const { return {std::vector<double>(bits)}; }

    /// x_T. `first_element`: the place of x[0] in a larger batch, whose draws these are.
    void start(std::span<std::size_t> x, std::uint64_t seed,
               std::uint64_t first_element = 0) const {
        detail::each_uniform(x.size(), seed, {noise_stream::start}, first_element,
                             [&](std::size_t i, double u) { x[i] = u < 0.5 ? 1 : 0; });
    }

    /// Step i, from t = T - i to t - 1. Throws std::invalid_argument for states other than 0 and 1,
    /// for memory of other bits, and where the model's probability is none.
    template <binomial_reverse Reverse>
    void step(std::size_t i, std::span<std::size_t> x, memory& mem, Reverse&& reverse,
              std::uint64_t seed, std::uint64_t first_element = 0) const {
        constexpr const char* function = "diffusion::binomial_sampler";
        detail::require(i < T_, function, "there is no such step", i);
        detail::require(mem.one.size() == x.size(), function,
                        "the memory must be that of as many bits", mem.one.size());
        for (const std::size_t state : x) detail::require_state(state, 2, function);
        reverse(std::span<const std::size_t>(x), T_ - i - 1, T_ - i, std::span<double>(mem.one));
        for (const double p : mem.one) detail::require_probability(p, function);
        detail::each_uniform(x.size(), seed, {noise_stream::step, i}, first_element,
                             [&](std::size_t e, double u) { x[e] = u < mem.one[e] ? 1 : 0; });
    }

private:
    std::size_t T_;
};

/// Noise into data: overwrites x by a draw of the reverse process.
template <binomial_reverse Reverse>
void sample(std::span<std::size_t> x, const binomial_sampler& sampler, Reverse&& reverse,
            std::uint64_t seed, std::uint64_t first_element = 0) {
    auto memory = sampler.init(x.size());
    sampler.start(x, seed, first_element);
    for (std::size_t i = 0; i < sampler.size(); ++i)
        sampler.step(i, x, memory, reverse, seed, first_element);
}

}  // namespace diffusion
