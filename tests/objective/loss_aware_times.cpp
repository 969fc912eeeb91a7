#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <vector>

#include <diffusion/objective/loss_aware_times.hpp>
#include <diffusion/schedule/discrete.hpp>
#include <support/refusal.hpp>

using namespace diffusion;
using doctest::Approx;
using vector = std::vector<double>;

namespace {

constexpr std::size_t T = 20;

double loss_at(double t) { return 1 / (1 + t); }

/// With n losses for each time.
loss_aware_times trained(std::size_t n, double uniform_share = 0) {
    loss_aware_times times(T, 10, uniform_share);
    for (std::size_t k = 0; k < n; ++k)
        for (double t = 0; t < double(T); ++t) times.record(vector{t}, vector{loss_at(t)});
    return times;
}

static_assert(loss_aware<loss_aware_times>);
static_assert(!loss_aware<uniform_times>);

}  // namespace

TEST_CASE("times are uniform until each of them has ten losses") {
    loss_aware_times times = trained(9);
    for (double t = 0; t + 1 < double(T); ++t) times.record(vector{t}, vector{100});
    CHECK(!times.warmed_up());
    for (double t = 0; t < double(T); ++t) {
        CHECK(times.probability(t) == Approx(1.0 / T).epsilon(1e-14));
        CHECK(times.weight(t) == Approx(1).epsilon(1e-14));
    }
    times.record(vector{T - 1.0}, vector{100});
    CHECK(times.warmed_up());
}

TEST_CASE("then a time is as probable as the root mean square of its last ten losses") {
    loss_aware_times times = trained(10);
    for (int k = 0; k < 5; ++k) times.record(vector{3, 3}, vector{0.5, -2});  // the old ones go
    const double at_3 = std::sqrt((0.25 + 4) / 2);
    double sum = at_3;
    for (double t = 0; t < double(T); ++t) sum += t == 3 ? 0 : loss_at(t);
    for (double t = 0; t < double(T); ++t)
        CHECK(times.probability(t) == Approx((t == 3 ? at_3 : loss_at(t)) / sum).epsilon(1e-12));
}

TEST_CASE("drawn times follow these probabilities, and weighted losses keep their mean") {
    const loss_aware_times times = trained(10, 0.001);
    const discrete_schedule<> schedule(linear_beta{}, T);
    const auto f = [](double t) { return std::cos(t) + 0.1 * t; };  // any loss
    double mean = 0;
    for (double t = 0; t < double(T); ++t) mean += f(t) / T;
    for (const time_sampling how : {time_sampling::uniform, time_sampling::stratified}) {
        vector t(50), count(T);
        double estimate = 0;
        const std::size_t batches = 4000;
        for (std::size_t k = 0; k < batches; ++k) {
            draw_times(t, schedule, times, how, 7, k);
            for (const double at : t) {
                count[std::size_t(at)] += 1 / double(t.size() * batches);
                estimate += times.weight(at) * f(at) / double(t.size() * batches);
            }
        }
        for (std::size_t i = 0; i < T; ++i)
            CHECK(std::abs(count[i] - times.probability(double(i))) < 0.003);
        CHECK(std::abs(estimate - mean) < 0.02);
    }
}

TEST_CASE("where all losses are as they were, the weighted loss of every time is the same") {
    const loss_aware_times times = trained(10);
    for (double t = 1; t < double(T); ++t)  // no noise at all is left in the estimate
        CHECK(times.weight(t) * loss_at(t) == Approx(times.weight(0) * loss_at(0)).epsilon(1e-12));
}

TEST_CASE("a share of the draws stays uniform, so that no time is forgotten") {
    loss_aware_times times(2, 1, 0.1);
    times.record(vector{0, 1}, vector{0, 5});
    CHECK(times.probability(0) == Approx(0.05).epsilon(1e-14));
    CHECK(times(0.049) == 0);
    CHECK(times(0.051) == 1);
    CHECK(times(1) == 1);
    times.record(vector{1}, vector{0});  // nothing to learn anywhere
    CHECK(times.probability(0) == Approx(0.5).epsilon(1e-14));
}

TEST_CASE("restored, it draws what the first one would have drawn") {
    loss_aware_times first = trained(10);
    first.record(vector{4, 4, 7}, vector{3, 2, 1});
    loss_aware_times second(T, 10, 0);
    second.restore(first.state());
    for (loss_aware_times* times : {&first, &second}) times->record(vector{4}, vector{0.5});
    for (double t = 0; t < double(T); ++t) CHECK(second.probability(t) == first.probability(t));
    CHECK(second.state() == first.state());
}

TEST_CASE("impossible times, losses, shares and states are refused") {
    using support::is_complete;
    using support::refusal;
    loss_aware_times times = trained(1);
    const vector before = times.state();
    CHECK(is_complete(refusal([&] { times.record(vector{3, 20}, vector{1, 1}); }), 20.0));
    CHECK(is_complete(refusal([&] { times.record(vector{3, 4}, vector{1, INFINITY}); })));
    CHECK(is_complete(refusal([&] { times.record(vector{0.5}, vector{1}); }), 0.5));
    CHECK(is_complete(refusal([&] { times.record(vector{1}, vector{NAN}); })));
    CHECK(is_complete(refusal([&] { times.record(vector{1, 2}, vector{1}); }), 1));
    CHECK(is_complete(refusal([&] { times.restore(vector(3)); }), 3));
    vector bad = before;
    bad[0] = 11;
    CHECK(is_complete(refusal([&] { times.restore(bad); }), 11.0));
    bad[0] = 0.5;
    CHECK(is_complete(refusal([&] { times.restore(bad); }), 0.5));
    bad[0] = before[0];
    bad[1] = NAN;
    CHECK(is_complete(refusal([&] { times.restore(bad); })));
    CHECK(times.state() == before);
    CHECK(is_complete(refusal([] { loss_aware_times(0); }), 0));
    CHECK(is_complete(refusal([] { loss_aware_times(5, 0); }), 0));
    CHECK(is_complete(refusal([] { loss_aware_times(5, 10, 1.5); }), 1.5));
}
