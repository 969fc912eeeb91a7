#pragma once
// L3: guidance whose answer is brought back to the conditional answer's contrast.

#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>

#include <diffusion/denoiser/denoiser.hpp>
#include <diffusion/denoiser/prediction.hpp>
#include <diffusion/detail/require.hpp>
#include <diffusion/tensor/batch.hpp>
#include <diffusion/tensor/linear.hpp>

namespace diffusion {

namespace detail {

/// The standard deviation of the elements.
template <class T>
double standard_deviation(std::span<const T> x) {
    const double n = static_cast<double>(x.size());
    double sum = 0, squares = 0;
    for (const T e : x) sum += static_cast<double>(e);
    const double mean = sum / n;
    for (const T e : x)
        squares += (static_cast<double>(e) - mean) * (static_cast<double>(e) - mean);
    return std::sqrt(squares / n);
}

/// Asks a network at a time, or a denoiser at a node.
template <class M, class X, class Time>
void ask(M& m, const X& x, const Time& t, owner_t<X>& out) {
    if constexpr (std::is_same_v<Time, node>) m(x, t, out);
    else evaluate(m, x, t, out);
}

}  // namespace detail

/// Classifier-free guidance, rescaled (Lin et al. 2024, section 3.4, eq. 14-16): with m_c and m_u
/// the answers with and without the condition,
///
///     m   =  m_u + w (m_c - m_u),
///     out =  (phi std(m_c)/std(m) + 1 - phi) m,
///
/// std over the elements of an item. phi = 0 is `guided`, the paper's phi is 0.7. They rescale what
/// their network predicts, and it matters what that is, so this takes networks and is one:
///
///     predicts_velocity(guided_rescaled(with_prompt, without_prompt, 7.5, 0.7, x))
///
/// It takes denoisers as well, and then is one that rescales x_0-hat. `scratch` is a tensor like x,
/// so that a step allocates nothing. With w = 1 only m_c is asked. An m with no contrast at all is
/// left as it is. Throws std::invalid_argument for a w that is not finite, phi outside [0, 1], and
/// if items does not divide the number of elements.
template <class Conditional, class Unconditional, class Scratch>
struct guided_rescaled {
    Conditional conditional;
    Unconditional unconditional;
    double w, phi;
    std::size_t items;
    Scratch scratch;

    explicit guided_rescaled(Conditional conditional_, Unconditional unconditional_, double w_,
                             double phi_, Scratch scratch_, std::size_t items_ = 1)
        : conditional(std::move(conditional_)),
          unconditional(std::move(unconditional_)),
          w(w_),
          phi(phi_),
          items(items_),
          scratch(std::move(scratch_)) {
        detail::require(std::isfinite(w), "diffusion::guided_rescaled", "w must be finite", w);
        detail::require(phi >= 0 && phi <= 1, "diffusion::guided_rescaled",
                        "phi must lie in [0, 1]", phi);
        item_size(elements(scratch).size(), items);
    }

    template <class X>
        requires model<Conditional, X> && model<Unconditional, X>
    void operator()(const X& x, double t, owner_t<X>& out) { combine(x, t, out); }

    template <class X>
        requires denoiser<Conditional, X> && denoiser<Unconditional, X>
    void operator()(const X& x, const node& t, owner_t<X>& x0) { combine(x, t, x0); }

    void check(const node& t) const {
        detail::check_denoiser(conditional, t);
        detail::check_denoiser(unconditional, t);
    }

private:
    template <class X, class Time>
    void combine(const X& x, const Time& t, owner_t<X>& out) {
        using T = scalar_t<X>;
        detail::ask(conditional, x, t, out);
        if (w == 1) return;
        detail::ask(unconditional, x, t, scratch);
        ref(scratch) = w * ref(out) + (1 - w) * ref(scratch);
        for_each_item(out, items, [&](std::size_t i, std::span<T> item) {
            const std::span<const T> guided =
                elements(std::as_const(scratch)).subspan(i * item.size(), item.size());
            const double contrast = detail::standard_deviation(guided);
            const double wanted = detail::standard_deviation(std::span<const T>(item));
            const double factor = contrast > 0 ? phi * wanted / contrast + 1 - phi : 1;
            assign(item, std::array<term<T>, 1>{{{factor, guided}}});
        });
    }
};

}  // namespace diffusion
