#pragma once
// Steps between tokens that go to near ones in an embedding space (Austin et al. 2021, appendix
// A.2.4).

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include <diffusion/detail/require.hpp>
#include <diffusion/discrete/doubly_stochastic.hpp>

namespace diffusion {

/// The graph of the `neighbours` nearest: G_ij = 1 if j is one of those of i by the Euclidean
/// distance of rows i and j of `embeddings` (K rows), and its symmetric form
///
///     A = (G + G^T) / (2 neighbours)
///
/// K x K, the diagonal is 0. Of equally near ones the first count. Throws std::invalid_argument
/// for a table that has no whole rows or a number that is not finite, and for neighbours other than
/// 1 .. K-1.
inline std::vector<double> nearest_neighbour_graph(std::span<const double> embeddings,
                                                   std::size_t categories, std::size_t neighbours) {
    constexpr const char* function = "diffusion::nearest_neighbour_graph";
    const std::size_t K = categories;
    detail::require(K >= 2 && !embeddings.empty() && embeddings.size() % K == 0, function,
                    "there must be a row for each of at least 2 states; numbers",
                    embeddings.size());
    detail::require(neighbours >= 1 && neighbours < K, function,
                    "the neighbours must be at least 1 and fewer than the states", neighbours);
    for (const double e : embeddings)
        detail::require(std::isfinite(e), function, "embeddings must be finite", e);
    const std::size_t width = embeddings.size() / K;
    std::vector<double> graph(K * K), distance(K);
    std::vector<std::size_t> order(K);
    for (std::size_t i = 0; i < K; ++i) {
        for (std::size_t j = 0; j < K; ++j) {
            distance[j] = 0;
            for (std::size_t c = 0; c < width; ++c) {
                const double d = embeddings[i * width + c] - embeddings[j * width + c];
                distance[j] += d * d;
            }
        }
        distance[i] = std::numeric_limits<double>::infinity();  // nobody is a neighbour of his own
        std::iota(order.begin(), order.end(), std::size_t{0});
        std::stable_sort(order.begin(), order.end(),
                         [&](std::size_t a, std::size_t b) { return distance[a] < distance[b]; });
        for (std::size_t n = 0; n < neighbours; ++n) {
            const double half = 0.5 / static_cast<double>(neighbours);
            graph[i * K + order[n]] += half;
            graph[order[n] * K + i] += half;
        }
    }
    return graph;
}

/// What a token-distance process is made of.
struct token_distance_options {
    std::size_t neighbours = 5;  ///< of each token
    bool balanced = false;       ///< all tokens leave at about the same rate
};

/// The rates R at which tokens become each other (appendix A.2.4):
///
///     R_ij = A_ij for i != j,   R_ii = -sum_{l != i} A_il
///
/// with A the `nearest_neighbour_graph`, or, balanced, `doubly_stochastic` of A + I/10. Symmetric,
/// so that exp(alpha R) is doubly stochastic for all alpha >= 0; if the graph is connected, uniform
/// for large alpha.
inline std::vector<double> token_distance_rates(std::span<const double> embeddings,
                                                std::size_t categories,
                                                const token_distance_options& options = {}) {
    const std::size_t K = categories;
    std::vector<double> rates = nearest_neighbour_graph(embeddings, K, options.neighbours);
    if (options.balanced) {
        for (std::size_t i = 0; i < K; ++i) rates[i * K + i] = 0.1;
        rates = doubly_stochastic(std::move(rates));
    }
    for (std::size_t i = 0; i < K; ++i) {
        double sum = 0;
        for (std::size_t j = 0; j < K; ++j)
            if (j != i) sum += rates[i * K + j];
        rates[i * K + i] = -sum;
    }
    return rates;
}

}  // namespace diffusion
