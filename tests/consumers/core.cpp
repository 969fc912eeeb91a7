// The first program of somebody who has no tensor library: the data is the number 2, so the noise
// in x is known.
#include <diffusion/diffusion.hpp>

#include <cmath>
#include <vector>

int main() {
    using namespace diffusion;
    const discrete_schedule<cosine_beta> schedule;
    const auto network = [&](const std::vector<double>& x, double t) {
        const noise_level q = schedule(t);
        std::vector<double> eps(x);
        for (double& e : eps) e = (e - 2 * q.alpha) / q.sigma;
        return eps;
    };
    const multistep sampler(ddim{}, trailing(schedule, 20));
    std::vector<double> x(16);
    draw_prior(x, sampler.grid().front(), gaussian_noise{42});
    sample(x, sampler, predicts_noise{network}, gaussian_noise{42});
    for (const double e : x) {
        if (!(std::abs(e - 2) < 1e-6)) return 1;
    }
    return 0;
}
