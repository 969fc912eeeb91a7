#pragma once
// L5: PNDM, whose first steps take more than one evaluation.

#include <array>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include <diffusion/detail/require.hpp>
#include <diffusion/grid/time_grid.hpp>
#include <diffusion/rule/ipndm.hpp>
#include <diffusion/sampler/sampler.hpp>
#include <diffusion/tensor/linear.hpp>

namespace diffusion {

/// Pseudo linear multistep (PLMS, `ipndm<4>`) with the start of Liu et al. (2022). With
/// phi(x, eps, t, s) = (alpha_s/alpha_t) x + (sigma_s - sigma_t alpha_s/alpha_t) eps, DDIM's step:
///
///   `pndm(schedule, grid)`       three steps of Runge-Kutta ("F-PNDM"):
///                                e_1 at x_t; e_2, e_3 at phi(x_t, e_1 or e_2, t, r), r halfway in
///                                time; e_4 at phi(x_t, e_3, t, s); then phi with
///                                (e_1 + 2 e_2 + 2 e_3 + e_4)/6. 12 evaluations; then one a step.
///   `pndm(grid)`                 one improved Euler step, phi with (e_1 + e_2)/2, e_2 at
///                                phi(x_t, e_1, t, s): 2 evaluations, then one a step with as many
///                                terms as there are ("PLMS" of latent diffusion).
///
/// Order 2, as they prove. Deterministic. Throws std::invalid_argument for a grid as in
/// `multistep`, with alpha = 0 at a node, or of fewer than 4 (2) steps.
class pndm {
public:
    template <tensor X>
    struct memory {
        std::array<owner_t<X>, 4> eps;  // a ring, eps[head] the latest
        owner_t<X> x0, x_t, e, sum;
        std::size_t head = 0;
    };

    explicit pndm(time_grid grid) : pndm(std::move(grid), std::vector<node>{}) {}

    template <noise_schedule S>
    pndm(const S& schedule, time_grid grid) : pndm(grid, halfway(schedule, grid)) {}

    /// With three nodes of one's own for e_2 and e_3, or none for the improved Euler start.
    pndm(time_grid grid, std::vector<node> halfway)
        : grid_(std::move(grid)), halfway_(std::move(halfway)) {
        constexpr const char* function = "diffusion::pndm";
        detail::require_grid(grid_, function);
        for (const node& n : grid_)
            detail::require(n.alpha > 0, function, "alpha must be positive at every node", n.alpha);
        detail::require(size() >= halfway_.size() + 1 + (halfway_.empty() ? 1 : 0), function,
                        "the start and one step after it must fit the grid: at least 4 steps with "
                        "Runge-Kutta, 2 with improved Euler; the number of steps is too small",
                        size());
        detail::require(halfway_.empty() || halfway_.size() == 3, function,
                        "there must be 3 nodes halfway, or none", halfway_.size());
        for (std::size_t i = 0; i < halfway_.size(); ++i)
            start_.push_back({grid_[i], halfway_[i], halfway_[i], grid_[i + 1]});
        if (start_.empty()) start_.push_back({grid_[0], grid_[1]});
        std::array<node, 4> seen{};
        for (std::size_t i = 0; i < size(); ++i) {
            for (std::size_t k = 3; k > 0; --k) seen[k] = seen[k - 1];
            seen[0] = grid_[i];
            const std::size_t visible = i < 3 ? i + 1 : 4;
            kernels_.push_back(
                ipndm<4>{}(std::span<const node>(seen.data(), visible), grid_[i + 1]));
        }
    }

    std::size_t size() const { return grid_.size() - 1; }
    const time_grid& grid() const { return grid_; }

    /// The nodes at which step i asks the network.
    std::span<const node> asked(std::size_t i) const {
        if (i < start_.size()) return start_[i];
        return std::span<const node>(grid_).subspan(i, 1);
    }

    template <tensor X>
    memory<X> init(const X& x) const {
        return {{like(x), like(x), like(x), like(x)}, like(x), like(x), like(x), like(x)};
    }

    template <tensor X>
    const owner_t<X>& x0(const memory<X>& mem) const {
        return mem.x0;
    }

    template <tensor X, class D, class Z>
        requires denoiser<D, X>
    void step(std::size_t i, X& x, memory<X>& mem, D&& denoise, Z&&) const {
        const node &t = grid_[i], &s = grid_[i + 1];
        mem.head = (mem.head + 3) % 4;
        const auto eps = [&mem](std::size_t k) {
            return ref(std::as_const(mem.eps[(mem.head + k) % 4]));
        };
        detail::denoise_with_noise(denoise, std::as_const(x), t, mem.x0, mem.eps[mem.head]);
        if (i < halfway_.size()) {
            const node& r = halfway_[i];
            ref(mem.x_t) = 1 * ref(x);
            ref(mem.sum) = (1. / 6) * eps(0);
            phi(x, mem.x_t, mem.eps[mem.head], t, r);
            stage(2. / 6, x, r, mem, denoise);
            phi(x, mem.x_t, mem.e, t, r);
            stage(2. / 6, x, r, mem, denoise);
            phi(x, mem.x_t, mem.e, t, s);
            stage(1. / 6, x, s, mem, denoise);
            phi(x, mem.x_t, mem.sum, t, s);
        } else if (i == 0) {
            ref(mem.x_t) = 1 * ref(x);
            ref(mem.sum) = 0.5 * eps(0);
            phi(x, mem.x_t, mem.eps[mem.head], t, s);
            stage(0.5, x, s, mem, denoise);
            phi(x, mem.x_t, mem.sum, t, s);
        } else {
            const auto& [a, b, c] = kernels_[i];
            const auto state = ref(x);
            if (i == 1) state = a * state + b[0] * eps(0) + b[1] * eps(1);
            else if (i == 2) state = a * state + b[0] * eps(0) + b[1] * eps(1) + b[2] * eps(2);
            else state = a * state + b[0] * eps(0) + b[1] * eps(1) + b[2] * eps(2) + b[3] * eps(3);
        }
    }

private:
    template <noise_schedule S>
    static std::vector<node> halfway(const S& schedule, const time_grid& grid) {
        std::vector<node> nodes;
        for (std::size_t i = 0; i < 3 && i + 1 < grid.size(); ++i)
            nodes.push_back(node_at(schedule, (grid[i].t + grid[i + 1].t) / 2));
        return nodes;
    }

    /// x <- phi(x_t, eps, t, s)
    template <tensor X>
    static void phi(X& x, const owner_t<X>& x_t, const owner_t<X>& eps, const node& t,
                    const node& s) {
        const gaussian_kernel<1> step = detail::exponential_noise_step(t, s, 0);
        ref(x) = step.a * ref(x_t) + step.b[0] * ref(eps);
    }

    /// e <- eps-hat at (x, t), added to the sum with its weight.
    template <tensor X, class D>
    static void stage(double weight, const X& x, const node& t, memory<X>& mem, D& denoise) {
        detail::denoise_with_noise(denoise, x, t, mem.x0, mem.e);
        ref(mem.sum) = 1 * ref(mem.sum) + weight * ref(mem.e);
    }

    time_grid grid_;
    std::vector<node> halfway_;
    std::vector<std::vector<node>> start_;  // where the first steps ask
    std::vector<gaussian_kernel<4>> kernels_;
};

}  // namespace diffusion
