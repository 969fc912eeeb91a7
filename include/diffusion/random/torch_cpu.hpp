#pragma once
// L0: the numbers of torch.manual_seed(s) and torch.randn on the CPU, as a noise source: same seed,
// same picture.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include <diffusion/random/mt19937.hpp>
#include <diffusion/random/noise_source.hpp>
#include <diffusion/tensor/traits.hpp>

namespace diffusion {

/// Which of torch's two roundings of the angle 2 pi u a float draw of 16 elements or more has. They
/// differ by less than 3e-6; torch takes the first on every x86 processor since 2013.
enum class torch_angle {
    avx2,    ///< 2 pi rounded to float, times u, rounded
    scalar,  ///< 2 pi u, rounded once: other processors, or ATEN_CPU_CAPABILITY=default
};

/// Standard normal and uniform numbers as PyTorch draws them on the CPU: after
/// `torch_cpu noise(s)`, the calls of `fill_normal` and `fill_uniform` give what the calls of
/// torch.randn and torch.rand give after torch.manual_seed(s), or with a torch.Generator of that
/// seed. Only the number of elements and their type count, not the shape.
///
/// The random bits are torch's exactly. What is made of them goes through logarithm, sine and
/// cosine, whose last bits are those of the C library here, and torch's own there: float numbers
/// agree to 1e-6, double ones to 1e-14.
///
/// With u a uniform number of T's precision, Box and Muller (1958) in two forms:
///   * fewer than 16 elements: pairs sqrt(-2 log(1 - u2)) (cos, sin)(2 pi u1) in double, whatever T
///     is. The second of a pair is kept for the next number, also across calls, and whatever is
///     drawn in between.
///   * 16 or more: all u first, and then block by block of 16: sqrt(-2 log(1 - u_j))
///     (cos, sin)(2 pi u_{j+8}) become elements j and j + 8. A rest of fewer than 16 is not filled:
///     the last 16 elements are drawn anew instead.
///
/// So no draw is a part of a longer one, and the number of elements of each call belongs to the
/// seed. As a noise source it is a sequence, like `sequential`: it ignores the address, and what it
/// draws depends on the calls before. The default angle is that of x86 processors; see
/// `torch_angle`.
class torch_cpu {
    static constexpr double two_pi_ = 6.283185307179586477;

    mt19937 engine_;
    torch_angle angle_;
    double kept_ = 0;
    bool has_kept_ = false;

    template <class T>
    T uniform() {
        if constexpr (std::is_same_v<T, float>)
            return static_cast<float>(random32() & 0xFFFFFFu) * 0x1p-24f;
        else return static_cast<double>(random64() & 0x1FFFFFFFFFFFFFu) * 0x1p-53;
    }

    double next_normal() {
        if (has_kept_) {
            has_kept_ = false;
            return kept_;
        }
        const double angle = two_pi_ * uniform<double>();
        const double radius = std::sqrt(-2 * std::log1p(-uniform<double>()));
        kept_ = radius * std::sin(angle);
        has_kept_ = true;
        return radius * std::cos(angle);
    }

    template <class T>
    T angle_of(T u) const {
        if (angle_ == torch_angle::avx2) return static_cast<T>(two_pi_) * u;
        return static_cast<T>(two_pi_ * static_cast<double>(u));
    }

    template <class T>
    void normal_block(T* z) const {
        for (std::size_t j = 0; j < 8; ++j) {
            const T radius = std::sqrt(-2 * std::log(1 - z[j]));
            const T angle = angle_of(z[j + 8]);
            z[j] = radius * std::cos(angle);
            z[j + 8] = radius * std::sin(angle);
        }
    }

public:
    /// As torch.manual_seed(seed), which uses the lower 32 bits only.
    explicit torch_cpu(std::uint64_t seed, torch_angle angle = torch_angle::avx2)
        : engine_(static_cast<std::uint32_t>(seed)), angle_(angle) {}

    /// 32 random bits: torch.randint(n) is random32() % n for n < 2^32, and ...
    std::uint32_t random32() { return engine_(); }

    /// ... 64 random bits, the upper half first: random64() % n for larger n.
    std::uint64_t random64() {
        const std::uint64_t high = engine_();
        return high << 32 | engine_();
    }

    /// torch.rand: multiples of 2^-24 (float) or 2^-53 (double) in [0, 1).
    template <class T>
    void fill_uniform(std::span<T> u) {
        static_assert(std::is_same_v<T, float> || std::is_same_v<T, double>,
                      "diffusion::torch_cpu: the elements must be float or double; draw into one "
                      "of these and convert");
        for (T& element : u) element = uniform<T>();
    }

    /// torch.randn.
    template <class T>
    void fill_normal(std::span<T> z) {
        static_assert(std::is_same_v<T, float> || std::is_same_v<T, double>,
                      "diffusion::torch_cpu: the elements must be float or double; draw into one "
                      "of these and convert");
        if (z.size() < 16) {
            for (T& element : z) element = static_cast<T>(next_normal());
            return;
        }
        fill_uniform(z);
        for (std::size_t i = 0; i + 16 <= z.size(); i += 16) normal_block(z.data() + i);
        if (z.size() % 16 != 0) {
            const std::span<T> tail = z.last(16);
            fill_uniform(tail);
            normal_block(tail.data());
        }
    }

    /// The next torch.randn; the address is ignored.
    template <tensor X>
    void operator()(X& z, const noise_address&) {
        fill_normal(elements(z));
    }
};

}  // namespace diffusion
