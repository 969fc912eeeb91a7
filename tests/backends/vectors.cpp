// The runs that all tensors are compared with.
#include "backends/suite.hpp"

#include <algorithm>
#include <cmath>
#include <support/worse.hpp>

namespace suite {

namespace {

template <class T>
std::vector<std::vector<T>> runs() {
    std::vector<std::vector<T>> ends;
    std::vector<T> x(12);
    for (const auto& listed : samplers(x)) {
        draw_prior(x, listed.plan.grid().front(), gaussian_noise{9});
        sample(x, listed.plan, predicts_noise(net{}), gaussian_noise{9});
        ends.push_back(x);
    }
    return ends;
}

}  // namespace

const std::vector<std::vector<float>>& runs_on_vectors(float) {
    static const auto ends = runs<float>();
    return ends;
}
const std::vector<std::vector<double>>& runs_on_vectors(double) {
    static const auto ends = runs<double>();
    return ends;
}

}  // namespace suite

TEST_CASE("every sampler gives in float what it gives in double, to float's precision") {
    const auto names = suite::samplers(std::vector<double>(12));
    for (std::size_t i = 0; i < names.size(); ++i) {
        CAPTURE(names[i].name);
        const std::vector<float>& in_float = suite::runs_on_vectors(float{})[i];
        const std::vector<double>& in_double = suite::runs_on_vectors(double{})[i];
        double scale = 0, error = 0;
        for (std::size_t e = 0; e < 12; ++e) {
            scale = std::max(scale, std::abs(in_double[e]));
            error =
                support::worse(error, std::abs(static_cast<double>(in_float[e]) - in_double[e]));
        }
        CHECK(std::isfinite(scale));
        CHECK(error < 1e-3 * scale);
        CHECK(error > 0);  // or it was not in float
    }
}
