#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <diffusion/detail/require.hpp>
#include <diffusion/nn/flush_denormals.hpp>
#include <diffusion/nn/lane_gradient.hpp>
#include <diffusion/nn/parameter.hpp>
#include <diffusion/nn/tape.hpp>
#include <exception>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace diffusion::detail {

/// Some threads that wait for work. The caller of `run` is one of them, so that a team of one
/// starts no thread. Nothing is allocated after the construction.
class thread_team {
public:
    explicit thread_team(std::size_t threads) {
        for (std::size_t i = 1; i < threads; ++i) threads_.emplace_back([this, i] { serve(i); });
    }
    thread_team(const thread_team&) = delete;
    thread_team& operator=(const thread_team&) = delete;
    ~thread_team() {
        call_ = nullptr;
        start();
        for (std::thread& t : threads_) t.join();
    }

    std::size_t size() const { return threads_.size() + 1; }

    /// Calls f(0), f(1), ..., f(size() - 1), each on its thread, and waits for all. f must not
    /// throw.
    template <class F>
    void run(F&& f) {
        context_ = &f;
        call_ = [](void* context, std::size_t i) {
            (*static_cast<std::remove_reference_t<F>*>(context))(i);
        };
        busy_.store(static_cast<std::uint32_t>(threads_.size()), std::memory_order_relaxed);
        start();
        call_(context_, 0);
        for (std::uint32_t n = busy_.load(); n != 0; n = busy_.load()) busy_.wait(n);
    }

private:
    void start() {
        generation_.fetch_add(1);
        generation_.notify_all();
    }
    void serve(std::size_t i) {
        std::uint32_t seen = 0;
        while (true) {
            generation_.wait(seen);
            seen = generation_.load();
            if (call_ == nullptr) return;
            call_(context_, i);
            if (busy_.fetch_sub(1) == 1) busy_.notify_one();
        }
    }

    std::vector<std::thread> threads_;
    std::atomic<std::uint32_t> generation_{0}, busy_{0};
    void (*call_)(void*, std::size_t) = nullptr;
    void* context_ = nullptr;
};

}  // namespace diffusion::detail

namespace diffusion::nn {

/// How a batch is shared out.
struct lanes_options {
    std::size_t threads = 0;  ///< 0: as many as the machine has
    std::size_t lanes = 8;    ///< pieces of a training batch, and the most threads that work on it;
                              ///< with half as many a thread is 3 to 14 percent faster, most
                              ///< where a lane gets fewer than eight small images
    std::size_t chunk = 8;    ///< items that are evaluated at once when drawing
};

/// Runs a network on several threads with results that do not depend on how many there are.
///
/// A training batch is cut into a fixed number of lanes. Each lane goes forward and back on the
/// tape of whichever thread takes it, and the gradients are added in the order of the lanes: the
/// same bits for 1, 2 or 8 threads. In the threads, numbers too small for a normal float count as
/// zero.
template <class T>
class lanes {
public:
    explicit lanes(std::size_t threads = 0) : lanes(lanes_options{threads}) {}
    explicit lanes(const lanes_options& options)
        : options_(options), team_(count_threads(options.threads)) {
        diffusion::detail::require(options.lanes > 0, "diffusion::nn::lanes",
                                   "there must be at least one lane", options.lanes);
        diffusion::detail::require(options.chunk > 0, "diffusion::nn::lanes",
                                   "a chunk must have at least one item", options.chunk);
        for (std::size_t i = 0; i < team_.size(); ++i)
            workers_.push_back(std::make_unique<worker>());
    }

    std::size_t threads() const { return team_.size(); }

    /// One pass forward and back over a batch: fills model.gradient() with the gradient of the mean
    /// loss and returns that loss.
    ///
    /// `loss_of` is called as loss_of(tape, first, count) for each lane, at the same time on
    /// several threads, and returns the mean loss over the items first, ..., first + count - 1.
    template <class LossOf>
    double train(parameters<T>& model, std::size_t items, LossOf&& loss_of) {
        diffusion::detail::require(items > 0, "diffusion::nn::lanes::train",
                                   "the batch must not be empty", items);
        model.prepare(true, [&](std::size_t pieces, auto&& f) {
            std::atomic<std::size_t> next{0};
            run([&](worker&) {
                for (std::size_t i = next.fetch_add(1); i < pieces; i = next.fetch_add(1)) f(i);
            });
        });
        const std::size_t count = std::min(options_.lanes, items);
        std::atomic<std::size_t> next{0};
        detail::gradient_sum<T> sum{model};
        std::ranges::fill(model.gradient(), T(0));
        double loss = 0;
        run([&](worker& w) {
            w.gradient.resize(model);
            w.tape.collect(model,
                           {&w.gradient, [](void* to, auto... gradient) {
                                static_cast<detail::lane_gradient<T>*>(to)->take(gradient...);
                            }});
            for (std::size_t k = next.fetch_add(1); k < count; k = next.fetch_add(1)) {
                const std::size_t first = k * items / count, last = (k + 1) * items / count;
                const double part = static_cast<double>(last - first) / static_cast<double>(items);
                double lane_loss = 0;
                w.gradient.begin(sum, k);
                try {
                    const var<T> mean = loss_of(w.tape, first, last - first);
                    lane_loss = static_cast<double>(mean.item()) * part;
                    w.tape.backward(mean, static_cast<T>(part));
                } catch (...) {
                    fail(w);
                }
                w.gradient.finish([&] { loss += lane_loss; });
            }
            w.tape.collect_nothing();
        });
        return loss;
    }

    /// Calls f(tape, first, count) for consecutive chunks of `items`, several at the same time,
    /// with recording off.
    template <class F>
    void evaluate(std::size_t items, F&& f) {
        const std::size_t chunk = options_.chunk;
        std::atomic<std::size_t> next{0};
        const auto work = [&](worker& w) {
            try {
                without_recording off(w.tape);
                for (std::size_t k = next.fetch_add(chunk); k < items; k = next.fetch_add(chunk))
                    f(w.tape, k, std::min(chunk, items - k));
            } catch (...) {
                fail(w);
            }
        };
        run(work, items > chunk);
    }

    /// Bytes of intermediate values and gradients that the threads hold.
    std::size_t bytes_held() const {
        std::size_t sum = 0;
        for (const auto& w : workers_)
            sum += w->tape.memory().bytes_held() + w->gradient.bytes_held();
        return sum;
    }

private:
    struct worker {
        nn::tape<T> tape;
        detail::lane_gradient<T> gradient;
    };

    static std::size_t count_threads(std::size_t wanted) {
        return wanted > 0 ? wanted : std::max(1U, std::thread::hardware_concurrency());
    }

    /// Runs f(worker) on all threads, or on the caller's only, and passes on the first exception.
    template <class F>
    void run(F&& f, bool all = true) {
        if (all) {
            team_.run([&](std::size_t i) {
                const flush_denormals quick;
                f(*workers_[i]);
            });
        } else {
            const flush_denormals quick;
            f(*workers_[0]);
        }
        if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
    }

    void fail(worker& w) {
        w.tape.clear();
        const std::lock_guard<std::mutex> lock(mutex_);
        if (!failure_) failure_ = std::current_exception();
    }

    lanes_options options_;
    diffusion::detail::thread_team team_;
    std::vector<std::unique_ptr<worker>> workers_;
    std::mutex mutex_;
    std::exception_ptr failure_;
};

}  // namespace diffusion::nn
