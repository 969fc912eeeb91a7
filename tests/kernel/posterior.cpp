#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <limits>
#include <ostream>
#include <sstream>
#include <stdexcept>

#include <diffusion/kernel/posterior.hpp>
#include <diffusion/schedule/continuous.hpp>
#include <diffusion/schedule/discrete.hpp>

using namespace diffusion;
using doctest::Approx;

namespace {

/// q(x_s|x_t,x_0) ~ q(x_t|x_s) q(x_s|x_0) by Bayes' rule: precisions of two Gaussians in x_s add.
gaussian_kernel<1> by_bayes(const noise_level& t, const noise_level& s) {
    const double r = t.alpha / s.alpha;
    const double variance_t_given_s = t.sigma * t.sigma - r * r * s.sigma * s.sigma;
    const double precision = r * r / variance_t_given_s + 1 / (s.sigma * s.sigma);
    return {r / variance_t_given_s / precision,
            {s.alpha / (s.sigma * s.sigma) / precision},
            std::sqrt(1 / precision)};
}

void check_close(const gaussian_kernel<1>& kernel, const gaussian_kernel<1>& wanted,
                 double epsilon) {
    CHECK(kernel.a == Approx(wanted.a).epsilon(epsilon));
    CHECK(kernel.b[0] == Approx(wanted.b[0]).epsilon(epsilon));
    CHECK(kernel.c == Approx(wanted.c).epsilon(epsilon));
}

constexpr double infinity = std::numeric_limits<double>::infinity();

}  // namespace

TEST_CASE("the posterior is Bayes' rule for two Gaussians, on every schedule") {
    const auto check = [](const auto& schedule) {
        const double from = schedule.t_min(), to = schedule.t_max();
        for (int i = 1; i < 20; ++i)
            for (int j = i + 1; j < 20; ++j) {
                const noise_level s = schedule(from + (to - from) * i / 20),
                                  t = schedule(from + (to - from) * j / 20);
                check_close(posterior(t, s), by_bayes(t, s), 1e-10);
            }
    };
    check(vp_linear{});
    check(vp_cosine{});
    check(ve_geometric{});
    check(flow_schedule{});
    check(edm_schedule{});
}

TEST_CASE("for neighbouring times the posterior is equation (7) of Ho et al., in betas") {
    const discrete_schedule<> schedule;
    for (std::size_t t = 1; t < 1000; ++t) {
        const double beta = schedule.beta(t), bar = schedule.alpha_bar(t),
                     bar_before = schedule.alpha_bar(t - 1);
        const gaussian_kernel<1> wanted{std::sqrt(1 - beta) * (1 - bar_before) / (1 - bar),
                                        {std::sqrt(bar_before) * beta / (1 - bar)},
                                        std::sqrt((1 - bar_before) / (1 - bar) * beta)};
        CAPTURE(t);
        check_close(
            posterior(schedule(static_cast<double>(t)), schedule(static_cast<double>(t - 1))),
            wanted, 2e-11);
    }
}

TEST_CASE("the posterior transports the marginal: from q(x_t|x_0) to q(x_s|x_0)") {
    for (const double at_s : {0.0, 1e-6, 0.1, 0.5})
        for (const double at_t : {0.6, 0.99, 1 - 1e-9, 1.0}) {
            const noise_level t = vp_cosine{}(at_t), s = vp_cosine{}(at_s);
            const auto kernel = posterior(t, s);
            CHECK(kernel.a * t.alpha + kernel.b[0] == Approx(s.alpha).epsilon(1e-14));
            CHECK(std::hypot(kernel.a * t.sigma, kernel.c) == Approx(s.sigma).epsilon(1e-14));
        }
}

TEST_CASE("the last step of the posterior is the data itself") {
    CHECK(posterior(from_alpha_bar(0.5), clean_data) == gaussian_kernel<1>{0, {1}, 0});
    CHECK(posterior(variance_exploding_level(3), clean_data) == gaussian_kernel<1>{0, {1}, 0});
    CHECK(posterior({0, 1, -infinity}, clean_data) == gaussian_kernel<1>{0, {1}, 0});
}

TEST_CASE("from pure noise the posterior is q(x_s|x_0): the noise says nothing") {
    const noise_level s = from_alpha_bar(0.5);
    CHECK(posterior({0, 1, -infinity}, s) == gaussian_kernel<1>{0, {s.alpha}, s.sigma});
}

TEST_CASE("a posterior that does not go towards the data is refused") {
    const noise_level t = variance_exploding_level(1);
    CHECK_THROWS_WITH_AS(posterior(t, t),
                         "diffusion::posterior: the second level must be cleaner than the first; "
                         "lambda rises by, got 0",
                         std::invalid_argument);
    CHECK_THROWS_AS(posterior(clean_data, t), std::invalid_argument);
    CHECK_THROWS_AS(posterior(clean_data, clean_data), std::invalid_argument);
}

TEST_CASE("p_theta has the posterior's mean and one of two variances, beta-tilde or beta") {
    const discrete_schedule<> schedule;
    const noise_level t = schedule(500), s = schedule(499);
    const auto small = reverse_kernel(t, s), large = reverse_kernel(t, s, reverse_variance::large);
    CHECK(small == posterior(t, s));
    CHECK(large.a == small.a);
    CHECK(large.b == small.b);
    CHECK(large.c * large.c == Approx(schedule.beta(500)).epsilon(1e-12));
    CHECK(large.c > small.c);
}

TEST_CASE("the last step of p_theta draws no noise, whatever the variance") {
    const noise_level t = from_alpha_bar(0.9);
    for (const auto variance : {reverse_variance::small, reverse_variance::large})
        CHECK(reverse_kernel(t, clean_data, variance) == gaussian_kernel<1>{0, {1}, 0});
}

TEST_CASE("a learned variance runs from the small one at v = 0 to the large one at v = 1") {
    const noise_level t = from_alpha_bar(0.3), s = from_alpha_bar(0.6);
    const auto learned = learned_range(t, s);
    check_close(learned.at(0), reverse_kernel(t, s), 1e-14);
    check_close(learned.at(1), reverse_kernel(t, s, reverse_variance::large), 1e-14);
    CHECK(learned.mean.c == 0);
    // half way it is their geometric mean
    CHECK(learned.at(0.5).c == Approx(std::sqrt(learned.at(0).c * learned.at(1).c)));
    CHECK(learned.log_variance(0.25) ==
          Approx(0.25 * learned.log_variance_large + 0.75 * learned.log_variance_small));
}

TEST_CASE("with the variance of the data where x_t is known a step of any length is exact") {
    // of N(0, 1): E[x_0 | x_t] = alpha x_t, Var = sigma^2; x_s = rho x_t + sqrt(1 - rho^2) z
    for (const double alpha_bar : {0.9, 0.5, 0.01, 1e-6}) {
        const noise_level t = from_alpha_bar(alpha_bar), s = from_alpha_bar(0.95);
        const auto kernel = learned_range(t, s);
        const double rho = forward_kernel(s, t).a;
        CHECK(kernel.mean.a + kernel.mean.b[0] * t.alpha == Approx(rho).epsilon(1e-12));
        CHECK(std::exp(kernel.log_variance_given_data(2 * std::log(t.sigma))) ==
              Approx(1 - rho * rho).epsilon(1e-12));
    }
    // without noise x_s is x_0
    CHECK(learned_range(from_alpha_bar(0.5), clean_data).log_variance_given_data(-3) == Approx(-3));
}

TEST_CASE("a kernel with a learned variance is a value, too") {
    const learned_range_kernel kernel{{0.5, {0.25}, 0}, -3, -2};
    CHECK(kernel == learned_range_kernel{{0.5, {0.25}, 0}, -3, -2});
    CHECK(kernel != learned_range_kernel{{0.5, {0.25}, 0}, -3, -1});
    std::ostringstream text;
    text << kernel;
    CHECK(text.str() == "0.5 x + 0.25 m0 + 0 z, log variance from -3 to -2");
}

TEST_CASE("in the last step a learned variance is not used, and nothing is undefined") {
    const noise_level t = from_alpha_bar(0.9);
    const auto learned = learned_range(t, clean_data);
    for (const double v : {0.0, 0.5, 1.0}) CHECK(learned.at(v) == gaussian_kernel<1>{0, {1}, 0});
    CHECK(learned.log_variance_small == -infinity);
    CHECK(learned.log_variance(0.5) == -infinity);
    CHECK(learned.log_variance(1) == Approx(std::log(0.1)).epsilon(1e-14));
}
