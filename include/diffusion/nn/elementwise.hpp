#pragma once

#include <algorithm>
#include <cstddef>
#include <diffusion/nn/tape.hpp>
#include <diffusion/nn/vector_math.hpp>
#include <utility>

namespace diffusion::nn {

/// a + b for equal shapes. Written over `a` if its handle is given for good and is the only one:
/// add(conv(h), skip).
template <class T>
var<T> add(var<T> a, const var<T>& b) {
    diffusion::detail::require_shapes(a.shape() == b.shape(), "diffusion::nn::add",
                                      "both terms must have the same shape", a.shape(), b.shape());
    nn::tape<T>& tape = a.tape();
    const std::size_t n = a.size();
    const adjoint_slot<T> da(a), db(b);
    const bool in_place = a.sole_owner();
    const var<T> left = in_place ? var<T>() : a;
    const var<T> y = in_place ? tape.overwrite(std::move(a), b) : tape.result(b.shape(), a, b);
    const T* p = in_place ? y.data() : left.data();
    const T* q = b.data();
    T* out = y.fill();
    for (std::size_t i = 0; i < n; ++i) out[i] = p[i] + q[i];
    tape.record(y, [da, db](const adjoint_slot<T>& dy) {
        if (db.wanted()) db.add(dy.read());
        if (da.wanted()) da.take_over(dy);
    });
    return y;
}

/// factor * x.
template <class T>
var<T> scale(const var<T>& x, T factor) {
    nn::tape<T>& tape = x.tape();
    const var<T> y = tape.result(x.shape(), x);
    for (std::size_t i = 0; i < x.size(); ++i) y.fill()[i] = factor * x.data()[i];
    tape.record(y, [dx = adjoint_slot<T>(x), factor](const adjoint_slot<T>& dy) {
        const auto [out, first] = dx.write();
        const T* in = dy.read();
        for (std::size_t i = 0; i < dx.size(); ++i)
            out[i] = (first ? T(0) : out[i]) + factor * in[i];
    });
    return y;
}

/// SiLU, also called swish: x / (1 + exp(-x)) (Hendrycks and Gimpel 2016; Elfwing et al. 2017).
template <class T>
var<T> silu(const var<T>& x) {
    using values = detail::vec<T>;
    nn::tape<T>& tape = x.tape();
    const var<T> y = tape.result(x.shape(), x);
    detail::transform(
        x.size(), y.fill(), [](values z) { return detail::silu<T>(z); }, x.data());
    tape.record(y, [x, dx = adjoint_slot<T>(x)](const adjoint_slot<T>& dy) {
        const auto [out, first] = dx.write();
        const auto share = [](values z, values g) { return detail::silu_gradient<T>(z, g); };
        const auto sum = [&](values z, values g, values before) { return before + share(z, g); };
        if (first) {
            detail::transform(x.size(), out, share, x.data(), dy.read());
        } else {
            detail::transform(x.size(), out, sum, x.data(), dy.read(), static_cast<const T*>(out));
        }
    });
    return y;
}

/// FiLM: x (1 + scale) + shift, where scale and shift {items, 1, 1, channels} hold one number for
/// each item and channel of x (Perez et al. 2018; in this form Dhariwal and Nichol 2021, section
/// 3). An empty handle for `scale` leaves it out: the addition of a time embedding.
template <class T>
var<T> scale_shift(const var<T>& x, const var<T>& scale, const var<T>& shift) {
    const nn::shape s = x.shape();
    const nn::shape per_item{s.items, 1, 1, s.channels};
    diffusion::detail::require_shapes(shift.shape() == per_item, "diffusion::nn::scale_shift",
                                      "the shift must have one number per item and channel",
                                      shift.shape(), s);
    if (scale)
        diffusion::detail::require_shapes(scale.shape() == per_item, "diffusion::nn::scale_shift",
                                          "the scale must have one number per item and channel",
                                          scale.shape(), s);
    nn::tape<T>& tape = x.tape();
    const var<T> y = tape.result(s, x, scale, shift);
    for (std::size_t n = 0; n < s.items; ++n) {
        const T* a = scale ? scale.data() + n * s.channels : nullptr;
        const T* b = shift.data() + n * s.channels;
        for (std::size_t p = n * s.pixels(); p < (n + 1) * s.pixels(); ++p) {
            const T* in = x.data() + p * s.channels;
            T* out = y.fill() + p * s.channels;
            if (a != nullptr) {
                for (std::size_t c = 0; c < s.channels; ++c) out[c] = in[c] * (T(1) + a[c]) + b[c];
            } else {
                for (std::size_t c = 0; c < s.channels; ++c) out[c] = in[c] + b[c];
            }
        }
    }
    tape.record(y, [s, x = scale ? x : var<T>(), scale, dx = adjoint_slot<T>(x),
                    dscale = adjoint_slot<T>(scale),
                    dshift = adjoint_slot<T>(shift)](const adjoint_slot<T>& dy) {
        arena<T>& memory = scale ? scale.tape().memory() : dy.memory();
        arena_block<T> da(memory, s.items * s.channels), db(memory, s.items * s.channels);
        std::fill_n(da.data(), da.size(), T(0));
        std::fill_n(db.data(), db.size(), T(0));
        arena_block<T> share(memory, s.size());
        for (std::size_t n = 0; n < s.items; ++n) {
            const T* a = scale ? scale.data() + n * s.channels : nullptr;
            T* da_n = da.data() + n * s.channels;
            T* db_n = db.data() + n * s.channels;
            for (std::size_t p = n * s.pixels(); p < (n + 1) * s.pixels(); ++p) {
                const std::size_t row = p * s.channels;
                for (std::size_t c = 0; c < s.channels; ++c) {
                    const T g = dy.read()[row + c];
                    db_n[c] += g;
                    if (a != nullptr) da_n[c] += g * x.data()[row + c];
                    share[row + c] = a != nullptr ? g * (T(1) + a[c]) : g;
                }
            }
        }
        if (dshift.wanted()) dshift.add(db.data());
        if (dscale.wanted()) dscale.add(da.data());
        if (dx.wanted()) dx.add(share.data());
    });
    return y;
}

}  // namespace diffusion::nn
