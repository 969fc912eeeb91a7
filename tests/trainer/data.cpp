#include "circle.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <support/refusal.hpp>

#include <diffusion/trainer/generated.hpp>
#include <diffusion/trainer/image_files.hpp>
#include <diffusion/trainer/in_worker.hpp>

namespace fs = std::filesystem;
using diffusion::item_batch;

namespace {

/// Item `number`: two uniform numbers, and the number's parity as the label.
std::size_t make_item(std::span<float> item, std::uint64_t seed, std::uint64_t number) {
    diffusion::fill_uniform(item, seed, {diffusion::noise_stream::data, number, 1});
    return number % 2;
}

auto endless() { return diffusion::generate<float>({1, 1, 1, 2}, make_item); }

struct picture_folder {
    fs::path path = fs::temp_directory_path() / "diffusion_trainer_pictures";
    picture_folder() {
        fs::remove_all(path);
        fs::create_directories(path);
    }
    ~picture_folder() {
        std::error_code ignored;
        fs::remove_all(path, ignored);
    }
};

}  // namespace

TEST_CASE("every pass over the items in memory shows each of them once, in an order of its own") {
    const std::vector<float> values{0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    diffusion::in_memory<float> data({}, values);
    auto batch = data.init(4);  // passes begin in the middle of a batch
    std::vector<float> all;
    for (std::uint64_t k = 0; k < 10; ++k) {
        data.fill(batch, {7, k});
        all.insert(all.end(), batch.values.begin(), batch.values.end());
    }
    std::vector<std::vector<float>> passes;
    for (std::ptrdiff_t p = 0; p < 4; ++p) {
        passes.emplace_back(all.begin() + 10 * p, all.begin() + 10 * (p + 1));
        std::vector<float> sorted = passes.back();
        std::sort(sorted.begin(), sorted.end());
        CHECK(sorted == values);
        for (std::ptrdiff_t q = 0; q < p; ++q)
            CHECK(passes[std::size_t(p)] != passes[std::size_t(q)]);
    }
    diffusion::in_memory<float> later({}, values);  // not filled before: the same batch
    data.fill(batch, {7, 2});
    auto other = later.init(4);
    later.fill(other, {7, 2});
    CHECK(other.values == batch.values);
    CHECK(std::equal(other.values.begin(), other.values.end(), all.begin() + 8));
}

TEST_CASE("all orders of the items are equally frequent") {
    const std::vector<float> values{0, 1, 2};
    diffusion::in_memory<float> data({}, values);
    auto batch = data.init(3);
    int seen[27] = {};
    for (std::uint64_t k = 0; k < 6000; ++k) {
        data.fill(batch, {1, k});
        ++seen[std::size_t(9 * batch.values[0] + 3 * batch.values[1] + batch.values[2])];
    }
    for (const int place : {5, 7, 11, 15, 19, 21})  // 012, 021, 102, 120, 201, 210
        CHECK(std::abs(seen[place] - 1000) < 4 * 29);
}

TEST_CASE("independent items are a function of the draw, and all come equally often") {
    const item_batch<float> set = circle::points();
    diffusion::in_memory<float> data(set, diffusion::item_order::independent);
    CHECK(data.size() == 100);
    auto a = data.init(7), b = data.init(7), c = data.init(7);
    data.fill(a, {1, 4});
    data.fill(c, {1, 5});
    data.fill(b, {2, 4});
    CHECK(a.values != b.values);
    CHECK(a.values != c.values);
    data.fill(b, {1, 4});
    CHECK(a.values == b.values);
    CHECK(a.labels == b.labels);

    std::vector<int> seen(100);
    auto batch = data.init(50);
    for (std::uint64_t k = 0; k < 200; ++k) {
        data.fill(batch, {3, k});
        for (std::size_t i = 0; i < 50; ++i) {
            std::size_t which = 100;
            for (std::size_t j = 0; j < 100; ++j)
                if (std::equal(&set.values[2 * j], &set.values[2 * j] + 2, &batch.values[2 * i]))
                    which = j;
            REQUIRE(which < 100);
            CHECK(batch.labels[i] == set.labels[which]);
            ++seen[which];
        }
    }
    double chi_square = 0;
    for (const int n : seen) chi_square += (n - 100.0) * (n - 100.0) / 100.0;
    CHECK(chi_square < 99 + 4 * 14.1);  // 99 degrees of freedom, four standard deviations
}

TEST_CASE("labels may be of any integer type, or missing") {
    const std::vector<float> values{1, 2, 3};
    const std::vector<int> labels{7, 8, 9};
    diffusion::in_memory<float, int> with({1, 1, 1, 1}, values, labels);
    diffusion::in_memory<float> without({1, 1, 1, 1}, values);
    auto batch = with.init(20);
    with.fill(batch, {});
    for (std::size_t i = 0; i < 20; ++i)
        CHECK(static_cast<float>(batch.labels[i]) == batch.values[i] + 6);
    auto plain = without.init(20);
    without.fill(plain, {});
    CHECK(plain.labels.empty());
    CHECK(plain.values == batch.values);
}

TEST_CASE("items in memory that do not fit are refused") {
    const std::vector<float> values(6);
    const std::vector<std::size_t> labels(2);
    using memory = diffusion::in_memory<float>;
    const auto refused = [&](const diffusion::nn::shape& s, std::size_t n, std::size_t l) {
        return support::refusal([&] {
            memory data(s, std::span<const float>(values).first(n),
                        std::span<const std::size_t>(labels).first(l));
        });
    };
    CHECK(support::is_complete(refused({1, 1, 1, 4}, 6, 0), 6));
    CHECK(support::is_complete(refused({1, 1, 1, 2}, 6, 2), 2));
    CHECK(support::is_complete(refused({1, 1, 1, 2}, 0, 0), 0));
    CHECK(support::is_complete(refused({1, 0, 1, 2}, 6, 0), 0));
}

TEST_CASE("generated items have numbers, and none comes twice") {
    auto data = endless();
    CHECK(data.size() == 0);
    auto batch = data.init(3);
    data.fill(batch, {9, 5});
    std::vector<float> item(2);
    for (std::size_t i = 0; i < 3; ++i) {
        CHECK(make_item(item, 9, 15 + i) == batch.labels[i]);
        CHECK(std::equal(item.begin(), item.end(), &batch.values[2 * i]));
    }
    auto unlabelled = diffusion::generate<float>(
        {1, 1, 1, 1}, [](std::span<float> one, std::uint64_t, std::uint64_t number) {
            one[0] = static_cast<float>(number);
        });
    auto numbers = unlabelled.init(4);
    unlabelled.fill(numbers, {0, 2});
    CHECK(numbers.values == std::vector<float>{8, 9, 10, 11});
    CHECK(numbers.labels.empty());
}

TEST_CASE("a worker's batches are those of its source, in order and out of order") {
    auto source = endless();
    diffusion::in_worker worker(endless());
    auto expected = source.init(5), batch = worker.init(5);
    auto small = worker.init(2), expected_small = source.init(2);
    for (const std::uint64_t k : {0U, 1U, 2U, 3U, 7U, 8U, 8U, 2U, 3U, 4U}) {
        for (const std::uint64_t seed : {1U, 1U, 2U}) {
            source.fill(expected, {seed, k});
            worker.fill(batch, {seed, k});
            CHECK(batch.values == expected.values);
            CHECK(batch.labels == expected.labels);
        }
        worker.fill(small, {1, k + 1});  // as a validation would, in between
        source.fill(expected_small, {1, k + 1});
        CHECK(small.values == expected_small.values);
    }
    CHECK(worker.size() == 0);
}

TEST_CASE("an exception in the worker's thread reaches the caller who wants that batch") {
    const auto make = [](std::span<float> item, std::uint64_t, std::uint64_t number) {
        if (number >= 8 && number < 12) throw std::runtime_error("torn page");
        item[0] = static_cast<float>(number);
    };
    diffusion::in_worker worker(diffusion::generate<float>({1, 1, 1, 1}, make));
    auto batch = worker.init(4);
    worker.fill(batch, {0, 0});
    worker.fill(batch, {0, 1});
    CHECK_THROWS_WITH_AS(worker.fill(batch, {0, 2}), "torn page", std::runtime_error);
    worker.fill(batch, {0, 3});
    CHECK(batch.values == std::vector<float>{12, 13, 14, 15});
}

TEST_CASE("pictures of an IDX file and their labels become items") {
    const picture_folder here;
    const std::vector<std::uint8_t> pixels{0, 255, 51, 102, 153, 204, 255, 0};
    const std::vector<std::uint8_t> classes{4, 9};
    diffusion::io::write_idx(here.path / "pictures.gz", {2, 2, 2}, pixels);
    diffusion::io::write_idx(here.path / "labels", {2}, classes);
    const auto set = diffusion::read_idx_items(here.path / "pictures.gz", here.path / "labels");
    CHECK(set.shape == diffusion::nn::shape{2, 2, 2, 1});
    CHECK(set.labels == std::vector<std::size_t>{4, 9});
    for (std::size_t i = 0; i < 8; ++i)
        CHECK(set.values[i] == doctest::Approx(pixels[i] / 127.5 - 1).epsilon(1e-6));
    CHECK(diffusion::read_idx_items(here.path / "pictures.gz").labels.empty());
    CHECK_THROWS_AS(diffusion::read_idx_items(here.path / "labels"), diffusion::io::format_error);
    CHECK_THROWS_AS(diffusion::read_idx_items(here.path / "pictures.gz", here.path / "pictures.gz"),
                    diffusion::io::format_error);
}

TEST_CASE("a picture is cut to the middle and averaged over areas") {
    // 2 x 6: the middle 2 x 4 becomes 1 x 2, each the mean of four.
    const diffusion::io::image wide{2, 6, 1, {9, 0, 51, 102, 102, 9, 9, 51, 102, 102, 102, 9}};
    const auto half = diffusion::resized(wide, 1, 2, 1);
    REQUIRE(half.size() == 2);
    CHECK(half[0] == doctest::Approx(51 / 127.5 - 1));
    CHECK(half[1] == doctest::Approx(102 / 127.5 - 1));
    // 3 -> 2: the middle one is shared.
    const diffusion::io::image three{3, 3, 1, {0, 0, 0, 90, 90, 90, 180, 180, 180}};
    const auto two = diffusion::resized(three, 2, 2, 3);
    REQUIRE(two.size() == 12);
    for (std::size_t i = 0; i < 12; ++i)
        CHECK(two[i] == doctest::Approx((i < 6 ? 30 : 150) / 127.5 - 1));
    // Grown by two, and grey out of colours.
    const diffusion::io::image colours{1, 2, 3, {30, 60, 90, 0, 0, 255}};
    const auto grown = diffusion::resized(colours, 2, 4, 1);
    REQUIRE(grown.size() == 8);
    for (std::size_t i = 0; i < 8; ++i)
        CHECK(grown[i] == doctest::Approx((i % 4 < 2 ? 60 : 85) / 127.5 - 1));
    // Odd proportions reach no pixel that is not there: a constant stays one.
    for (std::size_t h = 1; h < 12; ++h)
        for (std::size_t w = 1; w < 12; ++w) {
            const diffusion::io::image flat{h, w, 1, std::vector<std::uint8_t>(h * w, 255)};
            for (const float value : diffusion::resized(flat, 7, 5, 1))
                CHECK(value == doctest::Approx(1));
        }
    CHECK(support::is_complete(support::refusal([&] { diffusion::resized(three, 2, 2, 2); }), 2));
}

TEST_CASE("a folder of PNG files becomes items in the order of their names") {
    const picture_folder here;
    using diffusion::io::image;
    diffusion::io::write_png(here.path / "b.png", image{1, 1, 1, {255}});
    diffusion::io::write_png(here.path / "a.PNG", image{2, 2, 3, std::vector<std::uint8_t>(12)});
    diffusion::io::write_file(here.path / "notes.txt", {});
    const auto set = diffusion::read_png_folder(here.path, 2, 2);
    CHECK(set.shape == diffusion::nn::shape{2, 2, 2, 3});
    REQUIRE(set.values.size() == 24);
    for (std::size_t i = 0; i < 24; ++i) CHECK(set.values[i] == (i < 12 ? -1.0f : 1.0f));
    diffusion::in_memory data(set);
    CHECK(data.size() == 2);
    diffusion::io::write_file(here.path / "c.png", {});
    CHECK_THROWS_AS(diffusion::read_png_folder(here.path, 2, 2), diffusion::io::format_error);
    fs::remove_all(here.path);
    CHECK_THROWS_AS(diffusion::read_png_folder(here.path, 2, 2), fs::filesystem_error);
    fs::create_directories(here.path);
    CHECK(
        support::is_complete(support::refusal([&] { diffusion::read_png_folder(here.path, 2, 2); }),
                             here.path.string()));
}
