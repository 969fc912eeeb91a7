// A robot plans by diffusion (Chi et al. 2023, "Diffusion Policy"): out of noise, and told what the
// robot sees, a network makes the next sixteen actions. There are two equally good ways around an
// obstacle. A network that learned the mean of the demonstrations would lead into it; this one
// learns both ways.
//
//   known first state   a projection puts the pose of the hand into every state of a run
//   deadline            the observer keeps the best plan so far, and stops when the time is up
//   warm start          a run begins with the plan of a moment ago, shifted and noised a little
//   no heap             plans are Eigen matrices of fixed size; only the set-up allocates
//
// Writes robot_policy.png: fresh plans in two scenes, warm-started plans, and a run with a push.

#include "support/arguments.hpp"
#include "support/heap_counter.hpp"
#include "support/robot_page.hpp"
#include "support/robot_policy_net.hpp"
#include "support/robot_report.hpp"
#include "support/robot_run.hpp"
#include "support/robot_task.hpp"

#include <chrono>
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
#include <diffusion/sampler/projected.hpp>
#include <diffusion/sampler/warm_start.hpp>
#include <diffusion/tensor/eigen.hpp>

namespace {

using examples::planned;
using examples::scene;
using examples::trajectory;  // Eigen::Matrix<float, 7, 16>: an action is a column

const diffusion::discrete_schedule<diffusion::cosine_beta> schedule;

/// Makes plans. All that one needs is made here, once.
class planner {
public:
    planner(examples::policy_net& net, double strength)
        : denoiser_(diffusion::nn::as_network(net, lanes_, 1, 1, {0})),
          fresh_(diffusion::multistep(diffusion::ddim{}, grid_), starts_now()),
          warm_(diffusion::multistep(diffusion::ddim{}, diffusion::start_at(grid_, strength)),
                starts_now()) {
        net.seen = {&seen_, 1};
        (*this)({}, scene{}.home(), nullptr, 0, 0);  // the network takes its memory
        made = heap_blocks = 0;
    }
    planner(const planner&) = delete;
    std::size_t made, heap_blocks;  ///< plans so far, and what they took from the heap

    /// What there is after `limit` milliseconds of a plan that starts with the action `now`; warm
    /// from the plan `before`, if there is one.
    planned operator()(const scene& s, const examples::action& now, const trajectory* before,
                       std::uint64_t seed, double limit) {
        const examples::stopwatch watch;
        const std::size_t heap_before = examples::heap_requests();
        seen_ = s.seen_from(examples::place_of(now));
        now_.col(0) = now;
        planned best{};
        const auto best_so_far = [&](const auto& step) {
            best.actions = step.x0;
            best.actions.col(0) = now;
            best.milliseconds = 1000 * watch.seconds();
            return best.milliseconds < limit;
        };
        const diffusion::gaussian_noise noise{seed};
        trajectory x;
        if (before != nullptr) {
            diffusion::draw_start(x, *before, warm_.grid().front(), noise);
            best.calls = diffusion::sample(x, warm_, denoiser_, noise, best_so_far);
        } else {
            diffusion::draw_prior(x, fresh_.grid().front(), noise);
            best.calls = diffusion::sample(x, fresh_, denoiser_, noise, best_so_far);
        }
        ++made;
        heap_blocks += examples::heap_requests() - heap_before;
        return best;
    }

private:
    using keeps_start = diffusion::keep_known<std::span<float>, trajectory>;
    using sampler = diffusion::projected<diffusion::multistep<diffusion::ddim>, keeps_start>;

    keeps_start starts_now() {  // a view of now_, whose first column is written for each plan
        trajectory first = trajectory::Zero();
        first.col(0).setOnes();
        return keeps_start({now_.data(), std::size_t(now_.size())}, first, true);
    }

    // Small steps at the end, where a plan still between both ways takes a side.
    diffusion::time_grid grid_ = diffusion::quadratic(schedule, 10, 1);
    diffusion::nn::lanes<float> lanes_{1};
    trajectory now_ = trajectory::Zero();
    examples::observation seen_{};
    diffusion::predicts_data<diffusion::nn::network_view<examples::policy_net, float>> denoiser_;
    sampler fresh_, warm_;
};

int run(int argc, char** argv) {
    double seconds = 60, strength = 0.6, deadline = 20;
    std::size_t count = 200, threads = 0;
    std::uint64_t seed = 1;
    std::string out = "build/gallery";
    examples::arguments line("robot_policy", "Plans ways around an obstacle, by diffusion.");
    line.number("--seconds", seconds, "train this long", 0.1, 1e6);
    line.number("--plans", count, "plans in each panel of the picture", std::size_t(1),
                std::size_t(100000));
    line.number("--strength", strength, "part of the steps that a warm start takes", 0.1, 1.0);
    line.number("--deadline", deadline, "milliseconds for each plan of the run", 0.0, 1e6);
    line.number("--threads", threads, "of the training; 0: as many as there are cores",
                std::size_t(0), std::size_t(256));
    line.number("--seed", seed, "of all random numbers");
    line.text("--out", out, "folder for the picture");
    if (const auto code = line.parse(argc, argv)) return *code;
    std::filesystem::create_directories(out);  // fails now if at all, not when all is done

    examples::policy_net net(seed);
    net.learn(schedule, examples::demonstrations::draw(20000, seed), seconds, threads, seed);
    planner make_plan(net, strength);
    constexpr double no_limit = 1e9;
    std::uint64_t number = seed << 32;  // every plan has noise of its own
    const auto draw = [&](const scene& s, std::vector<planned>& plans, double limit,
                          const std::vector<planned>* before = nullptr) {
        for (std::size_t i = 0; i < plans.size(); ++i) {
            trajectory left;
            if (before != nullptr) {  // one action was done
                left = (*before)[i].actions;
                diffusion::shift_items(left, 16, 1);
            }
            plans[i] = before != nullptr ? make_plan(s, left.col(0), &left, ++number, limit)
                                         : make_plan(s, s.home(), nullptr, ++number, limit);
        }
    };
    examples::robot_page page;
    const auto show = [&](const char* name, const scene& s, const std::vector<planned>& plans) {
        examples::print_plans(name, s, plans);
        page.show(name, s, plans);
    };

    // Fresh plans in two scenes, and warm starts.
    const scene here, there{{-0.95, 0.28}, {0.15, 0.016}, {1.05, -0.2}};
    std::vector<planned> plans(count), others(count), next(count);
    draw(here, plans, no_limit);
    show("fresh plans", here, plans);
    draw(there, others, no_limit);
    show("another scene", there, others);
    draw(here, next, no_limit, &plans);
    show("warm starts, one action later", here, next);
    std::size_t kept = 0;
    for (std::size_t i = 0; i < count; ++i)
        kept += here.way(plans[i].actions) == here.way(next[i].actions);
    std::printf("%zu of %zu warm starts keep to the way of the plan before\n", kept, count);

    // What a plan is worth when the time is up early: the first estimate is the mean of both ways.
    const double whole = examples::median_milliseconds(plans);
    for (const double limit : {0.0, 0.25 * whole, 0.5 * whole, 0.75 * whole}) {
        draw(here, others, limit);
        draw(here, next, limit, &plans);
        examples::print_deadline(limit, here, others, next);
    }

    // A run: a new plan for each action, warm after the first; somebody pushes the hand on its way.
    examples::robot_run way(here);
    for (const trajectory* before = nullptr; !way.over(); before = way.plan_left())
        way.act(make_plan(here, way.pose(), before, ++number, deadline));
    examples::print_run(way);
    page.show("a new plan for each action, and a push", here, way);
    std::printf("%zu plans took %zu blocks from the heap\n", make_plan.made, make_plan.heap_blocks);
    page.save(out + "/robot_policy.png");
    std::printf("wrote %s/robot_policy.png\n", out.c_str());
    return make_plan.heap_blocks == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) { return examples::run_program("robot_policy", run, argc, argv); }
