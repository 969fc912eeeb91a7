#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <diffusion/detail/require.hpp>
#include <diffusion/nn/arena.hpp>
#include <diffusion/nn/conv/conv3x3.hpp>
#include <diffusion/nn/init.hpp>
#include <diffusion/nn/matches.hpp>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace diffusion::nn {

/// How the elements of a parameter lie in memory, and so how they are permuted in files, where
/// PyTorch's order holds.
enum class parameter_layout {
    plain,   ///< as in PyTorch: vectors, embedding tables
    linear,  ///< (in, out) here, (out, in) in PyTorch
    conv,    ///< (row, column, in, out) here, (out, in, row, column) in PyTorch
};

/// What is known about one parameter.
struct parameter_info {
    std::string name;                ///< dotted, as in PyTorch: "down.0.0.c1.weight"
    std::vector<std::size_t> sizes;  ///< in the order in which they lie in memory here
    parameter_layout layout = parameter_layout::plain;
    std::size_t offset = 0;  ///< of the first element in values()
    std::size_t size = 0;    ///< number of elements
    bool frozen = false;     ///< no gradient is computed, no optimiser changes it
    bool fixed = false;      ///< frozen by its layer, not by the user
    std::size_t convolution = static_cast<std::size_t>(-1);  ///< among the convolutions, or none
    std::size_t row = all_rows;  ///< of a table: the only one that is learned

    static constexpr std::size_t all_rows = static_cast<std::size_t>(-1);

    /// What is learned: so many elements from that one on in values().
    struct range {
        std::size_t first, count;
    };
    range learned() const {
        if (frozen) return {offset, 0};
        if (row == all_rows) return {offset, size};
        const std::size_t length = size / sizes[0];
        return {offset + row * length, length};
    }
};

/// The weights of a convolution in the form which its fast method wants; null where there is none.
template <class T>
struct prepared_weights {
    const T* forward = nullptr;
    const T* backward = nullptr;
};

template <class T>
class parameters;

/// A handle to one parameter, held by a layer; a small value. It lives as long as its `parameters`.
template <class T>
struct parameter {
    parameters<T>* owner = nullptr;
    std::size_t index = 0;

    explicit operator bool() const { return owner != nullptr; }
    const parameter_info& info() const { return owner->info(index); }
    std::span<const T> values() const {
        return std::as_const(*owner).values().subspan(info().offset, info().size);
    }
    std::span<T> change_values() const {
        return owner->change_values().subspan(info().offset, info().size);
    }
    std::span<T> gradient() const { return owner->gradient().subspan(info().offset, info().size); }
};

/// All parameters of a model and their gradient, each in one contiguous piece of memory.
///
/// Optimisers, averages and files work on the flat spans and on the list of names; layers hold
/// `parameter` handles. The object has a fixed place in memory, since the handles point to it.
/// Each parameter starts on a cache line; the few elements between them are zero for ever.
template <class T>
class parameters {
public:
    using scalar = T;

    /// An empty set; `seed` determines, together with each parameter's name, its initial values.
    explicit parameters(std::uint64_t seed = 0) : seed_(seed) {}
    parameters(const parameters&) = delete;
    parameters& operator=(const parameters&) = delete;

    /// Adds a parameter and fills it; throws std::invalid_argument if the name is taken.
    parameter<T> add(std::string name, std::vector<std::size_t> sizes, parameter_layout layout,
                     initial start) {
        diffusion::detail::require(find(name) == nullptr, "diffusion::nn::parameters::add",
                                   "each name is used once", name);
        parameter_info entry;
        entry.size = 1;
        for (std::size_t n : sizes) entry.size *= n;
        diffusion::detail::require(entry.size > 0, "diffusion::nn::parameters::add",
                                   "a parameter has at least one element", name);
        entry.name = std::move(name);
        entry.sizes = std::move(sizes);
        entry.layout = layout;
        entry.offset = values_.size();
        constexpr std::size_t line = alignment / sizeof(T);
        ++version_;
        values_.resize(entry.offset + (entry.size + line - 1) / line * line, T(0));
        gradient_.resize(values_.size(), T(0));
        fill(std::span<T>(values_).subspan(entry.offset, entry.size), start, seed_, entry.name);
        entries_.push_back(std::move(entry));
        return {this, entries_.size() - 1};
    }

    /// Adds the weights of a convolution; of `s`, all but batch and size count.
    parameter<T> add_convolution(std::string name, const conv_shape& s, initial start) {
        const parameter<T> p =
            add(std::move(name), {s.kernel, s.kernel, s.in, s.out}, parameter_layout::conv, start);
        keep_prepared(p, s);
        return p;
    }

    /// Adds the weights (in, out) of a linear layer: a convolution of one pixel.
    parameter<T> add_linear(std::string name, std::size_t in, std::size_t out, initial start) {
        const parameter<T> p = add(std::move(name), {in, out}, parameter_layout::linear, start);
        keep_prepared(p, {1, 1, 1, in, out, 1, 1});
        return p;
    }

    /// Number of trainable and frozen scalars, without padding.
    std::size_t count() const {
        std::size_t sum = 0;
        for (const parameter_info& entry : entries_) sum += entry.size;
        return sum;
    }

    /// Number of parameters (tensors).
    std::size_t size() const { return entries_.size(); }
    const parameter_info& info(std::size_t index) const { return entries_[index]; }
    const std::deque<parameter_info>& list() const { return entries_; }

    /// All values one after the other; `parameter_info::offset` says where each begins.
    std::span<const T> values() const { return values_; }

    /// The same for writing. Ask again for each change: the prepared forms of the weights count as
    /// stale from this call on.
    std::span<T> change_values() {
        ++version_;
        return values_;
    }

    /// The gradient of the last training step, laid out like values().
    std::span<T> gradient() { return gradient_; }
    std::span<const T> gradient() const { return gradient_; }

    /// The parameter with this name, or nullptr.
    const parameter_info* find(std::string_view name) const {
        for (const parameter_info& entry : entries_)
            if (entry.name == name) return &entry;
        return nullptr;
    }

    /// The parameter with this name; throws std::invalid_argument if there is none.
    parameter<T> at(std::string_view name) {
        for (std::size_t i = 0; i < entries_.size(); ++i)
            if (entries_[i].name == name) return {this, i};
        diffusion::detail::reject("diffusion::nn::parameters::at",
                                  "there must be a parameter of this name", name);
    }

    /// Freezes the parameter of this name and all below it: "down", "down.1", "down.*.bias",
    /// "*" (see `matches`). They get no gradient, no adjoint is recorded for what depends on no
    /// others, and neither optimiser nor average touches them. Returns how many there are; throws
    /// std::invalid_argument if there is none.
    std::size_t freeze(std::string_view pattern) {
        return set_frozen(pattern, true, "diffusion::nn::parameters::freeze");
    }

    /// Takes `freeze` back, except for what a layer never learns: see `fix`.
    std::size_t thaw(std::string_view pattern) {
        return set_frozen(pattern, false, "diffusion::nn::parameters::thaw");
    }

    /// Thaws one row of a table: the vector of a new word, learned while all else is frozen
    /// (textual inversion, Gal et al. 2023, section 3.2). `thaw` gives the other rows back.
    void thaw_row(std::string_view name, std::size_t row) {
        parameter_info& entry = entries_[at(name).index];
        diffusion::detail::require(entry.sizes.size() == 2 && row < entry.sizes[0],
                                   "diffusion::nn::parameters::thaw_row",
                                   "the parameter must be a table that has this row", row);
        entry.frozen = false;
        entry.row = row;
    }

    /// Freezes a parameter that its layer does not learn, such as a measured mean. Only its whole
    /// name thaws it.
    void fix(const parameter<T>& p) { entries_[p.index].frozen = entries_[p.index].fixed = true; }

    /// Brings the weights of all convolutions into the form that the fast methods want, if they
    /// have changed since: once per step, for all threads. `backward`: also for the way back.
    void prepare(bool backward) {
        prepare(backward, [](std::size_t count, auto&& f) {
            for (std::size_t i = 0; i < count; ++i) f(i);
        });
    }

    /// The same, with the work shared out: `share(count, f)` calls f(0), ..., f(count - 1) in any
    /// order on any threads.
    template <class Share>
    void prepare(bool backward, Share&& share) {
        // if all of them are more than a large cache holds, none will be there when it is read
        const bool past_caches = prepared_.size() * sizeof(T) > (std::size_t(16) << 20);
        if (forward_version_ != version_)
            share(convolutions_.size(), [&](std::size_t i) {
                const convolution& c = convolutions_[i];
                conv_prepare_forward(c.shape, values_.data() + entries_[c.parameter].offset,
                                     prepared_.data() + c.forward, past_caches);
            });
        if (backward && backward_version_ != version_)
            share(convolutions_.size(), [&](std::size_t i) {
                const convolution& c = convolutions_[i];
                conv_prepare_backward_data(c.shape, values_.data() + entries_[c.parameter].offset,
                                           prepared_.data() + c.backward, past_caches);
            });
        forward_version_ = version_;
        if (backward) backward_version_ = version_;
    }

    /// The prepared form of a parameter as far as it is up to date, else null pointers.
    prepared_weights<T> prepared(std::size_t index) const {
        const std::size_t place = entries_[index].convolution;
        if (place >= convolutions_.size()) return {};
        const convolution& c = convolutions_[place];
        prepared_weights<T> p;
        if (forward_version_ == version_) p.forward = prepared_.data() + c.forward;
        if (backward_version_ == version_) p.backward = prepared_.data() + c.backward;
        return p;
    }

private:
    /// Makes room for the prepared forms of p, the weights of the convolution s.
    void keep_prepared(const parameter<T>& p, const conv_shape& s) {
        convolution c;
        c.shape = s;
        c.parameter = p.index;
        c.forward = prepared_.size();
        constexpr std::size_t line = alignment / sizeof(T);
        const std::size_t room = (conv_prepared_size<T>(s) + line - 1) / line * line;
        c.backward = c.forward + room;
        prepared_.resize(c.backward + room);
        entries_[p.index].convolution = convolutions_.size();
        convolutions_.push_back(c);
    }

    std::size_t set_frozen(std::string_view pattern, bool frozen, const char* function) {
        const std::string below = std::string(pattern) + ".*";
        std::size_t found = 0;
        for (parameter_info& entry : entries_) {
            if (!matches(pattern, entry.name) && !matches(below, entry.name)) continue;
            ++found;
            if (entry.fixed && entry.name != pattern) continue;
            entry.frozen = frozen;
            entry.row = parameter_info::all_rows;
        }
        diffusion::detail::require(found > 0, function, "there must be a parameter whose name fits",
                                   pattern);
        return found;
    }

    struct convolution {
        conv_shape shape;
        std::size_t parameter = 0;
        std::size_t forward = 0, backward = 0;  // places in prepared_
    };

    std::uint64_t seed_;
    std::deque<parameter_info> entries_;
    aligned_vector<T> values_;
    aligned_vector<T> gradient_;
    std::vector<convolution> convolutions_;
    aligned_vector<T> prepared_;
    std::uint64_t version_ = 1, forward_version_ = 0, backward_version_ = 0;  // of values_
};

}  // namespace diffusion::nn
