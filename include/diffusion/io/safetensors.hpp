#pragma once
// The safetensors format (Hugging Face, version 0.4): 8 bytes with the length N of the header
// (little-endian), N bytes of JSON, then the tensors' bytes without gaps:
//
//     {"__metadata__": {"schedule": "cosine"},
//      "conv.weight": {"dtype": "F32", "shape": [8, 1, 3, 3], "data_offsets": [0, 288]}, ...}
//
// Offsets count from the end of the header; elements are little-endian, in row-major order.

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <diffusion/detail/require.hpp>
#include <diffusion/io/detail/source.hpp>
#include <diffusion/io/file.hpp>
#include <diffusion/io/format_error.hpp>
#include <diffusion/io/scalar_type.hpp>

namespace diffusion::io {

/// One named tensor of a safetensors file: a description and a look at its bytes.
struct tensor_entry {
    std::string name;
    scalar_type type = scalar_type::f32;
    std::vector<std::size_t> shape;    ///< slowest index first; empty for a scalar
    std::span<const std::byte> bytes;  ///< little-endian, row-major

    std::shared_ptr<const void> owner = nullptr;  ///< keeps `bytes` alive; may be null
    std::string file = "memory";                  ///< where the bytes came from, for messages
    std::uint64_t offset = 0;                     ///< of the bytes in that file

    /// The number of elements.
    std::size_t size() const { return bytes.size() / size_of(type); }

    /// Converts the elements into `out`, which must have size() of them.
    ///
    /// Integers and half precision become T by rounding at most; an element that T cannot hold
    /// (300 as std::uint8_t, 1e300 as float, any fraction type as an integer) throws format_error.
    template <file_scalar T>
    void copy_to(std::span<T> out) const;

    /// The elements as a vector, converted as by copy_to.
    template <file_scalar T>
    std::vector<T> values() const;

    /// The elements in place if they are stored as T and aligned for it, otherwise converted into
    /// `scratch`. Valid as long as both the entry's memory and `scratch` live.
    template <file_scalar T>
    std::span<const T> view(std::vector<T>& scratch) const;
};

/// A safetensors file: a map of strings and a list of tensors, in the order of the header.
struct safetensors_file {
    std::map<std::string, std::string> metadata;
    std::vector<tensor_entry> entries;

    /// The tensor of that name, or nullptr.
    const tensor_entry* find(std::string_view name) const;

    /// The tensor of that name; throws std::invalid_argument if there is none.
    const tensor_entry& at(std::string_view name) const;

    /// Appends a tensor and copies its values.
    template <file_scalar T>
    void add(std::string name, std::vector<std::size_t> shape, std::span<const T> values);

    /// The same for a vector, whose element type need not be spelled out.
    template <file_scalar T>
    void add(std::string name, std::vector<std::size_t> shape, const std::vector<T>& values) {
        add(std::move(name), std::move(shape), std::span<const T>(values));
    }

    /// Appends a tensor that looks at `values`; they must stay where they are until the file is
    /// written.
    template <file_scalar T>
    void add_view(std::string name, std::vector<std::size_t> shape, std::span<const T> values);
};

/// Reads a safetensors file from memory. The entries look into `bytes`; `owner`, if given, is
/// kept by each entry (a mapped file, for example). `file` is the name used in messages.
///
/// Throws format_error unless the header is well-formed, names are unique, and the tensors cover
/// the bytes behind the header exactly once.
safetensors_file parse_safetensors(std::span<const std::byte> bytes,
                                   std::string_view file = "memory",
                                   std::shared_ptr<const void> owner = nullptr);

/// Reads a safetensors file; the entries share the memory of its content.
safetensors_file read_safetensors(const std::filesystem::path& path);

/// Writes a safetensors file, tensors in the order of `file.entries`.
///
/// Throws std::invalid_argument if two tensors have the same name, one is called `__metadata__`,
/// a name is not UTF-8, or a shape does not fit its bytes;
/// std::filesystem::filesystem_error if the file cannot be written.
void write_safetensors(const std::filesystem::path& path, const safetensors_file& file);

// ---------------------------------------------------------------------------------------------

static_assert(std::endian::native == std::endian::little,
              "diffusion::io: tensor_entry looks at little-endian bytes in place");

template <file_scalar T>
void tensor_entry::copy_to(std::span<T> out) const {
    diffusion::detail::require(out.size() == size(), "diffusion::io::tensor_entry::copy_to",
                               "the span must have as many elements as the tensor", out.size());
    const std::size_t done = detail::convert(bytes, type, std::endian::little, out);
    if (done != out.size()) {
        throw format_error(file, offset + done * size_of(type),
                           "element " + std::to_string(done) + " of tensor \"" + name +
                               "\" does not fit the requested type");
    }
}

template <file_scalar T>
std::vector<T> tensor_entry::values() const {
    std::vector<T> result(size());
    copy_to(std::span<T>(result));
    return result;
}

template <file_scalar T>
std::span<const T> tensor_entry::view(std::vector<T>& scratch) const {
    const auto address = reinterpret_cast<std::uintptr_t>(bytes.data());
    if (type == scalar_type_of<T>() && address % alignof(T) == 0) {
        return {reinterpret_cast<const T*>(bytes.data()), size()};
    }
    scratch.resize(size());
    copy_to(std::span<T>(scratch));
    return scratch;
}

inline const tensor_entry* safetensors_file::find(std::string_view name) const {
    for (const tensor_entry& entry : entries) {
        if (entry.name == name) return &entry;
    }
    return nullptr;
}

inline const tensor_entry& safetensors_file::at(std::string_view name) const {
    const tensor_entry* entry = find(name);
    diffusion::detail::require(entry != nullptr, "diffusion::io::safetensors_file::at",
                               "the name must be that of a tensor in the file", name);
    return *entry;
}

template <file_scalar T>
void safetensors_file::add_view(std::string name, std::vector<std::size_t> shape,
                                std::span<const T> values) {
    diffusion::detail::require(
        detail::element_count(shape) == values.size(), "diffusion::io::safetensors_file::add",
        "the shape must have as many elements as there are values", values.size());
    entries.push_back(
        {std::move(name), scalar_type_of<T>(), std::move(shape), std::as_bytes(values)});
}

template <file_scalar T>
void safetensors_file::add(std::string name, std::vector<std::size_t> shape,
                           std::span<const T> values) {
    const auto copy = std::make_shared<const std::vector<T>>(values.begin(), values.end());
    add_view(std::move(name), std::move(shape), std::span<const T>(*copy));
    entries.back().owner = copy;
}

namespace detail {

struct safetensors_type {
    scalar_type type;
    std::string_view name;
};

inline constexpr std::array<safetensors_type, 13> safetensors_types{{{scalar_type::boolean, "BOOL"},
                                                                     {scalar_type::u8, "U8"},
                                                                     {scalar_type::i8, "I8"},
                                                                     {scalar_type::u16, "U16"},
                                                                     {scalar_type::i16, "I16"},
                                                                     {scalar_type::u32, "U32"},
                                                                     {scalar_type::i32, "I32"},
                                                                     {scalar_type::u64, "U64"},
                                                                     {scalar_type::i64, "I64"},
                                                                     {scalar_type::f16, "F16"},
                                                                     {scalar_type::bf16, "BF16"},
                                                                     {scalar_type::f32, "F32"},
                                                                     {scalar_type::f64, "F64"}}};

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
    bool number_float(double, const std::string&) { return refuse("a fractional number"); }
    bool binary(const std::vector<std::uint8_t>&) { return refuse("binary data"); }

    bool number_unsigned(std::uint64_t number) {
        if (!in_array_) return refuse("a number");
        if (!std::in_range<std::size_t>(number)) return fail("a number is too large");
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
        for (const safetensors_type& known : safetensors_types) {
            if (known.name == text) {
                entries.back().type = known.type;
                place_ = place::tensor;
                return true;
            }
        }
        return fail("the dtype \"" + text + "\" is not supported");
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

/// The first two parts of the file that holds `file`, and its data's order: checked here, so that
/// nothing is opened for a file that cannot be written.
inline std::string safetensors_head(const safetensors_file& file) {
    constexpr const char* function = "diffusion::io::write_safetensors";
    nlohmann::ordered_json header = nlohmann::ordered_json::object();
    if (!file.metadata.empty()) header["__metadata__"] = file.metadata;
    std::set<std::string_view> names{"__metadata__"};
    std::size_t position = 0;
    for (const tensor_entry& entry : file.entries) {
        diffusion::detail::require(names.insert(entry.name).second, function,
                                   "tensor names must be unique and not __metadata__", entry.name);
        const std::optional<std::size_t> count = element_count(entry.shape);
        const std::optional<std::size_t> size =
            count ? product(*count, size_of(entry.type)) : std::nullopt;
        diffusion::detail::require(size == entry.bytes.size(), function,
                                   "a tensor's shape must fit its bytes", entry.name);
        const auto known =
            std::find_if(safetensors_types.begin(), safetensors_types.end(),
                         [&](const safetensors_type& t) { return t.type == entry.type; });
        header.push_back({entry.name,
                          {{"dtype", known->name},
                           {"shape", entry.shape},
                           {"data_offsets", {position, position + *size}}}});
        position += *size;
    }
    std::string text;
    try {
        text = header.dump();
    } catch (const nlohmann::ordered_json::type_error&) {
        diffusion::detail::reject(function, "names and metadata must be UTF-8");
    }
    text.append((8 - text.size() % 8) % 8, ' ');  // the data starts at a multiple of 8
    std::array<std::byte, 8> length{};
    store<std::uint64_t>(text.size(), length.data(), std::endian::little);
    return std::string(reinterpret_cast<const char*>(length.data()), 8) + text;
}

}  // namespace detail

inline safetensors_file parse_safetensors(std::span<const std::byte> bytes, std::string_view file,
                                          std::shared_ptr<const void> owner) {
    detail::source in(bytes, file);
    const auto length = in.take_number<std::uint64_t>(std::endian::little, "the header's length");
    if (length > in.left()) {
        in.fail_at(0, "the header should have " + std::to_string(length) +
                          " bytes, but the file ends after " + std::to_string(in.left()));
    }
    const std::string_view text = in.take_text(static_cast<std::size_t>(length), "the header");
    if (text.empty() || text.front() != '{') in.fail_at(8, "the header does not start with {");

    detail::safetensors_header header;
    std::size_t parsed = 0;
    const bool ok = nlohmann::ordered_json::sax_parse(
        detail::counting_iterator{text.data(), &parsed},
        detail::counting_iterator{text.data() + text.size(), &parsed}, &header);
    if (!ok) in.fail_at(8 + parsed, header.reason);

    // The ranges must tile the rest of the file: sorted by their start, each begins where the one
    // before it ended. Nothing is stored twice, nothing is hidden between.
    const std::size_t count = header.entries.size();
    std::vector<std::size_t> order(count);
    for (std::size_t i = 0; i < count; ++i) order[i] = i;
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return std::pair(header.ranges[a].begin, header.ranges[a].end) <
               std::pair(header.ranges[b].begin, header.ranges[b].end);
    });
    const std::size_t data = in.position();
    const std::size_t size = in.left();
    std::size_t covered = 0;
    for (const std::size_t i : order) {
        tensor_entry& entry = header.entries[i];
        const auto [begin, end] = header.ranges[i];
        const std::string quoted = "the tensor \"" + entry.name + '"';
        if (begin != covered || end < begin) {
            in.fail_at(data + covered, quoted + " has the data_offsets [" + std::to_string(begin) +
                                           ", " + std::to_string(end) + "], expected to start at " +
                                           std::to_string(covered));
        }
        if (end > size) {
            in.fail_at(data + size, quoted + " ends at " + std::to_string(end) +
                                        " of the data, but the file ends at " +
                                        std::to_string(size));
        }
        const std::optional<std::size_t> elements = detail::element_count(entry.shape);
        const std::optional<std::size_t> needed =
            elements ? detail::product(*elements, size_of(entry.type)) : std::nullopt;
        if (needed != end - begin) {
            in.fail_at(data + begin, quoted + " of shape " + detail::shape_text(entry.shape) +
                                         " does not fill its " + std::to_string(end - begin) +
                                         " bytes");
        }
        entry.bytes = bytes.subspan(data + begin, end - begin);
        entry.owner = owner;
        entry.file = std::string(file);
        entry.offset = data + begin;
        covered = end;
    }
    if (covered != size) {
        in.fail_at(data + covered, "the last tensor ends here, but " +
                                       std::to_string(size - covered) + " more bytes follow");
    }
    return {std::move(header.metadata), std::move(header.entries)};
}

inline safetensors_file read_safetensors(const std::filesystem::path& path) {
    const auto bytes = std::make_shared<const std::vector<std::byte>>(read_file(path));
    return parse_safetensors(*bytes, path.string(), bytes);
}

inline void write_safetensors(const std::filesystem::path& path, const safetensors_file& file) {
    const std::string head = detail::safetensors_head(file);
    atomic_file out(path);
    out.write(head);
    for (const tensor_entry& entry : file.entries) out.write(entry.bytes);
    out.commit();
}

}  // namespace diffusion::io
