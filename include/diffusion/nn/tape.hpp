#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <diffusion/detail/require.hpp>
#include <diffusion/nn/arena.hpp>
#include <diffusion/nn/conv/workspace.hpp>
#include <diffusion/nn/parameter.hpp>
#include <diffusion/nn/shape.hpp>
#include <diffusion/nn/tape/adjoint_slot.hpp>
#include <diffusion/nn/tape/closure_stack.hpp>
#include <diffusion/nn/tape/mode.hpp>
#include <diffusion/nn/tape/var.hpp>
#include <span>
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
struct attention_map;

/// Who wants to see attention maps: nobody, or call(who, map). See `attention_hook`.
template <class T>
struct map_watcher {
    void* who = nullptr;
    void (*call)(void* who, const attention_map<T>& map) = nullptr;
};

/// Who counts the work of matrix products: nobody, or call(who, weights, operations), where a
/// multiplication and an addition are two operations and `weights` is null for a product of two
/// values. See `summary`.
struct work_counter {
    void* who = nullptr;
    void (*call)(void* who, const void* weights, double operations) = nullptr;
};

/// Who takes the gradients of parameters: call(who, parameter's index, gradient, complete). It must
/// not throw nor use the tape, and the numbers are there only during the call.
template <class T>
struct gradient_taker {
    void* who = nullptr;
    void (*call)(void* who, std::size_t index, std::span<const T> gradient,
                 bool complete) = nullptr;
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

    /// A value of the user's that needs no gradient, of at least one element. Viewed, not copied:
    /// `data` must stay in place.
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
        const bool taken = p.owner == taken_of_;
        node_record node;
        node.shape = {1, 1, 1, info.size};
        node.value = const_cast<T*>(std::as_const(*p.owner).values().data() + info.offset);
        node.needs_gradient =
            mode_.recording && mode_.collecting && !info.frozen && (taken || gradient != nullptr);
        if (!node.needs_gradient) return make(node);
        if (!taken) {
            node.gradient = gradient + info.offset;
            return make(node);
        }
        if (!mode_.keeping) computed_twice_[p.index] = true;
        std::uint32_t& in_use = in_use_[p.index];
        if (in_use == nobody) {
            node.parameter = p.index;
            var<T> first = make(node);
            in_use = first.node_;
            return first;
        }
        hold_value(in_use);
        return var<T>(this, in_use);
    }

    /// From now on adjoints add the gradients of the parameters of `owner` to `gradient`, which is
    /// laid out like owner.values() and zeroed by the caller.
    void collect(const parameters<T>& owner, std::span<T> gradient) {
        diffusion::detail::require(
            gradient.size() == owner.values().size(), "diffusion::nn::tape::collect",
            "the gradient must have as many elements as the values", gradient.size());
        if (&owner == taken_of_) take_nothing();
        for (binding& b : bindings_)
            if (b.owner == &owner) return void(b.gradient = gradient.data());
        bindings_.push_back({&owner, gradient.data()});
    }

    /// From now on, and instead of for all owners before, `taker` is given the gradient of each
    /// parameter of `owner` that the loss depends on, as soon as `backward` has passed by all
    /// operations that used it: it is in the caches then, and its memory serves the next. Where
    /// pieces of the way forward are computed a second time, a parameter is given once for each
    /// piece that uses it, not `complete`, and the gradient is the sum, added up in that order.
    void collect(const parameters<T>& owner, gradient_taker<T> taker) {
        collect_nothing();
        in_use_.assign(owner.size(), nobody);
        computed_twice_.assign(owner.size(), false);
        taken_of_ = &owner;
        taker_ = taker;
    }

    /// Forgets all `collect`.
    void collect_nothing() {
        take_nothing();
        bindings_.clear();
    }

    // ---- for operations -------------------------------------------------------------------------

    /// A new value, uninitialised, that depends on `inputs` (empty handles count for nothing).
    template <class... Inputs>
    var<T> result(const nn::shape& s, const Inputs&... inputs) {
        node_record node;
        node.shape = s;
        node.value = arena_.take(s.size());
        node.owns_value = true;
        node.needs_gradient = mode_.recording && ((inputs && inputs.needs_gradient()) || ...);
        return make(node);
    }

    /// A new value that takes over the memory of `from`, which must be its sole owner.
    template <class... Inputs>
    var<T> overwrite(var<T> from, const Inputs&... inputs) {
        node_record node;
        node.shape = from.shape();
        node.owns_value = true;
        node.needs_gradient = mode_.recording && (from.needs_gradient() ||
                                                  ((inputs && inputs.needs_gradient()) || ...));
        node.value = std::exchange(at(from.node_).value, nullptr);
        at(from.node_).owns_value = false;
        return make(node);
    }

    /// Leaves `adjoint` for `backward`, which calls it with the slot of `result` once its gradient
    /// is complete. Nothing is kept if no gradient of `result` is needed or the loss does not
    /// depend on it.
    template <class Adjoint>
    void record(const var<T>& result, Adjoint adjoint) {
        if (!mode_.keeping || !result.needs_gradient()) return;
        struct closure {
            adjoint_slot<T> result;
            Adjoint adjoint;
            void operator()() {
                if (result.read() != nullptr) adjoint(std::as_const(result));
            }
        };
        adjoints_.template push<closure>(adjoint_slot<T>(result), std::move(adjoint));
    }

    /// A value of its own with the elements of `v`, for which no adjoint is recorded yet.
    var<T> copy(const var<T>& v) {
        const var<T> y = result(v.shape(), v);
        std::copy_n(v.data(), v.size(), y.fill());
        return y;
    }

    /// Frees the memory of y until `compute_again`, where adjoints are kept; tells whether. Nobody
    /// may read y in between.
    bool put_off(const var<T>& y) {
        if (!mode_.recording || !mode_.keeping || !at(y.node_).owns_value) return false;
        arena_.give(std::exchange(at(y.node_).value, nullptr));
        at(y.node_).owns_value = false;
        return true;
    }

    /// Gives y, which was put off, the value that f() computes as it did before.
    template <class F>
    void compute_again(const var<T>& y, F&& f) {
        const scoped_mode<T> once(*this, {true, false, false});
        const nn::work_counter counter = std::exchange(counter_, {});
        const var<T> again = f();
        counter_ = counter;
        node_record &from = at(again.node_), &to = at(y.node_);
        to.value = std::exchange(from.value, nullptr);
        to.owns_value = std::exchange(from.owns_value, false);
    }

    /// Frees the memory of y, whose value f() computed, until `backward` comes by and f() computes
    /// it again for the adjoints recorded so far. Nobody else may read y in between.
    template <class F>
    void forget(const var<T>& y, F f) {
        if (y.sole_owner() || !put_off(y)) return;  // no adjoint wants it
        struct closure {
            var<T> y;
            F f;
            void operator()() { y.tape().compute_again(y, f); }
        };
        adjoints_.template push<closure>(y, std::move(f));
    }

    /// Memory of values, gradients and scratch.
    arena<T>& memory() { return arena_; }
    const arena<T>& memory() const { return arena_; }

    /// Scratch of the convolutions.
    workspace& scratch() { return scratch_; }

    /// What is shown the attention maps that are computed on this tape; `attention_hook` sets it.
    map_watcher<T>& attention_watcher() { return watcher_; }

    /// Who counts the work that is done on this tape going forward; `summary` sets it.
    nn::work_counter& work_counter() { return counter_; }

    /// For operations that are products: tells the counter.
    void count(const T* weights, double operations) const {
        if (counter_.call != nullptr) counter_.call(counter_.who, weights, operations);
    }

    // ---- differentiation ------------------------------------------------------------------------

    /// Whether adjoints are being recorded. Off, nothing is kept beyond the user's own handles.
    bool recording() const { return mode_.recording; }
    void recording(bool on) { mode_.recording = on; }

    /// The same and more; to change it for a scope: `scoped_mode`.
    const tape_mode& mode() const { return mode_; }
    void mode(const tape_mode& mode) { mode_ = mode; }

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
        for (const std::uint32_t n : in_use_)  // of which the user still has handles
            if (n != nobody) hand_over(n);
        computed_twice_.assign(computed_twice_.size(), false);
    }

    /// Number of adjoints recorded now.
    std::size_t recorded() const { return adjoints_.size(); }

    /// Runs and removes the adjoints after the first `mark` ones: for operations which record a
    /// piece of tape of their own while going back (recomputation instead of memory).
    void walk_back(std::size_t mark) {
        while (adjoints_.size() > mark) {
            adjoints_.run();
            adjoints_.pop();
        }
    }

    /// Removes all adjoints without running them. Gradients of parameters that are not complete yet
    /// are handed to nobody.
    void clear() {
        for (const std::uint32_t n : in_use_)
            if (n != nobody) free_gradient(at(n));
        computed_twice_.assign(computed_twice_.size(), false);
        while (adjoints_.size() > 0) adjoints_.pop();
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
        std::size_t parameter = nobody;  // whose gradient the taker wants
    };
    struct binding {
        const parameters<T>* owner;
        T* gradient;
    };

    static constexpr std::uint32_t nobody = static_cast<std::uint32_t>(-1);

    node_record& at(std::uint32_t node) { return nodes_[node]; }

    var<T> view(const nn::shape& s, const T* data, bool needs_gradient) {
        // here, so that no operation needs to think of images without pixels
        diffusion::detail::require_shape(s.size() > 0, "diffusion::nn::tape",
                                         "a value must have at least one element", s);
        node_record node;
        node.shape = s;
        node.value = const_cast<T*>(data);  // never written: the node does not own it
        node.needs_gradient = mode_.recording && needs_gradient;
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
        if (node.parameter != nobody) {
            hand_over(n);
            in_use_[std::exchange(node.parameter, nobody)] = nobody;
        }
        free_gradient(node);
        unused_.push_back(n);
    }

    void free_gradient(node_record& node) noexcept {
        if (node.owns_gradient) arena_.give(node.gradient);
        node.gradient = nullptr;
        node.owns_gradient = false;
    }

    /// Gives the taker what has come together for a parameter; what comes later is given later.
    void hand_over(std::uint32_t n) noexcept {
        node_record& node = nodes_[n];
        if (node.gradient == nullptr) return;
        taker_.call(taker_.who, node.parameter, {node.gradient, node.shape.size()},
                    !computed_twice_[node.parameter]);
        free_gradient(node);
    }

    void take_nothing() {
        for (const std::uint32_t n : in_use_)
            if (n != nobody) at(n).parameter = nobody;
        in_use_.clear();
        taken_of_ = nullptr;
    }

    arena<T> arena_;
    workspace scratch_;
    map_watcher<T> watcher_;
    nn::work_counter counter_;
    tape_mode mode_;
    std::vector<binding> bindings_;
    const parameters<T>* taken_of_ = nullptr;
    gradient_taker<T> taker_;
    std::vector<std::uint32_t> in_use_;  // the node of each of its parameters, or nobody
    std::vector<bool> computed_twice_;   // those used by a piece that will be computed again
    std::vector<node_record> nodes_;
    std::vector<std::uint32_t> unused_;  // places in nodes_
    closure_stack adjoints_;
};

}  // namespace diffusion::nn
