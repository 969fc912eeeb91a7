#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <diffusion/detail/require.hpp>
#include <diffusion/nn/arena.hpp>
#include <diffusion/nn/conv/workspace.hpp>
#include <diffusion/nn/parameter.hpp>
#include <diffusion/nn/shape.hpp>
#include <memory>
#include <new>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

/// Reverse-mode differentiation of ordinary code ("define by run").
///
/// An operation computes its result at once and, if a gradient will be wanted, leaves an adjoint on
/// the tape: a closure that, given dL/d(result), adds dL/d(input) to each input. `backward(loss)`
/// runs the adjoints from the last to the first. That is the chain rule, in the order in which
/// every dL/d(value) is complete before it is passed on (Linnainmaa 1970; Griewank and Walther
/// 2008, ch. 3).
///
/// Memory follows from ownership. A `var` is a counted handle to a value. An adjoint captures
/// `var`s of the values that it will read, and `adjoint_slot`s of those whose gradients it reads or
/// adds to. When the last handle is gone the memory returns to the arena: a value that no adjoint
/// needs disappears on the way forward, all others on the way back, and without recording
/// everything does as soon as the user's code lets go of it.
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
    std::span<const T> values() const { return {data(), size()}; }

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
    std::span<const T> gradient() const {
        const auto& node = tape_->at(node_);
        return {node.gradient, node.gradient == nullptr ? 0 : node.shape.size()};
    }

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
        auto& from = tape_->at(result.node_);
        auto& to = tape_->at(node_);
        if (to.gradient == nullptr && from.owns_gradient && from.handles == 1) {
            to.gradient = std::exchange(from.gradient, nullptr);
            to.owns_gradient = std::exchange(from.owns_gradient, false);
        } else {
            add(from.gradient);
        }
    }

private:
    nn::tape<T>* tape_ = nullptr;
    std::uint32_t node_ = 0;
};

/// Values and recorded adjoints of one thread. Not copied, not moved, not shared between threads.
template <class T>
class tape {
public:
    using scalar = T;

    tape() = default;
    tape(const tape&) = delete;
    tape& operator=(const tape&) = delete;
    ~tape() { clear(); }

    // ---- values from outside --------------------------------------------------------------------

    /// A value of the user's that needs no gradient. Viewed, not copied: `data` must stay in place.
    var<T> constant(const nn::shape& s, const T* data) { return view(s, data, false); }

    /// A value of the user's whose gradient is wanted: read `gradient()` of the handle after
    /// `backward` (guidance by a classifier, a single embedding that is learned). Viewed, not
    /// copied.
    var<T> input(const nn::shape& s, const T* data) { return view(s, data, true); }

    /// The value of a parameter. Its gradient is collected if the parameter's owner was bound with
    /// `collect` and the parameter is not frozen.
    var<T> use(const parameter<T>& p) {
        const parameter_info& info = p.info();
        T* gradient = nullptr;
        for (const binding& b : bindings_)
            if (b.owner == p.owner) gradient = b.gradient;
        node_record node;
        node.shape = {1, 1, 1, info.size};
        node.value = const_cast<T*>(std::as_const(*p.owner).values().data() + info.offset);
        node.needs_gradient = recording_ && gradient != nullptr && !info.frozen;
        if (node.needs_gradient) node.gradient = gradient + info.offset;
        return make(node);
    }

    /// From now on adjoints add the gradients of the parameters of `owner` to `gradient`, which is
    /// laid out like owner.values() and zeroed by the caller.
    void collect(const parameters<T>& owner, std::span<T> gradient) {
        diffusion::detail::require(
            gradient.size() == owner.values().size(), "diffusion::nn::tape::collect",
            "the gradient must have as many elements as the values", gradient.size());
        for (binding& b : bindings_)
            if (b.owner == &owner) return void(b.gradient = gradient.data());
        bindings_.push_back({&owner, gradient.data()});
    }

    /// Forgets all `collect`.
    void collect_nothing() { bindings_.clear(); }

    // ---- for operations -------------------------------------------------------------------------

    /// A new value, uninitialised, that depends on `inputs` (empty handles count for nothing).
    template <class... Inputs>
    var<T> result(const nn::shape& s, const Inputs&... inputs) {
        node_record node;
        node.shape = s;
        node.value = arena_.take(s.size());
        node.owns_value = true;
        node.needs_gradient = recording_ && ((inputs && inputs.needs_gradient()) || ...);
        return make(node);
    }

    /// A new value that takes over the memory of `from`, which must be its sole owner.
    template <class... Inputs>
    var<T> overwrite(var<T> from, const Inputs&... inputs) {
        node_record node;
        node.shape = from.shape();
        node.owns_value = true;
        node.needs_gradient =
            recording_ && (from.needs_gradient() || ((inputs && inputs.needs_gradient()) || ...));
        node.value = std::exchange(at(from.node_).value, nullptr);
        at(from.node_).owns_value = false;
        return make(node);
    }

    /// Leaves `adjoint` for `backward`, which calls it with the slot of `result` once its gradient
    /// is complete. Nothing is kept if no gradient of `result` is needed or the loss does not
    /// depend on it.
    template <class Adjoint>
    void record(const var<T>& result, Adjoint adjoint) {
        if (!result.needs_gradient()) return;
        struct closure {
            adjoint_slot<T> result;
            Adjoint adjoint;
        };
        static_assert(alignof(closure) <= alignof(std::max_align_t));
        static_assert(sizeof(closure) <= page_size);
        constexpr std::size_t unit = alignof(std::max_align_t);
        constexpr std::size_t room = (sizeof(closure) + unit - 1) / unit * unit;
        entry e;
        e.page = page_;
        e.used = used_;
        if (used_ + room > page_size) {
            ++page_;
            used_ = 0;
        }
        if (page_ == pages_.size()) pages_.push_back(std::make_unique<page>());
        e.place =
            new (pages_[page_]->bytes + used_) closure{adjoint_slot<T>(result), std::move(adjoint)};
        used_ += room;
        e.run = [](void* place) {
            closure& c = *static_cast<closure*>(place);
            if (c.result.read() != nullptr) c.adjoint(c.result);
        };
        e.destroy = [](void* place) { static_cast<closure*>(place)->~closure(); };
        entries_.push_back(e);
    }

    /// Memory of values, gradients and scratch.
    arena<T>& memory() { return arena_; }
    const arena<T>& memory() const { return arena_; }

    /// Scratch of the convolutions.
    workspace& scratch() { return scratch_; }

    // ---- differentiation ------------------------------------------------------------------------

    /// Whether adjoints are being recorded. Off, nothing is kept beyond the user's own handles.
    bool recording() const { return recording_; }
    void recording(bool on) { recording_ = on; }

    /// Runs all adjoints from the last to the first, with dL/d(loss) = `seed`, and clears the tape:
    /// afterwards the collected gradients are complete, and so are those of handles still alive.
    void backward(const var<T>& loss, T seed = T(1)) {
        diffusion::detail::require(loss && loss.size() == 1, "diffusion::nn::tape::backward",
                                   "the loss must be a single number");
        backward(loss, std::span<const T>(&seed, 1));
    }

    /// The same for a value of any size, with dL/d(value) given: the vector-Jacobian product.
    void backward(const var<T>& value, std::span<const T> seed) {
        diffusion::detail::require(
            value && seed.size() == value.size(), "diffusion::nn::tape::backward",
            "there must be one number for each element of the value", seed.size());
        if (value.needs_gradient()) adjoint_slot<T>(value).add(seed.data());
        walk_back(0);
    }

    /// Number of adjoints recorded now.
    std::size_t recorded() const { return entries_.size(); }

    /// Runs and removes the adjoints after the first `mark` ones: for operations which record a
    /// piece of tape of their own while going back (recomputation instead of memory).
    void walk_back(std::size_t mark) {
        while (entries_.size() > mark) {
            entries_.back().run(entries_.back().place);
            pop();
        }
    }

    /// Removes all adjoints without running them.
    void clear() {
        while (!entries_.empty()) pop();
    }

private:
    friend class var<T>;
    friend class adjoint_slot<T>;

    struct node_record {
        nn::shape shape;
        T* value = nullptr;
        T* gradient = nullptr;
        std::uint32_t value_handles = 0;  // vars
        std::uint32_t handles = 0;        // vars and adjoint_slots
        bool owns_value = false;          // else it is the user's or a parameter's
        bool owns_gradient = false;
        bool needs_gradient = false;
    };
    struct entry {
        void* place;
        void (*run)(void*);
        void (*destroy)(void*);
        std::size_t page, used;  // where the room for closures ended before this one
    };
    struct binding {
        const parameters<T>* owner;
        T* gradient;
    };
    static constexpr std::size_t page_size = 16384;
    struct page {
        alignas(std::max_align_t) unsigned char bytes[page_size];
    };

    node_record& at(std::uint32_t node) { return nodes_[node]; }

    var<T> view(const nn::shape& s, const T* data, bool needs_gradient) {
        node_record node;
        node.shape = s;
        node.value = const_cast<T*>(data);  // never written: the node does not own it
        node.needs_gradient = recording_ && needs_gradient;
        return make(node);
    }

    var<T> make(node_record node) {
        node.value_handles = node.handles = 1;
        if (unused_.empty()) {
            nodes_.push_back(node);
            unused_.reserve(nodes_.capacity());  // so that dropping never allocates
            return var<T>(this, static_cast<std::uint32_t>(nodes_.size() - 1));
        }
        const std::uint32_t place = unused_.back();
        unused_.pop_back();
        nodes_[place] = node;
        return var<T>(this, place);
    }

    void hold_node(std::uint32_t n) { ++nodes_[n].handles; }
    void hold_value(std::uint32_t n) {
        ++nodes_[n].handles;
        ++nodes_[n].value_handles;
    }
    void drop_value(std::uint32_t n) noexcept {
        node_record& node = nodes_[n];
        if (--node.value_handles == 0 && node.owns_value) {
            arena_.give(node.value);
            node.value = nullptr;
            node.owns_value = false;
        }
        drop_node(n);
    }
    void drop_node(std::uint32_t n) noexcept {
        node_record& node = nodes_[n];
        if (--node.handles != 0) return;
        if (node.owns_gradient) arena_.give(node.gradient);
        node.gradient = nullptr;
        unused_.push_back(n);
    }

    void pop() {
        const entry last = entries_.back();
        entries_.pop_back();
        last.destroy(last.place);
        page_ = last.page;
        used_ = last.used;
    }

    arena<T> arena_;
    workspace scratch_;
    bool recording_ = true;
    std::vector<binding> bindings_;
    std::vector<node_record> nodes_;
    std::vector<std::uint32_t> unused_;  // places in nodes_
    std::vector<entry> entries_;
    std::vector<std::unique_ptr<page>> pages_;
    std::size_t page_ = 0, used_ = 0;
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

/// Switches recording off for the rest of a scope.
template <class T>
class without_recording {
public:
    explicit without_recording(tape<T>& t) : tape_(t), before_(t.recording()) {
        t.recording(false);
    }
    without_recording(const without_recording&) = delete;
    without_recording& operator=(const without_recording&) = delete;
    ~without_recording() { tape_.recording(before_); }

private:
    tape<T>& tape_;
    bool before_;
};

template <class T>
without_recording(tape<T>&) -> without_recording<T>;

}  // namespace diffusion::nn

namespace diffusion::detail {

/// Checks shapes while a network runs: "function: rule, got (2, 8, 8, 3) and (2, 4, 4, 3)".
inline void require_shapes(bool ok, const char* function, const char* rule, const nn::shape& a,
                           const nn::shape& b) {
    if (!ok)
        throw std::invalid_argument(std::string(function) + ": " + rule + ", got " +
                                    nn::to_string(a) + " and " + nn::to_string(b));
}

/// The same with one shape.
inline void require_shape(bool ok, const char* function, const char* rule, const nn::shape& s) {
    if (!ok)
        throw std::invalid_argument(std::string(function) + ": " + rule + ", got " +
                                    nn::to_string(s));
}

}  // namespace diffusion::detail
