#pragma once
// The scheduler_config.json of diffusers: read, run, written. Needs nlohmann-json (CMake:
// diffusion::io), and includes all of the core; <diffusion/io/io.hpp> leaves it out.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include <diffusion/io/diffusers/classes.hpp>
#include <diffusion/io/diffusers/config.hpp>
#include <diffusion/io/diffusers/denoiser.hpp>
#include <diffusion/io/diffusers/nodes.hpp>
#include <diffusion/io/diffusers/sampler.hpp>
#include <diffusion/io/file.hpp>
#include <diffusion/io/format_error.hpp>

namespace diffusion::io {

/// What to do with fields that the class does not have. Published files often hold some, as
/// `skip_prk_steps` of a DDIMScheduler; the reference ignores them.
enum class unknown_fields { ignore, refuse };

/// The defaults of a class. Throws std::invalid_argument with the reason for a class that is not
/// offered.
scheduler_config default_config(std::string_view class_name);

/// Reads the text of a scheduler_config.json. A field that is missing has the default of its class.
/// Keys that begin with an underscore are not fields; only _class_name is read. As in Python, NaN,
/// Infinity and -Infinity are numbers; only lambda_min_clipped may be one of them.
///
/// Throws format_error with the place of the field, its name, the rule and the value: for what is
/// not JSON, a class that is not offered, a value of the wrong type or outside its range, and
/// settings that exclude each other. With unknown_fields::refuse it lists all unknown fields.
scheduler_config parse_scheduler_config(std::string_view text,
                                        unknown_fields unknown = unknown_fields::ignore,
                                        std::string_view file = "memory");

/// The same from a file.
scheduler_config read_scheduler_config(const std::filesystem::path& path,
                                       unknown_fields unknown = unknown_fields::ignore);

/// The text of a config, all fields of its class in alphabetical order, as the reference writes
/// them. Throws std::invalid_argument for one that could not be read again.
std::string format_scheduler_config(const scheduler_config& config);

/// Writes it as a whole or not at all. Throws std::filesystem::filesystem_error if it cannot.
void write_scheduler_config(const std::filesystem::path& path, const scheduler_config& config);

// ---------------------------------------------------------------------------------------------

namespace detail {

/// Python's names of what JSON has no numbers for, and the texts of the same length that stand for
/// them while the file is parsed.
struct number_name {
    std::string_view python, stand_in;
    double value;
};
inline constexpr number_name number_names[] = {
    {"-Infinity", "\"-inf---\"", -std::numeric_limits<double>::infinity()},
    {"Infinity", "\"+inf++\"", std::numeric_limits<double>::infinity()},
    {"NaN", "\"?\"", std::numeric_limits<double>::quiet_NaN()}};

/// Puts the stand-ins in place, outside of strings.
inline std::string with_stand_ins(std::string text) {
    bool in_string = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (in_string && text[i] == '\\') ++i;
        else if (text[i] == '"') in_string = !in_string;
        else if (!in_string)
            for (const auto& [python, stand_in, value] : number_names)
                if (text.compare(i, python.size(), python) == 0) {
                    text.replace(i, python.size(), stand_in);
                    i += python.size() - 1;
                    break;
                }
    }
    return text;
}

inline std::optional<double> number_named(const nlohmann::json& value) {
    if (value.is_string())
        for (const auto& [python, stand_in, number] : number_names)
            if (stand_in.substr(1, stand_in.size() - 2) == value.get_ref<const std::string&>())
                return number;
    return std::nullopt;
}

/// A value for a message: a part of it if it is long.
inline std::string value_text(const nlohmann::json& value) {
    if (const auto number = number_named(value))
        return std::isnan(*number) ? "NaN" : *number > 0 ? "Infinity" : "-Infinity";
    if (value.is_structured())
        return (value.is_array() ? "a list of " : "an object of ") + std::to_string(value.size());
    std::string text = value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    return text.size() <= 60 ? text : text.substr(0, 57) + "...";
}

/// Stores a value; what is wrong with its type, if anything is.
class field_setter {
public:
    field_setter(scheduler_config& config, const nlohmann::json& value, bool may_be_null,
                 bool may_be_infinite)
        : config_(config),
          value_(value),
          may_be_null_(may_be_null),
          may_be_infinite_(may_be_infinite) {}

    /// The rule that is broken; empty if none is.
    template <class T>
    std::string_view operator()(T scheduler_config::*where) const {
        return set(config_.*where);
    }

private:
    std::string_view set(bool& to) const {
        if (!value_.is_boolean() && !value_.is_null()) return "must be true or false";
        to = value_.is_boolean() && value_.get<bool>();
        return "";
    }
    std::string_view set(std::size_t& to) const {
        if (!value_.is_number_unsigned() ||
            !std::in_range<std::size_t>(value_.get<std::uint64_t>()))
            return "must be a whole number that is not negative";
        to = static_cast<std::size_t>(value_.get<std::uint64_t>());
        return "";
    }
    std::string_view set(double& to) const {
        const auto named = number_named(value_);
        if (named && may_be_infinite_ && *named < 0) {
            to = *named;
            return "";
        }
        if (!value_.is_number() || !std::isfinite(value_.get<double>()))
            return "must be a finite number";
        to = value_.get<double>();
        return "";
    }
    std::string_view set(std::string& to) const {
        if (value_.is_null() && may_be_null_) to.clear();
        else if (value_.is_string()) to = value_.get<std::string>();
        else return "must be a text";
        return "";
    }
    std::string_view set(std::optional<std::string>& to) const {
        if (!value_.is_null()) to = value_text(value_);
        else to.reset();
        return "";
    }
    template <class T>
    std::string_view set(std::optional<T>& to) const {
        to.reset();
        if (value_.is_null()) return may_be_null_ ? "" : "must not be null";
        return set(to.emplace());
    }
    template <class T>
    std::string_view set(std::vector<T>& to) const {
        to.clear();
        if (!value_.is_array()) return "must be a list of numbers";
        to.reserve(value_.size());
        for (const nlohmann::json& element : value_) {
            const field_setter inner(config_, element, false, false);
            if (const std::string_view rule = inner.set(to.emplace_back()); !rule.empty())
                return "must be a list of numbers";
        }
        return "";
    }

    scheduler_config& config_;
    const nlohmann::json& value_;
    bool may_be_null_, may_be_infinite_;
};

/// Stores the fields of an object; the first thing that is wrong.
inline std::optional<config_fault> set_fields(scheduler_config& config,
                                              const nlohmann::json& object,
                                              std::vector<std::string>& unknown) {
    const nlohmann::json& defaults = class_defaults().at(config.class_name);
    for (const auto& [name, value] : object.items()) {
        if (name.starts_with('_')) continue;
        const auto known = defaults.find(name);
        if (known == defaults.end()) {
            unknown.push_back(name);
            continue;
        }
        const field_setter set(config, value, known->is_null(), name == "lambda_min_clipped");
        const std::string_view rule = std::visit(set, find_field(name)->where);
        if (!rule.empty())
            return config_fault{name, std::string(rule) + ", got " + value_text(value)};
    }
    return std::nullopt;
}

/// A field as JSON.
inline std::string field_text(const scheduler_config& config, std::string_view name) {
    return std::visit(
        [&](auto where) -> std::string {
            const auto& value = config.*where;
            using T = std::remove_cvref_t<decltype(value)>;
            if constexpr (std::is_same_v<T, double>)
                if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
            if constexpr (std::is_same_v<T, std::string>)
                if (value.empty()) return "null";
            if constexpr (requires { value.has_value(); }) {
                if (!value) return "null";
                return nlohmann::json(*value).dump();
            } else {
                return nlohmann::json(value).dump();
            }
        },
        find_field(name)->where);
}

}  // namespace detail

inline scheduler_config default_config(std::string_view class_name) {
    scheduler_config config;
    config.class_name = class_name;
    const auto found = detail::class_defaults().find(class_name);
    if (found == detail::class_defaults().end()) detail::require_valid(config);  // says why not
    nlohmann::json fields = found->second;
    if (fields.contains("lambda_min_clipped"))
        fields["lambda_min_clipped"] = detail::number_names[0].stand_in.substr(1, 7);
    std::vector<std::string> unknown;
    detail::set_fields(config, fields, unknown);
    return config;
}

inline scheduler_config parse_scheduler_config(std::string_view text, unknown_fields unknown,
                                               std::string_view file) {
    const std::string name(file);
    const auto offset_of = [&](const std::string& field) {
        const std::size_t at = text.find('"' + field + '"');
        return at == std::string_view::npos ? 0 : at;
    };
    const auto refuse = [&](const detail::config_fault& fault) {
        throw format_error(name, offset_of(fault.field), fault.field + ": " + fault.text);
    };
    nlohmann::json object;
    try {
        const auto not_too_deep = [&](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
            if (depth > 8) throw format_error(name, 0, "lists and objects are nested too deeply");
            return true;
        };
        object = nlohmann::json::parse(detail::with_stand_ins(std::string(text)), not_too_deep);
    } catch (const nlohmann::json::parse_error& error) {
        throw format_error(name, error.byte > 0 ? error.byte - 1 : 0,
                           std::string("this is not JSON: ") + error.what());
    } catch (const nlohmann::json::exception& error) {  // a number that is too large
        throw format_error(name, 0, std::string("this is not JSON: ") + error.what());
    }
    if (!object.is_object()) throw format_error(name, 0, "a scheduler config is a JSON object");
    const auto found = object.find("_class_name");
    if (found == object.end() || !found->is_string())
        refuse({"_class_name", "there must be a text that names the scheduler class"});

    scheduler_config config;
    config.class_name = found->get<std::string>();
    if (!detail::class_defaults().contains(config.class_name)) refuse(*detail::find_fault(config));
    config = default_config(config.class_name);
    std::vector<std::string> not_known;
    if (const auto fault = detail::set_fields(config, object, not_known)) refuse(*fault);
    if (unknown == unknown_fields::refuse && !not_known.empty()) {
        std::string list = config.class_name + " does not have the field";
        for (const std::string& field : not_known)
            list += (&field == &not_known.front() ? " " : ", ") + field;
        throw format_error(name, offset_of(not_known.front()), list);
    }
    if (const auto fault = detail::find_fault(config)) refuse(*fault);
    return config;
}

inline scheduler_config read_scheduler_config(const std::filesystem::path& path,
                                              unknown_fields unknown) {
    const std::vector<std::byte> bytes = read_file(path);
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return parse_scheduler_config(text, unknown, path.string());
}

inline std::string format_scheduler_config(const scheduler_config& config) {
    detail::require_valid(config);
    std::string text = "{\n  \"_class_name\": \"" + config.class_name + '"';
    for (const auto& [name, value] : detail::class_defaults().at(config.class_name).items())
        text += ",\n  \"" + name + "\": " + detail::field_text(config, name);
    text += "\n}\n";
    diffusion::detail::require(
        parse_scheduler_config(text) == config, "diffusion::io::format_scheduler_config",
        "a field that the class does not have must stay as it is; the class is", config.class_name);
    return text;
}

inline void write_scheduler_config(const std::filesystem::path& path,
                                   const scheduler_config& config) {
    const std::string text = format_scheduler_config(config);
    atomic_file file(path);
    file.write(text);
    file.commit();
}

}  // namespace diffusion::io
