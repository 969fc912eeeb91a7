#include <doctest/doctest.h>

#include <ostream>
#include <sstream>

#include <diffusion/kernel/gaussian_kernel.hpp>

using namespace diffusion;

TEST_CASE("a kernel is a value that can be printed and compared") {
    constexpr gaussian_kernel<2> kernel{0.5, {1.25, -0.25}, 0.1};
    static_assert(kernel == gaussian_kernel<2>{0.5, {1.25, -0.25}, 0.1});
    static_assert(kernel != gaussian_kernel<2>{0.5, {1.25, -0.25}, 0.2});
    std::ostringstream text;
    text << kernel;
    CHECK(text.str() == "0.5 x + 1.25 m0 + -0.25 m1 + 0.1 z");
    text.str("");
    text << gaussian_kernel<0>{0.75, {}, 0.5};
    CHECK(text.str() == "0.75 x + 0.5 z");
}
