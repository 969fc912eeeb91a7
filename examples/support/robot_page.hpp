#pragma once

#include "canvas.hpp"
#include "plot.hpp"
#include "robot_run.hpp"
#include "robot_task.hpp"

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace examples {

/// Tables with obstacles and plans, seen from above: four panels on a page, two in a row.
class robot_page {
public:
    /// All plans, each in the colour of its way.
    void show(std::string title, const scene& s, const std::vector<planned>& plans) {
        plot graph = table(std::move(title), s);
        for (const planned& plan : plans) graph.line(places(plan), ink(s.way(plan.actions)), 1);
        legend(graph);
        hand(graph, place_of(plans.front().actions.col(0)));
    }

    /// A run, and pale the plans that were made on the way.
    void show(std::string title, const scene& s, const robot_run& run) {
        plot graph = table(std::move(title), s);
        std::vector<point> way;
        for (const planned& plan : run.plans()) {
            graph.line(places(plan), mix(ink(s.way(plan.actions)), white, 0.6), 1);
            way.push_back(place_of(plan.actions.col(0)));
        }
        way.push_back(place_of(run.pose()));
        graph.line(way, black, 2.5);
        graph.scatter(way, black, 4, 1);
        legend(graph);
    }

    void save(const std::string& path) const { paper_.save(path); }

private:
    static constexpr std::size_t width = 610, height = 420;

    static colour ink(int way) { return way > 0 ? blue : way < 0 ? orange : colour{200, 30, 40}; }
    static void legend(plot& graph) {
        graph.legend("left", ink(1));
        graph.legend("right", ink(-1));
        graph.legend("into the obstacle", ink(0));
    }
    static std::vector<point> places(const planned& plan) {
        std::vector<point> all;
        for (Eigen::Index k = 0; k < plan.actions.cols(); ++k)
            all.push_back(place_of(plan.actions.col(k)));
        return all;
    }
    void hand(const plot& graph, point p) { paper_.disc(graph.place(p), 7, black); }

    // The next panel, with the obstacle and the goal; x and y have one scale.
    plot table(std::string title, const scene& s) {
        const point low{double(count_ % 2 * width), double(8 + count_ / 2 * height)};
        ++count_;
        plot graph(paper_, low, {low.x + double(width), low.y + double(height)}, std::move(title),
                   {-1.3, 1.3, "x", false}, {-0.875, 0.875, "y", false});
        const double unit = graph.place({1, 0}).x - graph.place({0, 0}).x;
        paper_.disc(graph.place(s.obstacle), scene::radius * unit, grey);
        paper_.disc(graph.place(s.goal), 9, green);
        return graph;
    }

    canvas paper_{2 * width, 2 * height + 8};
    std::size_t count_ = 0;
};

}  // namespace examples
