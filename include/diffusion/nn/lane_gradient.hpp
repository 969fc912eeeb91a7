#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <diffusion/nn/parameter.hpp>
#include <span>
#include <utility>
#include <vector>

namespace diffusion::nn::detail {

/// What all lanes of a batch add their gradients to, one lane after the other.
template <class T>
struct gradient_sum {
    parameters<T>& model;              // sums into model.gradient()
    std::atomic<std::size_t> turn{0};  // the lane that may add now
};

/// One lane's share of a `gradient_sum`: takes gradients as a tape hands them over, and adds them
/// at once if they are complete and it is the lane's turn; else keeps them until it is.
///
/// Whether it is the lane's turn is chance, and must not be seen in the sums. So the numbers of a
/// parameter are added in the order of the lanes, and those of a lane in the order in which they
/// came, one by one; only pieces before the first complete gradient are added up first.
template <class T>
class lane_gradient {
public:
    /// Makes room for the gradients of this model; `take` allocates nothing.
    void resize(const parameters<T>& model) {
        kept_.resize(model.values().size());
        is_kept_.assign(model.size(), false);
        was_complete_.assign(model.size(), false);
        indices_.reserve(model.size());
    }

    void begin(gradient_sum<T>& sum, std::size_t lane) {
        sum_ = &sum;
        lane_ = lane;
        was_complete_.assign(was_complete_.size(), false);
    }

    void take(std::size_t index, std::span<const T> gradient, bool complete) {
        if (was_complete_[index] || (complete && is_kept_[index])) {
            wait_for_turn();
            if (is_kept_[index]) add_kept(index);
        }
        if (complete) was_complete_[index] = true;
        if (was_complete_[index] && sum_->turn.load() == lane_) return add(index, gradient.data());
        T* kept = kept_.data() + info(index).offset;
        if (is_kept_[index]) {
            for (std::size_t i = 0; i < gradient.size(); ++i) kept[i] += gradient[i];
            return;
        }
        std::ranges::copy(gradient, kept);
        is_kept_[index] = true;
        indices_.push_back(index);
    }

    /// Adds what is still kept when it is this lane's turn, which is over then. `last` is called
    /// before: also in the order of the lanes.
    template <class Last>
    void finish(Last&& last) {
        wait_for_turn();
        for (const std::size_t index : indices_)
            if (is_kept_[index]) add_kept(index);
        indices_.clear();
        last();
        sum_->turn.store(lane_ + 1);
        sum_->turn.notify_all();
    }

    std::size_t bytes_held() const { return kept_.size() * sizeof(T); }

private:
    const parameter_info& info(std::size_t index) const { return sum_->model.info(index); }

    // Lanes are handed out in order, so whoever is waited for here is at work.
    void wait_for_turn() const {
        for (std::size_t t = sum_->turn.load(); t != lane_; t = sum_->turn.load())
            sum_->turn.wait(t);
    }

    void add_kept(std::size_t index) {
        add(index, kept_.data() + info(index).offset);
        is_kept_[index] = false;
    }

    void add(std::size_t index, const T* share) {
        T* sum = sum_->model.gradient().data() + info(index).offset;
        for (std::size_t i = 0, n = info(index).size; i < n; ++i) sum[i] += share[i];
    }

    gradient_sum<T>* sum_ = nullptr;
    std::size_t lane_ = 0;
    aligned_vector<T> kept_;  // laid out like model.gradient()
    std::vector<bool> is_kept_, was_complete_;
    std::vector<std::size_t> indices_;  // of those that were kept; each at most once
};

}  // namespace diffusion::nn::detail
