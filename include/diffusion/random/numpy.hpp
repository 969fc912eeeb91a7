#pragma once
// L0: the numbers of NumPy's random generators, as noise sources: same seed, same picture.

#include <cmath>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>

#include <diffusion/detail/require.hpp>
#include <diffusion/random/mt19937.hpp>
#include <diffusion/random/noise_source.hpp>
#include <diffusion/random/pcg64.hpp>
#include <diffusion/random/ziggurat.hpp>
#include <diffusion/tensor/traits.hpp>

namespace diffusion {

/// NumPy's legacy numbers: `numpy_random_state noise(s)` gives what numpy.random.RandomState(s), or
/// numpy.random.seed(s) and the functions numpy.random.randn, standard_normal, rand and
/// random_sample give. These are doubles; float elements are the same numbers rounded, as
/// .astype(numpy.float32) does.
///
/// Normal numbers by the polar method of Marsaglia and Bray (1964): a point (x1, x2) in the unit
/// disc gives the pair (x2, x1) sqrt(-2 log(r^2) / r^2), r^2 = x1^2 + x2^2, of which the second is
/// kept for the next number, also across calls: it does not matter into how many calls the numbers
/// are split. The last bit is that of the C library's logarithm.
///
/// As a noise source it is a sequence, like `sequential`: it ignores the address, and what it draws
/// depends on the calls before.
class numpy_random_state {
    mt19937 engine_;
    double kept_ = 0;
    bool has_kept_ = false;

public:
    /// As RandomState(seed), 0 <= seed < 2^32; throws std::invalid_argument for others, as NumPy
    /// does.
    explicit numpy_random_state(std::uint64_t seed) : engine_(static_cast<std::uint32_t>(seed)) {
        detail::require(seed <= mt19937::max(), "diffusion::numpy_random_state",
                        "the seed must be below 2^32; give the words of a longer one as a list",
                        seed);
    }

    /// As RandomState([...]), a list of 32-bit words, of which there must be one at least.
    explicit numpy_random_state(std::span<const std::uint32_t> seed) : engine_(seed) {}

    /// 32 random bits.
    std::uint32_t random32() { return engine_(); }

    /// A multiple of 2^-53 in [0, 1).
    double uniform() {
        const std::uint64_t high = engine_() >> 5;
        return static_cast<double>(high << 26 | engine_() >> 6) * 0x1p-53;
    }

    /// A standard normal number.
    double normal() {
        if (has_kept_) {
            has_kept_ = false;
            return kept_;
        }
        double x1, x2, r_squared;
        do {
            x1 = 2 * uniform() - 1;
            x2 = 2 * uniform() - 1;
            r_squared = x1 * x1 + x2 * x2;
        } while (r_squared >= 1 || r_squared == 0);
        const double scale = std::sqrt(-2 * std::log(r_squared) / r_squared);
        kept_ = scale * x1;
        has_kept_ = true;
        return scale * x2;
    }

    template <class T>
    void fill_uniform(std::span<T> u) {
        for (T& element : u) element = static_cast<T>(uniform());
    }

    template <class T>
    void fill_normal(std::span<T> z) {
        for (T& element : z) element = static_cast<T>(normal());
    }

    /// The next standard_normal; the address is ignored.
    template <tensor X>
    void operator()(X& z, const noise_address&) {
        fill_normal(elements(z));
    }
};

/// Where float elements come from: NumPy has two streams.
enum class numpy_dtype {
    float64,  ///< standard_normal(n).astype(float32): double numbers, rounded
    float32,  ///< standard_normal(n, dtype=float32): other numbers, from half as many random bits
};

/// NumPy's Generator over a generator of 64 random bits: `numpy_generator{pcg64(s)}` gives what
/// numpy.random.default_rng(s) gives (shorter: `numpy_default_rng(s)`), and
/// `numpy_generator{philox4x64(s)}` what Generator(Philox(s)) gives, of standard_normal and random.
///
/// Normal numbers by the ziggurat method, see `detail::ziggurat`; nothing is kept from one double
/// to the next, so it does not matter into how many calls they are split. The random bits are
/// NumPy's exactly, the numbers to 1e-13: the tables here are more exact than those there.
///
/// As a noise source it is a sequence, like `sequential`: it ignores the address, and what it draws
/// depends on the calls before.
template <class Bits>
class numpy_generator {
    static_assert(std::is_same_v<decltype(std::declval<Bits&>()()), std::uint64_t>,
                  "diffusion::numpy_generator: the generator must return 64 random bits, as "
                  "diffusion::pcg64 and diffusion::philox4x64 do");

    Bits bits_;
    numpy_dtype dtype_;
    std::uint32_t upper_half_ = 0;  // of the last word, for the next call of random32
    bool has_upper_half_ = false;

    template <class T, class F>
    void fill(std::span<T> out, F&& next) {
        for (T& element : out) {
            if constexpr (std::is_same_v<T, float>)
                element = dtype_ == numpy_dtype::float32 ? next(float{})
                                                         : static_cast<float>(next(double{}));
            else element = static_cast<T>(next(double{}));
        }
    }

public:
    explicit numpy_generator(Bits bits, numpy_dtype of_floats = numpy_dtype::float64)
        : bits_(std::move(bits)), dtype_(of_floats) {}

    /// 64 random bits.
    std::uint64_t random64() { return bits_(); }

    /// 32 random bits: the lower half of a word, and with the next call its upper half.
    std::uint32_t random32() {
        if (has_upper_half_) {
            has_upper_half_ = false;
            return upper_half_;
        }
        const std::uint64_t word = bits_();
        upper_half_ = static_cast<std::uint32_t>(word >> 32);
        has_upper_half_ = true;
        return static_cast<std::uint32_t>(word);
    }

    /// A multiple of 2^-53 (double) or 2^-24 (float) in [0, 1): Generator.random.
    template <class T = double>
    T uniform() {
        if constexpr (std::is_same_v<T, float>)
            return static_cast<float>(random32() >> 8) * 0x1p-24f;
        else return static_cast<T>(random64() >> 11) * 0x1p-53;
    }

    /// A number of Generator.standard_normal, of dtype float64 or float32.
    template <class T = double>
    T normal() {
        return detail::ziggurat<T>::layers().draw(
            [&] {
                if constexpr (std::is_same_v<T, float>) return random32();
                else return random64();
            },
            [&] { return uniform<T>(); });
    }

    template <class T>
    void fill_uniform(std::span<T> u) {
        fill(u, [&](auto of_type) { return uniform<decltype(of_type)>(); });
    }

    template <class T>
    void fill_normal(std::span<T> z) {
        fill(z, [&](auto of_type) { return normal<decltype(of_type)>(); });
    }

    /// The next standard_normal; the address is ignored.
    template <tensor X>
    void operator()(X& z, const noise_address&) {
        fill_normal(elements(z));
    }
};

/// numpy.random.default_rng(seed).
class numpy_default_rng : public numpy_generator<pcg64> {
public:
    explicit numpy_default_rng(std::uint64_t seed, numpy_dtype of_floats = numpy_dtype::float64)
        : numpy_generator(pcg64(seed), of_floats) {}
    explicit numpy_default_rng(const seed_sequence& seed,
                               numpy_dtype of_floats = numpy_dtype::float64)
        : numpy_generator(pcg64(seed), of_floats) {}
};

}  // namespace diffusion
