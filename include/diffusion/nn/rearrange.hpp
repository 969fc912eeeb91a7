#pragma once

#include <algorithm>
#include <cstddef>
#include <diffusion/nn/tape.hpp>

/// Values whose elements are moved and not changed.
namespace diffusion::nn::detail {

/// y of shape `s` with elements of x: `visit(f)` calls f(first in x, first in y, count) for runs
/// that cover y, and meets no element of x twice.
template <class T, class Visit>
var<T> rearrange(const var<T>& x, const nn::shape& s, Visit visit) {
    nn::tape<T>& tape = x.tape();
    const var<T> y = tape.result(s, x);
    visit([from = x.data(), to = y.fill()](std::size_t in, std::size_t out, std::size_t count) {
        std::copy_n(from + in, count, to + out);
    });
    tape.record(y, [visit, dx = adjoint_slot<T>(x)](const adjoint_slot<T>& dy) {
        T* to = dx.write_zeroed();
        visit([from = dy.read(), to](std::size_t in, std::size_t out, std::size_t count) {
            for (std::size_t i = 0; i < count; ++i) to[in + i] += from[out + i];
        });
    });
    return y;
}

/// Calls f(packed, spread) for each element of an image {height, width, channels factor^2} and its
/// place in {height factor, width factor, channels}, in the order of the latter.
template <class F>
void for_each_shuffled(const nn::shape& packed, std::size_t factor, F&& f) {
    const std::size_t area = factor * factor, channels = packed.channels / area;
    std::size_t spread = 0;
    for (std::size_t y = 0; y < packed.items * packed.height * factor; ++y)
        for (std::size_t x = 0; x < packed.width * factor; ++x) {
            const std::size_t pixel = y / factor * packed.width + x / factor;
            const std::size_t within = y % factor * factor + x % factor;
            for (std::size_t c = 0; c < channels; ++c)
                f(pixel * packed.channels + c * area + within, spread++);
        }
}

}  // namespace diffusion::nn::detail

namespace diffusion::nn {

/// The same elements in the same order under another shape: one vector for each token of a caption,
/// {items length, 1, 1, channels}, as a sequence, {items, 1, length, channels}.
template <class T>
var<T> reshape(const var<T>& x, const nn::shape& s) {
    diffusion::detail::require_shapes(s.size() == x.size(), "diffusion::nn::reshape",
                                      "both shapes must have as many elements", s, x.shape());
    return detail::rearrange(x, s, [n = x.size()](const auto& f) { f(0, 0, n); });
}

/// The four sizes of a `shape`.
enum class axis { items, height, width, channels };

/// The part first, ..., first + count - 1 of x along one axis: the mean and the log-variance of a
/// head with two outputs, one token of a sequence. The other sizes remain.
template <class T>
var<T> slice(const var<T>& x, std::size_t first, std::size_t count, axis along = axis::channels) {
    nn::shape s = x.shape();
    std::size_t* const sizes[] = {&s.items, &s.height, &s.width, &s.channels};
    const std::size_t place = static_cast<std::size_t>(along), size = *sizes[place];
    std::size_t outer = 1, inner = 1;
    for (std::size_t i = 0; i < place; ++i) outer *= *sizes[i];
    for (std::size_t i = place + 1; i < 4; ++i) inner *= *sizes[i];
    *sizes[place] = count;
    diffusion::detail::require_shapes(
        count > 0 && count <= size && first <= size - count, "diffusion::nn::slice",
        "the part must not be empty and must lie within the value", s, x.shape());
    return detail::rearrange(x, s, [=](const auto& f) {
        for (std::size_t i = 0; i < outer; ++i)
            f((i * size + first) * inner, i * count * inner, count * inner);
    });
}

/// {items, height, width, channels factor^2} to {items, height factor, width factor, channels}:
/// the channels c factor^2 + i factor + j of a pixel become channel c of row i and column j of a
/// square of pixels (Shi et al. 2016, eq. 4; the order of PyTorch).
template <class T>
var<T> pixel_shuffle(const var<T>& x, std::size_t factor = 2) {
    const nn::shape s = x.shape();
    diffusion::detail::require_shape(factor > 0 && s.channels % (factor * factor) == 0,
                                     "diffusion::nn::pixel_shuffle",
                                     "the square of the factor must divide the channels", s);
    const nn::shape spread{s.items, s.height * factor, s.width * factor,
                           s.channels / (factor * factor)};
    return detail::rearrange(x, spread, [s, factor](const auto& f) {
        detail::for_each_shuffled(s, factor,
                                  [&](std::size_t in, std::size_t out) { f(in, out, 1); });
    });
}

/// The inverse of `pixel_shuffle`: squares of pixels become channels of one, {items, height /
/// factor, width / factor, channels factor^2}.
template <class T>
var<T> pixel_unshuffle(const var<T>& x, std::size_t factor = 2) {
    const nn::shape s = x.shape();
    diffusion::detail::require_shape(factor > 0 && s.height % factor == 0 && s.width % factor == 0,
                                     "diffusion::nn::pixel_unshuffle",
                                     "the factor must divide height and width", s);
    const nn::shape packed{s.items, s.height / factor, s.width / factor,
                           s.channels * factor * factor};
    return detail::rearrange(x, packed, [packed, factor](const auto& f) {
        detail::for_each_shuffled(packed, factor,
                                  [&](std::size_t out, std::size_t in) { f(in, out, 1); });
    });
}

}  // namespace diffusion::nn
