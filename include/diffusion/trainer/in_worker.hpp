#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include <diffusion/trainer/data_source.hpp>

namespace diffusion {

/// A data source whose next batch is filled in a thread of its own, beside the training step on the
/// batch before. The batches are those of the source, to the bit: which thread fills them, and
/// whether it guessed right what would be wanted next, changes only the time.
///
/// An exception of the source in the thread is not lost: the batch counts as not filled, so the
/// caller fills it and meets the exception himself.
template <data_source Source>
class in_worker {
public:
    using batch = batch_of<Source>;

    explicit in_worker(Source source) : source_(std::move(source)), thread_([this] { serve(); }) {}
    in_worker(const in_worker&) = delete;
    in_worker& operator=(const in_worker&) = delete;
    ~in_worker() {
        {
            const std::lock_guard lock(mutex_);
            over_ = true;
        }
        changed_.notify_all();
        thread_.join();
    }

    std::size_t size() {
        const std::unique_lock lock = idle();
        return source_.size();
    }

    batch init(std::size_t items) {
        const std::unique_lock lock = idle();
        return source_.init(items);
    }

    void fill(batch& out, const batch_draw& draw) {
        {
            const std::unique_lock lock = idle();
            const bool fits = next_ && next_->items() == out.items();
            if (fits && filled_ && wanted_ == draw) {
                std::swap(out, *next_);
            } else {
                source_.fill(out, draw);
                if (!fits) next_.emplace(source_.init(out.items()));
            }
            filled_ = false;
            wanted_ = {draw.seed, draw.index + 1};
            busy_ = true;
        }
        changed_.notify_all();
    }

private:
    /// Waits until the thread is not at work; it stays so while the lock is held.
    std::unique_lock<std::mutex> idle() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return !busy_; });
        return lock;
    }

    void serve() {
        std::unique_lock lock(mutex_);
        while (true) {
            changed_.wait(lock, [this] { return busy_ || over_; });
            if (over_) return;
            lock.unlock();
            bool filled = true;
            try {
                source_.fill(*next_, wanted_);
            } catch (...) {
                filled = false;
            }
            lock.lock();
            filled_ = filled;
            busy_ = false;
            changed_.notify_all();
        }
    }

    Source source_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::optional<batch> next_;  // while busy_ the thread's alone, like source_ and wanted_
    batch_draw wanted_;
    bool busy_ = false, filled_ = false, over_ = false;
    std::thread thread_;  // last: it uses all of the above
};

}  // namespace diffusion
