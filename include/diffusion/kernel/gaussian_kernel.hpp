#pragma once
// L3: the one type behind q(x_t|x_0), q(x_s|x_t,x_0), p_theta and every fixed-coefficient sampling
// method.

#include <array>
#include <cstddef>
#include <iosfwd>

namespace diffusion {

/// The conditional distribution of x_s given x and K further tensors m_k (predictions of the
/// network):
///
///     x_s = a x + sum_k b_k m_k + c z,     z ~ N(0, I).
///
/// A value: a test can compare one, a teacher can print one, and whoever keeps tensors on a GPU can
/// evaluate one with three multiplications there.
template <std::size_t K>
struct gaussian_kernel {
    double a;
    std::array<double, K> b;
    double c;

    friend constexpr bool operator==(const gaussian_kernel&, const gaussian_kernel&) = default;
};

template <class Char, class Traits, std::size_t K>
std::basic_ostream<Char, Traits>& operator<<(std::basic_ostream<Char, Traits>& os,
                                             const gaussian_kernel<K>& kernel) {
    os << kernel.a << " x";
    for (std::size_t k = 0; k < K; ++k) os << " + " << kernel.b[k] << " m" << k;
    return os << " + " << kernel.c << " z";
}

}  // namespace diffusion
