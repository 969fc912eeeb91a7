// Your own loop: four ways to run the same sampler. They must agree to the last bit.
//
//   sample     the whole run in one call
//   steps      a range: one step at a time, leave when you like
//   step       you count, and own the memory of the run
//   ask, tell  you also call the network yourself: queue it on a GPU, gather runs into a batch

#include <cstddef>
#include <cstdio>
#include <vector>

#include <diffusion/diffusion.hpp>

int main() {
    using state = std::vector<float>;
    const diffusion::discrete_schedule<diffusion::cosine_beta> schedule;
    const diffusion::multistep sampler(diffusion::exponential_adams<2>{},
                                       diffusion::trailing(schedule, 8));
    const diffusion::gaussian_noise noise{42};

    // A network that predicts the velocity; here the exact one for data N(2, 0.3^2).
    auto network = [&](const state& x, double t, state& v) {
        const auto [alpha, sigma, lambda] = schedule(t);
        const double variance = 0.09 * alpha * alpha + sigma * sigma;
        for (std::size_t i = 0; i < x.size(); ++i) {
            const double rest = (double(x[i]) - alpha * 2) / variance;
            v[i] = float(alpha * sigma * rest - sigma * (2 + 0.09 * alpha * rest));
        }
    };
    diffusion::predicts_velocity denoiser(network);

    const auto start = [&] {
        state x(5);
        diffusion::draw_prior(x, sampler.grid().front(), noise);
        return x;
    };

    state whole = start();  // 1. the whole run
    diffusion::sample(whole, sampler, denoiser, noise);

    state ranged = start();  // 2. a range
    for (const auto& [i, n, t, x, x0] : diffusion::steps(ranged, sampler, denoiser, noise))
        std::printf("step %zu of %zu: t = %3.0f, x[0] = %5.2f, estimate of x_0[0] = %.2f\n", i + 1,
                    n, t.t, double(x[0]), double(x0[0]));

    state counted = start();  // 3. own loop
    diffusion::check(sampler, denoiser);
    auto memory = sampler.init(counted);
    for (std::size_t i = 0; i < sampler.size(); ++i)
        sampler.step(i, counted, memory, denoiser, noise);

    state asked = start();  // 4. own loop and own call of the network
    auto other = sampler.init(asked);
    state v(asked.size());
    for (std::size_t i = 0; i < sampler.size(); ++i) {
        const diffusion::node& t = sampler.grid()[i];
        network(asked, t.t, v);                      // ask whom you like, how you like
        state& x0 = sampler.prediction_slot(other);  // here the sampler wants x_0
        diffusion::ref(x0) = t.alpha * diffusion::ref(asked) + -t.sigma * diffusion::ref(v);
        sampler.advance(i, asked, other, noise);  // tell
    }

    const bool same = ranged == whole && counted == whole && asked == whole;
    std::printf("all four agree bit for bit: %s\n", same ? "yes" : "NO");
    return same ? 0 : 1;
}
