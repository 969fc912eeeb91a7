#pragma once

#include "robot_task.hpp"

#include <cmath>
#include <cstddef>
#include <vector>

#include <diffusion/sampler/warm_start.hpp>
#include <diffusion/tensor/eigen.hpp>

namespace examples {

/// A hand on its way, that does the first action of every plan. Takes no memory on the way.
class robot_run {
public:
    static constexpr std::size_t longest = 40;  ///< actions
    static constexpr std::size_t pushed = 4;    ///< the action after which somebody pushes the hand

    explicit robot_run(const scene& s) : scene_(s), pose_(s.home()) { plans_.reserve(longest); }

    const action& pose() const { return pose_; }
    const std::vector<planned>& plans() const { return plans_; }

    double distance_to_goal() const {
        return std::hypot(double(pose_(0)) - scene_.goal.x, double(pose_(1)) - scene_.goal.y);
    }
    bool over() const { return plans_.size() == longest || distance_to_goal() < 0.03; }

    /// Does the plan's next action, and forgets it; now and then something pushes.
    void act(const planned& plan) {
        plans_.push_back(plan);
        pose_ = plan.actions.col(1);
        if (plans_.size() == pushed) pose_(1) += pose_(1) > 0 ? -0.1f : 0.1f;  // towards the middle
        left_ = plan.actions;
        diffusion::shift_items(left_, std::size_t(left_.cols()), 1);
    }

    /// What is left of the last plan.
    const trajectory* plan_left() const { return &left_; }

private:
    scene scene_;
    action pose_;
    trajectory left_;
    std::vector<planned> plans_;
};

}  // namespace examples
