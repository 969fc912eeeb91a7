#include <diffusion/objective/curriculum.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>

#include <doctest/doctest.h>
#include <support/refusal.hpp>

using namespace diffusion;
using doctest::Approx;

TEST_CASE("consistency training begins with s_0 levels and ends with s_1 + 1 (Song et al. 2023)") {
    const consistency_curriculum plan{.total = 800000};  // their CIFAR-10: 2, 150, 0.9
    static_assert(curriculum<consistency_curriculum>);
    CHECK(plan.levels(0) == 2);
    CHECK(plan.levels(800000) == 151);
    CHECK(plan.levels(900000) == 151);
    // ceil(sqrt(k/K (151^2 - 4) + 4) - 1) + 1 by hand: sqrt(5702.25) = 75.51
    CHECK(plan.levels(200000) == 76);
    CHECK(plan.decay(0) == Approx(0.9));  // exp(2 log 0.9 / 2)
    CHECK(plan.decay(800000) == Approx(std::pow(0.9, 2.0 / 151)).epsilon(1e-14));
    std::size_t before = 2;
    for (std::uint64_t k = 0; k <= 800000; k += 1000) {
        CHECK(plan.levels(k) >= before);
        before = plan.levels(k);
    }
    CHECK(consistency_curriculum{.total = 10, .first = 7, .last = 7}.levels(0) == 7);
    CHECK(consistency_curriculum{.total = 10, .mu = 0}.decay(5) == 0);
}

TEST_CASE("improved consistency training doubles the levels at equal intervals, up to s_1 + 1") {
    const doubling_curriculum plan{.total = 400000};  // 10, 1280: K' = floor(K/8) = 50000
    static_assert(curriculum<doubling_curriculum>);
    std::size_t expected = 10;
    for (std::uint64_t k = 0; k < 400000; k += 50000) {
        CHECK(plan.levels(k) == expected + 1);
        CHECK(plan.levels(k + 49999) == expected + 1);
        expected *= 2;
    }
    CHECK(plan.levels(400000) == 1281);
    CHECK(plan.levels(40000000) == 1281);
    CHECK(plan.decay(7) == 0);
    CHECK(doubling_curriculum{.total = 100, .first = 10, .last = 50}.levels(99) == 51);
    CHECK(doubling_curriculum{.total = 1}.levels(0) == 11);
}

TEST_CASE("distillation keeps to its number of levels") {
    static_assert(curriculum<constant_curriculum>);
    CHECK(constant_curriculum{}.levels(5) == 18);
    CHECK(constant_curriculum{.count = 40, .mu = 0}.levels(0) == 40);
    CHECK(constant_curriculum{}.decay(5) == 0.95);
}

TEST_CASE("plans that do not make sense are refused") {
    const auto refused = [](const auto& plan) {
        return support::refusal([&] {
            plan.levels(0);
            plan.decay(0);
        });
    };
    CHECK(support::is_complete(refused(consistency_curriculum{.total = 0}), 0));
    CHECK(support::is_complete(refused(consistency_curriculum{.total = 5, .first = 1}), 1));
    CHECK(support::is_complete(refused(consistency_curriculum{5, 20, 10}), 10));
    CHECK(support::is_complete(refused(consistency_curriculum{5, 2, 10, 1.0}), 1.0));
    CHECK(support::is_complete(refused(doubling_curriculum{.total = 5, .first = 0}), 0));
    CHECK(support::is_complete(refused(constant_curriculum{.count = 1}), 1));
    CHECK(support::is_complete(refused(constant_curriculum{.mu = -0.5}), -0.5));
}
