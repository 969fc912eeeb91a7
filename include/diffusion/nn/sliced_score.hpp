#pragma once

#include <cstddef>
#include <diffusion/nn/jvp.hpp>
#include <diffusion/nn/tape.hpp>
#include <span>

namespace diffusion::nn {

/// The two losses of sliced score matching: (v . s)^2 of the random direction v, or its mean |s|^2
/// over all directions, which is less noisy wherever that is known.
enum class slicing { plain, variance_reduced };

/// Sliced score matching (Song, Garg, Shi and Ermon 2019): how far s(x) is from the score of the
/// data that the N items come from, a constant aside, without knowing that score and without noise.
/// With one random direction v for each item, E v v^T = I,
///
///     L = (1 / N) sum over n of  v_n . J_n v_n + (v_n . s_n)^2 / 2      (their eq. 8)
///     L = (1 / N) sum over n of  v_n . J_n v_n + |s_n|^2 / 2            (eq. 9, variance reduced)
///
/// J v is the tangent of the score along v, so that v . J v = v . (J^T v):
///
///     backward(sliced_score_loss(jvp(net, x, v), v_values))
///
/// `v`: as many elements as the score; viewed, it must stay in place until `backward`.
template <class T>
var<T> sliced_score_loss(const dual<T>& score, std::span<const T> v,
                         slicing how = slicing::variance_reduced) {
    const std::size_t n = score.value.size(), items = score.shape().items, each = n / items;
    diffusion::detail::require(v.size() == n, "diffusion::nn::sliced_score_loss",
                               "v must have as many elements as the score", v.size());
    // v . s of an item
    const auto along = [v, each](const T* s, std::size_t item) {
        double dot = 0;
        for (std::size_t e = 0; e < each; ++e)
            dot += static_cast<double>(s[e]) * static_cast<double>(v[item * each + e]);
        return dot;
    };
    double sum = 0;
    for (std::size_t i = 0; i < items; ++i) {
        const T* s = score.value.data() + i * each;
        sum += along(score.tangent.data() + i * each, i);
        if (how == slicing::plain) {
            const double dot = along(s, i);
            sum += dot * dot / 2;
        } else {
            for (std::size_t e = 0; e < each; ++e)
                sum += static_cast<double>(s[e]) * static_cast<double>(s[e]) / 2;
        }
    }
    const var<T> y = score.tape().result({1, 1, 1, 1}, score.value, score.tangent);
    *y.fill() = static_cast<T>(sum / static_cast<double>(items));
    score.tape().record(y, [along, v, how, items, each, s = score.value,
                            ds = adjoint_slot<T>(score.value),
                            dj = adjoint_slot<T>(score.tangent)](const adjoint_slot<T>& dy) {
        const T factor = *dy.read() / static_cast<T>(items);
        T* to_s = ds.wanted() ? ds.write_zeroed() : nullptr;
        T* to_j = dj.wanted() ? dj.write_zeroed() : nullptr;
        for (std::size_t i = 0; i < items; ++i) {
            const T dot = how == slicing::plain ? static_cast<T>(along(s.data() + i * each, i)) : 0;
            for (std::size_t e = i * each; e < (i + 1) * each; ++e) {
                if (to_j != nullptr) to_j[e] += factor * v[e];
                if (to_s != nullptr)
                    to_s[e] += factor * (how == slicing::plain ? dot * v[e] : s.data()[e]);
            }
        }
    });
    return y;
}

}  // namespace diffusion::nn
