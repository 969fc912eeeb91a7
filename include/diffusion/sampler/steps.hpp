#pragma once
// L5: the loop turned inside out: a range of steps, done one by one as the caller asks for them.

#include <cstddef>
#include <span>  // declares the tags of iterators; <iterator> would bring in all of streams
#include <type_traits>
#include <utility>

#include <diffusion/sampler/observer.hpp>
#include <diffusion/sampler/sampler.hpp>

namespace diffusion {

/// The range behind `steps`; single pass. Each increment does one step.
template <class X, class S, class D, class Z>
class steps_range {
public:
    steps_range(X& x, S&& sampler, D&& denoise, Z&& noise)
        : x_(x),
          sampler_(std::forward<S>(sampler)),
          denoise_(std::forward<D>(denoise)),
          noise_(std::forward<Z>(noise)),
          memory_(sampler_.init(std::as_const(x))) {
        check(sampler_, denoise_);
    }

    class iterator {
    public:
        using iterator_category = std::input_iterator_tag;
        using value_type = step_view<X>;
        using difference_type = std::ptrdiff_t;

        value_type operator*() const {
            return {i_, range_->sampler_.size(), range_->sampler_.grid()[i_ + 1], range_->x_,
                    range_->sampler_.x0(range_->memory_)};
        }
        iterator& operator++() {
            ++i_;
            range_->advance_to(i_);
            return *this;
        }
        void operator++(int) { ++*this; }
        friend bool operator==(const iterator& it, std::default_sentinel_t) { return it.done(); }

    private:
        friend class steps_range;
        bool done() const { return i_ == range_->sampler_.size(); }
        iterator(steps_range* range, std::size_t i) : range_(range), i_(i) {}
        steps_range* range_;
        std::size_t i_;
    };

    iterator begin() {
        advance_to(0);
        return {this, 0};
    }
    std::default_sentinel_t end() const { return {}; }

private:
    void advance_to(std::size_t i) {
        if (i < sampler_.size()) sampler_.step(i, x_, memory_, denoise_, noise_);
    }

    X& x_;
    S sampler_;  // references where lvalues were given
    D denoise_;
    Z noise_;
    memory_t<std::remove_reference_t<S>, X> memory_;
};

/// The steps of a run as a lazy range; break when you like:
///
///     for (auto [i, n, t, x_i, x0] : steps(x, sampler, D, noise)) draw(x_i);
///
/// Step i is done when the loop's body sees it. The same numbers as `sample`, bit for bit.
template <class X, class S, class D, class Z>
auto steps(X& x, S&& sampler, D&& denoise, Z&& noise) {
    static_assert(detail::are_run_arguments<X, std::remove_cvref_t<S>, D, Z>());
    return steps_range<X, S, D, Z>(x, std::forward<S>(sampler), std::forward<D>(denoise),
                                   std::forward<Z>(noise));
}
template <class X, class S, class D>
auto steps(X& x, S&& sampler, D&& denoise) {
    return steps(x, std::forward<S>(sampler), std::forward<D>(denoise), no_noise{});
}

}  // namespace diffusion
