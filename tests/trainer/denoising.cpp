#include <diffusion/trainer/denoising.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include <support/counting_new.hpp>
#include <support/refusal.hpp>

#include <diffusion/denoiser/prediction.hpp>
#include <diffusion/denoiser/threshold.hpp>
#include <diffusion/grid/spacing.hpp>
#include <diffusion/likelihood/variational_bound.hpp>
#include <diffusion/nn/inference.hpp>
#include <diffusion/nn/mlp.hpp>
#include <diffusion/nn/schedule_rate.hpp>
#include <diffusion/nn/unet.hpp>
#include <diffusion/random/gaussian_noise.hpp>
#include <diffusion/sampler/learned_variance.hpp>
#include <diffusion/sampler/sample.hpp>
#include <diffusion/schedule/beta.hpp>
#include <diffusion/schedule/continuous.hpp>
#include <diffusion/schedule/discrete.hpp>
#include <diffusion/trainer/in_memory.hpp>
#include <diffusion/trainer/observers.hpp>
#include <diffusion/trainer/trainer.hpp>

namespace nn = diffusion::nn;

namespace {

using schedule = diffusion::discrete_schedule<diffusion::cosine_beta>;
using network = nn::unet<float>;

/// Pictures of one brightness, 1 or -1. A caption of two tokens says which: the second is 1 or 0,
/// the first is no help. So does a picture beside them, and a map.
diffusion::item_batch<float> pictures() {
    diffusion::item_batch<float> set;
    set.shape = {8, 2, 2, 1};
    set.given.tokens.shape = {8, 1, 2, 2};
    set.given.token_mask.shape = {8, 1, 1, 2};
    set.given.image.shape = set.given.map.shape = set.shape;
    for (int i = 0; i < 8; ++i) {
        const float sign = i % 2 == 0 ? 1.0F : -1.0F;
        set.values.insert(set.values.end(), 4, sign);
        for (const float v : {0.5F, -0.1F * static_cast<float>(i), sign, 1.0F})
            set.given.tokens.values.push_back(v);
        set.given.token_mask.values.insert(set.given.token_mask.values.end(), 2, 1.0F);
        set.given.image.values.insert(set.given.image.values.end(), 4, 0.3F * sign);
        set.given.map.values.insert(set.given.map.values.end(), 4, (1 + sign) / 2);
    }
    return set;
}

nn::unet_options told_everything() {
    nn::unet_options o{.base = 4, .multipliers = {1}, .attention = {true}, .groups = 2};
    o.token_channels = 2;
    o.extra_channels = 1;
    o.map_channels = 1;
    o.map_hidden = 4;
    return o;
}

nn::unet_options told_captions() {
    nn::unet_options o = told_everything();
    o.extra_channels = o.map_channels = 0;
    return o;
}

/// A net with all that its training needs.
struct setup {
    diffusion::item_batch<float> set;
    network net;
    diffusion::denoising<network, schedule> model;
    diffusion::in_memory<float> data{set};
    nn::lanes<float> lanes;
    diffusion::trainer<diffusion::denoising<network, schedule>, diffusion::in_memory<float>,
                       nn::warmup_cosine>
        training;

    setup(const nn::unet_options& options, diffusion::item_batch<float> given, double dropped = 0,
          std::size_t threads = 1)
        : set(std::move(given)),
          net(options, 1),
          model(net, schedule{}, {.kind = diffusion::target::data, .dropped_labels = dropped}),
          lanes(threads),
          training(model, data, lanes, nn::warmup_cosine{1e-2, 5, 200}, {.batch = 13}) {}
};

}  // namespace

TEST_CASE("a network that reads captions learns what they say of the pictures") {
    diffusion::item_batch<float> set = pictures();
    set.given.image = set.given.map = {};
    setup s(told_captions(), std::move(set));
    s.training.run(120);
    const auto draw = nn::as_network(s.net, s.lanes, 2, 2, {}, s.set.given);
    const std::vector<float> noise(32, 0.1F);  // at the end of the schedule it tells nothing
    const std::vector<float> y = draw(noise, 999.0);
    for (std::size_t i = 0; i < y.size(); ++i) CHECK(std::abs(y[i] - s.set.values[i]) < 0.2);
}

TEST_CASE("every item of a batch comes with its own conditions, whatever lane it is in") {
    const auto losses = [](std::size_t threads) {
        setup s(told_everything(), pictures(), 0.3, threads);
        std::vector<double> all;
        s.training.run(5, [&](const diffusion::step_report& r) { all.push_back(r.loss); });
        return all;
    };
    const std::vector<double> one = losses(1);
    CHECK(one.size() == 5);
    CHECK(losses(3) == one);

    setup s(told_everything(), pictures());
    auto batch = s.data.init(6);
    s.data.fill(batch, {1, 2});
    for (std::size_t i = 0; i < 6; ++i) {
        const float sign = batch.values[4 * i];
        CHECK(batch.given.tokens.item(i)[2] == sign);
        CHECK(batch.given.image.item(i)[3] == 0.3F * sign);
        CHECK(batch.given.map.item(i)[0] == (1 + sign) / 2);
    }
}

TEST_CASE("labels are not dropped before it is said what one becomes") {
    setup s(told_everything(), pictures(), 0.5);
    auto batch = s.data.init(2);
    s.data.fill(batch, {1, 2});
    s.model.prepare(batch, {1, 2});  // these have none
    batch.labels = {0, 1};
    CHECK(support::is_complete(support::refusal([&] { s.model.prepare(batch, {1, 2}); }), 0.5));
}

TEST_CASE("an item whose label is dropped loses its caption and its map, but not the image") {
    setup s(told_everything(), pictures(), 1), other(told_everything(), pictures(), 0);
    auto batch = s.data.init(6);
    s.data.fill(batch, {1, 2});
    const auto loss = [&](setup& of) {
        of.model.prepare(batch, {1, 2});
        nn::tape<float> tape;
        return of.model.loss(tape, batch, 1, 4).item();
    };
    for (setup* of : {&s, &other})  // the last layers start at zero, and would hide it
        for (float& w : of->net.parameters().change_values()) w += 0.05F;
    const float dropped = loss(s), told = loss(other);
    for (auto* kind : {&batch.given.tokens, &batch.given.map})
        std::fill(kind->values.begin(), kind->values.end(), 0.0F);
    CHECK(dropped == loss(other));
    CHECK(dropped != told);
    std::fill(batch.given.image.values.begin(), batch.given.image.values.end(), 0.0F);
    CHECK(dropped != loss(other));
}

TEST_CASE(
    "a learned variance becomes the small one for data that is a point, the large for noise") {
    // Nichol and Dhariwal 2021, after eq. 9: the two bounds are right for these two kinds of data
    const auto learned = [](bool point) {
        diffusion::item_batch<float> set;
        set.shape = {500, 1, 1, 1};
        set.values.resize(500, 0.5F);
        if (!point) diffusion::fill_normal<float>(set.values, 1, {});
        nn::mlp<float> net({.in = 1, .hidden = 32, .layers = 2, .out = 2, .time_channels = 8}, 1);
        const diffusion::discrete_schedule four(diffusion::linear_beta{0.2, 0.5}, 4);
        diffusion::denoising model(net, four,
                                   {.kind = diffusion::target::noise, .variance_weight = 0.1});
        diffusion::in_memory<float> data(set);
        nn::lanes<float> lanes(1);
        diffusion::trainer training(model, data, lanes, nn::warmup_cosine{1e-2, 10, 500},
                                    {.batch = 64});
        training.run(500);
        if (!point) {  // and the sampler of its kind draws points that vary as the data do
            std::vector<float> drawn(2000);
            const auto grid = diffusion::all_steps(four);
            diffusion::draw_prior(drawn, grid.front(), diffusion::gaussian_noise{3});
            diffusion::sample(drawn, diffusion::learned_variance(grid),
                              diffusion::predicts_noise(nn::as_network(net, lanes, 1, 1)),
                              diffusion::gaussian_noise{4});
            double squares = 0;
            for (const float y : drawn) squares += static_cast<double>(y * y) / 2000;
            CHECK(squares == doctest::Approx(1).epsilon(0.15));
        }
        const std::vector<float> x = {-0.8F, 0.2F, 1.1F};
        std::vector<float> eps(3), v(3);
        nn::as_network(net, lanes, 1, 1)(x, 2.0, eps, v);
        return (v[0] + v[1] + v[2]) / 3;
    };
    CHECK(std::abs(learned(true) + 1) < 0.4);
    CHECK(std::abs(learned(false) - 1) < 0.4);
}

TEST_CASE("a learned variance can be trained on a discrete schedule only") {
    setup s(
        [] {
            nn::unet_options o = told_captions();
            o.learned_variance = true;
            return o;
        }(),
        pictures());
    diffusion::denoising continuous(s.net, diffusion::flow_schedule{});
    auto batch = s.data.init(3);
    s.data.fill(batch, {1, 2});
    batch.given.image = batch.given.map = {};
    continuous.prepare(batch, {1, 2});
    nn::tape<float> tape;
    CHECK_THROWS_WITH_AS(continuous.loss(tape, batch, 0, 3),
                         "diffusion::denoising: a learned variance needs a discrete schedule",
                         std::invalid_argument);
}

TEST_CASE("the loss may be the bound itself, term by term that of `variational_bound`") {
    // x_0 on 16 levels, an item for each of four steps; v learned, or one of the fixed variances
    const diffusion::discrete_schedule four(diffusion::linear_beta{0.02, 0.5}, 4);
    diffusion::item_batch<double> set;
    set.shape = {4, 1, 1, 2};
    for (const int level : {0, 15, 3, 9, 7, 8, 15, 2}) set.values.push_back(2.0 * level / 15 - 1);
    for (const std::size_t out : std::initializer_list<std::size_t>{2, 4})
        for (const auto fixed :
             {diffusion::reverse_variance::small, diffusion::reverse_variance::large}) {
            nn::mlp<double> net({.in = 2, .hidden = 8, .out = out, .time_channels = 8}, 1);
            for (double& w : net.parameters().change_values()) w += 0.05;  // the last is not zero
            diffusion::denoising model(net, four,
                                       {.kind = diffusion::target::velocity,
                                        .variance_weight = 1,
                                        .only_bound = true,
                                        .levels = 16,
                                        .fixed_variance = fixed});
            model.prepare(set, {3, 5});
            nn::tape<double> tape;
            const double loss = model.loss(tape, set, 0, 4).item();

            const diffusion::time_grid grid = diffusion::all_steps(four);
            const diffusion::discretized_gaussian decoder{16};
            const auto bound = out == 4 ? diffusion::variational_bound(
                                              grid, diffusion::variance_output::range, decoder)
                                        : diffusion::variational_bound(grid, fixed, decoder);
            std::vector<double> noise(8), item(2), eps(2), term(1), mse(1);
            diffusion::fill_normal<double>(noise, 3, diffusion::detail::training_draw(5, 0));
            nn::lanes<double> lanes(1);
            auto ask = nn::as_network(net, lanes, 1, 1);
            double sum = 0;
            for (std::size_t k = 0; k < 4; ++k) {  // stratified: item k is at t = k, in step 3 - k
                std::copy_n(set.values.begin() + long(2 * k), 2, item.begin());
                const auto given = [&](std::vector<double>& z, const diffusion::noise_address&) {
                    std::copy_n(noise.begin() + long(2 * k), 2, z.begin());
                };
                auto memory = bound.init(item);
                bound.step(3 - k, item, memory, diffusion::predicts_velocity(ask), given, term,
                           mse);
                sum += term[0] / 2;  // per element
            }
            CHECK(loss == doctest::Approx(sum).epsilon(1e-9));  // T terms over four items
        }
}

TEST_CASE(
    "trained on the bound, data take fewer bits than with L_simple, never fewer than there are") {
    // four of 16 levels, with probabilities 1/2, 1/4, 1/8 and 1/8: 1.75 bits
    diffusion::item_batch<float> set;
    set.shape = {800, 1, 1, 1};
    for (std::size_t i = 0; i < 800; ++i) {
        const int level = i % 8 < 4 ? 3 : i % 8 < 6 ? 7 : i % 8 < 7 ? 12 : 13;
        set.values.push_back(2 * static_cast<float>(level) / 15 - 1);
    }
    const schedule fifty({}, 50);
    const diffusion::time_grid grid = diffusion::all_steps(fifty);
    diffusion::in_memory<float> data(set);
    nn::lanes<float> lanes(1);
    const auto bits = [&](auto&& model, nn::mlp<float>& net, const auto& bound) {
        diffusion::trainer training(model, data, lanes, nn::warmup_cosine{3e-3, 50, 1000});
        training.run(1000);
        const diffusion::average_in_use average(training.average());
        diffusion::clipped denoise(diffusion::predicts_velocity(nn::as_network(net, lanes, 1, 1)));
        return bound(set.values, 800, denoise, diffusion::gaussian_noise{5}).bits_per_dim();
    };
    const nn::mlp_options sizes{.in = 1, .hidden = 48, .layers = 2, .out = 1, .time_channels = 16};
    nn::mlp_options with_variance = sizes;
    with_variance.out = 2;
    nn::mlp<float> one(sizes, 1), other(with_variance, 1);
    const diffusion::discretized_gaussian decoder{16};
    const double l_simple =
        bits(diffusion::denoising(one, fifty), one,
             diffusion::variational_bound(grid, diffusion::reverse_variance::small, decoder));
    const double l_vlb = bits(
        diffusion::denoising(other, fifty, {.variance_weight = 1, .only_bound = true, .levels = 16},
                             diffusion::unweighted{}, diffusion::loss_aware_times(50)),
        other, diffusion::variational_bound(grid, diffusion::variance_output::range, decoder));
    CHECK(l_vlb < 3.5);  // 3.0 when this was written, and L_simple's 4.5; untrained it is 4.7
    CHECK(l_vlb < l_simple - 0.5);
    CHECK(l_vlb > 1.75);
}

TEST_CASE("times that learn from losses are told those of L_simple as well, without weights") {
    nn::mlp<float> net({.in = 1, .hidden = 4, .out = 1, .time_channels = 4}, 1);
    const diffusion::discrete_schedule four(diffusion::linear_beta{0.1, 0.5}, 4);
    diffusion::item_batch<float> set;
    set.shape = {8, 1, 1, 1};
    set.values.assign(8, 0.3F);
    diffusion::denoising model(net, four, {}, diffusion::min_snr_weighting{2},
                               diffusion::loss_aware_times(4, 2));
    const auto train = [&](std::uint64_t index) {
        model.prepare(set, {1, index});
        nn::tape<float> tape;
        double sum = 0;  // the lanes' share of a batch of 8
        for (const std::size_t first : std::initializer_list<std::size_t>{0, 4})
            sum += static_cast<double>(model.loss(tape, set, first, 4).item()) / 2;
        return sum;
    };
    const double loss = train(0);  // uniform times: weights are 1
    const std::vector<double> state = model.state();
    double told = 0;
    for (std::size_t t = 0; t < 4; ++t) {
        CHECK(state[3 * t] == 2);
        told += (state[3 * t + 1] + state[3 * t + 2]) / 8;
    }
    CHECK(told == doctest::Approx(loss).epsilon(1e-5));

    model.prepare(set, {1, 9});  // evaluated only: nothing is learnt
    {
        nn::tape<float> tape;
        const nn::without_recording off(tape);
        model.loss(tape, set, 0, 8);
    }
    CHECK(model.state() == state);
    train(1);
    CHECK(model.state() != state);
    CHECK(support::is_complete(support::refusal([&] { model.restore_state({}); }), 0));
}

TEST_CASE("times learn the losses of a batch before one of another size") {
    nn::mlp<float> net({.in = 1, .hidden = 4, .out = 1, .time_channels = 4}, 1);
    const diffusion::discrete_schedule four(diffusion::linear_beta{0.1, 0.5}, 4);
    diffusion::denoising model(net, four, {}, diffusion::unweighted{},
                               diffusion::loss_aware_times(4, 2));
    for (const std::size_t items : std::initializer_list<std::size_t>{8, 2}) {
        diffusion::item_batch<float> set;
        set.shape = {items, 1, 1, 1};
        set.values.assign(items, 0.3F);
        model.prepare(set, {1, items});
        nn::tape<float> tape;
        model.loss(tape, set, 0, items);
    }
    std::size_t known = 0;
    const std::vector<double> state = model.state();
    for (std::size_t t = 0; t < 4; ++t) known += state[3 * t] > 0;
    CHECK(known == 4);  // stratified: eight items meet every time
}

TEST_CASE("the bound needs a discrete schedule") {
    nn::mlp<float> net({.in = 1, .hidden = 4, .out = 1, .time_channels = 4}, 1);
    CHECK(support::is_complete(support::refusal([&] {
        static_cast<void>(
            diffusion::denoising(net, diffusion::flow_schedule{}, {.only_bound = true}));
    })));
}

TEST_CASE("weights, levels and learning times that make no sense are refused") {
    nn::mlp<float> net({.in = 1, .hidden = 4, .out = 1, .time_channels = 4}, 1);
    const diffusion::discrete_schedule four(diffusion::linear_beta{0.1, 0.5}, 4);
    const auto make = [&](const diffusion::denoising_options& options, std::size_t times = 4) {
        return support::refusal([&] {
            static_cast<void>(diffusion::denoising(net, four, options, diffusion::unweighted{},
                                                   diffusion::loss_aware_times(times)));
        });
    };
    CHECK(make({}) == "no exception");
    CHECK(support::is_complete(make({.variance_weight = -1}), -1.0));
    CHECK(support::is_complete(make({.variance_weight = NAN})));
    CHECK(support::is_complete(make({.levels = 1}), 1));
    for (const std::size_t times : {3U, 5U}) CHECK(support::is_complete(make({}, times), times));
}

TEST_CASE("training with conditions calls the heap in the first step only") {
    setup s(told_everything(), pictures(), 0.5);
    s.training.run(2);
    const std::size_t before = support::allocations();
    s.training.run(3);
    CHECK(support::allocations() == before);
}

TEST_CASE("conditions that the network cannot be told, or that do not fit, are refused") {
    const diffusion::item_batch<float> set = pictures();
    setup without_map(told_captions(), set);
    CHECK_THROWS_AS(without_map.training.run(1), std::invalid_argument);
    setup without_captions(told_captions(), {set.shape, set.values, {}, {}});
    CHECK_THROWS_AS(without_captions.training.run(1), std::invalid_argument);

    diffusion::item_batch<float> seven = set;
    seven.given.map.shape.items = 7;
    CHECK_THROWS_WITH_AS(diffusion::in_memory<float>{seven},
                         "diffusion::in_memory: there must be conditions for each item, or none, "
                         "got 8",
                         std::invalid_argument);

    setup labelled(told_everything(), set);
    auto batch = labelled.data.init(6);
    batch.labels.resize(5);
    CHECK_THROWS_WITH_AS(
        labelled.model.prepare(batch, {1, 2}),
        "diffusion::denoising: there must be a label for each item, or none, got 5",
        std::invalid_argument);

    nn::mlp<float> net({.in = 1, .hidden = 4, .out = 1}, 1);
    nn::lanes<float> lanes(1);
    const auto ask = nn::as_network(net, lanes, 2, 2, {}, set.given);
    CHECK_THROWS_WITH_AS(ask(set.values, 5.0),
                         "diffusion::nn::ask: this network can be told labels only",
                         std::invalid_argument);
}
