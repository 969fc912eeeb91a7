#include <doctest/doctest.h>
#include <diffusion/detail/require.hpp>

#include <limits>
#include <string>

using diffusion::detail::reject;
using diffusion::detail::require;
using diffusion::detail::shown;

TEST_CASE("a rejected argument is reported with the function, the rule and the value received") {
    CHECK_THROWS_WITH_AS(require(false, "diffusion::f", "n must be at least 1", 0),
                         "diffusion::f: n must be at least 1, got 0", std::invalid_argument);
    CHECK_THROWS_WITH_AS(reject("diffusion::f", "the grid is empty"),
                         "diffusion::f: the grid is empty", std::invalid_argument);
    CHECK_NOTHROW(require(true, "diffusion::f", "n must be at least 1", 1));
}

TEST_CASE("numbers in messages have the fewest digits that read back exactly") {
    CHECK(shown(0.1) == "0.1");
    CHECK(shown(0.1F) == "0.1");
    CHECK(shown(1.0 / 3.0) == "0.3333333333333333");
    CHECK(std::stod(shown(1.0 / 3.0)) == 1.0 / 3.0);
    CHECK(shown(-std::numeric_limits<double>::infinity()) == "-inf");
    CHECK(shown(std::numeric_limits<long long>::min()) == "-9223372036854775808");
}

TEST_CASE("flags, enumerators and strings in messages are shown as such") {
    enum class colour : unsigned char { red, blue };
    CHECK(shown(true) == "true");
    CHECK(shown(colour::blue) == "1");
    CHECK(shown("linear") == "\"linear\"");
    CHECK(shown(std::string("a b")) == "\"a b\"");
}
