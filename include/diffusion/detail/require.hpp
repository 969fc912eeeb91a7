#pragma once

#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

namespace diffusion::detail {

/// The text of a value in an error message: numbers with the fewest digits that read back exactly,
/// enumerators as their number, strings in quotation marks.
template <class V>
std::string shown(const V& value) {
    if constexpr (std::is_same_v<V, bool>) {
        return value ? "true" : "false";
    } else if constexpr (std::is_enum_v<V>) {
        return shown(static_cast<std::underlying_type_t<V>>(value));
    } else if constexpr (std::is_integral_v<V>) {
        return std::to_string(value);
    } else if constexpr (std::is_floating_point_v<V>) {
        // <charconv> would do this as well, for a tenth of the core's include time.
        char digits[32];
        for (int precision = 6; precision <= 17; ++precision) {  // %g drops trailing zeros
            std::snprintf(digits, sizeof digits, "%.*g", precision, static_cast<double>(value));
            if (static_cast<V>(std::strtod(digits, nullptr)) == value) break;
        }
        return digits;
    } else {
        static_assert(std::is_convertible_v<const V&, std::string_view>,
                      "diffusion::detail::shown: an error message can show a number, an enumerator "
                      "or a string; convert the value first");
        return '"' + std::string(std::string_view(value)) + '"';
    }
}

/// Throws std::invalid_argument with the message "function: rule, got received".
template <class V>
[[noreturn]] void reject(const char* function, const char* rule, const V& received) {
    throw std::invalid_argument(std::string(function) + ": " + rule + ", got " + shown(received));
}

/// Throws std::invalid_argument with the message "function: rule", where no single value is to
/// blame.
[[noreturn]] inline void reject(const char* function, const char* rule) {
    throw std::invalid_argument(std::string(function) + ": " + rule);
}

/// Checks an argument while something is being set up; `rule` says in words what must hold:
/// require(n >= 1, "diffusion::all_steps", "the number of steps must be at least 1", n).
template <class V>
void require(bool ok, const char* function, const char* rule, const V& received) {
    if (!ok) reject(function, rule, received);
}

/// The same without a value to show.
inline void require(bool ok, const char* function, const char* rule) {
    if (!ok) reject(function, rule);
}

}  // namespace diffusion::detail
