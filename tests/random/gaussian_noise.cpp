#include <diffusion/random/gaussian_noise.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <diffusion/tensor/span.hpp>
#include <diffusion/tensor/std.hpp>

using namespace diffusion;

TEST_CASE_TEMPLATE("The same address gives the same numbers into every kind of tensor", T, float,
                   double) {
    const noise_address where{.stream = noise_stream::start, .step = 3};
    const gaussian_noise noise{.seed = 42};
    std::vector<T> vector(100), memory(100);
    std::array<T, 100> array{};
    std::span<T> view(memory);
    noise(vector, where);
    noise(array, where);
    noise(view, where);
    CHECK(std::vector<T>(array.begin(), array.end()) == vector);
    CHECK(memory == vector);
}

TEST_CASE_TEMPLATE("With a seed per item, picture i of a batch is the picture its seed draws alone",
                   T, float, double) {
    const std::vector<std::uint64_t> seeds{5, 1, 0xFFFFFFFFFFFFFFFFu, 5};
    const noise_address where{.step = 17};
    for (const std::size_t size :
         {1u, 2u, 63u, 64u, 65u, 784u}) {  // items mostly begin inside a group of elements
        std::vector<T> batch(seeds.size() * size), alone(size);
        per_item_noise{seeds}(batch, where);
        for (std::size_t i = 0; i < seeds.size(); ++i) {
            gaussian_noise{seeds[i]}(alone, where);
            CHECK(std::vector<T>(&batch[i * size], &batch[i * size] + size) == alone);
        }
    }
}

TEST_CASE("A batch that its seeds do not divide is refused") {
    std::vector<float> batch(10);
    CHECK_THROWS_AS(per_item_noise{}(batch, {}), std::invalid_argument);
    try {
        per_item_noise{{1, 2, 3}}(batch, {});
        FAIL("not refused");
    } catch (const std::invalid_argument& error) {
        CHECK(std::string(error.what()).find("got 3") != std::string::npos);
    }
}
