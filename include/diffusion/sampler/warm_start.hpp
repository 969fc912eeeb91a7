#pragma once
// L5: starting a run from something that is known: a picture, or the plan of a moment ago.

#include <cstddef>
#include <span>
#include <utility>

#include <diffusion/assert.hpp>
#include <diffusion/sampler/sampler.hpp>
#include <diffusion/tensor/batch.hpp>
#include <diffusion/tensor/linear.hpp>

namespace diffusion {

/// x ~ q(x_t | x_0), the start of a run at node t in the middle of a grid, from data x_0 that is
/// nearly right; x and x_0 may not be the same tensor.
///
///     const time_grid rest = start_at(grid, 0.6);        // img2img: the last 60 % of the steps
///     draw_start(x, picture, rest.front(), gaussian_noise{seed});
///     sample(x, multistep(ddim{}, rest), D);
///
/// The noise is that of `draw_prior`.
template <class X, class Data, class Z>
void draw_start(X& x, const Data& x_0, const node& t, Z&& noise) {
    static_assert(detail::is_tensor<X>());
    DIFFUSION_ASSERT(elements(std::as_const(x)).data() != elements(x_0).data(),
                     "diffusion::draw_start: x must not be x_0 itself");
    draw_prior(x, t, noise);
    ref(x) = 1 * ref(x) + t.alpha * ref(x_0);
}

/// The plan that is left after its first `done` steps: of `items` equal parts, one behind the other
/// in memory, part i becomes part i + done, and the last one fills the rest. The warm start of a
/// robot that plans anew after every few actions:
///
///     shift_items(plan, 16, 1);                          // 16 actions, one of them was done
///     draw_start(x, plan, rest.front(), noise);
///
/// Throws std::invalid_argument if items does not divide the number of elements.
template <tensor X>
void shift_items(X& x, std::size_t items, std::size_t done) {
    const std::span<scalar_t<X>> all = elements(x);
    const std::size_t n = item_size(all.size(), items);
    for (std::size_t i = 0; i < items; ++i) {
        const std::size_t from = done < items - i ? i + done : items - 1;
        for (std::size_t e = 0; e < n; ++e) all[i * n + e] = all[from * n + e];
    }
}

}  // namespace diffusion
