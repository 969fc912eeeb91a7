#pragma once

#include <doctest/doctest.h>
#include <diffusion/nn/parameter.hpp>

#include <array>
#include <cmath>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace diffusion::test {

/// Two parameters at (1.5, -0.75) and the gradient of f = x^2/2 + 5 (y - x)^2 + sin(3 y).
struct valley {
    nn::parameters<double> store;
    nn::parameter<double> point;

    valley() : point(store.add("point", {2}, nn::parameter_layout::plain, nn::initial::zero())) {
        point.change_values()[0] = 1.5;
        point.change_values()[1] = -0.75;
    }
    void differentiate() {
        const double x = point.values()[0], y = point.values()[1];
        point.gradient()[0] = x - 10 * (y - x);
        point.gradient()[1] = 10 * (y - x) + 3 * std::cos(3 * y);
    }
};

/// PyTorch's way through the valley, from unet_make.py.
inline std::vector<std::array<double, 2>> torch_trace(const std::string& wanted) {
    std::ifstream file(DIFFUSION_TEST_DATA "/nn/golden/unet_optimizers.txt");
    REQUIRE(file);
    std::vector<std::array<double, 2>> points;
    bool reading = false;
    for (std::string line; std::getline(file, line);) {
        std::istringstream words(line);
        std::string name;
        if (line.starts_with("trace ")) {
            words >> name >> name;
            reading = name == wanted;
        } else if (reading) {
            points.push_back({});
            words >> points.back()[0] >> points.back()[1];
        }
    }
    REQUIRE(points.size() == 30);
    return points;
}

}  // namespace diffusion::test
