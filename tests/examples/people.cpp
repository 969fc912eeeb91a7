#include "../../examples/support/people.hpp"

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include <doctest/doctest.h>

namespace {

// A table in the temporary folder, as long as this lives.
struct table {
    std::filesystem::path path = std::filesystem::temp_directory_path() / "diffusion_people.csv";

    table(const std::string& header, std::size_t rows, const std::string& delimiter = ",") {
        std::ofstream file(path);
        file << header << "\n";
        for (std::size_t i = 0; i < rows; ++i)
            file << i << delimiter << 1600 + i << delimiter << 700 + 2 * i << "\n";
    }
    ~table() { std::filesystem::remove(path); }
};

}  // namespace

TEST_CASE("made-up people come in two groups that differ in height and weight") {
    const auto all = examples::made_up_people(4000, 1);
    CHECK(all.size() == 4000);
    CHECK(examples::mean(all.height) == doctest::Approx(171.5).epsilon(0.01));
    CHECK(examples::correlation(all.height, all.weight) > 0.7);
    CHECK(all.body_mass_index()[0] ==
          doctest::Approx(all.weight[0] / (all.height[0] * all.height[0]) * 1e4));
}

TEST_CASE("columns are found by their names, and mm and hg become cm and kg") {
    for (const std::string delimiter : {",", ";", "\t"}) {
        const table t("id" + delimiter + "Stature_mm" + delimiter + "WEIGHT_hg", 30, delimiter);
        const auto read = examples::read_people(t.path.string());
        CHECK(read.size() == 30);
        CHECK(read.height[1] == doctest::Approx(160.1));
        CHECK(read.weight[1] == doctest::Approx(70.2));
    }
}

TEST_CASE("a table that does not hold people is refused with a reason") {
    const auto read = [](const table& t) { return examples::read_people(t.path.string()); };
    CHECK_THROWS_WITH_AS(read(table("id,size,weight", 30)),
                         doctest::Contains("no column whose name holds \"height\""),
                         std::runtime_error);
    CHECK_THROWS_WITH_AS(read(table("id,height,weight", 19)),
                         doctest::Contains("at least 20 people, got 19"), std::runtime_error);
    CHECK_THROWS_WITH_AS(examples::read_people("/no/such/file.csv"),
                         doctest::Contains("cannot open"), std::runtime_error);
}
