#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace diffusion::nn {

/// Callables of any type, stacked in pages of memory that are kept: after the first time up and
/// down, nothing allocates.
class closure_stack {
public:
    closure_stack() = default;
    closure_stack(const closure_stack&) = delete;
    closure_stack& operator=(const closure_stack&) = delete;
    ~closure_stack() {
        while (size() > 0) pop();
    }

    std::size_t size() const { return entries_.size(); }

    /// Puts Closure{members...} on top.
    template <class Closure, class... Members>
    void push(Members&&... members) {
        static_assert(alignof(Closure) <= unit);
        static_assert(sizeof(Closure) <= page_size);
        constexpr std::size_t room = (sizeof(Closure) + unit - 1) / unit * unit;
        entry e;
        e.page = page_;
        e.used = used_;
        if (used_ + room > page_size) {
            ++page_;
            used_ = 0;
        }
        if (page_ == pages_.size()) pages_.push_back(std::make_unique<page>());
        e.place = new (pages_[page_]->bytes + used_) Closure{std::forward<Members>(members)...};
        used_ += room;
        e.run = [](void* place) { (*static_cast<Closure*>(place))(); };
        e.destroy = [](void* place) { static_cast<Closure*>(place)->~Closure(); };
        entries_.push_back(e);
    }

    /// Calls the closure on top, which may push others and pop them again.
    void run() { entries_.back().run(entries_.back().place); }

    /// Removes the closure on top.
    void pop() {
        const entry last = entries_.back();
        entries_.pop_back();
        last.destroy(last.place);
        page_ = last.page;
        used_ = last.used;
    }

private:
    static constexpr std::size_t unit = alignof(std::max_align_t);
    static constexpr std::size_t page_size = 16384;
    struct page {
        alignas(std::max_align_t) unsigned char bytes[page_size];
    };
    struct entry {
        void* place;
        void (*run)(void*);
        void (*destroy)(void*);
        std::size_t page, used;  // where the room for closures ended before this one
    };

    std::vector<entry> entries_;
    std::vector<std::unique_ptr<page>> pages_;
    std::size_t page_ = 0, used_ = 0;
};

}  // namespace diffusion::nn
