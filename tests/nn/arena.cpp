#include <doctest/doctest.h>
#include <diffusion/nn/arena.hpp>
#include <diffusion/nn/shape.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>

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
    CHECK(memory.bytes_held() == 299 * sizeof(float));
    CHECK(memory.bytes_in_use() == 299 * sizeof(float));
    memory.give(p);
    memory.give(q);
    CHECK(memory.bytes_in_use() == 99 * sizeof(float));
    CHECK(memory.peak_bytes() == 299 * sizeof(float));
    memory.release();
    CHECK(memory.bytes_held() == 99 * sizeof(float));
    memory.give(other);
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
