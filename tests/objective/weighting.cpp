#include <doctest/doctest.h>

#include <cmath>

#include <support/refusal.hpp>

#include <diffusion/objective/weighting.hpp>
#include <diffusion/schedule/continuous.hpp>

using namespace diffusion;
using doctest::Approx;

TEST_CASE("the signal-to-noise ratio is alpha^2/sigma^2") {
    CHECK(signal_to_noise(from_alpha_bar(0.8)) == Approx(4).epsilon(1e-14));
}

TEST_CASE("L_simple weights the noise loss by 1, min-SNR caps it, P2 damps it") {
    CHECK(snr_weighting{}(17) == 1);
    CHECK(min_snr_weighting{}(2) == 1);
    CHECK(min_snr_weighting{}(10) == 0.5);
    CHECK(min_snr_weighting{2}(10) == 0.2);
    CHECK(p2_weighting{}(3) == 0.25);
    CHECK(p2_weighting{0.5, 1}(3) == 0.5);
    CHECK(p2_weighting{0, 1}(3) == 1);
    const auto own = [](double snr) { return 1 / snr; };
    static_assert(loss_weighting<decltype(own)>);
    static_assert(!loss_weighting<double>);
    static_cast<void>(own);
}

TEST_CASE("weightings refuse constants that give no weight") {
    using support::is_complete, support::refusal;
    CHECK(is_complete(refusal([] { min_snr_weighting{0}(1); }), 0.0));
    CHECK(is_complete(refusal([] { p2_weighting{-1, 1}(1); }), -1.0));
    CHECK(is_complete(refusal([] { p2_weighting{1, 0}(0); }), 0.0));
}

TEST_CASE("a weighted loss is the same for every target: one error of x0 costs the same") {
    const auto check = [](const auto& weighting, const noise_level& t) {
        // x_t is fixed, so an error d of x0 is an error -alpha/sigma d of eps, and so on
        const double of_noise = t.alpha / t.sigma, of_velocity = t.alpha * of_noise + t.sigma,
                     of_flow = of_noise + 1;
        const double wanted = weighting(signal_to_noise(t)) * of_noise * of_noise;
        CHECK(loss_weight(weighting, target::noise, t) * of_noise * of_noise ==
              Approx(wanted).epsilon(1e-12));
        CHECK(loss_weight(weighting, target::data, t) == Approx(wanted).epsilon(1e-12));
        CHECK(loss_weight(weighting, target::velocity, t) * of_velocity * of_velocity ==
              Approx(wanted).epsilon(1e-12));
        CHECK(loss_weight(weighting, target::flow, t) * of_flow * of_flow ==
              Approx(wanted).epsilon(1e-12));
        const double of_score = of_noise / t.sigma;
        CHECK(loss_weight(weighting, target::score, t) * of_score * of_score ==
              Approx(wanted).epsilon(1e-12));
    };
    for (const double at : {0.01, 0.3, 0.9})
        for (const noise_level& t : {vp_cosine{}(at), flow_schedule{}(at), ve_geometric{}(at)}) {
            check(snr_weighting{}, t);
            check(min_snr_weighting{}, t);
            check(p2_weighting{}, t);
        }
}

TEST_CASE("without a weighting every target's own error counts the same at every level") {
    static_assert(loss_weighting<unweighted>);
    for (const target kind : {target::noise, target::data, target::velocity, target::flow})
        for (const double at : {0.0, 0.5, 1.0})
            CHECK(loss_weight(unweighted{}, kind, vp_cosine{}(at)) == 1);
}

TEST_CASE("weights stay finite at pure noise") {
    const noise_level pure = flow_schedule{}(1);
    for (const target kind : {target::noise, target::data, target::velocity, target::flow}) {
        CHECK(std::isfinite(loss_weight(snr_weighting{}, kind, pure)));
        CHECK(std::isfinite(loss_weight(min_snr_weighting{}, kind, pure)));
        CHECK(std::isfinite(loss_weight(p2_weighting{}, kind, pure)));
    }
    CHECK(loss_weight(snr_weighting{}, target::data, pure) == 0);
}

TEST_CASE(
    "a weighting may also look at the time, and is converted for each target like the others") {
    const auto of_time = [](const node& t) { return 3 * t.t; };
    static_assert(loss_weighting<decltype(of_time)>);
    const node t = node_at(vp_cosine{}, 0.3);
    CHECK(loss_weight(of_time, target::noise, t) == Approx(0.9));
    for (const target kind : {target::data, target::velocity, target::flow, target::score})
        CHECK(loss_weight(of_time, kind, t) ==
              Approx(0.9 * loss_weight(snr_weighting{}, kind, t)).epsilon(1e-14));
    CHECK(loss_weight(min_snr_weighting{}, target::data, t) ==
          loss_weight(min_snr_weighting{}, target::data, noise_level(t)));
    CHECK(loss_weight(unweighted{}, target::data, t) == 1);
    const node clean = node_at(vp_linear{}, 0);
    CHECK(support::is_complete(
        support::refusal([&] { loss_weight(of_time, target::noise, clean); }), 0.0));
}
