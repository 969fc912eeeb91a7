#pragma once

#include "bits.hpp"
#include "gradient_noise.hpp"
#include "plot.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <span>
#include <string>
#include <utility>
#include <vector>

/// The table and the pictures of Nichol and Dhariwal (2021), sections 3 and 4.
namespace examples {

/// How one of the trainings went, and what came of it.
struct objective_record {
    std::string schedule, objective;
    double paper_bits = 0, paper_fid = 0;  ///< Table 2, CIFAR10 with T = 4000; 0: not there
    colour ink{};
    std::vector<double> losses{};         ///< of every step
    std::vector<gradient_noise> noise{};  ///< a few times on the way
    std::vector<sent_bits> sent{};        ///< one
    double distance = 0;

    std::string name() const { return schedule + ", " + objective; }
    /// Over the second half of the training.
    double noise_scale() const {
        gradient_noise sum;
        for (std::size_t i = noise.size() / 2; i < noise.size(); ++i) sum += noise[i];
        return sum.scale();
    }
    /// How far the loss of a step is from the mean of those around it, as a part of that, in the
    /// second half of the training (root mean square).
    double loss_noise() const {
        const std::size_t n = losses.size(), reach = std::max<std::size_t>(2, n / 20);
        double sum = 0, count = 0;
        for (std::size_t i = n / 2; i < n; ++i, ++count) {
            const std::size_t first = i - std::min(i, reach), past = std::min(n, i + reach + 1);
            double mean = 0;
            for (std::size_t k = first; k < past; ++k) mean += losses[k] / double(past - first);
            sum += std::pow(losses[i] / mean - 1, 2);
        }
        return std::sqrt(sum / std::max(count, 1.0));
    }
};

inline void print_objectives(std::span<const objective_record> records) {
    std::printf(
        "  schedule  objective           bits/dim   Frechet   noise scale   paper (CIFAR10, T = "
        "4000): bits/dim    FID\n");
    for (const objective_record& r : records) {
        std::printf("  %-8s  %-18s  %8.3f  %8.2f", r.schedule.c_str(), r.objective.c_str(),
                    r.sent[0].total(), r.distance);
        if (r.noise.empty()) std::printf("%14s", "-");  // it was loaded
        else if (r.noise_scale() > 0) std::printf("%14.3g", r.noise_scale());
        else std::printf("%14s", "lost in noise");
        if (r.paper_bits > 0) std::printf("%41.2f  %6.2f", r.paper_bits, r.paper_fid);
        std::printf("\n");
    }
}

/// Where the paper has another order.
inline void print_shortcomings(std::span<const objective_record> records) {
    for (const objective_record& a : records) {
        std::string better;
        for (const objective_record& b : records)
            if (a.paper_bits > 0 && a.paper_bits < b.paper_bits &&
                a.sent[0].total() > b.sent[0].total())
                better += (better.empty() ? "" : "; ") + b.name();
        if (!better.empty())
            std::printf(
                "falls short: %s needs more bits than %s; it had %zu steps of training, in "
                "the paper 500000\n",
                a.name().c_str(), better.c_str(), a.losses.size());
    }
}

/// Figure 2: what each step of the way back costs; both scales logarithmic.
inline canvas terms_page(std::span<const objective_record> records) {
    canvas page(900, 560);
    double low = 1e300, high = 1e-300;
    for (const objective_record& r : records)
        for (const double term : r.sent[0].steps)
            if (term > 0) low = std::min(low, term), high = std::max(high, term);
    const double T = double(records[0].sent[0].steps.size());
    plot graph(page, {0, 8}, {900, 560}, "terms of the bound",
               {0.9, 1.1 * T, "t, 1 is the step to data", true},
               {0.8 * std::max(low, 1e-9), 1.3 * high, "bits/dim", true});
    for (const objective_record& r : records) {
        std::vector<point> curve;
        for (std::size_t i = 0; i < r.sent[0].steps.size(); ++i)
            curve.push_back({T - double(i), r.sent[0].steps[i]});
        graph.line(curve, r.ink, 1.8);
        graph.legend(r.name(), r.ink);
    }
    return page;
}

/// Figures 6 and 7: the bound while it is learnt (each step, and the mean of many), and how noisy
/// the gradients are. `bits_per_loss`: what a loss of 1 is in bits/dim.
inline canvas noise_page(std::span<const objective_record* const> bounds,
                         std::span<const objective_record* const> gradients, double bits_per_loss) {
    canvas page(1300, 520);
    std::size_t steps = 2;
    double low = 1e300, high = 1e-300;
    for (const objective_record* r : bounds) {
        steps = std::max(steps, r->losses.size());
        for (std::size_t i = r->losses.size() / 20; i < r->losses.size(); ++i) {
            low = std::min(low, bits_per_loss * r->losses[i]);
            high = std::max(high, bits_per_loss * r->losses[i]);
        }
    }
    plot curves(page, {0, 8}, {650, 520}, "L_vlb in training", {0, double(steps), "training step"},
                {0.9 * std::max(low, 1e-6), 1.1 * std::max(high, 2e-6), "bits/dim", true});
    for (const objective_record* r : bounds) {
        std::vector<point> raw, smooth;
        const std::size_t n = r->losses.size(), reach = std::max<std::size_t>(1, n / 40);
        for (std::size_t i = 0; i < n; ++i) {
            const std::size_t first = i - std::min(i, reach), past = std::min(n, i + reach + 1);
            double mean = 0;
            for (std::size_t k = first; k < past; ++k) mean += r->losses[k] / double(past - first);
            raw.push_back({double(i), bits_per_loss * r->losses[i]});
            smooth.push_back({double(i), bits_per_loss * mean});
        }
        curves.line(raw, mix(white, r->ink, 0.4), 1);
        curves.line(smooth, r->ink, 2.5);
        curves.legend(r->name(), r->ink);
    }
    double least = 1e300, most = 1e-300;
    for (const objective_record* r : gradients)
        for (const gradient_noise& g : r->noise)
            if (g.signal > 0 && g.noise > 0)
                least = std::min(least, g.scale()), most = std::max(most, g.scale());
    if (!(most > least)) least = 1, most = 10;
    plot scales(page, {650, 8}, {1300, 520}, "gradient noise scale", {0, 1, "part of the training"},
                {0.7 * least, 20 * most, "items", true});
    for (const objective_record* r : gradients) {
        std::vector<point> curve;
        for (std::size_t i = 0; i < r->noise.size(); ++i)
            if (r->noise[i].signal > 0)
                curve.push_back({(double(i) + 1) / double(r->noise.size()), r->noise[i].scale()});
        scales.line(curve, r->ink, 2);
        scales.scatter(curve, r->ink, 3, 1);
        scales.legend(r->name(), r->ink);
    }
    return page;
}

}  // namespace examples
