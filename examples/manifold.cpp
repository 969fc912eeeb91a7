// The manifold hypothesis: pictures of digits fill next to nothing of the space of all pictures.
// How many dimensions do they have, what do noise and a diffusion model do to them, and what lies
// between two of them?
//
//   components    PCA: how many directions hold 90 % and 99 % of the variance
//   neighbours    the dimension by distances to near points (Levina and Bickel 2004)
//   scores        the directions in which the model's scores vanish (Stanczuk et al. 2022)
//   distances     of samples, of noise, and of what is midway between two digits, in pixels and in
//                 latents (DDIM backwards; Song, Meng, Ermon 2021, section 5.3); digits that nobody
//                 has seen are the floor
//
// Smaller than in those papers: drawn digits of 16 x 16 pixels, and the network of 0.7 million
// parameters that comes with the examples; `--seconds` trains another one.
//
// Writes manifold.png (spectra and distances) and manifold_between.png (what lies between digits).

#include "support/filmstrip.hpp"
#include "support/manifold_page.hpp"
#include "support/manifold_probe.hpp"
#include "support/manifold_setup.hpp"
#include "support/round_trip.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <span>
#include <string>
#include <vector>

namespace {

using namespace diffusion;
using examples::curve_plot;
using examples::mixed;
using pictures = std::vector<float>;

int run(int argc, char** argv) {
    examples::manifold_settings s;
    if (const auto code = s.read(argc, argv)) return *code;
    nn::lanes<float> lanes(s.threads);
    examples::labelled_images known;
    examples::digit_model model = s.model(lanes, known);
    const std::size_t side = model.width, size = side * side;
    const auto others = examples::drawn_digits(s.seed + 1, 0, s.count(), side);
    const pictures& digits = others.pixels;
    pictures noise(digits.size());
    fill_normal<float>(noise, s.seed, {noise_stream::start});

    // The model is told no label; its way from digits to noise needs none.
    auto denoise = predicts_velocity(nn::as_network(model.net, lanes, side, side));
    const time_grid grid = trailing(model.schedule, s.steps());
    const pictures latents = examples::encoded(digits, grid, denoise);

    // How many dimensions?
    examples::canvas page(std::size_t(2 * curve_plot::width), std::size_t(2 * curve_plot::height));
    curve_plot spectra(page, 0, 0, "PCA", {0, double(size), "component", false},
                       {1e-4, 1.5, "variance, relative to the first", true}, -0.62);
    std::printf("%zu points of %zu numbers each     components for 90 %%  99 %%   neighbours\n",
                s.count(), size);
    const auto measure = [&](const std::string& name, const pictures& x, bool drawn) {
        const examples::principal_components pca(x, size);
        const double dimension = intrinsic_dimension(std::span<const float>(x), s.count());
        std::printf("  %-36s %10zu %5zu %12.1f\n", name.c_str(), pca.components_for(0.9),
                    pca.components_for(0.99), dimension);
        if (drawn) spectra.spectrum(name, {pca.variances.data(), size});
        return dimension;
    };
    const auto noised = [&](double t) {
        const node at = node_at(model.schedule, t);
        pictures x(digits.size());
        ref(x) = at.alpha * ref(digits) + at.sigma * ref(noise);
        return x;
    };
    measure("a plane", examples::known_surface(false, s.count(), size, s.seed), false);
    measure("a Swiss roll", examples::known_surface(true, s.count(), size, s.seed), false);
    const double dimension = measure("digits", digits, true);
    for (const int t : {20, 100, 400})
        measure("digits, noised to t = " + std::to_string(t), noised(t), true);
    measure("latents of digits", latents, true);
    measure("noise of " + std::to_string(size) + " dimensions", noise, true);
    std::printf("  (Of many dimensions too few are found: the nearest points are too far away.)\n");

    // Around a digit the model's scores lead back to the manifold, not along it.
    curve_plot singular(page, 1, 0, "scores around a digit",
                        {0, double(size), "number of the singular value", false},
                        {1e-3, 1.5, "relative to the largest", true}, -0.7);
    std::printf(
        "directions in which the scores around a digit almost vanish: singular values\n"
        "below a tenth of the median\n");
    for (const int t : {5, 20, 100, 400}) {
        const node at = node_at(model.schedule, t);
        const std::vector<double> values =
            examples::score_spectrum({digits.data(), size}, at, denoise, 4 * size, s.seed);
        const auto vanish = std::ranges::count_if(
            values, [&](double value) { return value < 0.1 * values[size / 2]; });
        std::printf("  t = %-4d sigma %.3f   %3zu\n", t, at.sigma, std::size_t(vanish));
        singular.spectrum("t = " + std::to_string(t), values);
    }

    // Who is on the manifold?
    examples::known_manifold manifold{known.pixels, size};
    manifold.tangents = std::size_t(std::lround(dimension));
    const std::size_t some = s.pairs() * size;
    const auto nearest = [&](const pictures& x) {
        return manifold.mean_nearest(std::span(x).first(some));
    };
    const auto tangent = [&](const pictures& x) {
        return manifold.mean_tangent(std::span(x).first(some));
    };
    const auto moved = [&](const pictures& x) {
        return examples::moved_by(denoise, std::span(x).first(some), size,
                                  node_at(model.schedule, 100), s.seed);
    };
    const auto between = [&](mixed how, double u) {
        if (how == mixed::in_pixels) return examples::mixed_pairs(digits, size, s.pairs(), how, u);
        return examples::decoded(examples::mixed_pairs(latents, size, s.pairs(), how, u), grid,
                                 denoise);
    };
    const double floors[] = {nearest(digits), tangent(digits), moved(digits)};
    std::printf(
        "distances as multiples of those of digits that nobody has seen: %.2f from the nearest\n"
        "of %zu digits, %.2f from their tangent planes of %zu dimensions, %.2f from the model's\n"
        "estimate at t = 100                       nearest  planes   model\n",
        floors[0], known.count, floors[1], manifold.tangents, floors[2]);
    const auto place = [&](const char* name, const pictures& x) {
        std::printf("  %-38s %8.2f %7.2f %7.2f\n", name, nearest(x) / floors[0],
                    tangent(x) / floors[1], moved(x) / floors[2]);
    };
    place("digits, encoded and decoded", between(mixed::along_the_sphere, 0));
    place("samples of the model",
          examples::decoded({noise.begin(), noise.begin() + std::ptrdiff_t(some)}, grid, denoise));
    place("midway in latents, along the sphere", between(mixed::along_the_sphere, 0.5));
    place("midway in latents, straight", between(mixed::straight, 0.5));
    place("midway in pixels", between(mixed::in_pixels, 0.5));
    place("digits, noised to t = 100", noised(100));
    place("noise", noise);
    std::printf("  (Planes do not see that a mean of two digits is none; the model does.)\n");

    // The whole way, as curves and as pictures.
    const examples::axis part{0, 1, "part of the way from digit to digit", false};
    curve_plot by_nearest(page, 0, 1, "distance from the nearest digit", part,
                          {0, 2.2, "distance, as a multiple of the floor", false}, 0.8);
    curve_plot by_model(page, 1, 1, "distance from the model's estimate", part,
                        {0, 3.5, "distance, as a multiple of the floor", false}, 0.8);
    pictures shown;
    for (const mixed how : {mixed::in_pixels, mixed::straight, mixed::along_the_sphere}) {
        std::vector<examples::point> near, estimate;
        for (int k = 0; k <= 8; ++k) {
            const pictures x = between(how, k / 8.0);
            near.push_back({k / 8.0, nearest(x) / floors[0]});
            estimate.push_back({k / 8.0, moved(x) / floors[2]});
            shown.insert(shown.end(), x.begin(), x.begin() + std::ptrdiff_t(4 * size));
        }
        const char* names[] = {"in pixels", "in latents, straight", "in latents, along the sphere"};
        by_nearest.add(names[int(how)], near);
        by_model.add(names[int(how)], estimate);
    }
    page.save(s.out + "/manifold.png");
    examples::between_page(shown, side).save(s.out + "/manifold_between.png");
    std::printf("wrote manifold.png, manifold_between.png in %s\n", s.out.c_str());
    return 0;
}

}  // namespace

int main(int argc, char** argv) { return examples::run_program("manifold", run, argc, argv); }
