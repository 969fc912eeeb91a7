#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <diffusion/nn/group_norm.hpp>
#include <diffusion/nn/jvp.hpp>

namespace diffusion::nn::detail {

/// In each element the mean of its group: a projection P, and its own adjoint.
template <class T>
var<T> group_mean(const var<T>& x, std::size_t groups) {
    const nn::shape s = x.shape();
    nn::tape<T>& tape = x.tape();
    const auto project = [s, groups](const T* in, T* out, bool first) {
        const std::size_t length = s.channels / groups, image = s.pixels() * s.channels;
        for (std::size_t n = 0; n < s.items; ++n)
            for (std::size_t g = 0; g < groups; ++g) {
                const std::size_t begin = n * image + g * length;
                double sum = 0;
                for (std::size_t p = 0; p < image; p += s.channels)
                    for (std::size_t c = 0; c < length; ++c)
                        sum += static_cast<double>(in[begin + p + c]);
                const T mean = static_cast<T>(sum / static_cast<double>(s.pixels() * length));
                for (std::size_t p = 0; p < image; p += s.channels)
                    for (std::size_t c = 0; c < length; ++c) {
                        T& to = out[begin + p + c];
                        to = first ? mean : to + mean;
                    }
            }
    };
    const var<T> y = tape.result(s, x);
    project(x.data(), y.fill(), true);
    tape.record(y, [project, dx = adjoint_slot<T>(x)](const adjoint_slot<T>& dy) {
        const auto [out, first] = dx.write();
        project(dy.read(), out, first);
    });
    return y;
}

/// 1 / sqrt(x + epsilon).
template <class T>
var<T> inverse_root(const var<T>& x, double epsilon) {
    const auto root = [epsilon](vec<T> z) {
        return each_lane<T>(z, [epsilon](T v) {
            return static_cast<T>(1 / std::sqrt(static_cast<double>(v) + epsilon));
        });
    };
    return map(x, root, [root](vec<T> z, vec<T> g) {
        const vec<T> r = root(z);
        return T(-0.5) * g * r * r * r;
    });
}

}  // namespace diffusion::nn::detail

namespace diffusion::nn {

/// Group norm of a dual. With u = z - P z, r = 1 / sqrt(P u^2 + epsilon), xhat = u r, where P takes
/// the means of the groups, and dz the tangent,
///
///     tangent of xhat = r (du - xhat P(xhat du)),   du = dz - P dz
///
/// The shift has no tangent; otherwise as `group_norm` of a var, of more passes.
template <class T>
dual<T> group_norm(const dual<T>& x, const var<T>& gamma, const var<T>& beta,
                   const group_norm_options& options, const var<T>& shift = {}) {
    group_norm_options plain = options;
    plain.with_silu = false;
    const var<T> value = group_norm(x.value, gamma, beta, plain, shift);  // checks what is given
    const var<T> z = shift ? scale_shift(x.value, var<T>(), shift) : x.value;
    const auto mean = [&](const var<T>& v) { return detail::group_mean(v, options.groups); };
    const auto centred = [&](const var<T>& v) { return add(scale(mean(v), T(-1)), v); };
    const var<T> u = centred(z), du = centred(x.tangent);
    const var<T> r = detail::inverse_root(mean(multiply(u, u)), options.epsilon);
    const var<T> xhat = multiply(u, r);
    const var<T> along = multiply(xhat, mean(multiply(xhat, du)));
    var<T> tangent = multiply(add(scale(along, T(-1)), du), r);
    if (gamma) tangent = multiply(tangent, gamma);
    const dual<T> y{value, tangent};
    return options.with_silu ? silu(y) : y;
}

}  // namespace diffusion::nn
