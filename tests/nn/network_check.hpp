#pragma once
// What every network must pass.

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <diffusion/nn/parallel.hpp>
#include <nn/gradient_check.hpp>
#include <span>
#include <support/counting_new.hpp>
#include <support/worse.hpp>
#include <vector>

namespace diffusion::test {

/// Normal numbers with this deviation for all parameters, so that nothing starts at zero.
template <class T>
void randomize(nn::parameters<T>& store, double deviation, std::uint64_t seed = 7) {
    const std::vector<double> z = normals(store.values().size(), seed);
    for (const nn::parameter_info& p : store.list())
        for (std::size_t i = p.offset; i < p.offset + p.size; ++i)
            store.change_values()[i] = static_cast<T>(deviation * z[i]);
}

/// Compares the gradient of a random weighted sum of `f(tape)` with respect to each parameter with
/// central differences.
template <class F>
void check_parameter_gradients(nn::parameters<double>& store, F&& f, double tolerance = 1e-7) {
    nn::tape<double> tape;
    std::vector<double> gradient(store.values().size()), weights;
    tape.collect(store, gradient);
    {
        const nn::var<double> y = f(tape);
        weights = normals(y.size(), 99);
        tape.backward(y, weights);
    }
    const nn::without_recording off(tape);
    const auto value_at = [&](std::size_t i, double x) {
        store.change_values()[i] = x;
        const nn::var<double> y = f(tape);
        double sum = 0;
        for (std::size_t j = 0; j < y.size(); ++j) sum += weights[j] * y.data()[j];
        return sum;
    };
    const double h = 1e-5;
    for (const nn::parameter_info& p : store.list()) {
        double largest = 0, worst = 0;
        for (std::size_t i = p.offset; i < p.offset + p.size; ++i) {
            const double middle = store.values()[i];
            const double expected = (value_at(i, middle + h) - value_at(i, middle - h)) / (2 * h);
            store.change_values()[i] = middle;
            largest = std::max(largest, std::abs(expected));
            worst = support::worse(worst, std::abs(expected - gradient[i]));
        }
        INFO("parameter ", p.name);
        CHECK(worst <= tolerance * std::max(largest, 1.0));
    }
}

/// Training steps of `loss_of(tape, first, count)`: after the first none asks for memory, and 1, 2
/// and 4 threads find the same loss and the same gradient, to the bit.
template <class LossOf>
void check_training_step(nn::parameters<float>& store, std::size_t items, LossOf&& loss_of) {
    std::vector<float> expected;
    for (const std::size_t threads : {1U, 2U, 4U}) {
        INFO(threads, " threads");
        nn::lanes<float> lanes(threads);
        const auto step = [&] { return lanes.train(store, items, loss_of); };
        const double loss = step();
        std::vector<float> found(store.gradient().begin(), store.gradient().end());
        found.push_back(static_cast<float>(loss));
        if (threads == 1) {
            expected = found;
            const std::size_t before = support::allocations();
            CHECK(step() == loss);
            CHECK(support::allocations() == before);
        }
        CHECK(found == expected);
    }
    CHECK(std::ranges::any_of(expected, [](float g) { return g != 0; }));
}

}  // namespace diffusion::test
