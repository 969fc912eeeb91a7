#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <diffusion/nn/arena.hpp>
#include <diffusion/nn/tape/var.hpp>
#include <utility>

namespace diffusion::nn {

/// What an adjoint holds of a value of which it needs only the gradient; does not keep the value.
template <class T>
class adjoint_slot {
public:
    adjoint_slot() = default;
    explicit adjoint_slot(const var<T>& v) : tape_(v.tape_), node_(v.node_) {
        if (tape_ != nullptr) tape_->hold_node(node_);
    }
    adjoint_slot(const adjoint_slot& other) : tape_(other.tape_), node_(other.node_) {
        if (tape_ != nullptr) tape_->hold_node(node_);
    }
    adjoint_slot(adjoint_slot&& other) noexcept
        : tape_(std::exchange(other.tape_, nullptr)), node_(other.node_) {}
    adjoint_slot& operator=(adjoint_slot other) noexcept {
        std::swap(tape_, other.tape_);
        std::swap(node_, other.node_);
        return *this;
    }
    ~adjoint_slot() {
        if (tape_ != nullptr) tape_->drop_node(node_);
    }

    /// Whether this value's gradient is to be computed at all.
    bool wanted() const { return tape_ != nullptr && tape_->at(node_).needs_gradient; }

    std::size_t size() const { return tape_->at(node_).shape.size(); }

    /// The tape's memory, for scratch.
    arena<T>& memory() const { return tape_->memory(); }

    /// The complete gradient, or nullptr if the loss does not depend on the value.
    const T* read() const { return tape_->at(node_).gradient; }

    /// Where to put this operation's share of the gradient. With `first` the memory is
    /// uninitialised and to be overwritten, else the share is to be added.
    struct destination {
        T* data;
        bool first;
    };
    destination write() const {
        auto& node = tape_->at(node_);
        if (node.gradient != nullptr) return {node.gradient, false};
        node.gradient = tape_->memory().take(node.shape.size());
        node.owns_gradient = true;
        return {node.gradient, true};
    }

    /// The same for an adjoint that is the last to read the gradient of `result`, and reads each of
    /// its elements before it writes that of its own share: the memory changes hands if possible.
    destination write_over(const adjoint_slot<T>& result) const {
        return take_memory(result) ? destination{tape_->at(node_).gradient, true} : write();
    }

    /// Where to add this operation's share, zeroed if it is the first.
    T* write_zeroed() const {
        const destination to = write();
        if (to.first) std::fill_n(to.data, size(), T(0));
        return to.data;
    }

    /// Adds `share` (size() elements) to the gradient.
    void add(const T* share) const {
        const destination to = write();
        if (to.first) {
            std::copy_n(share, size(), to.data);
        } else {
            for (std::size_t i = 0, n = size(); i < n; ++i) to.data[i] += share[i];
        }
    }

    /// Adds the gradient of `result`, which this adjoint is the last to read: the memory itself
    /// changes hands where that is possible.
    void take_over(const adjoint_slot& result) const {
        if (!take_memory(result)) add(result.read());
    }

private:
    /// Makes the gradient of `result` this one's, if this is the first share of this one and nobody
    /// else can see the other.
    bool take_memory(const adjoint_slot& result) const {
        auto& from = tape_->at(result.node_);
        auto& to = tape_->at(node_);
        if (to.gradient != nullptr || !from.owns_gradient || from.handles != 1) return false;
        to.gradient = from.gradient;
        to.owns_gradient = std::exchange(from.owns_gradient, false);
        return true;
    }

    nn::tape<T>* tape_ = nullptr;
    std::uint32_t node_ = 0;
};

/// Where an adjoint that can only overwrite puts its share: the gradient itself if it is the first,
/// else memory of its own, which `finish` adds.
template <class T>
class overwritten_share {
public:
    explicit overwritten_share(const adjoint_slot<T>& slot) : slot_(slot) {
        if (slot.wanted()) {
            const auto to = slot.write();
            first_ = to.first;
            data_ = to.data;
        }
        if (!first_) {
            share_ = arena_block<T>(slot.memory(), slot.size());
            data_ = share_.data();
        }
    }
    T* data() { return data_; }
    void finish() const {
        if (!first_ && slot_.wanted()) slot_.add(share_.data());
    }

private:
    const adjoint_slot<T>& slot_;
    bool first_ = false;
    T* data_ = nullptr;
    arena_block<T> share_;
};

}  // namespace diffusion::nn
