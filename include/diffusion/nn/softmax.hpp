#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <diffusion/nn/tape.hpp>
#include <diffusion/nn/vector_math.hpp>

namespace diffusion::nn::detail {

/// What it takes to find exp(s_i) / sum exp(s) from s_i: exp(s_i - largest) * inverse. Without the
/// subtraction exp overflows.
template <class T>
struct softmax_norm {
    T largest, inverse;
};

/// Turns a row of scores into exp(s) / sum exp(s), in place.
template <class T>
softmax_norm<T> softmax_row(std::size_t columns, T* row) {
    const std::size_t whole = columns / width<T> * width<T>, left = columns - whole;
    T largest = row[0], sum = 0;
    if (whole > 0) {
        const auto larger = [](vec<T> a, vec<T> b) { return a > b ? a : b; };
        vec<T> top = load(row);
        for (std::size_t j = width<T>; j < whole; j += width<T>) top = larger(top, load(row + j));
        largest = fold_lanes<T>(top, larger);
    }
    for (std::size_t j = whole; j < columns; ++j) largest = std::max(largest, row[j]);
    if (whole > 0) {
        vec<T> sums{};
        for (std::size_t j = 0; j < whole; j += width<T>) {
            const vec<T> e = exp<T>(load(row + j) - largest);
            store<T>(row + j, e);
            sums += e;
        }
        sum = fold_lanes<T>(sums, [](vec<T> a, vec<T> b) { return a + b; });
    }
    if (left > 0) {
        store_some<T>(row + whole, exp<T>(load_some(row + whole, left) - largest), left);
        for (std::size_t j = whole; j < columns; ++j) sum += row[j];
    }
    const T inverse = T(1) / sum;
    transform(
        columns, row, [&](vec<T> e) { return e * inverse; }, static_cast<const T*>(row));
    return {largest, inverse};
}

/// The same with the norm known, to the same bits.
template <class T>
void softmax_row_again(std::size_t columns, const softmax_norm<T>& norm, T* row) {
    transform(
        columns, row, [&](vec<T> s) { return exp<T>(s - norm.largest) * norm.inverse; },
        static_cast<const T*>(row));
}

/// The gradient with respect to the scores, from the weights p and dL/dp, which it overwrites:
/// ds = factor p (dp - sum over the row of p dp).
template <class T>
void softmax_row_gradient(std::size_t columns, const T* p, T factor, T* dp) {
    const T mean = sum_over<T>(
        columns, [](auto w, auto g) { return w * g; }, p, static_cast<const T*>(dp));
    transform(
        columns, dp, [&](vec<T> w, vec<T> g) { return factor * w * (g - mean); }, p,
        static_cast<const T*>(dp));
}

}  // namespace diffusion::nn::detail

namespace diffusion::nn {

/// exp(x_c) / sum over channels of exp(x), at each position of x {items, height, width, channels}.
template <class T>
var<T> softmax(const var<T>& x) {
    const nn::shape s = x.shape();
    nn::tape<T>& tape = x.tape();
    const var<T> y = tape.result(s, x);
    std::copy_n(x.data(), x.size(), y.fill());
    for (std::size_t p = 0; p < s.rows(); ++p)
        detail::softmax_row(s.channels, y.fill() + p * s.channels);
    // y's own handle keeps its value for the way back
    tape.record(y, [s, y, dx = adjoint_slot<T>(x)](const adjoint_slot<T>& dy) {
        arena_block<T> share(dy.memory(), s.size());
        std::copy_n(dy.read(), s.size(), share.data());
        for (std::size_t p = 0; p < s.size(); p += s.channels)
            detail::softmax_row_gradient(s.channels, y.data() + p, T(1), share.data() + p);
        dx.add(share.data());
    });
    return y;
}

}  // namespace diffusion::nn
