#pragma once
// Numbers that PyTorch calculated, and nets with the weights with which it did.

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <diffusion/nn/parameter.hpp>
#include <diffusion/nn/shape.hpp>
#include <diffusion/nn/torch_layout.hpp>
#include <fstream>
#include <limits>
#include <map>
#include <span>
#include <sstream>
#include <string>
#include <support/worse.hpp>
#include <vector>

namespace diffusion::test {

/// The numbers with which the Python files fill their tensors: evenly spread over (-scale, scale).
inline std::vector<double> formula(std::size_t count, std::uint64_t key, double scale) {
    std::vector<double> x(count);
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint64_t h = (i * 2654435761U + i * i * 40503U + key * 1234567U) % (1ULL << 32);
        x[i] = scale * (static_cast<double>(h) / 2147483648.0 - 1);
    }
    return x;
}

/// The place here of element `i` of a parameter in PyTorch's order.
inline std::size_t place(const nn::parameter_info& p, std::size_t i) {
    return diffusion::detail::place_in_memory(p, i);
}

/// The same for images: (item, channel, row, column) there.
inline std::size_t place(const nn::shape& s, std::size_t i) {
    const std::size_t pixels = s.pixels(), c = i / pixels % s.channels;
    return (i / (pixels * s.channels) * pixels + i % pixels) * s.channels + c;
}

/// Images here, (item, row, column, channel), of a tensor there, and back.
inline std::vector<double> from_torch(const std::vector<double>& there, const nn::shape& s) {
    std::vector<double> here(there.size());
    for (std::size_t i = 0; i < here.size(); ++i) here[place(s, i)] = there[i];
    return here;
}
template <class Where>
std::vector<double> in_torch_order(std::span<const double> here, const Where& where) {
    std::vector<double> there(here.size());
    for (std::size_t i = 0; i < there.size(); ++i) there[i] = here[place(where, i)];
    return there;
}

/// Fills all parameters, the k-th by name from key k; weights so that they keep the variance.
inline void fill_as_torch(nn::parameters<double>& store) {
    std::vector<std::string> names;
    for (const nn::parameter_info& p : store.list()) names.push_back(p.name);
    std::sort(names.begin(), names.end());
    for (std::size_t key = 0; key < names.size(); ++key) {
        const nn::parameter<double> p = store.at(names[key]);
        const nn::parameter_info& info = p.info();
        double fan_in = 10;
        if (info.layout == nn::parameter_layout::linear)
            fan_in = static_cast<double>(info.sizes[0]);
        if (info.layout == nn::parameter_layout::conv)
            fan_in = static_cast<double>(info.size / info.sizes[3]);
        const std::vector<double> w = formula(info.size, key, std::sqrt(3 / fan_in));
        const std::span<double> values = p.change_values();
        for (std::size_t i = 0; i < w.size(); ++i) values[place(info, i)] = w[i];
    }
}

/// One case of a file: of each tensor its projections onto three vectors made by the formula, and
/// under NAME[] the tensor itself if it is small.
class torch_numbers {
public:
    torch_numbers(const std::string& file_name, const std::string& wanted) {
        std::ifstream file(DIFFUSION_TEST_DATA "/nn/golden/" + file_name);
        REQUIRE(file);
        bool reading = false;
        for (std::string line; std::getline(file, line);) {
            std::istringstream words(line);
            std::string key, name;
            words >> key;
            if (key == "case") {
                words >> name;
                reading = name == wanted;
                if (reading)
                    for (std::size_t n; words >> n;) sizes_.push_back(n);
            } else if (reading) {
                for (double v; words >> v;) of_[key].push_back(v);
            }
        }
        REQUIRE(!of_.empty());
    }

    /// What follows the name of the case.
    const std::vector<std::size_t>& sizes() const { return sizes_; }

    /// How many tensors there are.
    std::size_t size() const {
        std::size_t count = 0;
        for (const auto& entry : of_) count += !entry.first.ends_with("[]");
        return count;
    }

    /// The first number of a tensor that is stored as it is.
    double number(const std::string& name) const { return of_.at(name + "[]").at(0); }

    /// The largest difference between a tensor, in PyTorch's order, and what the file has under
    /// this name, relative to the tensor's largest element; for the projections, also to the square
    /// root of the number of elements, which is how a sum with random signs grows. Infinite if
    /// there is nothing under the name.
    double difference(const std::string& name, const std::vector<double>& x) const {
        const auto found = of_.find(name), whole = of_.find(name + "[]");
        if (found == of_.end()) return std::numeric_limits<double>::infinity();
        const std::vector<double> w = formula(3 * x.size(), 3000, 1);
        std::vector<double> sums(3);
        for (std::size_t i = 0; i < w.size(); ++i) sums[i % 3] += w[i] * x[i / 3];
        double largest = 0;
        for (double v : x) largest = std::max(largest, std::abs(v));
        double worst = distance(sums, found->second) / std::sqrt(static_cast<double>(x.size()));
        if (whole != of_.end()) worst = support::worse(worst, distance(x, whole->second));
        return worst / largest;
    }

    /// Whether the gradients of all parameters, laid out like their values, are those of the file.
    void check_gradients(const nn::parameters<double>& store,
                         std::span<const double> gradient) const {
        for (const nn::parameter_info& p : store.list()) {
            INFO(p.name);
            CHECK(difference(p.name, in_torch_order(gradient.subspan(p.offset, p.size), p)) <
                  1e-12);
        }
    }

private:
    static double distance(const std::vector<double>& a, const std::vector<double>& b) {
        if (a.size() != b.size()) return std::numeric_limits<double>::infinity();
        double worst = 0;
        for (std::size_t i = 0; i < a.size(); ++i)
            worst = support::worse(worst, std::abs(a[i] - b[i]));
        return worst;
    }

    std::map<std::string, std::vector<double>> of_;
    std::vector<std::size_t> sizes_;
};

}  // namespace diffusion::test
