#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <diffusion/random/fill.hpp>

/// A language so small that the probability of each of its sentences is known:
///
///     sentence:  thing "on" colour            (1 of 4, filled up by full stops)
///             |  thing relation thing "on" colour
///     thing:     "a" size colour shape
///
/// All colours of a sentence differ, and every choice is between equals.
namespace examples::sentences {

inline constexpr std::array<std::string_view, 18> words = {
    "a",     "on",     ".",      "small",    "large", "red",   "green", "blue",   "yellow",
    "white", "circle", "square", "triangle", "star",  "above", "below", "beside", "inside"};
inline constexpr std::size_t a = 0, on = 1, stop = 2, length = 11;

/// Words of one kind: so many from the first on.
struct kind {
    std::size_t first, count;
    constexpr bool has(std::size_t word) const { return word >= first && word < first + count; }
};
inline constexpr kind size{3, 2}, colour{5, 5}, shape{10, 4}, relation{14, 4};

/// Sentence `number` of `seed`, as the numbers of its words. One of any four in a row is short.
template <class T>
void write(std::span<T> sentence, std::uint64_t seed, std::uint64_t number) {
    std::array<double, length> u;
    diffusion::fill_uniform<double>(u, seed, {diffusion::noise_stream::data, number, 1});
    std::size_t at = 0, drawn = 0;
    std::array<std::size_t, 3> colours{};
    const auto put = [&](std::size_t word) { sentence[at++] = static_cast<T>(word); };
    const auto pick = [&](std::size_t count) { return std::size_t(u[at] * double(count)); };
    const auto put_colour = [&] {
        // the k-th of those that were not drawn yet
        std::size_t left = pick(colour.count - drawn), word = colour.first;
        const auto taken = [&](std::size_t w) {
            for (std::size_t i = 0; i < drawn; ++i)
                if (colours[i] == w) return true;
            return false;
        };
        while (taken(word) || left-- > 0) ++word;
        colours[drawn++] = word;
        put(word);
    };
    const auto put_thing = [&] {
        put(a);
        put(size.first + pick(size.count));
        put_colour();
        put(shape.first + pick(shape.count));
    };
    put_thing();
    if (number % 4 != 0) {
        put(relation.first + pick(relation.count));
        put_thing();
    }
    put(on);
    put_colour();
    while (at < length) put(stop);
}

/// -log2 of the probability of a sentence; infinite if it is none.
inline double code_length(std::span<const std::size_t> sentence) {
    constexpr double never = std::numeric_limits<double>::infinity();
    std::size_t at = 0;
    double bits = 0, colours_left = double(colour.count);
    std::vector<std::size_t> colours;
    const auto is = [&](kind k) { return at < length && k.has(sentence[at++]); };
    const auto is_colour = [&] {
        if (!is(colour)) return false;
        for (const std::size_t before : colours)
            if (before == sentence[at - 1]) return false;
        colours.push_back(sentence[at - 1]);
        bits += std::log2(colours_left--);
        return true;
    };
    const auto is_thing = [&] {
        if (!is({a, 1}) || !is(size) || !is_colour() || !is(shape)) return false;
        bits += std::log2(double(size.count * shape.count));
        return true;
    };
    if (!is_thing()) return never;
    if (relation.has(sentence[at])) {
        ++at;
        bits += std::log2(4.0 / 3 * double(relation.count));
        if (!is_thing()) return never;
    } else {
        bits += std::log2(4.0);
    }
    if (!is({on, 1}) || !is_colour()) return never;
    while (at < length)
        if (!is({stop, 1})) return never;
    return bits;
}

/// The entropy of the language in bits: the mean of the code length, which is the same for all
/// short sentences, and for all long ones.
inline double entropy() {
    std::array<std::size_t, length> sentence;
    double sum = 0;
    for (std::uint64_t number = 0; number < 4; ++number) {
        write<std::size_t>(sentence, 0, number);
        sum += code_length(sentence) / 4;
    }
    return sum;
}

/// As it is read; what is no word is shown as "_".
inline std::string spelled(std::span<const std::size_t> sentence) {
    std::string text;
    for (const std::size_t word : sentence) {
        if (word != stop && !text.empty()) text += ' ';
        text += word < words.size() ? words[word] : "_";
    }
    return text;
}

/// Sentences 0 .. count - 1 of `seed`, one behind the other.
inline std::vector<std::size_t> written(std::uint64_t seed, std::size_t count) {
    std::vector<std::size_t> text(count * length);
    for (std::size_t i = 0; i < count; ++i)
        write(std::span(text).subspan(i * length, length), seed, i);
    return text;
}

/// How many of some sentences are right, and how many of these are different.
struct marks {
    std::size_t right = 0, different = 0;

    explicit marks(std::span<const std::size_t> text) {
        std::set<std::vector<std::size_t>> known;
        for (std::size_t i = 0; i < text.size(); i += length) {
            const auto sentence = text.subspan(i, length);
            if (std::isinf(code_length(sentence))) continue;
            ++right;
            known.emplace(sentence.begin(), sentence.end());
        }
        different = known.size();
    }
};

/// How frequent each word is.
inline std::vector<double> frequencies(std::span<const std::size_t> text) {
    std::vector<double> share(words.size());
    for (const std::size_t word : text) share[word] += 1 / double(text.size());
    return share;
}

/// For each word, how often each word stands before it and behind it: words that are used alike
/// have rows that are alike.
inline std::vector<double> neighbourhoods(std::span<const std::size_t> text) {
    const std::size_t K = words.size();
    std::vector<double> table(K * 2 * K), uses(K);
    for (std::size_t i = 0; i < text.size(); ++i) {
        double* row = table.data() + text[i] * 2 * K;
        uses[text[i]] += 1;
        if (i % length > 0) row[text[i - 1]] += 1;
        if ((i + 1) % length > 0) row[K + text[i + 1]] += 1;
    }
    for (std::size_t i = 0; i < table.size(); ++i) table[i] /= uses[i / (2 * K)];
    return table;
}

}  // namespace examples::sentences
