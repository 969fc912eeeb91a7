#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <diffusion/nn/tape.hpp>
#include <diffusion/random/gaussian_noise.hpp>
#include <span>
#include <support/worse.hpp>
#include <vector>

namespace diffusion::test {

/// Normal numbers, different ones for each `seed`.
inline std::vector<double> normals(std::size_t count, std::uint64_t seed) {
    std::vector<double> z(count);
    fill_normal<double>(std::span<double>(z), seed, {.stream = noise_stream::user});
    return z;
}

/// Compares the adjoint of `f` with central differences: `f(tape, inputs)` returns a value, of
/// which a random weighted sum is differentiated with respect to each element of each input.
template <class F>
void check_gradient(const std::vector<nn::shape>& shapes, F&& f, double tolerance = 1e-7) {
    std::vector<std::vector<double>> x;
    for (std::size_t i = 0; i < shapes.size(); ++i) x.push_back(normals(shapes[i].size(), 10 + i));
    nn::tape<double> tape;
    const auto inputs = [&](bool with_gradient) {
        std::vector<nn::var<double>> vars;
        for (std::size_t i = 0; i < shapes.size(); ++i)
            vars.push_back(with_gradient ? tape.input(shapes[i], x[i].data())
                                         : tape.constant(shapes[i], x[i].data()));
        return vars;
    };
    const auto vars = inputs(true);
    std::vector<double> weights;
    {
        const nn::var<double> y = f(tape, vars);
        weights = normals(y.size(), 99);
        tape.backward(y, weights);
    }
    CHECK(tape.recorded() == 0);
    const auto value = [&] {
        const nn::var<double> y = f(tape, inputs(false));
        double sum = 0;
        for (std::size_t i = 0; i < y.size(); ++i) sum += weights[i] * y.data()[i];
        return sum;
    };
    const double h = 1e-5;
    for (std::size_t i = 0; i < shapes.size(); ++i) {
        REQUIRE(vars[i].gradient().size() == x[i].size());
        double largest = 0, worst = 0;
        for (std::size_t j = 0; j < x[i].size(); ++j) {
            const double middle = x[i][j];
            x[i][j] = middle + h;
            const double above = value();
            x[i][j] = middle - h;
            const double below = value();
            x[i][j] = middle;
            const double expected = (above - below) / (2 * h);
            largest = std::max(largest, std::abs(expected));
            worst = support::worse(worst, std::abs(expected - vars[i].gradient()[j]));
        }
        INFO("input ", i, " of shape ", nn::to_string(shapes[i]));
        CHECK(worst <= tolerance * std::max(largest, 1.0));
    }
}

}  // namespace diffusion::test
