#pragma once

#include "discrete_run.hpp"
#include "sentences.hpp"

#include <cstddef>
#include <cstdio>
#include <map>
#include <span>
#include <string>
#include <vector>

/// The tables that `discrete` prints.
namespace examples {

/// Right and different sentences of a draw, and what is to be said of it.
inline void print_marks(std::span<const std::size_t> samples, const std::string& remark) {
    const sentences::marks marks(samples);
    std::printf(" %6zu of %zu %8zu   (%s)\n", marks.right, samples.size() / sentences::length,
                marks.different, remark.c_str());
}

inline void print_sentence_head(std::size_t T, std::span<const std::size_t> test,
                                const null_model& independent, std::uint64_t seed) {
    constexpr std::size_t length = sentences::length;
    std::printf("sentences of %zu words such as \"%s\"\n", length,
                sentences::spelled(test.subspan(length, length)).c_str());
    std::printf("%18s%zu steps    %zu steps     L_0     L_T   grammatical  different\n", "", T,
                T / 8);
    std::printf("  truth         %9.2f bits\n", sentences::entropy());
    std::printf("  null model    %9.2f bits%26s", independent.bits(test), "");
    print_marks(independent.draw(test.size() / length, seed), "each word for itself");
}

/// A process, and a draw of it from noise to words.
inline void print_sentence_row(const char* name, const discrete_result& r) {
    std::printf("  %-14s%9.2f bits %8.2f %8.3f %7.3f", name, r.bits, r.few, r.last, r.prior);
    print_marks(r.samples, std::to_string(r.items) + " sentences seen");
    for (const auto& x_t : r.film) std::printf("      %s\n", sentences::spelled(x_t).c_str());
}

/// The null model's `bits` are those of a pixel.
inline void print_digit_head(std::size_t T, std::size_t side, std::size_t levels, double bits) {
    std::printf("digits of %zu x %zu pixels in %zu levels\n", side, side, levels);
    std::printf("%18s%zu steps         %zu steps     L_0     L_T\n", "", T, T / 8);
    std::printf("  null model    %9.3f bits/dim   (each pixel for itself)\n", bits);
}

inline void print_digit_row(const char* name, const discrete_result& r, double pixels) {
    std::printf("  %-14s%9.3f bits/dim %8.3f %9.4f %7.4f   (%zu pictures seen)\n", name,
                r.bits / pixels, r.few / pixels, r.last / pixels, r.prior / pixels, r.items);
}

/// What the paper says, and whether the same process is best here.
inline void print_comparison(const char* paper, const std::string& best_there,
                             const std::map<std::string, double>& bits, const char* excuse) {
    std::string best;
    for (const auto& [name, value] : bits)
        if (best.empty() || value < bits.at(best)) best = name;
    std::printf("  %s.\n  There the best is: %s, here: %s%s.\n", paper, best_there.c_str(),
                best.c_str(), best == best_there ? "" : excuse);
}

}  // namespace examples
