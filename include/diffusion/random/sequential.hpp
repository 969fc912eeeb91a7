#pragma once
// L0: any generator of the standard library's kind (std::mt19937_64, std::minstd_rand, your own) as
// a noise source.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include <diffusion/random/fill.hpp>
#include <diffusion/random/noise_source.hpp>
#include <diffusion/tensor/traits.hpp>

namespace diffusion {
namespace detail {

/// What std::uniform_random_bit_generator asks (it lives in <random>, which the core does not
/// include): a callable that returns each of the integers min() .. max() with the same probability,
/// independently of its other calls.
template <class G>
concept bit_generator = std::invocable<G&> && std::unsigned_integral<std::invoke_result_t<G&>> &&
    (std::remove_cvref_t<G>::min() < std::remove_cvref_t<G>::max());

/// How many bits k to take from a number below `range` (0 stands for 2^64). A number not below the
/// largest multiple of 2^k is thrown away, so that the 2^k values of the bits are equally probable;
/// k has the most bits per call on average.
constexpr int bits_per_call(std::uint64_t range) {
    if (range == 0) return 64;
    int best = 1;
    double best_yield = 0;
    for (int k = 1; k < 64 && (range >> k) != 0; ++k) {
        const std::uint64_t kept = (range >> k) << k;
        const double yield = k * (static_cast<double>(kept) / static_cast<double>(range));
        if (yield > best_yield) {
            best = k;
            best_yield = yield;
        }
    }
    return best;
}

/// 64 independent, equally probable bits from a generator of any range.
template <bit_generator G>
std::uint64_t random_word(G& generator) {
    using type = std::remove_cvref_t<G>;
    constexpr std::uint64_t lowest = type::min();
    constexpr std::uint64_t range = std::uint64_t{type::max()} - lowest + 1;  // 0 stands for 2^64
    constexpr int k = bits_per_call(range);
    if constexpr (k == 64) {
        return generator();
    } else {
        constexpr std::uint64_t cell =
            range >> k;  // numbers per value of the bits: the upper bits count
        std::uint64_t word = 0;
        for (int missing = 64; missing > 0;) {
            const std::uint64_t number = std::uint64_t{generator()} - lowest;
            if (number >= cell << k) continue;
            const int taken = smaller(k, missing);
            word = (word << taken) | ((number / cell) >> (k - taken));
            missing -= taken;
        }
        return word;
    }
}

}  // namespace detail

/// Standard normal numbers from a generator of your own: `sequential{rng}` draws from `rng` itself
/// (which must live as long), `sequential{std::mt19937_64(7)}` keeps the generator in the noise
/// source.
///
/// Numbers 2 i and 2 i + 1 of a call are a Box-Muller pair made of 64 bits of radius and 64 bits of
/// angle, in double precision; with an odd number of elements the last sine is dropped, so that
/// nothing is carried over between calls. The bits depend on the generator only, never on the
/// standard library or compiler (no std::normal_distribution).
///
/// Unlike `gaussian_noise` it has a state: what is drawn depends on the order and the sizes of all
/// calls before, the address is ignored, and a run cannot be split among threads or resumed in the
/// middle.
template <detail::bit_generator Generator>
struct sequential {
    Generator generator;

    template <tensor X>
    void operator()(X& z, const noise_address&) {
        using word = std::uint64_t;
        constexpr std::size_t pairs = detail::group_pairs;
        constexpr std::size_t step = detail::lane_count<double>;
        const detail::normal_lanes<double> math;
        for (std::span<scalar_t<X>> left = elements(z); !left.empty();) {
            const std::size_t n = detail::smaller(left.size(), 2 * pairs);
            word radius_word[pairs] = {}, angle_word[pairs] = {};
            for (std::size_t p = 0; p < (n + 1) / 2; ++p) {
                radius_word[p] = detail::random_word(generator);
                angle_word[p] = detail::random_word(generator);
            }
            double radius[pairs], cosine[pairs], sine[pairs];
            constexpr word lower = 0xFFFFFFFFu;
            for (std::size_t p = 0; p < pairs; p += step) {
                const detail::lanes<word> r = detail::load(radius_word + p);
                detail::store(radius + p,
                              math.minus_two_log(detail::radius_argument(r >> 32, r & lower)));
            }
            detail::square_roots(radius, pairs);
            for (std::size_t p = 0; p < pairs; p += step) {
                const detail::lanes<word> a = detail::load(angle_word + p);
                const detail::lanes<word> high = a >> 32;
                math.polar(detail::load(radius + p), detail::quarter_turns(high, a & lower),
                           detail::quadrant<word>(high), cosine + p, sine + p);
            }
            for (std::size_t i = 0; i < n; ++i)
                left[i] = static_cast<scalar_t<X>>(i % 2 == 0 ? cosine[i / 2] : sine[i / 2]);
            left = left.subspan(n);
        }
    }
};

template <class Generator>
sequential(Generator&&) -> sequential<Generator>;

}  // namespace diffusion
