#include "circle.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <support/refusal.hpp>

#include <diffusion/io/file.hpp>
#include <diffusion/trainer/checkpoint.hpp>
#include <diffusion/trainer/in_worker.hpp>

#if __has_include(<sys/resource.h>) && __has_include(<sys/wait.h>)
#define POSIX_PROCESSES
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#endif

namespace {

namespace fs = std::filesystem;

/// An empty folder of this name, removed in the end.
struct folder {
    fs::path path;
    explicit folder(const char* name) : path(fs::temp_directory_path() / name) {
        path += std::to_string(
#ifdef POSIX_PROCESSES
            ::getpid()
#else
            0
#endif
        );
        fs::remove_all(path);
        fs::create_directories(path);
    }
    ~folder() {
        std::error_code ignored;
        fs::remove_all(path, ignored);
    }
    fs::path operator/(const char* name) const { return path / name; }
};

}  // namespace

TEST_CASE("what the times have learnt from their losses is resumed as well") {
    const folder here("diffusion_resume_times");
    const fs::path file = here / "a.safetensors";
    struct run {
        diffusion::item_batch<float> set = circle::points();
        diffusion::nn::mlp<float> net{
            {.in = 2, .hidden = 8, .out = 4, .time_channels = 8, .classes = 2}, 3};
        diffusion::denoising<diffusion::nn::mlp<float>, diffusion::discrete_schedule<>,
                             diffusion::unweighted, diffusion::loss_aware_times>
            model{net,
                  diffusion::discrete_schedule<>(diffusion::linear_beta{0.1, 0.5}, 4),
                  {.kind = diffusion::target::noise, .only_bound = true},
                  {},
                  diffusion::loss_aware_times(4)};
        diffusion::in_memory<float> data{set};
        diffusion::nn::lanes<float> lanes{1};
        diffusion::trainer<decltype(model), diffusion::in_memory<float>,
                           diffusion::nn::warmup_cosine>
            training{model, data, lanes, diffusion::nn::warmup_cosine{1e-2, 5, 400},
                     circle::options()};
    };
    run whole, first, second;
    whole.training.run(8);
    first.training.run(5);  // 130 items: with ten losses for each time it is no longer uniform
    const std::vector<double> learnt = first.model.state();
    diffusion::save_checkpoint(file, first.training);
    second.training.run(2);  // forgotten
    REQUIRE(diffusion::resume(second.training, file));
    CHECK(second.model.state() == learnt);
    second.training.run(8);
    CHECK(circle::state(second.training) == circle::state(whole.training));
    CHECK(second.model.state() == whole.model.state());

    circle::setup<> other;  // its times do not learn
    diffusion::save_checkpoint(file, other.training);
    CHECK_THROWS_AS(diffusion::resume(first.training, file), std::invalid_argument);
    CHECK(first.model.state() == learnt);
}

TEST_CASE("stopped and resumed equals uninterrupted, to the bit, wherever it was stopped") {
    const folder here("diffusion_resume");
    constexpr std::uint64_t end = 9;
    circle::setup<> whole;
    std::vector<double> losses;
    whole.training.run(end, [&](const diffusion::step_report& r) { losses.push_back(r.loss); });
    const auto expected = circle::state(whole.training);
    for (std::uint64_t stop = 0; stop <= end; ++stop) {
        INFO("stopped after step ", stop);
        const fs::path file = here / "a.safetensors";
        circle::setup<> first(2);
        first.training.run(stop);
        diffusion::save_checkpoint(file, first.training, {{"note", "kept"}});
        // The data come from a thread of their own from here on, and the lanes from three.
        circle::setup<diffusion::in_worker<diffusion::in_memory<float>>> second(3);
        second.training.run(2);  // forgotten
        REQUIRE(diffusion::resume(second.training, file));
        CHECK(second.training.steps() == stop);
        CHECK(circle::state(second.training) == circle::state(first.training));
        std::vector<double> rest;
        second.training.run(end, [&](const diffusion::step_report& r) { rest.push_back(r.loss); });
        CHECK(circle::state(second.training) == expected);
        CHECK(rest == std::vector<double>(losses.begin() + static_cast<std::ptrdiff_t>(stop),
                                          losses.end()));
    }
    CHECK(diffusion::io::read_safetensors(here / "a.safetensors").metadata.at("note") == "kept");
}

TEST_CASE("a checkpoint of another training is refused, and nothing is changed") {
    const folder here("diffusion_refused");
    const fs::path file = here / "a.safetensors";
    circle::setup<> s;
    const auto before = circle::state(s.training);
    CHECK_FALSE(diffusion::resume(s.training, here / "none.safetensors"));
    CHECK(circle::state(s.training) == before);
    s.training.run(2);
    diffusion::save_checkpoint(file, s.training);

    auto options = circle::options();
    options.seed = 6;
    options.adam.beta2 = 0.999;
    circle::setup<> other(1, options);
    CHECK_THROWS_WITH_AS(diffusion::resume(other.training, file),
                         ("diffusion::resume: the training of " + file.string() +
                          " must have the options of this one:"
                          "\n  trainer.adam.beta2 is 0.99 in the file, 0.999 here"
                          "\n  trainer.seed is 5 in the file, 6 here")
                             .c_str(),
                         std::invalid_argument);
    CHECK(other.training.steps() == 0);
    CHECK(circle::state(other.training) == before);

    circle::setup<> wider(1, circle::options(), 17);
    const auto of_wider = circle::state(wider.training);
    CHECK_THROWS_AS(diffusion::resume(wider.training, file), std::invalid_argument);
    CHECK(circle::state(wider.training) == of_wider);

    const auto bytes = diffusion::io::read_file(file);
    diffusion::io::write_file(file, std::span(bytes).first(bytes.size() - 1));
    CHECK_THROWS_AS(diffusion::resume(other.training, file), diffusion::io::format_error);
    CHECK(circle::state(other.training) == before);
}

TEST_CASE("the observer writes a checkpoint after every n-th step") {
    const folder here("diffusion_observer");
    const fs::path file = here / "a.safetensors";
    circle::setup<> s;
    s.training.run(7, diffusion::checkpoint_to{file, 3});
    circle::setup<> again;
    REQUIRE(diffusion::resume(again.training, file));
    CHECK(again.training.steps() == 6);
}

#ifdef POSIX_PROCESSES

namespace {

constexpr std::uint64_t last_step = 60;

/// The child's work: go on from the checkpoint if there is one, writing it after each step.
/// A file that grows beyond `largest` bytes ends the process in the middle of the write.
[[noreturn]] void train_in_child(const fs::path& file, rlim_t largest) {
    try {
        if (largest != RLIM_INFINITY) {
            std::signal(SIGXFSZ, [](int) { ::kill(::getpid(), SIGKILL); });
            const rlimit limit{largest, RLIM_INFINITY};
            ::setrlimit(RLIMIT_FSIZE, &limit);
        }
        circle::setup<> s(1, circle::options(), 64);
        diffusion::resume(s.training, file);
        s.training.run(last_step, diffusion::checkpoint_to{file, 1});
    } catch (...) {
        ::_exit(1);
    }
    ::_exit(0);
}

/// Starts a child, kills it after `microseconds` (0: waits for it); whether it was killed.
bool child_dies(const fs::path& file, useconds_t microseconds, rlim_t largest = RLIM_INFINITY) {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) train_in_child(file, largest);
    if (microseconds > 0) {
        ::usleep(microseconds);
        ::kill(child, SIGKILL);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    if (WIFSIGNALED(status)) {
        CHECK(WTERMSIG(status) == SIGKILL);
        return true;
    }
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
    return false;
}

std::uint64_t steps_in(const fs::path& file) {
    return std::stoull(diffusion::io::read_safetensors(file).metadata.at("steps"));
}

}  // namespace

TEST_CASE("what a killed writer left is removed, what a living one writes is not") {
    const folder here("diffusion_abandoned");
    const fs::path file = here / "a.safetensors";
    const pid_t child = ::fork();  // lives until it is told to end
    REQUIRE(child >= 0);
    if (child == 0) {
        ::pause();
        ::_exit(0);
    }
    const auto name = [&](long process, const char* rest) {
        return fs::path(file.string() + ".tmp" + std::to_string(process) + rest);
    };
    const std::vector<fs::path> foreign{here / "b.safetensors.tmp1-0", here / "a.safetensors.tmp",
                                        name(child, "-x"), name(::getpid(), "-9")};
    for (const fs::path& path : foreign) std::ofstream(path) << "x";
    std::ofstream(name(child, "-3")) << "x";
    circle::setup<> s;
    CHECK_FALSE(diffusion::resume(s.training, file));
    CHECK(fs::exists(name(child, "-3")));
    ::kill(child, SIGKILL);
    REQUIRE(::waitpid(child, nullptr, 0) == child);
    CHECK_FALSE(diffusion::resume(s.training, file));
    CHECK_FALSE(fs::exists(name(child, "-3")));
    for (const fs::path& path : foreign) CHECK(fs::exists(path));
}

TEST_CASE("killed at any moment, a training is resumed from a whole checkpoint to the same bits") {
    const folder here("diffusion_killed");
    const fs::path whole = here / "whole.safetensors", file = here / "killed.safetensors";
    {
        circle::setup<> s(1, circle::options(), 64);
        s.training.run(last_step);
        diffusion::save_checkpoint(whole, s.training);
    }

    // In the middle of the first write: there is no checkpoint yet, and no half of one.
    const auto size = static_cast<rlim_t>(fs::file_size(whole));
    CHECK(child_dies(file, 0, size / 2));
    CHECK_FALSE(fs::exists(file));

    // At moments spread over start, steps and writes. Each leaves a file that can be read whole.
    int killed = 0;
    std::uint64_t steps = 0;
    float luck[40];
    diffusion::fill_uniform<float>(luck, 11, {diffusion::noise_stream::user});
    for (const float u : luck) {
        const bool died = child_dies(file, static_cast<useconds_t>(1000 + 30000 * u));
        killed += died;
        if (fs::exists(file)) {
            CHECK(steps_in(file) >= steps);
            steps = steps_in(file);
        }
        if (!died || steps == last_step) break;
    }
    CHECK(killed > 0);

    // In the middle of a write over an older checkpoint: the older one stays.
    if (steps > 0 && steps < last_step) {
        CHECK(child_dies(file, 0, size / 3));
        CHECK(steps_in(file) == steps);
    }

    CHECK_FALSE(child_dies(file, 0));
    CHECK(diffusion::io::read_file(file) == diffusion::io::read_file(whole));
}

TEST_CASE("killed while it writes over a checkpoint, a training keeps the older one") {
    const folder here("diffusion_overwritten");
    const fs::path file = here / "a.safetensors";
    circle::setup<> s(1, circle::options(), 64);
    s.training.run(5);
    diffusion::save_checkpoint(file, s.training);
    const auto before = diffusion::io::read_file(file);
    for (const rlim_t part : {1U, 10U, 100U}) {
        CHECK(child_dies(file, 0, before.size() * part / 101));
        CHECK(diffusion::io::read_file(file) == before);
    }
}

#endif
