// A draw asks for no memory.
#define SUPPORT_COUNTING_NEW_IMPLEMENTATION
#include "support/counting_new.hpp"

#include <cstddef>
#include <vector>

#include <doctest/doctest.h>
#include <diffusion/random/brownian.hpp>
#include <diffusion/random/gaussian_noise.hpp>
#include <diffusion/random/mt19937.hpp>
#include <diffusion/random/numpy.hpp>
#include <diffusion/random/sequential.hpp>
#include <diffusion/random/torch_cpu.hpp>
#include <diffusion/tensor/std.hpp>

using namespace diffusion;

namespace {

template <class Source>
std::size_t allocations_of(Source source) {
    std::vector<float> z(1000);
    const std::size_t before = support::allocations();
    for (std::size_t i = 0; i < 10; ++i) {
        const double t = 10.0 - static_cast<double>(i);
        source(z, noise_address{.step = i, .sigma_t = t, .sigma_s = t - 1});
    }
    return support::allocations() - before;
}

}  // namespace

TEST_CASE("No noise source asks for memory when it draws") {
    CHECK(allocations_of(gaussian_noise{1}) == 0);
    CHECK(allocations_of(per_item_noise{{1, 2, 3, 4}}) == 0);
    CHECK(allocations_of(sequential{mt19937(1)}) == 0);
    CHECK(allocations_of(torch_cpu(1)) == 0);
    CHECK(allocations_of(numpy_random_state(1)) == 0);
    CHECK(allocations_of(numpy_default_rng(1)) == 0);
    CHECK(allocations_of(brownian_noise(1, 0, 10)) == 0);
    CHECK(allocations_of([](std::vector<float>& z, const noise_address&) {
              z = std::vector<float>(1000);
          }) == 10);
}
