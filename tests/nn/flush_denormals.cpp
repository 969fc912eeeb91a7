#include <doctest/doctest.h>
#include <diffusion/nn/flush_denormals.hpp>

#include <limits>

namespace nn = diffusion::nn;

TEST_CASE("tiny numbers count as zero in a network's threads, and as themselves outside") {
    volatile float tiny = std::numeric_limits<float>::denorm_min();
    const auto doubled = [&] { return tiny * 2.0F; };
    CHECK(doubled() > 0);
    {
        const nn::flush_denormals quick;
#if defined(__SSE2__) || defined(__aarch64__)
        CHECK(doubled() == 0);
#endif
    }
    CHECK(doubled() > 0);
}
