#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <limits>
#include <ostream>
#include <stdexcept>

#include <diffusion/kernel/forward.hpp>
#include <diffusion/schedule/continuous.hpp>
#include <diffusion/schedule/discrete.hpp>

using namespace diffusion;
using doctest::Approx;

TEST_CASE("data jumps to any time at once: q(x_t|x_0) = N(alpha_t x_0, sigma_t^2)") {
    const noise_level t = from_alpha_bar(0.36);
    CHECK(forward_kernel(t) == gaussian_kernel<0>{t.alpha, {}, t.sigma});
}

TEST_CASE("one step of DDPM is N(sqrt(1 - beta) x, beta)") {
    const discrete_schedule<> schedule;
    for (std::size_t t = 1; t < 1000; ++t) {
        const auto step =
            forward_kernel(schedule(static_cast<double>(t - 1)), schedule(static_cast<double>(t)));
        const double beta = schedule.beta(t);
        CAPTURE(t);
        CHECK(step.a == Approx(std::sqrt(1 - beta)).epsilon(1e-13));
        CHECK(step.c * step.c == Approx(beta).epsilon(1e-11));
    }
    const auto first = forward_kernel(clean_data, schedule(0));
    CHECK(first.a == Approx(std::sqrt(1 - 1e-4)).epsilon(1e-14));
    CHECK(first.c == Approx(1e-2).epsilon(1e-14));
}

TEST_CASE("two jumps are one: q(x_t|x_s) after q(x_s|x_0) is q(x_t|x_0)") {
    const auto check = [](const auto& schedule, std::initializer_list<double> times) {
        for (const double at_s : times)
            for (const double at_t : times) {
                if (at_t < at_s) continue;
                const noise_level s = schedule(at_s), t = schedule(at_t);
                const auto to_s = forward_kernel(s), on = forward_kernel(s, t);
                CAPTURE(at_s);
                CAPTURE(at_t);
                CHECK(std::abs(on.a * to_s.a - t.alpha) < 1e-14);
                CHECK(std::hypot(on.a * to_s.c, on.c) == Approx(t.sigma).epsilon(1e-14));
            }
    };
    check(vp_linear{}, {0, 1e-6, 0.001, 0.3, 0.9, 1});
    check(vp_cosine{}, {0, 1e-6, 0.001, 0.3, 0.9, 1 - 1e-9, 1});
    check(ve_geometric{}, {0, 1e-6, 0.3, 0.9, 1});
    check(flow_schedule{}, {0, 1e-6, 0.3, 0.9, 1 - 1e-9, 1});
    check(edm_schedule{}, {0.002, 0.1, 2, 80});
}

TEST_CASE("the way from a time to itself changes nothing, and the way back is refused") {
    const noise_level s = from_alpha_bar(0.5);
    CHECK(forward_kernel(s, s) == gaussian_kernel<0>{1, {}, 0});
    CHECK(forward_kernel(clean_data, clean_data) == gaussian_kernel<0>{1, {}, 0});
    const noise_level pure = from_alpha_bar(0);
    CHECK(forward_kernel(pure, pure) == gaussian_kernel<0>{1, {}, 0});
    // the same ratio on another scale: only the scale changes
    CHECK(forward_kernel(noise_level{1, 1, 0}, noise_level{0.5, 0.5, 0}) ==
          gaussian_kernel<0>{0.5, {}, 0});
    CHECK_THROWS_WITH_AS(forward_kernel(variance_exploding_level(1), clean_data),
                         "diffusion::forward_kernel: the second level must be at least as noisy as "
                         "the first; its lambda is higher, got inf",
                         std::invalid_argument);
}
