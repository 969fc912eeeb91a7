#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <vector>

#include <diffusion/schedule/zero_terminal_snr.hpp>

using namespace diffusion;

namespace {

template <class Beta>
void check_algorithm(const discrete_schedule<Beta>& before) {
    const auto after = zero_terminal_snr(before);
    const std::size_t T = before.size();
    REQUIRE(after.size() == T);
    CHECK(after.beta(0) == before.beta(0));
    CHECK(after.beta(T - 1) == 1);
    CHECK(after(static_cast<double>(T - 1)).alpha == 0);
    CHECK(after(static_cast<double>(T - 1)).lambda == -INFINITY);
    const double first = before(0).alpha, last = before(static_cast<double>(T - 1)).alpha;
    for (std::size_t t = 0; t + 1 < T; ++t) {
        const double by_algorithm_1 =
            (before(static_cast<double>(t)).alpha - last) * (first / (first - last));
        // The subtraction of the printed form costs it digits near the end.
        const double alpha = after(static_cast<double>(t)).alpha;
        CHECK(std::abs(alpha - by_algorithm_1) < 1e-13 * alpha + 1e-15);
    }
}

}  // namespace

TEST_CASE("rescaling for zero terminal SNR is algorithm 1 of Lin et al., for any betas") {
    check_algorithm(discrete_schedule(linear_beta{}, 1000));
    check_algorithm(discrete_schedule(scaled_linear_beta{}, 1000));
    check_algorithm(discrete_schedule(cosine_beta{}, 1000));
    check_algorithm(discrete_schedule(sigmoid_beta{}, 100));
    for (std::size_t T = 2; T < 12; ++T)
        check_algorithm(discrete_schedule(linear_beta{0.1, 0.4}, T));
}

TEST_CASE("rescaling a schedule that ends at zero SNR leaves it as it is") {
    const auto once = zero_terminal_snr(discrete_schedule(scaled_linear_beta{}, 1000));
    const auto twice = zero_terminal_snr(once);
    for (std::size_t t = 0; t < 1000; ++t)
        CHECK(twice.beta(t) == doctest::Approx(once.beta(t)).epsilon(1e-12));
}

TEST_CASE("a last alpha-bar above 0 changes the last time alone") {
    const discrete_schedule before(scaled_linear_beta{}, 1000);
    const auto zero = zero_terminal_snr(before),
               raised = zero_terminal_snr(before, std::ldexp(1, -24));
    for (std::size_t t = 0; t + 1 < 1000; ++t) CHECK(raised.beta(t) == zero.beta(t));
    CHECK(raised.alpha_bar(999) == doctest::Approx(std::ldexp(1, -24)).epsilon(1e-12));
    CHECK(noise_to_signal(raised(999)) == doctest::Approx(4096).epsilon(1e-7));
}

TEST_CASE("zero terminal SNR refuses one time, and a last alpha-bar above its neighbour") {
    CHECK_THROWS_WITH_AS(zero_terminal_snr(discrete_schedule(linear_beta{}, 1)),
                         "diffusion::zero_terminal_snr: T must be at least 2, got 1",
                         std::invalid_argument);
    // DDPM's linear betas arrive at 4e-9 one time before the end.
    CHECK_THROWS_AS(zero_terminal_snr(discrete_schedule(linear_beta{}, 1000), std::ldexp(1, -24)),
                    std::invalid_argument);
    CHECK_THROWS_AS(zero_terminal_snr(discrete_schedule(linear_beta{}, 1000), NAN),
                    std::invalid_argument);
    CHECK_THROWS_AS(zero_terminal_snr(discrete_schedule(linear_beta{}, 1000), -0.5),
                    std::invalid_argument);
}
