#include <diffusion/trainer/categorical_denoising.hpp>

#include <cmath>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include <doctest/doctest.h>
#include <discrete/categorical_toy.hpp>
#include <support/counting_new.hpp>
#include <support/refusal.hpp>

#include <diffusion/discrete/categorical_bound.hpp>
#include <diffusion/nn/concat.hpp>
#include <diffusion/nn/embedding.hpp>
#include <diffusion/nn/rearrange.hpp>
#include <diffusion/nn/schedule_rate.hpp>
#include <diffusion/nn/state_predictor.hpp>
#include <diffusion/trainer/in_memory.hpp>
#include <diffusion/trainer/trainer.hpp>

namespace nn = diffusion::nn;
using diffusion::batch_draw;
using diffusion::item_batch;
using support::is_complete;
using support::refusal;

namespace {

/// A network for pairs: what it says of one element is a row of a table, found by the state of the
/// other. That is all there is to know with a mask, whatever the time.
template <class T>
struct tables {
    nn::parameters<T> store{3};
    nn::embedding_layer<T> rows;
    std::size_t K;

    explicit tables(std::size_t states) : rows(store, "rows", states, 2 * states), K(states) {}

    nn::var<T> operator()(nn::tape<T>& tape, std::span<const std::size_t> states,
                          const nn::shape& s, std::span<const double>) const {
        const auto both = nn::reshape(rows(tape, states.size(), states), {s.items, 1, 1, 4 * K});
        return nn::reshape(nn::concat(nn::slice(both, 2 * K, K), nn::slice(both, K, K)),
                           {s.items, s.height, s.width, K});
    }
    nn::parameters<T>& parameters() { return store; }
};

/// 100 pairs, as frequent as the toy's data are.
template <class T>
item_batch<T> toy_pairs() {
    item_batch<T> set;
    set.shape = {100, 1, 2, 1};
    for (std::size_t c = 0; c < 9; ++c)
        for (long i = 0; i < std::lround(100 * support::toy_data[c]); ++i) {
            set.values.push_back(static_cast<T>(c / 3));
            set.values.push_back(static_cast<T>(c % 3));
        }
    return set;
}

}  // namespace

TEST_CASE("the loss is the mean of divergences and cross-entropies, its gradient by differences") {
    const auto set = toy_pairs<double>();
    nn::lanes<double> lanes(nn::lanes_options{.threads = 2, .lanes = 3});
    const auto check = [&](const auto& process, double lambda) {
        tables<double> net(process.categories());
        diffusion::categorical_denoising model(net, process, {.cross_entropy = lambda});
        const auto loss = [&] {
            return diffusion::detail::loss_and_gradient(model, lanes, set, batch_draw{5, 2});
        };
        loss();
        const std::vector<double> gradient(net.store.gradient().begin(),
                                           net.store.gradient().end());
        double largest = 0;
        for (std::size_t i = 0; i < gradient.size(); i += 3) {
            const double middle = net.store.values()[i], h = 1e-5;
            net.store.change_values()[i] = middle + h;
            const double above = loss();
            net.store.change_values()[i] = middle - h;
            const double below = loss();
            net.store.change_values()[i] = middle;
            CHECK(gradient[i] ==
                  doctest::Approx((above - below) / (2 * h)).epsilon(1e-6).scale(0.01));
            largest = std::max(largest, std::abs(gradient[i]));
        }
        CHECK(largest > 1e-3);
    };
    support::each_toy_process([&](const auto& process) { check(process, 0); });
    check(diffusion::uniform_d3pm(3, diffusion::reciprocal_beta{}, 6), 0.5);
}

TEST_CASE("T times the loss is the bound but for noise, and lambda adds a cross-entropy") {
    const auto set = toy_pairs<double>();
    const auto process = diffusion::uniform_d3pm(3, diffusion::reciprocal_beta{}, 6);
    tables<double> net(3);
    nn::lanes<double> lanes;
    const nn::state_predictor predict(net, lanes, 1, 2);
    diffusion::categorical_denoising model(net, process);
    double loss = 0, bound = 0;
    std::vector<std::size_t> x_0;
    for (const double value : set.values) x_0.push_back(static_cast<std::size_t>(value));
    for (std::uint64_t i = 0; i < 100; ++i) {
        loss += diffusion::detail::loss_and_gradient(model, lanes, set, batch_draw{5, i});
        bound += diffusion::categorical_variational_bound(process, x_0, predict, i).nats() / 200;
    }
    CHECK(6 * loss == doctest::Approx(bound).epsilon(0.02));
    // of what the table says, -log p(x_0) is the mean of 2 x 100 rows' cross-entropies
    diffusion::categorical_denoising both(net, process, {.cross_entropy = 1});
    const double more = diffusion::detail::loss_and_gradient(both, lanes, set, batch_draw{5, 0}) -
                        diffusion::detail::loss_and_gradient(model, lanes, set, batch_draw{5, 0});
    CHECK(more > 0.5);
}

TEST_CASE("a network that can know everything comes to the best bound that steps of pairs allow") {
    const auto set = toy_pairs<float>();
    const auto process = diffusion::absorbing_d3pm(4, 3, diffusion::reciprocal_beta{}, 6);
    tables<float> net(4);
    diffusion::categorical_denoising model(net, process);
    diffusion::in_memory<float> data(set);
    nn::lanes<float> lanes(1);
    diffusion::trainer training(model, data, lanes, nn::warmup_cosine{0.05, 5, 1000},
                                {.batch = 100});
    training.run(1000);
    training.average().swap();
    std::vector<std::size_t> x_0;
    for (const float value : set.values) x_0.push_back(static_cast<std::size_t>(value));
    const nn::state_predictor predict(net, lanes, 1, 2);
    double learned = 0, best = 0;
    for (std::uint64_t i = 0; i < 50; ++i) {
        learned += diffusion::categorical_variational_bound(process, x_0, predict, i).nats();
        best += diffusion::categorical_variational_bound(process, x_0,
                                                         support::exact_predictor(process), i)
                    .nats();
    }
    CHECK(learned == doctest::Approx(best).epsilon(0.01));
    CHECK(best / 5000 > support::toy_entropy());
}

TEST_CASE("the draws of a batch are a function of its number; steps allocate nothing") {
    const auto set = toy_pairs<float>();
    const auto process = diffusion::uniform_d3pm(3, diffusion::reciprocal_beta{}, 6);
    tables<float> net(3);
    diffusion::categorical_denoising model(net, process);
    nn::lanes<float> one(1), two(2);
    const auto loss = [&](nn::lanes<float>& lanes, std::uint64_t index) {
        return diffusion::detail::loss_and_gradient(model, lanes, set, batch_draw{1, index});
    };
    const double first = loss(one, 0);
    CHECK(loss(one, 1) != first);
    CHECK(loss(one, 0) == first);
    CHECK(loss(two, 0) == first);
    const std::size_t before = support::allocations();
    loss(one, 2);
    CHECK(support::allocations() == before);
}

TEST_CASE("training refuses values that are no states") {
    const auto process = diffusion::uniform_d3pm(3, diffusion::reciprocal_beta{}, 6);
    tables<float> net(3);
    using model =
        diffusion::categorical_denoising<tables<float>, diffusion::d3pm<diffusion::uniform_kernel>>;
    const auto prepared = [&](float value) {
        item_batch<float> set = toy_pairs<float>();
        set.values[7] = value;
        return refusal([&] { model(net, process).prepare(set, batch_draw{}); });
    };
    static_assert(!std::is_constructible_v<model, tables<float>&,
                                           diffusion::d3pm<diffusion::uniform_kernel>>);
    CHECK(prepared(2) == "no exception");
    CHECK(is_complete(prepared(3), 3.0));
    CHECK(is_complete(prepared(-1), -1.0));
    CHECK(is_complete(prepared(0.5), 0.5));
    CHECK(is_complete(prepared(std::nanf(""))));
    CHECK(is_complete(refusal([&] { model(net, process, {.cross_entropy = -1}); }), -1.0));
    item_batch<float> wide = toy_pairs<float>();
    wide.shape = {100, 1, 1, 2};
    CHECK(is_complete(refusal([&] { model(net, process).prepare(wide, batch_draw{}); }), 2));
    tables<float> other(4);
    diffusion::categorical_denoising wrong(other, process);
    nn::lanes<float> lanes(1);
    CHECK_THROWS_AS(
        diffusion::detail::loss_and_gradient(wrong, lanes, toy_pairs<float>(), batch_draw{}),
        std::invalid_argument);
}
