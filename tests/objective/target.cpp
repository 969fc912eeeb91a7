#include <doctest/doctest.h>

#include <array>
#include <span>
#include <stdexcept>
#include <vector>

#include <diffusion/denoiser/prediction.hpp>
#include <diffusion/kernel/q_sample.hpp>
#include <diffusion/objective/target.hpp>
#include <diffusion/schedule/continuous.hpp>
#include <diffusion/tensor/std.hpp>

using namespace diffusion;
using vector = std::vector<double>;
using doctest::Approx;

namespace {

/// x0 that a wrapper reads from the exact target, and the noise that belongs to it.
template <template <class, class> class Prediction>
void check_undone(target kind) {
    const vector x_0{0.5, -2}, eps{1.5, 0.25};
    for (const double at : {0.1, 0.5, 0.9}) {
        const node t = node_at(vp_linear{}, at);
        const std::array<noise_level, 1> level{t};
        vector x_t(2), wanted(2), x0(2), noise(2);
        q_sample(x_t, x_0, t, eps);
        training_target(wanted, kind, x_0, std::span<const noise_level>(level), eps);
        const auto perfect = [&](const vector&, double) { return wanted; };
        Prediction<decltype(perfect), sees_time> denoise(perfect);
        denoise.with_noise(x_t, t, x0, noise);
        for (std::size_t e = 0; e < 2; ++e) {
            CHECK(x0[e] == Approx(x_0[e]).epsilon(1e-12));
            CHECK(noise[e] == Approx(eps[e]).epsilon(1e-12));
        }
    }
}

}  // namespace

TEST_CASE("what a network is trained to say is what its wrapper reads") {
    check_undone<predicts_noise>(target::noise);
    check_undone<predicts_data>(target::data);
    check_undone<predicts_velocity>(target::velocity);
    check_undone<predicts_flow>(target::flow);
    check_undone<predicts_score>(target::score);
}

TEST_CASE("every item of a batch has the target of its own level, in place too") {
    const std::array<noise_level, 2> t{from_alpha_bar(0.36), clean_data};
    const vector x_0{1, 2};
    vector out{3, 4};
    training_target(out, target::velocity, x_0, std::span<const noise_level>(t), out);
    CHECK(out[0] == Approx(0.6 * 3 - 0.8 * 1));
    CHECK(out[1] == Approx(4));
    const std::array<noise_level, 3> three{clean_data, clean_data, clean_data};
    CHECK_THROWS_AS(
        training_target(out, target::data, x_0, std::span<const noise_level>(three), x_0),
        std::invalid_argument);
}
