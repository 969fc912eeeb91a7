#pragma once

#include <cstddef>
#include <diffusion/nn/shape.hpp>
#include <diffusion/nn/tape.hpp>
#include <utility>

namespace diffusion::nn {

/// y = f(x, inputs...) that keeps its inputs instead of the intermediate values: f runs without
/// leaving adjoints, and a second time, recorded, when `backward` comes by (Chen et al. 2016,
/// section 4). A network cut into k such pieces keeps k values and those of one piece, for the time
/// of one more pass forward. Outputs and gradients have the same bits as with f(x, inputs...),
/// except that `lanes` adds up the gradient of a parameter in several pieces piece by piece.
///
/// `f` returns a var. It is copied, as are the inputs (handles, or what else it takes, such as a
/// span of times); what it refers to must stay in place until `backward`. Called twice, it must
/// compute the same twice: random numbers are to come from an address, as those of `dropout` do.
/// A piece may contain smaller ones.
template <class F, class T, class... Inputs>
var<T> checkpointed(F f, const var<T>& x, const Inputs&... inputs) {
    nn::tape<T>& tape = x.tape();
    const tape_mode mode = tape.mode();
    var<T> y;
    {
        const scoped_mode<T> once(tape, {mode.recording, false, mode.collecting});
        y = f(x, inputs...);
        // an input that passes through: what is recorded below needs a value of its own
        if (!y.sole_owner()) y = tape.copy(y);
    }
    tape.record(y, [&tape, mode, f = std::move(f), x, inputs...](const adjoint_slot<T>& dy) {
        const scoped_mode<T> again(tape, mode);
        const std::size_t mark = tape.recorded();
        {  // so that the adjoints alone hold the result, and may pass its gradient's memory on
            const adjoint_slot<T> result(f(x, inputs...));
            diffusion::detail::require(result.size() == dy.size(), "diffusion::nn::checkpointed",
                                       "f must compute the same both times", result.size());
            if (result.wanted()) result.take_over(dy);
        }
        tape.walk_back(mark);
    });
    return y;
}

/// g(f()) that does not keep the value between the two, but calls f again before g's adjoints run:
/// for an f that is cheap beside its result, such as a norm before a convolution. As for
/// `checkpointed`, f is copied and must compute the same twice; g must not let go of what it reads.
template <class F, class G>
auto through(F f, const G& g) {
    const auto between = f();
    const auto y = g(between);
    between.tape().forget(between, std::move(f));
    return y;
}

}  // namespace diffusion::nn
