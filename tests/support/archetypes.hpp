#pragma once
// Types that offer what a concept asks for and nothing else: code that needs more does not compile
// with them. And near-misses, each of which lacks one thing.

#include <array>
#include <cstddef>
#include <span>
#include <utility>

#include <diffusion/grid/time_grid.hpp>
#include <diffusion/kernel/gaussian_kernel.hpp>
#include <diffusion/random/noise_source.hpp>
#include <diffusion/rule/rule.hpp>
#include <diffusion/tensor/traits.hpp>

namespace support {

// ---- tensors ------------------------------------------------------------------------------------

/// Movable, and nothing else: no copy, no default constructor, no element access of its own.
class minimal_tensor {
public:
    explicit minimal_tensor(std::array<double, 3> e) : elements_(e) {}
    minimal_tensor(minimal_tensor&&) = default;
    minimal_tensor& operator=(minimal_tensor&&) = default;

private:
    friend struct diffusion::tensor_traits<minimal_tensor>;
    std::array<double, 3> elements_;
};

/// A picture as an application may have it: foreign names, float, memory of its own.
struct my_image {
    int width = 0, height = 0;
    std::array<float, 16> pixels{};
};

/// A window on an image; its sibling is an image.
struct image_view {
    my_image* image;
};

struct no_traits {};           // near-miss: nobody specialised tensor_traits
struct integers {};            // near-miss: the scalar is int
struct like_returns_other {};  // near-miss: like() gives a type that owner does not announce
struct read_only {};           // near-miss: elements can be read but not written

}  // namespace support

template <>
struct diffusion::tensor_traits<support::minimal_tensor> {
    using scalar = double;
    static support::minimal_tensor like(const support::minimal_tensor&) {
        return support::minimal_tensor({});
    }
    static std::span<double> elements(support::minimal_tensor& x) { return x.elements_; }
    static std::span<const double> elements(const support::minimal_tensor& x) {
        return x.elements_;
    }
};

template <>
struct diffusion::tensor_traits<support::my_image> {
    using scalar = float;
    static support::my_image like(const support::my_image& x) { return {x.width, x.height, {}}; }
    static std::span<float> elements(support::my_image& x) { return x.pixels; }
    static std::span<const float> elements(const support::my_image& x) { return x.pixels; }
};

template <>
struct diffusion::tensor_traits<support::image_view> {
    using scalar = float;
    using owner = support::my_image;
    static support::my_image like(const support::image_view& x) {
        return {x.image->width, x.image->height, {}};
    }
    static std::span<float> elements(support::image_view& x) { return x.image->pixels; }
    static std::span<const float> elements(const support::image_view& x) { return x.image->pixels; }
};

template <>
struct diffusion::tensor_traits<support::integers> {
    using scalar = int;
    static support::integers like(const support::integers&) { return {}; }
    static std::span<int> elements(support::integers&) { return {}; }
    static std::span<const int> elements(const support::integers&) { return {}; }
};

template <>
struct diffusion::tensor_traits<support::like_returns_other> {
    using scalar = float;
    static support::my_image like(const support::like_returns_other&) { return {}; }
    static std::span<float> elements(support::like_returns_other&) { return {}; }
    static std::span<const float> elements(const support::like_returns_other&) { return {}; }
};

template <>
struct diffusion::tensor_traits<support::read_only> {
    using scalar = float;
    static support::read_only like(const support::read_only&) { return {}; }
    static std::span<const float> elements(const support::read_only&) { return {}; }
};

namespace support {

// ---- schedules ----------------------------------------------------------------------------------

struct minimal_schedule {
    diffusion::noise_level operator()(double t) const { return diffusion::variance_preserving(-t); }
    float t_min() const { return 0; }
    int t_max() const { return 3; }
};
struct minimal_discrete_schedule : minimal_schedule {
    int size() const { return 4; }
};
struct schedule_without_interval {  // near-miss
    diffusion::noise_level operator()(double t) const { return diffusion::variance_preserving(-t); }
};
struct schedule_of_pairs : minimal_schedule {  // near-miss: not a noise_level
    std::pair<double, double> operator()(double) const { return {1, 0}; }
};
struct schedule_that_changes {  // near-miss: asking it needs a non-const object
    diffusion::noise_level operator()(double t) { return diffusion::variance_preserving(-t); }
    double t_min() const { return 0; }
    double t_max() const { return 1; }
};

// ---- rules --------------------------------------------------------------------------------------

struct minimal_rule {
    static constexpr int order = 1;
    static constexpr auto extrapolates = diffusion::prediction::data;
    diffusion::gaussian_kernel<1> operator()(std::span<const diffusion::node> seen,
                                             const diffusion::node& s) const {
        return {s.sigma / seen[0].sigma, {s.alpha - s.sigma / seen[0].sigma * seen[0].alpha}, 0};
    }
};
struct rule_without_order {  // near-miss
    static constexpr auto extrapolates = diffusion::prediction::data;
    diffusion::gaussian_kernel<1> operator()(std::span<const diffusion::node>,
                                             const diffusion::node&) const {
        return {};
    }
};
struct rule_without_kind {  // near-miss: does not say what it extrapolates
    static constexpr int order = 1;
    diffusion::gaussian_kernel<1> operator()(std::span<const diffusion::node>,
                                             const diffusion::node&) const {
        return {};
    }
};
struct rule_of_order_zero {  // near-miss
    static constexpr int order = 0;
    static constexpr auto extrapolates = diffusion::prediction::data;
    diffusion::gaussian_kernel<0> operator()(std::span<const diffusion::node>,
                                             const diffusion::node&) const {
        return {};
    }
};
struct rule_with_too_many_terms {  // near-miss: order 1, but a kernel of two terms
    static constexpr int order = 1;
    static constexpr auto extrapolates = diffusion::prediction::data;
    diffusion::gaussian_kernel<2> operator()(std::span<const diffusion::node>,
                                             const diffusion::node&) const {
        return {};
    }
};

}  // namespace support
