#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <diffusion/detail/require.hpp>
#include <diffusion/discrete/categorical_kernel.hpp>

namespace diffusion {

/// Any step between K states, as a K x K matrix in the order of its rows: q(x_t = j | x_s = i) is
/// element i K + j (Austin et al. 2021, section 3). Copies share the matrix, which never changes.
class dense_kernel {
public:
    /// Throws std::invalid_argument unless the matrix is square, its elements lie in [0, 1], and
    /// each row sums to 1 (up to 1e-9).
    explicit dense_kernel(std::vector<double> matrix)
        : categories_(detail::side_of_square(matrix.size(), "diffusion::dense_kernel")),
          matrix_(std::make_shared<const std::vector<double>>(std::move(matrix))) {
        for (std::size_t i = 0; i < categories_; ++i)
            detail::require_distribution(row(i), categories_, "diffusion::dense_kernel");
    }

    std::size_t categories() const { return categories_; }

    double operator()(std::size_t i, std::size_t j) const {
        return (*matrix_)[i * categories_ + j];
    }

    /// q(x_t | x_s = i).
    std::span<const double> row(std::size_t i) const {
        return std::span(*matrix_).subspan(i * categories_, categories_);
    }

    /// The kernel of no step, between the same states.
    dense_kernel identity() const {
        std::vector<double> matrix(matrix_->size());
        for (std::size_t i = 0; i < categories_; ++i) matrix[i * categories_ + i] = 1;
        return dense_kernel(std::move(matrix));
    }

    /// The kernel of two steps, this one first: the product of the matrices. Rows are divided by
    /// their sums, else those of a thousand steps would leave 1.
    dense_kernel then(const dense_kernel& next) const {
        const std::size_t K = categories_;
        detail::require(next.categories_ == K, "diffusion::dense_kernel::then",
                        "both steps must have the same states", next.categories_);
        std::vector<double> product(K * K);
        for (std::size_t i = 0; i < K; ++i) {
            double* out = product.data() + i * K;
            for (std::size_t k = 0; k < K; ++k)
                for (std::size_t j = 0; j < K; ++j) out[j] += (*this)(i, k) * next(k, j);
            double sum = 0;
            for (std::size_t j = 0; j < K; ++j) sum += out[j];
            for (std::size_t j = 0; j < K; ++j) out[j] /= sum;
        }
        return dense_kernel(std::move(product));
    }

private:
    std::size_t categories_;
    std::shared_ptr<const std::vector<double>> matrix_;
};

}  // namespace diffusion
