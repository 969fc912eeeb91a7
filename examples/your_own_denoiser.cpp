// Your own network, as it is: a class of your own with layers of your own in Eigen, the same in
// xtensor, and a lambda on std::vector. The library asks for nothing but a call (x, t, out), or
// (x, t) that returns its answer.
//
// The data are the four corners of a turned square. For them the best network is known: with W the
// rotation, E[x_0 | x_t] = W tanh((alpha_t / sigma_t^2) W^T x_t): linear, activation, linear.
// Nothing is trained here, and all three must give the same points.

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <vector>

#include <diffusion/diffusion.hpp>
#include <diffusion/tensor/eigen.hpp>
#include <diffusion/tensor/xtensor.hpp>

namespace {

using schedule_type = diffusion::discrete_schedule<diffusion::cosine_beta>;
constexpr double c = 0.8, s = 0.6;  // cosine and sine of the rotation

// ---- Eigen: a point is a column, a batch a matrix of 2 x n --------------------------------------
struct eigen_linear {
    Eigen::MatrixXd weight;
    Eigen::MatrixXd operator()(const Eigen::MatrixXd& x) const { return weight * x; }
};

struct eigen_network {
    const schedule_type& schedule;
    eigen_linear in{(Eigen::Matrix2d() << c, s, -s, c).finished()};
    eigen_linear out{(Eigen::Matrix2d() << c, -s, s, c).finished()};

    Eigen::MatrixXd operator()(const Eigen::MatrixXd& x, double t) const {
        const auto level = schedule(t);
        const double gain = level.alpha / (level.sigma * level.sigma);
        const Eigen::MatrixXd h = in(x);
        return out((gain * h.array()).tanh().matrix());
    }
};

// ---- xtensor: a point is a row, a batch an array of n x 2 ---------------------------------------
using xtensor_batch = xt::xtensor<double, 2>;

struct xtensor_linear {
    std::array<double, 4> weight;  // row by row
    xtensor_batch operator()(const xtensor_batch& x) const {
        xtensor_batch y(x.shape());
        for (std::size_t i = 0; i < x.shape(0); ++i) {
            y(i, 0) = weight[0] * x(i, 0) + weight[1] * x(i, 1);
            y(i, 1) = weight[2] * x(i, 0) + weight[3] * x(i, 1);
        }
        return y;
    }
};

struct xtensor_network {
    const schedule_type& schedule;
    xtensor_linear in{{c, s, -s, c}};
    xtensor_linear out{{c, -s, s, c}};

    xtensor_batch operator()(const xtensor_batch& x, double t) const {
        const auto level = schedule(t);
        const double gain = level.alpha / (level.sigma * level.sigma);
        const xtensor_batch h = xt::tanh(gain * in(x));
        return out(h);
    }
};

/// Draws points with any network on any tensor: the library is told that it predicts the data.
template <class X, class Network>
std::vector<double> draw(X x, const schedule_type& schedule, Network network) {
    const diffusion::multistep sampler(diffusion::ddim{.eta = 0.5},
                                       diffusion::trailing(schedule, 50));
    const diffusion::gaussian_noise noise{7};  // by its address, so it is the same for all tensors
    diffusion::draw_prior(x, sampler.grid().front(), noise);
    diffusion::sample(x, sampler, diffusion::predicts_data(network), noise);
    const auto elements = diffusion::elements(std::as_const(x));
    return {elements.begin(), elements.end()};
}

}  // namespace

int main() {
    constexpr std::size_t n = 1000;
    const schedule_type schedule;

    const auto by_eigen = draw(Eigen::MatrixXd(2, n), schedule, eigen_network{schedule});
    const auto by_xtensor = draw(xtensor_batch({n, 2}), schedule, xtensor_network{schedule});
    const auto by_lambda =
        draw(std::vector<double>(2 * n), schedule,
             [&](const std::vector<double>& x, double t, std::vector<double>& x0) {
                 const auto level = schedule(t);
                 const double gain = level.alpha / (level.sigma * level.sigma);
                 for (std::size_t i = 0; i < x.size(); i += 2) {
                     const double u = std::tanh(gain * (c * x[i] + s * x[i + 1]));
                     const double v = std::tanh(gain * (c * x[i + 1] - s * x[i]));
                     x0[i] = c * u - s * v;
                     x0[i + 1] = s * u + c * v;
                 }
             });

    std::array<int, 4> corners{};
    double apart = 0, off = 0;
    for (std::size_t i = 0; i < 2 * n; i += 2) {
        for (std::size_t k = i; k < i + 2; ++k)
            apart = std::fmax(apart, std::fmax(std::abs(by_eigen[k] - by_lambda[k]),
                                               std::abs(by_xtensor[k] - by_lambda[k])));
        const double u = c * by_lambda[i] + s * by_lambda[i + 1];
        const double v = c * by_lambda[i + 1] - s * by_lambda[i];
        ++corners[std::size_t(u > 0) + 2 * std::size_t(v > 0)];
        off = std::fmax(off, std::hypot(std::abs(u) - 1, std::abs(v) - 1));
    }
    std::printf("points at the four corners: %d %d %d %d (about 250 each)\n", corners[0],
                corners[1], corners[2], corners[3]);
    std::printf("largest distance from a corner: below 0.01: %s\n", off < 0.01 ? "yes" : "NO");
    std::printf("Eigen, xtensor and the lambda agree to 1e-12: %s\n", apart < 1e-12 ? "yes" : "NO");
    return off < 0.01 && apart < 1e-12 ? 0 : 1;
}
