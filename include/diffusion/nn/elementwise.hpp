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

/// The product of a and b in each element; b may also have one number for each channel.
template <class T>
var<T> multiply(const var<T>& a, const var<T>& b) {
    const nn::shape s = a.shape();
    diffusion::detail::require_shapes(
        b.shape() == s || b.size() == s.channels, "diffusion::nn::multiply",
        "the second factor must have the shape of the first, or one number per channel", s,
        b.shape());
    nn::tape<T>& tape = a.tape();
    const var<T> y = tape.result(s, a, b);
    const std::size_t row = b.size();  // elements after which b begins again
    for (std::size_t i = 0; i < s.size(); i += row)
        for (std::size_t j = 0; j < row; ++j) y.fill()[i + j] = a.data()[i + j] * b.data()[j];
    tape.record(y, [n = s.size(), row, a = b.needs_gradient() ? a : var<T>(),
                    b = a.needs_gradient() ? b : var<T>(), da = adjoint_slot<T>(a),
                    db = adjoint_slot<T>(b)](const adjoint_slot<T>& dy) {
        const T* g = dy.read();
        T* to_a = da.wanted() ? da.write_zeroed() : nullptr;
        T* to_b = db.wanted() ? db.write_zeroed() : nullptr;
        for (std::size_t i = 0; i < n; i += row) {
            for (std::size_t j = 0; to_a != nullptr && j < row; ++j)
                to_a[i + j] += g[i + j] * b.data()[j];
            for (std::size_t j = 0; to_b != nullptr && j < row; ++j)
                to_b[j] += g[i + j] * a.data()[i + j];
        }
    });
    return y;
}

/// y = f(x) in each element, where dL/dx = share(x, dL/dy) = f'(x) dL/dy. Both functions take whole
/// vectors.
template <class T, class F, class Share>
var<T> map(const var<T>& x, F f, Share share) {
    using values = detail::vec<T>;
    nn::tape<T>& tape = x.tape();
    const var<T> y = tape.result(x.shape(), x);
    detail::transform(x.size(), y.fill(), f, x.data());
    tape.record(y, [share, x, dx = adjoint_slot<T>(x)](const adjoint_slot<T>& dy) {
        const auto [out, first] = dx.write();
        const auto sum = [&](values z, values g, values before) { return before + share(z, g); };
        if (first) {
            detail::transform(x.size(), out, share, x.data(), dy.read());
        } else {
            detail::transform(x.size(), out, sum, x.data(), dy.read(), static_cast<const T*>(out));
        }
    });
    return y;
}

/// x (1 + scale) + shift, with scale and shift of one of two shapes:
///
///     {items, 1, 1, channels}   FiLM: the same at all positions of an item (Perez et al. 2018; in
///                               this form Dhariwal and Nichol 2021, section 3)
///     the shape of x            SPADE: at each position its own (Park et al. 2019, eq. 1)
///
/// An empty handle for `scale` leaves it out: the addition of a time embedding.
template <class T>
var<T> scale_shift(const var<T>& x, const var<T>& scale, const var<T>& shift) {
    const nn::shape s = x.shape(), of = shift.shape();
    diffusion::detail::require_shapes(
        of == nn::shape{s.items, 1, 1, s.channels} || of == s, "diffusion::nn::scale_shift",
        "the shift must have one number per item and channel, or the input's shape", of, s);
    if (scale)
        diffusion::detail::require_shapes(scale.shape() == of, "diffusion::nn::scale_shift",
                                          "scale and shift must have the same shape", scale.shape(),
                                          of);
    // the row of scale and shift that belongs to pixel p of the batch
    const auto row_of = [channels = s.channels, pixels = of == s ? 1 : s.pixels()](std::size_t p) {
        return p / pixels * channels;
    };
    nn::tape<T>& tape = x.tape();
    const var<T> y = tape.result(s, x, scale, shift);
    for (std::size_t p = 0; p < s.rows(); ++p) {
        const T* a = scale ? scale.data() + row_of(p) : nullptr;
        const T* b = shift.data() + row_of(p);
        const T* in = x.data() + p * s.channels;
        T* out = y.fill() + p * s.channels;
        if (a != nullptr) {
            for (std::size_t c = 0; c < s.channels; ++c) out[c] = in[c] * (T(1) + a[c]) + b[c];
        } else {
            for (std::size_t c = 0; c < s.channels; ++c) out[c] = in[c] + b[c];
        }
    }
    tape.record(y, [s, row_of, x = scale ? x : var<T>(), scale, dx = adjoint_slot<T>(x),
                    dscale = adjoint_slot<T>(scale),
                    dshift = adjoint_slot<T>(shift)](const adjoint_slot<T>& dy) {
        T* da = dscale.wanted() ? dscale.write_zeroed() : nullptr;
        T* db = dshift.wanted() ? dshift.write_zeroed() : nullptr;
        const auto [to, first] =
            dx.wanted() ? dx.write() : typename adjoint_slot<T>::destination{nullptr, false};
        for (std::size_t p = 0; p < s.rows(); ++p) {
            const std::size_t row = p * s.channels, at = row_of(p);
            const T* g = dy.read() + row;
            for (std::size_t c = 0; db != nullptr && c < s.channels; ++c) db[at + c] += g[c];
            for (std::size_t c = 0; da != nullptr && c < s.channels; ++c)
                da[at + c] += g[c] * x.data()[row + c];
            for (std::size_t c = 0; to != nullptr && c < s.channels; ++c) {
                const T share = scale ? g[c] * (T(1) + scale.data()[at + c]) : g[c];
                to[row + c] = first ? share : to[row + c] + share;
            }
        }
    });
    return y;
}

}  // namespace diffusion::nn
