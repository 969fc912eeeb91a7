// Eigen and xtensor tensors in one program, with networks and files at hand.
#include <Eigen/Core>
#include <diffusion/diffusion.hpp>
#include <diffusion/io/io.hpp>
#include <diffusion/nn/nn.hpp>
#include <diffusion/tensor/eigen.hpp>
#include <diffusion/tensor/xtensor.hpp>

#include <array>
#include <cmath>
#include <cstddef>

namespace {

// Samples data that is the number 2; true if it came out.
template <class X>
bool sampled(X x) {
    using namespace diffusion;
    const flow_schedule schedule;
    const multistep sampler(dpm_solver_pp_2m{}, uniform_time(schedule, 8));
    const auto network = [](const X& x_t, double) {
        X data = x_t;
        data.fill(2);
        return data;
    };
    draw_prior(x, sampler.grid().front(), gaussian_noise{1});
    sample(x, sampler, predicts_data{network}, gaussian_noise{1});
    for (const auto e : elements(x)) {
        if (!(std::abs(e - 2) < 1e-5F)) return false;
    }
    return true;
}

}  // namespace

int main() {
    return sampled(Eigen::ArrayXXf(4, 3)) && sampled(Eigen::Matrix<double, 2, 5>()) &&
                   sampled(xt::xtensor<float, 2>(std::array<std::size_t, 2>{4, 3}))
               ? 0
               : 1;
}
