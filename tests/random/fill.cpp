#include <diffusion/random/fill.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include <doctest/doctest.h>

using namespace diffusion;

namespace {

constexpr std::uint64_t last_element = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t seed = 0x123456789abcdef0u;
constexpr noise_address address{noise_stream::user, (std::uint64_t{5} << 40) + 3, 9};

template <class T>
std::vector<T> normals(std::size_t n, std::uint64_t key, const noise_address& where,
                       std::uint64_t first = 0) {
    std::vector<T> z(n);
    fill_normal(std::span<T>(z), key, where, first);
    return z;
}

template <class T>
std::vector<T> uniforms(std::size_t n, std::uint64_t key, const noise_address& where,
                        std::uint64_t first = 0) {
    std::vector<T> u(n);
    fill_uniform(std::span<T>(u), key, where, first);
    return u;
}

template <class T>
auto pattern(T value) {
    return std::bit_cast<std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>>(value);
}

}  // namespace

TEST_CASE("Every compiler, optimisation and instruction set draws the same bits") {
    // elements 64, 68, 72, ... as drawn by g++ 12 -O2 for x86-64
    const std::uint32_t float_normal[] = {0xbe40814fu, 0xbf35647fu, 0xbf74d1c3u, 0x3ee344a0u,
                                          0x3f80751bu, 0xbf52ff5cu, 0x3f3caea4u, 0x3f8a7020u,
                                          0xbf022d49u, 0xbf0407f8u, 0xbfad031bu, 0xbee657a6u,
                                          0xbfdcf619u, 0xbe3e14a5u, 0x3ef75f8fu, 0x3f323ea6u};
    const std::uint64_t double_normal[] = {
        0xbfc81029ccf7c68du, 0xbfe6ac8fc4b21c96u, 0xbfee9a38541a3255u, 0x3fdc6893e98bd72fu,
        0x3ff00ea36f002fe4u, 0xbfea5feb7a3a664fu, 0x3fe795d4a814497au, 0x3ff14e03eb8bab1fu,
        0xbfe045a929ebee69u, 0xbfe080ff0261e67cu, 0xbff5a063643e3c0eu, 0xbfdccaf4d8995b60u,
        0xbffb9ec3184ce691u, 0xbfc7c294a8461582u, 0x3fdeebf218cfd3a0u, 0x3fe647d4b700844au};
    const std::uint32_t float_uniform[] = {0x3ed8e482u, 0x3dad1858u, 0x3d7bdfd0u, 0x3e897e26u,
                                           0x3f09b9dfu, 0x3ec2a00au, 0x3f4fd367u, 0x3f0ef59fu};
    const std::uint64_t double_uniform[] = {
        0x3fdb1c90021f8ce2u, 0x3fb5a30b6563b0e8u, 0x3faf7bfa4f4aced0u, 0x3fd12fc4cd6954ceu,
        0x3fe1373bd445156fu, 0x3fd854010afd0b2eu, 0x3fe9fa6ce252f3dfu, 0x3fe1deb3e868dcadu};
    const std::vector<float> zf = normals<float>(64, seed, address, 64);
    const std::vector<double> zd = normals<double>(64, seed, address, 64);
    for (std::size_t i = 0; i < 16; ++i) {
        CHECK(pattern(zf[4 * i]) == float_normal[i]);
        CHECK(pattern(zd[4 * i]) == double_normal[i]);
    }
    const std::vector<float> uf = uniforms<float>(8, seed, address, 64);
    const std::vector<double> ud = uniforms<double>(8, seed, address, 64);
    for (std::size_t i = 0; i < 8; ++i) {
        CHECK(pattern(uf[i]) == float_uniform[i]);
        CHECK(pattern(ud[i]) == double_uniform[i]);
    }
}

TEST_CASE(
    "Far out in the tail float takes the second word, so that it agrees with double there too") {
    struct {
        std::uint64_t element;
        std::uint32_t float_bits;
        std::uint64_t double_bits;
    } const tail[] = {{953747u, 0x40a8523fu, 0x40150a47e21de5b3u},    // 5.26004
                      {11134092u, 0xc0a74df0u, 0xc014e9be06a662b6u},  // -5.22826
                      {11868022u, 0x40ad6b45u, 0x4015ad68a6d00603u},  // 5.41934
                      {12905859u, 0x40af37e3u, 0x4015e6fc5abd8c52u}};
    for (const auto& known : tail) {
        const float f = normals<float>(1, 1, {}, known.element)[0];
        const double d = normals<double>(1, 1, {}, known.element)[0];
        CHECK(pattern(f) == known.float_bits);
        CHECK(pattern(d) == known.double_bits);
        CHECK(std::abs(f - d) < 1e-6);
    }
}

TEST_CASE("Float and double draw the same picture") {
    for (std::uint64_t step = 0; step < 8; ++step) {
        const std::vector<float> zf = normals<float>(1 << 18, seed, {.step = step});
        const std::vector<double> zd = normals<double>(1 << 18, seed, {.step = step});
        const std::vector<float> uf = uniforms<float>(1 << 18, seed, {.step = step});
        const std::vector<double> ud = uniforms<double>(1 << 18, seed, {.step = step});
        double normal = 0, uniform = 0;
        for (std::size_t i = 0; i < zf.size(); ++i) {
            normal = std::max(normal, std::abs(zf[i] - zd[i]) / std::max(1.0, std::abs(zd[i])));
            uniform = std::max(uniform, std::abs(uf[i] - ud[i]));
        }
        CHECK(normal <= 0x1p-20);
        CHECK(uniform <= 0x1p-24);  // half a cell of float
    }
}

TEST_CASE_TEMPLATE("Any part of a draw has the bits of the whole, wherever it begins and ends", T,
                   float, double) {
    const std::vector<T> z = normals<T>(500, seed, address), u = uniforms<T>(500, seed, address);
    for (std::size_t first = 0; first < 200; ++first) {
        for (const std::size_t n : {1u, 2u, 15u, 16u, 17u, 63u, 64u, 65u, 128u, 200u, 300u}) {
            const std::vector<T> zp = normals<T>(n, seed, address, first);
            const std::vector<T> up = uniforms<T>(n, seed, address, first);
            bool same = true;
            for (std::size_t i = 0; i < n; ++i)
                same = same && pattern(zp[i]) == pattern(z[first + i]) &&
                       pattern(up[i]) == pattern(u[first + i]);
            CHECK(same);
        }
    }
}

TEST_CASE_TEMPLATE("Threads that draw pieces in any order make the draw of one thread", T, float,
                   double) {
    const std::size_t n = 100003;
    const std::vector<T> whole = normals<T>(n, seed, address);
    for (const std::size_t threads : {2u, 3u, 7u}) {
        std::vector<T> z(n);
        std::vector<std::thread> team;
        for (std::size_t t = threads; t-- > 0;) {
            team.emplace_back([&z, t, threads] {
                const std::size_t begin = z.size() * t / threads,
                                  end = z.size() * (t + 1) / threads;
                fill_normal(std::span(z).subspan(begin, end - begin), seed, address, begin);
            });
        }
        for (std::thread& thread : team) thread.join();
        CHECK(std::memcmp(z.data(), whole.data(), n * sizeof(T)) == 0);
    }
}

TEST_CASE("Seed, stream, sub-draw and every bit of step, seed and element matter") {
    std::set<double> seen;
    int draws = 0;
    const auto draw = [&](std::uint64_t key, const noise_address& where,
                          std::uint64_t element = 0) {
        seen.insert(normals<double>(1, key, where, element)[0]);
        seen.insert(uniforms<double>(1, key, where, element)[0]);
        draws += 2;
    };
    draw(0, {});
    for (int bit = 0; bit < 64; ++bit) {
        const std::uint64_t value = std::uint64_t{1} << bit;
        draw(value, {});
        draw(0, {.step = value});
        draw(0, {}, value);
        if (bit < 32) draw(0, {.sub_draw = static_cast<std::uint32_t>(value)});
    }
    for (std::uint32_t stream = 0; stream < 7; ++stream) {
        if (stream != static_cast<std::uint32_t>(noise_stream::step))
            draw(0, {.stream = static_cast<noise_stream>(stream)});
    }
    draw(0, {.step = 1, .sub_draw = 1});
    CHECK(static_cast<int>(seen.size()) == draws);
}

TEST_CASE("The noise levels of an address do not change what is drawn") {
    CHECK(normals<float>(9, 1, {.sigma_t = 3, .sigma_s = 2}) == normals<float>(9, 1, {}));
}

TEST_CASE("Elements go up to 2^64, and a draw beyond is refused instead of wrapped") {
    const std::vector<double> end = normals<double>(100, seed, address, last_element - 99);
    CHECK(normals<double>(1, seed, address, last_element)[0] == end.back());
    CHECK(normals<double>(1, seed, address, 0)[0] != end.back());
    CHECK_NOTHROW(normals<double>(0, seed, address, last_element));
    CHECK_THROWS_AS(normals<double>(101, seed, address, last_element - 99), std::invalid_argument);
    CHECK_THROWS_AS(uniforms<float>(2, seed, address, last_element), std::invalid_argument);
    try {
        normals<float>(2, seed, address, last_element);
        FAIL("not refused");
    } catch (const std::invalid_argument& error) {
        CHECK(std::string(error.what()).find("diffusion::fill_normal: ") == 0);
    }
}

TEST_CASE("Filling touches nothing outside the span, and an empty one is left alone") {
    std::vector<float> memory(300, 7.0f);
    fill_normal(std::span(memory).subspan(100, 101), seed, address, 31);
    fill_uniform(std::span(memory).subspan(50, 0), seed, address, 31);
    for (std::size_t i = 0; i < memory.size(); ++i)
        CHECK((memory[i] == 7.0f) == (i < 100 || i > 200));
}
