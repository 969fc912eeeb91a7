#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <diffusion/detail/require.hpp>
#include <diffusion/nn/shape.hpp>
#include <span>
#include <utility>

namespace diffusion::nn {

template <class T>
class tape;

/// A handle to a value on a tape; copies share the value. The tape must outlive it.
template <class T>
class var {
public:
    using scalar = T;

    var() = default;
    var(const var& other) : tape_(other.tape_), node_(other.node_) {
        if (tape_ != nullptr) tape_->hold_value(node_);
    }
    var(var&& other) noexcept : tape_(std::exchange(other.tape_, nullptr)), node_(other.node_) {}
    var& operator=(var other) noexcept {
        std::swap(tape_, other.tape_);
        std::swap(node_, other.node_);
        return *this;
    }
    ~var() {
        if (tape_ != nullptr) tape_->drop_value(node_);
    }

    /// False for a default-constructed or moved-from handle.
    explicit operator bool() const { return tape_ != nullptr; }

    /// The tape that the value is on.
    nn::tape<T>& tape() const { return *tape_; }

    /// Sizes of the value.
    nn::shape shape() const { return tape_->at(node_).shape; }
    std::size_t size() const { return shape().size(); }

    /// The elements, in the order item, row, column, channel.
    const T* data() const { return tape_->at(node_).value; }
    std::span<const T> values() const& { return {data(), size()}; }
    std::span<const T> values() const&& = delete;  // they are gone with the handle: keep it

    /// The only element of a value of size 1, such as a loss.
    T item() const {
        diffusion::detail::require(size() == 1, "diffusion::nn::var::item",
                                   "the value must have one element", size());
        return *data();
    }

    /// The elements for writing: for the operation that makes the value, before anyone reads it.
    T* fill() const { return tape_->at(node_).value; }

    /// Whether adjoints are recorded for what is computed from this value.
    bool needs_gradient() const { return tape_->at(node_).needs_gradient; }

    /// dL/d(value) after `backward`, as long as this handle lives; empty if L does not depend on
    /// it.
    std::span<const T> gradient() const& {
        const auto& node = tape_->at(node_);
        return {node.gradient, node.gradient == nullptr ? 0 : node.shape.size()};
    }
    std::span<const T> gradient() const&& = delete;

    /// Whether this is the only handle, so that an operation which was given it for good may write
    /// its result over it.
    bool sole_owner() const {
        return tape_->at(node_).value_handles == 1 && tape_->at(node_).owns_value;
    }

private:
    friend class nn::tape<T>;
    template <class>
    friend class adjoint_slot;
    var(nn::tape<T>* tape, std::uint32_t node) : tape_(tape), node_(node) {}

    nn::tape<T>* tape_ = nullptr;
    std::uint32_t node_ = 0;
};

/// A `var`, or what layers can be called with in place of one, such as a `dual`.
template <class X, class T>
concept on_tape = requires(const X& x) {
    { x.tape() } -> std::same_as<nn::tape<T>&>;
    { x.shape() } -> std::same_as<nn::shape>;
};

}  // namespace diffusion::nn
