#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <diffusion/nn/conditions.hpp>
#include <diffusion/nn/parameter.hpp>
#include <diffusion/nn/tape.hpp>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace diffusion::nn {

/// What a network consists of and what it costs. All numbers are those of the batch it was asked
/// about, `input`; operations and bytes grow in proportion to its items.
struct model_summary {
    /// Parameters whose names are equal as far as the first number: "down.0", "inp".
    struct group {
        std::string name;
        std::size_t tensors = 0;
        std::size_t parameters = 0;  ///< scalars
        std::size_t frozen = 0;      ///< scalars among them that are not trained
        double operations = 0;  ///< of the products with them, and of the attention behind them
    };
    std::vector<group> groups;  ///< in the order in which the network made them

    nn::shape input, output;
    std::size_t kept_bytes = 0;  ///< values that wait for the way back when the forward pass ends
    std::size_t peak_bytes = 0;  ///< the most values, gradients and scratch at once in a step

    std::size_t parameters() const {
        return std::accumulate(groups.begin(), groups.end(), std::size_t{0},
                               [](std::size_t sum, const group& g) { return sum + g.parameters; });
    }

    /// Multiplications and additions of a forward pass in convolutions, linear layers and attention
    /// by their definitions, two for each pair; training takes three times that. What is done once
    /// for each element (norms, activations) does not count.
    double operations() const {
        return std::accumulate(groups.begin(), groups.end(), 0.0,
                               [](double sum, const group& g) { return sum + g.operations; });
    }

    /// A table for people, each line ending with a newline.
    std::string text() const;
};

namespace detail {

/// "down.0" of "down.0.1.q.weight", "inp" of "inp.weight": names as far as the first number.
inline std::string_view group_of(std::string_view name) {
    const auto is_number = [](std::string_view part) {
        return !part.empty() && part.find_first_not_of("0123456789") == part.npos;
    };
    for (std::size_t first = name.find('.'); first != name.npos;) {
        const std::size_t last = std::min(name.find('.', first + 1), name.size());
        if (is_number(name.substr(first + 1, last - first - 1))) return name.substr(0, last);
        first = last == name.size() ? name.npos : last;
    }
    return name.substr(0, name.find('.'));
}

/// 1234567 as "1,234,567".
inline std::string with_commas(std::size_t n) {
    std::string digits = std::to_string(n);
    for (std::size_t place = digits.size(); place > 3;) digits.insert(place -= 3, ",");
    return digits;
}

/// A number with so many decimals.
inline std::string with_decimals(double x, int decimals) {
    char text[64];
    std::snprintf(text, sizeof text, "%.*f", decimals, x);
    return text;
}

/// The columns of a row, the first to the left, the others to the right.
inline std::string summary_row(const std::string& name, const std::string& tensors,
                               const std::string& parameters, const std::string& mflop) {
    const auto right = [](const std::string& text, std::size_t width) {
        return std::string(width - std::min(width, text.size()), ' ') + text;
    };
    const std::size_t fill = 16 - std::min<std::size_t>(16, name.size());
    return name + std::string(fill, ' ') + right(tensors, 8) + right(parameters, 14) +
           right(mflop, 12) + '\n';
}

/// Finds the group of a product by the address of its weights; a product without weights, an
/// attention, belongs to the group before it.
template <class T>
class group_counter {
public:
    group_counter(const nn::parameters<T>& store, model_summary& out) : store_(&store), out_(&out) {
        for (const parameter_info& p : store.list()) {
            const std::string_view name = group_of(p.name);
            auto found = std::ranges::find(out.groups, name, &model_summary::group::name);
            if (found == out.groups.end())
                found = out.groups.insert(out.groups.end(), {.name = std::string(name)});
            found->tensors += 1;
            found->parameters += p.size;
            found->frozen += p.frozen ? p.size : 0;
            groups_.push_back(static_cast<std::size_t>(found - out.groups.begin()));
        }
    }

    /// The `work_counter` of a tape.
    static void count(void* who, const void* weights, double operations) {
        static_cast<group_counter*>(who)->add(weights, operations);
    }

private:
    void add(const void* weights, double operations) {
        const T* first = store_->values().data();
        for (std::size_t i = 0; i < store_->size(); ++i)
            if (first + store_->info(i).offset == weights) now_ = groups_[i];
        if (now_ < out_->groups.size()) out_->groups[now_].operations += operations;
    }

    const nn::parameters<T>* store_;
    model_summary* out_;
    std::vector<std::size_t> groups_;  // of each parameter
    std::size_t now_ = 0;
};

}  // namespace detail

/// The number type of a network.
template <class Net>
using net_scalar_t =
    typename std::remove_cvref_t<decltype(std::declval<const Net&>().parameters())>::scalar;

/// What a network with these parameters costs in one training step, of which `forward(tape)` is the
/// way there: it returns the result, on which the loss would depend. Everything is found by doing
/// it once, forward and back, on a tape of its own.
template <class T, class Forward>
model_summary summary_of(const parameters<T>& store, Forward&& forward) {
    model_summary out;
    detail::group_counter<T> counter(store, out);
    std::vector<T> gradient(store.values().size());
    nn::tape<T> tape;
    tape.collect(store, gradient);
    tape.work_counter() = {&counter, &detail::group_counter<T>::count};
    const var<T> y = forward(tape);
    out.output = y.shape();
    out.kept_bytes = tape.memory().bytes_in_use();
    tape.work_counter() = {};
    tape.backward(y, std::vector<T>(y.size()));
    out.peak_bytes = tape.memory().peak_bytes();
    return out;
}

/// What a network costs for a batch of shape x, {items, height, width, channels}; `given` what it
/// is told of each item besides. It is called as net(x, t, labels or conditions), net(x, t) or
/// net(x), whichever it knows; only shapes matter, the values are zeros.
///
///     std::cout << nn::summary(net, {1, 28, 28, 1}).text();
template <class Net>
model_summary summary(const Net& net, const shape& x,
                      const condition_values<net_scalar_t<Net>>& given = {}) {
    using T = net_scalar_t<Net>;
    const std::vector<T> zeros(x.size());
    const double time = 0;
    model_summary out = summary_of(net.parameters(), [&](tape<T>& tape) {
        const var<T> in = tape.constant(x, zeros.data());
        const std::span<const double> t(&time, 1);
        if constexpr (requires { net(in, t, std::span<const std::size_t>()); }) {
            return ask(net, in, t, given.on(tape, 0, x.items, {}));
        } else if constexpr (requires { net(in, t); }) {
            return net(in, t);
        } else {
            return net(in);
        }
    });
    out.input = x;
    return out;
}

inline std::string model_summary::text() const {
    std::string table = detail::summary_row("", "tensors", "parameters", "MFLOP");
    std::size_t tensors = 0, frozen = 0;
    for (const group& g : groups) {
        table += detail::summary_row(g.name, std::to_string(g.tensors),
                                     detail::with_commas(g.parameters),
                                     detail::with_decimals(g.operations / 1e6, 2));
        tensors += g.tensors;
        frozen += g.frozen;
    }
    table += detail::summary_row("all", std::to_string(tensors), detail::with_commas(parameters()),
                                 detail::with_decimals(operations() / 1e6, 2));
    if (frozen > 0) table += detail::with_commas(frozen) + " of the parameters are frozen\n";
    return table + to_string(input) + " to " + to_string(output) + ": " +
           detail::with_decimals(operations() / 1e9, 3) + " GFLOP forward; a training step keeps " +
           detail::with_decimals(static_cast<double>(kept_bytes) / 1e6, 2) + " MB of values, " +
           detail::with_decimals(static_cast<double>(peak_bytes) / 1e6, 2) + " MB at most\n";
}

}  // namespace diffusion::nn
