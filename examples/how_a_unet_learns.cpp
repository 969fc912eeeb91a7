// How a U-Net learns, so that nothing of it is hidden.
//
// First a network of two weights, whose one example can be followed with a pencil: forward, back
// and update, each number once by hand and once from the tape. Then the same tape, unchanged, under
// one digit in a small U-Net: its values at each level, their gradients, and what training makes of
// both.
//
// Writes how_a_unet_learns.png (the insides) and how_a_unet_learns_loss.png.

#include "support/arguments.hpp"
#include "support/drawn_digits.hpp"
#include "support/gradient_page.hpp"
#include "support/interrupt.hpp"
#include "support/plot.hpp"
#include "support/progress.hpp"
#include "support/tiny_unet.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include <diffusion/diffusion.hpp>
#include <diffusion/nn/nn.hpp>

namespace {

namespace nn = diffusion::nn;

/// Prints a number twice, and remembers whether it was the same.
struct notebook {
    bool same = true;
    void row(const char* what, const char* rule, double by_hand, double computed) {
        std::printf("  %-10s = %-32s %8.4f %8.4f\n", what, rule, by_hand, computed);
        same = same && std::abs(by_hand - computed) < 1e-7;
    }
};

// ---- two weights --------------------------------------------------------------------------------
// The data are normal numbers, x_t = 0.8 x_0 + 0.6 eps. The net guesses eps as b (a x_t). The best
// guess is E[eps | x_t] = 0.6 x_t: a b = 0.6, where the mean loss is 1 - 0.6^2 = 0.64 and not zero,
// as nobody can tell noise from data for sure.
struct two_weights {
    nn::parameters<double> store;
    nn::parameter<double> a =
        store.add("a", {1, 1}, nn::parameter_layout::linear, nn::initial::constant(0.5));
    nn::parameter<double> b =
        store.add("b", {1, 1}, nn::parameter_layout::linear, nn::initial::constant(2));
    struct values {
        nn::var<double> h, y;
    };
    values operator()(const nn::var<double>& x) const {
        const auto h = nn::linear(x, x.tape().use(a), {});  // h = a x
        return {h, nn::linear(h, x.tape().use(b), {})};     // y = b h
    }
};

bool follow_with_a_pencil() {
    two_weights net;
    nn::adam<double> adam(net.store);  // beta 0.9, 0.999
    notebook n;
    const double eps = -0.5, x_t = 0.8 * 1 + 0.6 * eps;

    std::printf(
        "Two weights, a = 0.5 and b = 2; one example, x_0 = 1 and eps = -0.5\n"
        "  %-45s %8s %8s\n",
        "forward", "by hand", "tape");
    nn::tape<double> tape;
    tape.collect(net.store, net.store.gradient());  // where dL/da and dL/db will go
    const auto x = tape.input({1, 1, 1, 1}, &x_t);  // {items, height, width, channels}
    const auto [h, y] = net(x);
    const auto loss = nn::mse_loss(y, std::span<const double>(&eps, 1));
    n.row("x_t", "0.8 x_0 + 0.6 eps", 0.5, x.item());
    n.row("h", "a x_t = 0.5 * 0.5", 0.25, h.item());
    n.row("y", "b h = 2 * 0.25", 0.5, y.item());
    n.row("L", "(y - eps)^2 = 1^2", 1, loss.item());

    std::printf("  back, from the last line to the first\n");
    tape.backward(loss);
    n.row("dL/dy", "2 (y - eps) = 2 * 1", 2, y.gradient()[0]);
    n.row("dL/db", "dL/dy h = 2 * 0.25", 0.5, net.b.gradient()[0]);
    n.row("dL/dh", "dL/dy b = 2 * 2", 4, h.gradient()[0]);
    n.row("dL/da", "dL/dh x_t = 4 * 0.5", 2, net.a.gradient()[0]);
    n.row("dL/dx_t", "dL/dh a = 4 * 0.5", 2, x.gradient()[0]);

    std::printf("  update by Adam, rate 0.1, first step\n");
    adam.step(0.1);
    const double m = adam.first_moment()[net.a.info().offset];
    const double v = adam.second_moment()[net.a.info().offset];
    n.row("m", "0.1 dL/da = 0.1 * 2", 0.2, m);
    n.row("v", "0.001 (dL/da)^2 = 0.001 * 4", 0.004, v);
    n.row("a", "a - 0.1 (m/0.1) / sqrt(v/0.001)", 0.5 - 0.1 * 2 / 2, net.a.values()[0]);
    n.row("b", "b - 0.1 (likewise: its sign)", 2 - 0.1 * 0.5 / 0.5, net.b.values()[0]);
    {
        const auto again = net(tape.constant({1, 1, 1, 1}, &x_t)).y;
        n.row("L", "(1.9 * 0.4 * 0.5 + 0.5)^2", 0.7744, std::pow(again.item() - eps, 2));
        tape.clear();  // this time nobody goes back
    }

    std::printf("  the same again, with 2000 new examples each time\n");
    constexpr std::size_t many = 2000;
    std::vector<double> z(2 * many), noise(many), x_ts(many);
    for (std::uint64_t step = 1; step <= 400; ++step) {
        diffusion::gaussian_noise{7}(z, {diffusion::noise_stream::user, step});
        for (std::size_t i = 0; i < many; ++i) {
            noise[i] = z[many + i];
            x_ts[i] = 0.8 * z[i] + 0.6 * noise[i];
        }
        for (double& g : net.store.gradient()) g = 0;  // backward adds to what is there
        const auto mean = nn::mse_loss(net(tape.constant({many, 1, 1, 1}, x_ts.data())).y,
                                       std::span<const double>(noise));
        const double now = mean.item();
        tape.backward(mean);
        adam.step(0.01);
        if (step == 1 || step == 10 || step == 100 || step == 400)
            std::printf("  step %3u    a b = %5.2f   L = %.2f\n", unsigned(step),
                        net.a.values()[0] * net.b.values()[0], now);
    }
    const bool learned = std::abs(net.a.values()[0] * net.b.values()[0] - 0.6) < 0.05;
    std::printf("%s  every number is the one by hand\n%s  a b ends at 0.6\n",
                n.same ? "yes" : "NO ", learned ? "yes" : "NO ");
    return n.same && learned;
}

// ---- one digit in a U-Net -----------------------------------------------------------------------
constexpr std::size_t size = 16, area = size * size, batch = 32;
const diffusion::noise_level level = diffusion::from_alpha_bar(0.5);

struct example {
    std::vector<float> x_0, eps, x_t;

    example(std::span<const float> pictures, std::uint64_t seed)
        : x_0(pictures.begin(), pictures.end()), eps(x_0.size()), x_t(x_0.size()) {
        diffusion::gaussian_noise{seed}(eps, {diffusion::noise_stream::user});
        diffusion::q_sample(x_t, x_0, level, eps);
    }
};

/// Forward and back for one digit; everything that was on the way.
examples::moment look(examples::tiny_unet& net, const example& e, const std::string& title) {
    nn::tape<float> tape;
    tape.collect(net.store, net.store.gradient());
    const auto x = tape.input({1, size, size, 1}, e.x_t.data());
    const auto a = net(x);
    const auto loss = nn::mse_loss(a.answer, std::span<const float>(e.eps));
    std::printf("%s: loss %.2f\n", title.c_str(), double(loss.item()));
    tape.backward(loss);

    const std::vector<float> guess(a.answer.values().begin(), a.answer.values().end());
    std::vector<float> x_0(area);
    for (std::size_t i = 0; i < area; ++i)  // x_0 = (x_t - sigma eps) / alpha
        x_0[i] = (e.x_t[i] - float(level.sigma) * guess[i]) / float(level.alpha);
    examples::moment m{title,
                       {{"x_0", e.x_0},
                        {"x_t", e.x_t},
                        {"eps", e.eps},
                        {"guessed eps", guess},
                        {"guessed x_0", x_0}}};
    m.signs = {{"dL/dx_t", {x.gradient().begin(), x.gradient().end()}}};
    m.keep(a);

    // What one pixel of the answer depends on: its own gradient, by the same tape.
    std::vector<float> one(area, 0.0F);
    one[area / 2 + size / 2] = 1;
    const auto seen = tape.input({1, size, size, 1}, e.x_t.data());
    tape.backward(net(seen).answer, std::span<const float>(one));
    m.signs.push_back({"d(one pixel)/dx_t", {seen.gradient().begin(), seen.gradient().end()}});
    return m;
}

/// Trains on many digits; the losses of all steps.
std::vector<double> train(examples::tiny_unet& net, const examples::labelled_images& digits,
                          std::size_t steps, std::size_t threads) {
    const example all(digits.pixels, 5);
    nn::adam<float> adam(net.store, {.beta2 = 0.99});
    nn::lanes<float> lanes(threads);
    const examples::interrupt stop;
    examples::progress bar("training");
    std::vector<double> losses;
    while (losses.size() < steps && !stop.requested()) {
        const std::size_t start = losses.size() * batch % (digits.count - batch);
        losses.push_back(lanes.train(net.store, batch, [&](auto& tape, auto first, auto n) {
            const std::size_t at = (start + first) * area;
            const auto x = tape.constant({n, size, size, 1}, all.x_t.data() + at);
            return nn::mse_loss(net(x).answer, std::span(all.eps).subspan(at, n * area));
        }));
        adam.step(3e-3);
        bar.show(double(losses.size()) / double(steps),
                 "loss " + examples::short_number(losses.back()));
    }
    if (steps > 0) bar.finish(double(losses.size()) / double(steps), "");
    return losses;
}

int run(int argc, char** argv) {
    std::size_t steps = 400, threads = 0;
    std::uint64_t seed = 1;
    std::string out = "build/gallery";
    examples::arguments line("how_a_unet_learns",
                             "One example through forward, backward and update.");
    line.number("--steps", steps, "of the U-Net's training; 0: only look", std::size_t(0),
                std::size_t(100000));
    line.number("--threads", threads, "0: all", std::size_t(0), std::size_t(1024));
    line.number("--seed", seed, "of the U-Net's initial weights");
    line.text("--out", out, "folder for the pictures");
    if (const auto code = line.parse(argc, argv)) return *code;
    std::filesystem::create_directories(out);  // fails now if at all, not when all is done

    const bool followed = follow_with_a_pencil();

    const auto digits = examples::drawn_digits(1, 0, 2000, size);
    const example one(examples::drawn_digits(2, 3, 1, size).pixels, 4);
    examples::tiny_unet net(8, seed);
    examples::gradient_page page(steps > 0 ? 2 : 1);
    std::printf("\nA U-Net of %zu weights, one digit; root mean squares at each level\n",
                net.store.count());
    page.add(look(net, one, "untrained"));

    const std::vector<double> losses = train(net, digits, steps, threads);
    if (!losses.empty()) {
        page.add(look(net, one, "after " + std::to_string(losses.size()) + " steps"));
        examples::loss_curve(losses, "loss of the noise", 11)
            .save(out + "/how_a_unet_learns_loss.png");
        std::printf("wrote %s/how_a_unet_learns_loss.png\n", out.c_str());
    }
    page.page().save(out + "/how_a_unet_learns.png");
    std::printf("wrote %s/how_a_unet_learns.png\n", out.c_str());
    const bool less = losses.empty() || losses.back() < 0.7 * losses.front();
    if (!losses.empty())
        std::printf("%s  training took more than 30 %% off the loss\n", less ? "yes" : "NO ");
    return followed && less ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    return examples::run_program("how_a_unet_learns", run, argc, argv);
}
