#pragma once

#include "canvas.hpp"
#include "plot.hpp"
#include "point.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <numbers>
#include <string>
#include <utility>
#include <vector>

namespace examples {

/// The entropy of several drops of ink over the steps of the forward process.
class entropy_curves {
public:
    explicit entropy_curves(std::vector<std::string> names)
        : names_(std::move(names)), curves_(names_.size()) {}

    /// Of N(0, I) in two dimensions, in nats.
    static double of_noise() { return 1 + std::log(2 * std::numbers::pi); }

    void add(std::size_t drop, std::size_t t, double entropy) {
        auto& curve = curves_[drop];
        if (!curve.empty()) largest_fall_ = std::max(largest_fall_, curve.back().y - entropy);
        curve.push_back({double(t), entropy});
    }

    /// By how much a curve went down at most from one point to the next.
    double largest_fall() const { return largest_fall_; }

    /// A line for each drop, with the entropies at these times.
    void print(const std::vector<std::size_t>& times) const {
        for (std::size_t d = 0; d < names_.size(); ++d) {
            std::printf("  %-9s", names_[d].c_str());
            for (const std::size_t t : times)
                for (const point& p : curves_[d])
                    if (p.x == double(t)) std::printf("  t=%zu: %.3f", t, p.y);
            std::printf("\n");
        }
    }

    canvas page() const {
        canvas page(900, 520);
        plot graph(page, {0, 8}, {900, 520}, "entropy of the ink",
                   {0, 1000, "step t of the forward process"}, {-1.2, 3.2, "entropy in nats"});
        const colour inks[] = {blue, orange, green};
        const point level[] = {{0, of_noise()}, {1000, of_noise()}};
        graph.line(level, grey, 1.5);
        graph.legend_from(0.6);
        for (std::size_t d = 0; d < names_.size(); ++d) {
            graph.line(curves_[d], inks[d % 3], 2.5);
            graph.legend(names_[d], inks[d % 3]);
        }
        graph.legend("pure noise", grey);
        return page;
    }

private:
    std::vector<std::string> names_;
    std::vector<std::vector<point>> curves_;
    double largest_fall_ = 0;
};

}  // namespace examples
