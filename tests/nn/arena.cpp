#include <doctest/doctest.h>
#include <diffusion/nn/arena.hpp>
#include <diffusion/nn/shape.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace nn = diffusion::nn;

TEST_CASE("a block that was given back serves the next request of exactly its size") {
    nn::arena<float> memory;
    float* p = memory.take(100);
    float* q = memory.take(100);
    CHECK(p != q);
    CHECK(reinterpret_cast<std::uintptr_t>(p) % nn::alignment == 0);
    memory.give(p);
    float* other = memory.take(99);
    CHECK(other != p);
    CHECK(memory.take(100) == p);
    CHECK(memory.bytes_held() >= 299 * sizeof(float));
    CHECK(memory.bytes_held() <= std::max(nn::detail::first_slab, std::size_t(3 * 64) + 3 * 512));
    CHECK(memory.bytes_in_use() == 299 * sizeof(float));
    memory.give(p);
    memory.give(q);
    CHECK(memory.bytes_in_use() == 99 * sizeof(float));
    CHECK(memory.peak_bytes() == 299 * sizeof(float));
    memory.give(other);
    CHECK(memory.bytes_in_use() == 0);
}

TEST_CASE("blocks of any sizes lie apart on cache lines, in memory that is not much more") {
    nn::arena<float> memory;
    std::vector<std::pair<float*, std::size_t>> blocks;
    std::size_t sum = 0;
    for (std::size_t i = 0; i < 400; ++i) {
        const std::size_t count = i % 50 == 49 ? 100000 * (i / 50 + 1) : 37 * i % 5000;
        blocks.emplace_back(memory.take(count), count);
        CHECK(reinterpret_cast<std::uintptr_t>(blocks.back().first) % nn::alignment == 0);
        std::fill_n(blocks.back().first, count, static_cast<float>(i));
        sum += count * sizeof(float);
    }
    CHECK(memory.bytes_in_use() == sum);
    CHECK(memory.bytes_held() >= sum);
    CHECK(memory.bytes_held() <= sum + sum / 2);
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        const auto [data, count] = blocks[i];
        CHECK(std::count(data, data + count, static_cast<float>(i)) ==
              static_cast<std::ptrdiff_t>(count));
        memory.give(data);
    }
    CHECK(memory.bytes_in_use() == 0);
}

TEST_CASE("what is not in use can be given back to the heap, and taken again") {
    nn::arena<float> memory;
    constexpr std::size_t large = 3000000;
    float* kept = memory.take(10);
    float* p = memory.take(large);
    float* q = memory.take(20);
    *kept = 7;
    memory.give(p);
    memory.give(q);
    const std::size_t before = memory.bytes_held();
    memory.release();
    CHECK(memory.bytes_held() <= before - large * sizeof(float));
    CHECK(*kept == 7);
    p = memory.take(large);
    std::fill_n(p, large, 1.0F);
    float* again = memory.take(20);
    *again = 2;
    CHECK(*kept == 7);
    memory.give(p);
    memory.give(again);
    memory.give(kept);
    memory.release();
    CHECK(memory.bytes_held() == 0);
}

TEST_CASE("a block of scratch returns when its owner dies, and can change hands") {
    nn::arena<double> memory;
    {
        nn::arena_block<double> one(memory, 4), two;
        one[3] = 5;
        two = std::move(one);
        CHECK(two[3] == 5);
        CHECK(memory.bytes_in_use() == 4 * sizeof(double));
        const nn::arena_block<double> three(std::move(two));
        CHECK(three.size() == 4);
    }
    CHECK(memory.bytes_in_use() == 0);
}

TEST_CASE("a block that was freed is filled with NaN while debugging") {
#ifndef NDEBUG
    nn::arena<double> memory;
    double* p = memory.take(5);
    p[3] = 1;
    memory.give(p);
    CHECK(std::isnan(p[3]));
#endif
}

TEST_CASE("a shape counts its rows and elements") {
    const nn::shape s{2, 3, 5, 7};
    CHECK(s.pixels() == 15);
    CHECK(s.rows() == 30);
    CHECK(s.size() == 210);
    CHECK(s.with_channels(1) == nn::shape{2, 3, 5, 1});
    CHECK(nn::to_string(s) == "(2, 3, 5, 7)");
}
