#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <diffusion/io/safetensors/tensors.hpp>
#include <diffusion/io/safetensors/types.hpp>

namespace diffusion::io::detail {

/// Walks over characters and counts how many the JSON parser has taken, so that an error can name
/// its place in the file.
struct counting_iterator {
    using iterator_category = std::input_iterator_tag;
    using value_type = char;
    using difference_type = std::ptrdiff_t;
    using pointer = const char*;
    using reference = const char&;

    const char* at = nullptr;
    std::size_t* count = nullptr;

    reference operator*() const { return *at; }
    counting_iterator& operator++() {
        ++at;
        ++*count;
        return *this;
    }
    counting_iterator operator++(int) {
        const counting_iterator before = *this;
        ++*this;
        return before;
    }
    friend bool operator==(const counting_iterator& a, const counting_iterator& b) {
        return a.at == b.at;
    }
    friend bool operator!=(const counting_iterator& a, const counting_iterator& b) {
        return a.at != b.at;
    }
};

/// Receives the header from the JSON parser piece by piece. Nothing is kept but what a
/// safetensors_file holds, so the memory stays in proportion to the header; the first event that
/// does not belong stops the parser.
class safetensors_header {
public:
    struct range {
        std::size_t begin, end;
    };

    std::map<std::string, std::string> metadata;
    std::vector<tensor_entry> entries;
    std::vector<range> ranges;  // data_offsets of each entry
    std::string reason;         // why the header was refused

    // What comes next.
    enum class place { document, names, metadata, tensor, dtype, shape, offsets, value, end };

    bool null() { return refuse("null"); }
    bool boolean(bool) { return refuse("a truth value"); }
    bool number_integer(std::int64_t) { return refuse("a negative number"); }
    bool number_float(double, const std::string& digits) {  // or an integer beyond 64 bits
        if (digits.find_first_not_of("-0123456789") == digits.npos) return too_large();
        return refuse("a fractional number");
    }
    bool binary(const std::vector<std::uint8_t>&) { return refuse("binary data"); }

    bool number_unsigned(std::uint64_t number) {
        if (!in_array_) return refuse("a number");
        if (!std::in_range<std::size_t>(number)) return too_large();
        const auto n = static_cast<std::size_t>(number);
        if (place_ == place::shape) {
            if (entries.back().shape.size() == maximum_rank) return fail("a shape is too long");
            entries.back().shape.push_back(n);
            return true;
        }
        if (offsets_seen_ == 2) return fail("data_offsets has more than two numbers");
        (offsets_seen_ == 0 ? ranges.back().begin : ranges.back().end) = n;
        ++offsets_seen_;
        return true;
    }

    bool string(const std::string& text) {
        if (place_ == place::value) {
            metadata.insert_or_assign(key_, text);
            place_ = place::metadata;
            return true;
        }
        if (place_ != place::dtype) return refuse("a string");
        const std::optional<scalar_type> known = dtype_named(text);
        if (!known) return fail("the dtype \"" + text + "\" is not supported");
        entries.back().type = *known;
        place_ = place::tensor;
        return true;
    }

    bool start_object(std::size_t) {
        switch (place_) {
            case place::document:
                place_ = place::names;
                return true;
            case place::names:
                if (key_ == "__metadata__") {
                    place_ = place::metadata;
                    return true;
                }
                place_ = place::tensor;
                fields_ = 0;
                entries.push_back({key_, scalar_type::f32, {}, {}});
                ranges.push_back({0, 0});
                return true;
            default:
                return refuse("an object");
        }
    }

    bool key(const std::string& text) {
        if (place_ == place::tensor) return start_field(text);
        if (place_ == place::metadata) {
            if (metadata.contains(text))
                return fail("the metadata key \"" + text + "\" is repeated");
            place_ = place::value;
        } else if (!names_.insert(text).second) {
            return fail("the name \"" + text + "\" is repeated");
        }
        key_ = text;
        return true;
    }

    bool end_object() {
        if (place_ == place::tensor && fields_ != all_fields) {
            return fail("the tensor \"" + key_ + "\" lacks its dtype, shape or data_offsets");
        }
        place_ = place_ == place::names ? place::end : place::names;
        return true;
    }

    bool start_array(std::size_t) {
        if ((place_ != place::shape && place_ != place::offsets) || in_array_) {
            return refuse("a list");
        }
        in_array_ = true;
        return true;
    }

    bool end_array() {
        if (place_ == place::offsets && offsets_seen_ != 2) {
            return fail("data_offsets of \"" + key_ + "\" needs two numbers");
        }
        in_array_ = false;
        place_ = place::tensor;
        return true;
    }

    template <class Exception>
    bool parse_error(std::size_t, const std::string&, const Exception&) {
        return fail("this is not well-formed JSON");
    }

private:
    static constexpr std::size_t maximum_rank = 64;
    static constexpr unsigned all_fields = 1 + 2 + 4;

    bool start_field(const std::string& text) {
        const auto begin = [&](place next, unsigned field) {
            if ((fields_ & field) != 0) return fail("\"" + text + "\" is repeated");
            fields_ |= field;
            place_ = next;
            offsets_seen_ = 0;
            return true;
        };
        if (text == "dtype") return begin(place::dtype, 1);
        if (text == "shape") return begin(place::shape, 2);
        if (text == "data_offsets") return begin(place::offsets, 4);
        return fail("a tensor's description has the unknown key \"" + text + "\"");
    }

    bool refuse(const char* found) {
        static constexpr std::array<const char*, 9> expected{
            "an object",   "a tensor's description", "a metadata key",
            "a key",       "a dtype's name",         "a list of extents",
            "two offsets", "a metadata string",      "nothing more"};
        return fail(std::string("expected ") + expected[static_cast<std::size_t>(place_)] +
                    ", found " + found);
    }

    bool too_large() { return fail("a number is too large"); }

    bool fail(std::string why) {
        if (reason.empty()) reason = std::move(why);
        return false;
    }

    place place_ = place::document;
    std::set<std::string, std::less<>> names_;
    std::string key_;
    bool in_array_ = false;
    unsigned fields_ = 0;  // bits: which of dtype, shape, data_offsets were seen
    int offsets_seen_ = 0;
};

}  // namespace diffusion::io::detail
