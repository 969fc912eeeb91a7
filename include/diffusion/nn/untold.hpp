#pragma once

#include <cstddef>
#include <span>
#include <utility>

namespace diffusion::nn {

/// A network that is not told the noise level: it answers as at t = 0 whatever t is. Technique 3 of
/// NCSNv2 (Song and Ermon 2020): in many dimensions the norm of x tells the level anyway, and the
/// norm of the score is in proportion to 1/sigma, so one network without condition is divided,
///
///     s(x, sigma) = s(x)/sigma.
///
/// As the score is -eps/sigma, s(x) = -eps-hat(x): `target::noise` trains such a network, and
/// `predicts_noise` makes a denoiser of it. In few dimensions the norm tells little, and the
/// network can only answer with a mean over the levels. Owns the net.
template <class Net>
struct untold {
    Net net;

    /// The answer to x; what t is makes no difference. Further arguments are passed on.
    template <class X, class... More>
    auto operator()(const X& x, std::span<const double> t, const More&... more) const
        -> decltype(net(x, t, more...)) {
        static constexpr double nothing = 0;  // stays in place until `backward`
        t = {&nothing, 1};
        return net(x, t, more...);
    }

    std::size_t channels() const { return net.channels(); }
    auto& parameters() { return net.parameters(); }
    const auto& parameters() const { return net.parameters(); }
};
template <class Net>
untold(Net) -> untold<Net>;

}  // namespace diffusion::nn
