#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <type_traits>
#include <vector>

#include <diffusion/tensor/std.hpp>

using namespace diffusion;

namespace {

/// An allocator with an identity, to see where memory comes from.
template <class T>
struct tagged_allocator {
    using value_type = T;
    int tag = 0;
    tagged_allocator() = default;
    explicit tagged_allocator(int t) : tag(t) {}
    template <class U>
    explicit tagged_allocator(const tagged_allocator<U>& other) : tag(other.tag) {}
    T* allocate(std::size_t n) { return std::allocator<T>().allocate(n); }
    void deallocate(T* p, std::size_t n) { std::allocator<T>().deallocate(p, n); }
    friend bool operator==(const tagged_allocator&, const tagged_allocator&) = default;
};

}  // namespace

TEST_CASE("a vector of any length is a tensor, an empty one too") {
    std::vector<float> x{1, 2, 3};
    CHECK(elements(x).data() == x.data());
    CHECK(elements(x).size() == 3);
    CHECK(like(x) == std::vector<float>{0, 0, 0});
    std::vector<float> none;
    CHECK(elements(none).empty());
    CHECK(like(none).empty());
}

TEST_CASE("the siblings of a vector come from its allocator") {
    using vector = std::vector<double, tagged_allocator<double>>;
    static_assert(tensor<vector>);
    const vector x(4, 1.0, tagged_allocator<double>(7));
    CHECK(like(x).get_allocator().tag == 7);
    CHECK(like(x).size() == 4);
}

TEST_CASE("the size of an array is part of its type") {
    std::array<double, 2> x{1, 2};
    const std::array<double, 2> sibling = like(x);
    CHECK(sibling == std::array<double, 2>{0, 0});
    CHECK(elements(x).data() == x.data());
    static_assert(std::is_same_v<owner_t<std::array<double, 2>>, std::array<double, 2>>);
    static_assert(!tensor<std::array<int, 2>>);
}
