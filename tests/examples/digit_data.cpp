#include "../../examples/support/digit_data.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <diffusion/io/format_error.hpp>

namespace {

// An MNIST-style folder with `pictures` pictures of side x side and `labels` labels.
struct folder {
    std::filesystem::path path = std::filesystem::temp_directory_path() / "diffusion_digit_data";

    folder(std::size_t pictures, std::size_t side, std::vector<std::uint8_t> labels,
           const std::string& end) {
        std::filesystem::remove_all(path);
        std::filesystem::create_directories(path);
        std::vector<std::uint8_t> grey(pictures * side * side);
        for (std::size_t i = 0; i < grey.size(); ++i) grey[i] = std::uint8_t(i % 256);
        diffusion::io::write_idx(path / ("train-images-idx3-ubyte" + end), {pictures, side, side},
                                 grey);
        diffusion::io::write_idx(path / ("train-labels-idx1-ubyte" + end), {labels.size()}, labels);
    }
    ~folder() { std::filesystem::remove_all(path); }
};

}  // namespace

TEST_CASE("MNIST-style files become pictures in [-1, 1], gzipped or not") {
    for (const std::string end : {"", ".gz"}) {
        const folder here(3, 16, {7, 0, 9}, end);
        const auto set = examples::read_idx_digits(here.path, "train");
        CHECK(set.count == 3);
        CHECK(set.height == 16);
        CHECK(set.labels == std::vector<int>{7, 0, 9});
        CHECK(set.picture(1)[0] == -1.0f);
        CHECK(set.picture(1)[255] == 1.0f);
    }
}

TEST_CASE("files that do not fit each other or the network are refused with a reason") {
    {
        const folder here(3, 16, {7, 0}, "");
        CHECK_THROWS_WITH_AS(examples::read_idx_digits(here.path, "train"),
                             doctest::Contains("one label for each of the 3 pictures, got 2"),
                             std::runtime_error);
    }
    {
        const folder here(2, 18, {7, 0}, "");
        CHECK_THROWS_WITH_AS(examples::read_idx_digits(here.path, "train"),
                             doctest::Contains("multiples of 4"), std::runtime_error);
    }
    {
        const folder here(2, 16, {7, 12}, "");
        CHECK_THROWS_WITH_AS(examples::read_idx_digits(here.path, "train"),
                             doctest::Contains("labels 0 to 9, got 12"), std::runtime_error);
        CHECK_THROWS_WITH_AS(examples::read_idx_digits(here.path, "t10k"),
                             doctest::Contains("has no file t10k-images"), std::runtime_error);
        std::filesystem::resize_file(here.path / "train-images-idx3-ubyte", 100);
        CHECK_THROWS_AS(examples::read_idx_digits(here.path, "train"), diffusion::io::format_error);
    }
    CHECK_THROWS_WITH_AS(examples::read_idx_digits("/no/such/folder", "train"),
                         doctest::Contains("there is no folder"), std::runtime_error);
}

TEST_CASE("only() picks one label, or any, and no more than asked") {
    const auto set = examples::drawn_digits(1, 0, 100, 16);
    const auto sevens = examples::only(set, 7, 1000);
    CHECK(sevens.count == 10);
    CHECK(sevens.labels == std::vector<int>(10, 7));
    CHECK(std::ranges::equal(sevens.picture(1), set.picture(17)));
    CHECK(examples::only(set, -1, 30).count == 30);
}
