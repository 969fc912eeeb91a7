#pragma once

#include <algorithm>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace examples {

/// The command line of an example: `--name value` or `--name=value`, flags, words that have a place
/// of their own, and `--help`.
///
///     arguments line("digits", "Trains a small diffusion model and draws a page of digits.");
///     line.number("--seconds", seconds, "train this long", 0.0, 1e6);
///     if (const auto code = line.parse(argc, argv)) return *code;
///
/// An unknown name, a missing value, text where a number belongs or a number outside of its range
/// prints one line that says so and what is allowed, and gives exit code 2; `--help` prints all
/// options with their defaults and gives 0. Otherwise the variables hold what the user asked for.
class arguments {
public:
    arguments(std::string program, std::string summary)
        : program_(std::move(program)), summary_(std::move(summary)) {}

    /// A number within [low, high]; whole if the variable is.
    template <class T>
        requires std::integral<T> || std::floating_point<T>
    void number(std::string name, T& target, std::string help,
                T low = std::numeric_limits<T>::lowest(), T high = std::numeric_limits<T>::max()) {
        const auto read = [&target, low, high](std::string_view text) -> std::string {
            T value{};
            const auto [end, error] =
                std::from_chars(text.data(), text.data() + text.size(), value);
            const bool whole = std::integral<T>;
            if (error != std::errc{} || end != text.data() + text.size())
                return std::string(whole ? "needs a whole number" : "needs a number") +
                       (range(low, high).empty() ? "" : "," + range(low, high));
            if (!(value >= low && value <= high))
                return "must be" + (range(low, high).empty() ? " finite" : range(low, high));
            target = value;
            return {};
        };
        options_.push_back({std::move(name), std::move(help), show(target), read});
    }

    /// A number that may also be left out; the default stands for "not given".
    template <class T>
    void number(std::string name, std::optional<T>& target, std::string help, T low, T high) {
        const auto read = [&target, low, high](std::string_view text) -> std::string {
            T value{};
            arguments inner({}, {});
            inner.number("x", value, {}, low, high);
            std::string problem = inner.options_.front().read(text);
            if (problem.empty()) target = value;
            return problem;
        };
        options_.push_back({std::move(name), std::move(help), {}, read});
    }

    /// Any text, for example a path; not empty.
    void text(std::string name, std::string& target, std::string help) {
        const auto read = [&target](std::string_view text) -> std::string {
            if (text.empty()) return "needs a value";
            target = text;
            return {};
        };
        options_.push_back({std::move(name), std::move(help), target, read});
    }

    /// A word without a name before it, which must be there, for example a folder: the first of
    /// these is the first word that is no option, and so on.
    void place(std::string name, std::string& target, std::string help) {
        const auto read = [&target](std::string_view text) -> std::string {
            target = text;
            return {};
        };
        places_.push_back({std::move(name), std::move(help), {}, read});
    }

    /// Something that is on when its name is given, and takes no value.
    void flag(std::string name, bool& target, std::string help) {
        const auto read = [&target](std::string_view) -> std::string {
            target = true;
            return {};
        };
        options_.push_back({std::move(name), std::move(help), {}, read, false});
    }

    /// One of a few words.
    void choice(std::string name, std::string& target, std::string help,
                std::vector<std::string> words) {
        std::string list;
        for (const std::string& word : words) list += (list.empty() ? "" : ", ") + word;
        help += " (" + list + ")";
        const auto read = [&target, words = std::move(words),
                           list](std::string_view text) -> std::string {
            if (std::find(words.begin(), words.end(), text) == words.end())
                return "must be one of " + list;
            target = text;
            return {};
        };
        options_.push_back({std::move(name), std::move(help), target, read});
    }

    /// Reads the command line. Empty: carry on; a value: leave the program with it.
    std::optional<int> parse(int count, const char* const* words) const {
        std::size_t placed = 0;
        for (int k = 1; k < count; ++k) {
            std::string_view name = words[k];
            if (!name.empty() && name[0] != '-' && placed < places_.size()) {
                places_[placed++].read(name);
                continue;
            }
            if (name == "--help" || name == "-h") {
                print_help();
                return 0;
            }
            std::optional<std::string_view> value;
            if (const auto equals = name.find('='); equals != name.npos) {
                value = name.substr(equals + 1);
                name = name.substr(0, equals);
            }
            const auto found = std::find_if(options_.begin(), options_.end(),
                                            [&](const option& o) { return o.name == name; });
            if (found == options_.end()) return refuse_unknown(name);
            if (!found->takes_value) {
                if (value) return refuse(std::string(name) + " takes no value");
                found->read({});
                continue;
            }
            if (!value) {
                if (++k == count) return refuse(std::string(name) + " needs a value");
                value = words[k];
            }
            const std::string problem = found->read(*value);
            if (!problem.empty())
                return refuse(std::string(name) + " " + problem + ", got \"" + std::string(*value) +
                              "\"");
        }
        if (placed < places_.size())
            return refuse("needs a " + places_[placed].name + " (--help lists all options)");
        return std::nullopt;
    }

    /// Prints "program: message" as an error; the exit code for a user's mistake is 2.
    int refuse(const std::string& message) const {
        std::fprintf(stderr, "%s: %s\n", program_.c_str(), message.c_str());
        return 2;
    }

private:
    struct option {
        std::string name;
        std::string help;
        std::string initial;
        std::function<std::string(std::string_view)> read;  // returns what is wrong, or nothing
        bool takes_value = true;
    };

    template <class T>
    static std::string show(T value) {
        char buffer[64];
        std::snprintf(buffer, sizeof buffer, "%.10g", double(value));
        return buffer;
    }

    // " from 0 to 9", " at least 1", or nothing where any number will do.
    template <class T>
    static std::string range(T low, T high) {
        const bool open_below = low == std::numeric_limits<T>::lowest();
        const bool open_above = high == std::numeric_limits<T>::max();
        if (!open_below && !open_above) return " from " + show(low) + " to " + show(high);
        if (!open_below) return " at least " + show(low);
        if (!open_above) return " at most " + show(high);
        return {};
    }

    int refuse_unknown(std::string_view name) const {
        std::string message = "unknown option " + std::string(name);
        const option* closest = nullptr;
        std::size_t fewest = 3;  // further away than two letters is no typing error
        for (const option& o : options_) {
            const std::size_t edits = distance(name, o.name);
            if (edits < fewest) {
                fewest = edits;
                closest = &o;
            }
        }
        if (closest != nullptr) message += "; did you mean " + closest->name + "?";
        return refuse(message + " (--help lists all options)");
    }

    // The number of letters to insert, remove or exchange (Levenshtein 1966), row by row.
    static std::size_t distance(std::string_view a, std::string_view b) {
        std::vector<std::size_t> row(b.size() + 1);
        for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
        for (std::size_t i = 1; i <= a.size(); ++i) {
            std::size_t diagonal = std::exchange(row[0], i);
            for (std::size_t j = 1; j <= b.size(); ++j) {
                const std::size_t exchanged = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = std::min({exchanged, row[j] + 1, row[j - 1] + 1});
            }
        }
        return row.back();
    }

    void print_help() const {
        std::printf("%s\n\nusage: %s", summary_.c_str(), program_.c_str());
        for (const option& o : places_) std::printf(" %s", o.name.c_str());
        std::printf(" [options]\n\n");
        std::size_t widest = 6;
        for (const option& o : places_) widest = std::max(widest, o.name.size());
        for (const option& o : options_) widest = std::max(widest, o.name.size());
        for (const option& o : places_)
            std::printf("  %-*s  %s\n", int(widest), o.name.c_str(), o.help.c_str());
        for (const option& o : options_) {
            const std::string initial = o.initial.empty() ? "" : " [" + o.initial + "]";
            std::printf("  %-*s  %s%s\n", int(widest), o.name.c_str(), o.help.c_str(),
                        initial.c_str());
        }
        std::printf("  %-*s  this text\n", int(widest), "--help");
    }

    std::string program_;
    std::string summary_;
    std::vector<option> options_, places_;
};

/// The whole of an example's main(): what `run` returns, or the message of what it throws and exit
/// code 2.
template <class Run>
int run_program(const char* name, Run&& run, int argc, char** argv) {
    try {
        return run(argc, argv);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s: %s\n", name, error.what());
        return 2;
    }
}

}  // namespace examples
