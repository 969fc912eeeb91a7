#include "../../examples/support/robot_task.hpp"

#include "../../examples/support/robot_run.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include <doctest/doctest.h>

using examples::demonstrations;
using examples::scene;
using examples::trajectory;

namespace {

trajectory demonstration(const scene& s, double width) {
    trajectory p;
    for (std::size_t k = 0; k < 16; ++k) p.col(Eigen::Index(k)) = s.demonstrated(k, width);
    return p;
}

}  // namespace

TEST_CASE("a plan goes left, right or through the obstacle") {
    for (const scene& s : {scene{}, scene{{-1, 0.3}, {0.1, 0.03}, {1, -0.3}},
                           scene{{1, 0}, {0, 0}, {-1, 0}}}) {  // also when it leads the other way
        CHECK(s.way(demonstration(s, 0.5)) == 1);
        CHECK(s.way(demonstration(s, -0.5)) == -1);
        CHECK(s.way(demonstration(s, 0)) == 0);
        CHECK(s.way(demonstration(s, 0.2)) == 0);
    }
}

TEST_CASE("a way between two actions that lie on both sides of the obstacle leads through it") {
    trajectory p = trajectory::Zero();
    p.row(0).setConstant(-1);
    p.row(0).tail(8).setConstant(1);
    CHECK(scene{}.way(p) == 0);
}

TEST_CASE("a demonstration begins at the start, ends at the goal, and stays there") {
    const scene s{{-0.9, 0.2}, {0.05, 0.05}, {1, -0.1}};
    for (const double width : {0.55, -0.55, 0.0}) {
        CHECK(s.demonstrated(0, width)(0) == doctest::Approx(-0.9));
        CHECK(s.demonstrated(0, width)(1) == doctest::Approx(0.2));
        CHECK(s.demonstrated(15, width)(0) == doctest::Approx(1));
        CHECK(s.demonstrated(15, width)(1) == doctest::Approx(-0.1));
        CHECK(s.demonstrated(29, width) == s.demonstrated(15, width));
        const auto middle = s.demonstrated(7, width);
        CHECK(std::hypot(middle(3), middle(4)) == doctest::Approx(1));
    }
}

TEST_CASE("demonstrations go both ways equally often, and none leads into the obstacle") {
    const auto shown = demonstrations::draw(2000, 5);
    REQUIRE(shown.plans.size() == 2000 * 112);
    int left = 0, right = 0, through = 0, begun = 0;
    for (std::size_t i = 0; i < 2000; ++i) {
        const trajectory p = Eigen::Map<const trajectory>(shown.plans.data() + i * 112);
        const auto& seen = shown.seen[i];
        CHECK(seen[0] == p(0, 0));
        CHECK(seen[1] == p(1, 0));
        const scene s{{double(seen[0]), double(seen[1])},
                      {double(seen[2]), double(seen[3])},
                      {double(seen[4]), double(seen[5])}};
        const int way = s.way(p);
        through += way == 0;
        if (seen[0] > -0.85f) continue;  // on the way already
        ++begun;
        left += way > 0;
        right += way < 0;
    }
    CHECK(through == 0);
    CHECK(begun > 800);
    CHECK(std::abs(left - right) < 0.1 * begun);
}

TEST_CASE("a run does the actions of its plans, is pushed once, and ends at the goal") {
    const scene s;
    examples::robot_run run(s);
    std::size_t k = 0;
    while (!run.over()) {
        trajectory p;
        for (std::size_t j = 0; j < 16; ++j) p.col(Eigen::Index(j)) = s.demonstrated(k + j, 0.55);
        run.act({p, 1, 0});
        ++k;
        CHECK(run.plan_left()->col(0) == p.col(1));
        CHECK(run.plan_left()->col(15) == p.col(15));
        CHECK((run.pose() == p.col(1)) == (k != examples::robot_run::pushed));
    }
    CHECK(run.plans().size() == k);
    CHECK(k < 16);
    CHECK(run.distance_to_goal() < 0.03);
}
