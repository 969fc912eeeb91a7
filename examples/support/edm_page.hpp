#pragma once

#include "canvas.hpp"
#include "plot.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace examples {

/// The page of `edm`: the loss by noise level, and two measures of samples over the number of
/// calls.
class edm_page {
public:
    /// The loss of the network itself before and after training, and how often each level is seen.
    void losses(const std::vector<point>& before, const std::vector<point>& after,
                std::vector<point> seen) {
        double highest = 0;
        for (const point& p : seen) highest = std::max(highest, p.y);
        for (point& p : seen) p.y *= 0.9 / highest;
        plot graph(paper_, {0, 0}, {width, 330}, "where there is something to learn",
                   {0.0015, 100, "noise level sigma", true}, {0, 1.3, "loss of the network F"});
        graph.line(seen, mix(white, grey, 0.6), 2);
        graph.line(before, green);
        graph.line(after, blue);
        graph.scatter(after, blue, 3, 1);
        graph.legend_from(0.28);
        graph.legend("before training", green);
        graph.legend("after training", blue);
        graph.legend("how often it is trained", mix(white, grey, 0.6));
    }

    /// A curve over the calls.
    struct curve {
        std::string name;
        std::vector<point> points;
        colour ink;
    };

    /// Frechet distances on the left, with the floor, and errors of the solver on the right.
    void qualities(const std::vector<curve>& distances, double floor,
                   const std::vector<curve>& errors) {
        draw({0, 350}, "distance to real digits", "Frechet distance", distances, floor, 10 * floor);
        draw({width / 2, 350}, "distance to the exact path", "root mean square, pixels", errors, 0,
             1);
    }

    void save(const std::string& path) const { paper_.save(path); }

private:
    static constexpr double width = 1100, height = 740;

    /// Curves that rise above `highest` leave the frame.
    void draw(point corner, std::string title, std::string label, std::vector<curve> curves,
              double floor, double highest) {
        double low = floor > 0 ? floor : highest, most = 2.5;
        for (curve& c : curves)
            for (point& p : c.points) {
                p.y = std::min(p.y, highest);
                low = std::min(low, p.y);
                most = std::max(most, p.x);
            }
        plot graph(paper_, corner, {corner.x + width / 2, height}, std::move(title),
                   {4, 1.2 * most, "calls of the network for each picture", true},
                   {0.8 * low, highest, std::move(label), true});
        if (floor > 0) {
            const std::vector<point> level{{4, floor}, {1.2 * most, floor}};
            graph.line(level, grey, 1.5);
        }
        for (const curve& c : curves) {
            graph.line(c.points, c.ink);
            for (const point& p : c.points)
                if (p.y < highest) graph.scatter(std::vector<point>{p}, c.ink, 3.5, 1);
            graph.legend(c.name, c.ink);
        }
        if (floor > 0) graph.legend("other real digits", grey);
    }

    canvas paper_{std::size_t(width), std::size_t(height)};
};

}  // namespace examples
