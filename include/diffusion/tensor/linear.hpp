#pragma once
// L0: lets a formula be typed as it is printed,  ref(x) = a * ref(x) + b * ref(D) + c * ref(z),
// and makes of it one pass over memory without temporaries.

#include <array>
#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>

#include <diffusion/assert.hpp>
#include <diffusion/detail/inline.hpp>
#include <diffusion/tensor/traits.hpp>

namespace diffusion {

/// One summand c * x of a linear combination.
template <class T>
struct term {
    double c;
    std::span<const T> x;
};

/// A sum of N such terms, not yet evaluated. Holds pointers: use it in the expression that makes
/// it.
template <class T, std::size_t N>
struct linear_sum {
    std::array<term<T>, N> terms;
};

template <class T>
constexpr linear_sum<T, 2> operator+(term<T> a, term<T> b) {
    return {{a, b}};
}
template <class T, std::size_t N>
constexpr linear_sum<T, N + 1> operator+(const linear_sum<T, N>& a, term<T> b) {
    linear_sum<T, N + 1> sum{};
    for (std::size_t k = 0; k < N; ++k) sum.terms[k] = a.terms[k];
    sum.terms[N] = b;
    return sum;
}

namespace detail {

// The state may stand on both sides (x = a x + ...). That is safe, since element e of the result
// depends on elements e only, but a compiler that has to assume the worst would not vectorise; this
// tells it.
#if defined(__clang__)
#define DIFFUSION_ELEMENTWISE _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#define DIFFUSION_ELEMENTWISE _Pragma("GCC ivdep")
#else
#define DIFFUSION_ELEMENTWISE
#endif

#if defined(__clang__)  // says so where it may not vectorise, under a sanitizer for instance
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wpass-failed"
#endif
/// out[e] = sum_k c_k x_k[e], one pass; the coefficients are rounded to T here, once. Inlined by
/// force, since on 100 elements a call with its terms in memory costs a quarter of the pass.
template <std::size_t N, class T>
DIFFUSION_INLINE inline void combine(std::span<T> out, const term<T>* terms) {
    std::array<T, N> c;
    std::array<const T*, N> x;
    for (std::size_t k = 0; k < N; ++k) {
        DIFFUSION_ASSERT(terms[k].x.size() == out.size(),
                         "diffusion::assign: tensors of unequal size");
        c[k] = static_cast<T>(terms[k].c);
        x[k] = terms[k].x.data();
    }
    T* const o = out.data();
    const std::size_t n = out.size();
    [&]<std::size_t... k>(std::index_sequence<k...>) {
        DIFFUSION_ELEMENTWISE
        for (std::size_t e = 0; e < n; ++e) o[e] = (... + (c[k] * x[k][e]));
    }
    (std::make_index_sequence<N>{});
}
#if defined(__clang__)
#pragma clang diagnostic pop
#endif
#undef DIFFUSION_ELEMENTWISE

}  // namespace detail

/// out = sum_k c_k x_k, element by element. Every step of every sampler ends here: one pass, no
/// temporaries, each coefficient rounded to the tensor's precision once. `out` may be one of the
/// first six x_k, but must not overlap one in part.
template <class T>
void assign(std::span<T> out, std::span<const term<T>> terms) {
    DIFFUSION_ASSERT(!terms.empty(), "diffusion::assign: an empty sum");
    switch (terms.size()) {
        case 1:
            return detail::combine<1>(out, terms.data());
        case 2:
            return detail::combine<2>(out, terms.data());
        case 3:
            return detail::combine<3>(out, terms.data());
        case 4:
            return detail::combine<4>(out, terms.data());
        case 5:
            return detail::combine<5>(out, terms.data());
        case 6:
            return detail::combine<6>(out, terms.data());
        default:
            break;
    }
    detail::combine<6>(out, terms.data());
    for (std::size_t k = 6; k < terms.size(); ++k)
        detail::combine<2>(out, std::array{term<T>{1, out}, terms[k]}.data());
}
template <class T, std::size_t N>
DIFFUSION_INLINE inline void assign(std::span<T> out, const std::array<term<T>, N>& terms) {
    if constexpr (N <= 6) detail::combine<N>(out, terms.data());
    else assign(out, std::span<const term<T>>(terms));
}

/// A tensor as it appears in a formula; made by `ref`.
template <class X>
struct tensor_ref {
    X* x;

    template <std::size_t N>
    const tensor_ref& operator=(const linear_sum<scalar_t<X>, N>& sum) const {
        assign(elements(*x), sum.terms);
        return *this;
    }
    const tensor_ref& operator=(term<scalar_t<X>> t) const {
        assign(elements(*x), std::array{t});
        return *this;
    }
};

/// `ref(x)` stands for x in a formula: `ref(x_s) = a * ref(x_t) + b * ref(x0);`. Every summand has
/// a coefficient.
template <tensor X>
tensor_ref<X> ref(X& x) {
    return {&x};
}
template <tensor X>
tensor_ref<const X> ref(const X& x) {
    return {&x};
}

template <class X>
term<scalar_t<X>> operator*(double c, tensor_ref<X> r) {
    return {c, elements(*r.x)};
}

}  // namespace diffusion
