#pragma once
// What bad input must meet: an exception that names the function, the rule and the value received.

#include <exception>
#include <stdexcept>
#include <string>

#include <diffusion/detail/require.hpp>

namespace support {

/// The message with which f refuses its input; what else happened, in words, if it does not.
template <class F>
std::string refusal(F&& f) {
    try {
        f();
    } catch (const std::invalid_argument& refused) {
        return refused.what();
    } catch (const std::exception& other) {
        return std::string("another exception: ") + other.what();
    }
    return "no exception";
}

/// Whether a message reads "diffusion::function: rule, got value".
inline bool is_complete(const std::string& message) {
    const std::size_t rule = message.find(": "), got = message.rfind(", got ");
    return message.starts_with("diffusion::") && rule != std::string::npos &&
           got != std::string::npos && rule + 2 < got && got + 6 < message.size();
}

/// The same with this value.
template <class V>
bool is_complete(const std::string& message, const V& value) {
    return is_complete(message) && message.ends_with(", got " + diffusion::detail::shown(value));
}

}  // namespace support
