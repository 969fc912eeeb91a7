#pragma once
// An ordinary differential equation dy/dt = f(t, y) on any tensor, to a wanted accuracy.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <diffusion/detail/require.hpp>
#include <diffusion/tensor/linear.hpp>
#include <diffusion/tensor/traits.hpp>

namespace diffusion {

/// The right-hand side of dy/dt = f(t, y), called as f(t, y, dy). Semantics: every element of dy is
/// overwritten, and nothing but t and y decides how.
template <class F, class Y>
concept derivative = tensor<Y> && requires(F& f, double t, const Y& y, owner_t<Y>& dy) {
    f(t, y, dy);
};

/// How exact an integration is: element i of the local error is held below atol + rtol |y_i|.
struct ode_options {
    double rtol = 1e-5, atol = 1e-5;     ///< relative and absolute tolerance
    std::vector<double> atol_each = {};  ///< one atol for each element instead, if not empty
    std::size_t most_attempts = 100000;  ///< in one integration
};

/// What an integration has cost: calls of f, and steps that were kept or taken back.
struct ode_counts {
    std::size_t calls = 0, accepted = 0, rejected = 0;

    friend bool operator==(const ode_counts&, const ode_counts&) = default;
};

/// The embedded Runge-Kutta pair of order 5(4) of Dormand and Prince (1980), "RK45": seven slopes,
///
///     k_i = f(t + c_i h, y + h sum_j a_ij k_j),     y' = y + h sum_i b_i k_i,
///
/// the last of them at y', so that it is the next step's first ("first same as last"): six calls a
/// step. With e_i = b_i - b*_i, b* the weights of order 4, and the root mean square over elements,
///
///     error = RMS(h sum_i e_i k_i / scale),    scale = atol + rtol max(|y|, |y'|),
///
/// a step is kept if error < 1, and the next length is h min(10, max(0.2, 0.9 error^{-1/5})), which
/// must not grow right after a rejection. The first length is that of Hairer, Norsett and Wanner
/// (1993, II.4) and costs two calls, one of them the first slope. All of this as SciPy does it, so
/// the number of calls is SciPy's.
///
///     const dormand_prince solver({.rtol = 1e-8, .atol = 1e-8});
///     auto memory = solver.init(y);                                     // alone allocates
///     const ode_counts spent = solver.integrate(f, t0, t1, y, memory);  // t1 < t0 goes backwards
///
/// or, for one that wants to see every step (`value_at` looks into it):
///
///     for (solver.begin(f, t0, t1, y, memory); memory.t != t1;) solver.step(f, y, memory);
///
/// Throws std::invalid_argument for tolerances that are not positive, for another number of
/// atol_each than of elements, and for times that are not finite; std::runtime_error where f or y
/// is not finite, however short the step, and where the tolerances ask for steps too short for
/// double or for too many; y is then the last state that was kept. If f throws, y is unspecified.
class dormand_prince {
    static constexpr std::array<double, 6> c{0, 1. / 5, 3. / 10, 4. / 5, 8. / 9, 1};
    static constexpr std::array<std::array<double, 5>, 6> a{{
        {},
        {1. / 5},
        {3. / 40, 9. / 40},
        {44. / 45, -56. / 15, 32. / 9},
        {19372. / 6561, -25360. / 2187, 64448. / 6561, -212. / 729},
        {9017. / 3168, -355. / 33, 46732. / 5247, 49. / 176, -5103. / 18656},
    }};
    static constexpr std::array<double, 7> b{35. / 384, 0, 500. / 1113, 125. / 192, -2187. / 6784,
                                             11. / 84,  0};
    static constexpr std::array<double, 7> e{71. / 57600,      0,         -71. / 16695, 71. / 1920,
                                             -17253. / 339200, 22. / 525, -1. / 40};
    static constexpr std::array<double, 7> d{
        -12715105075. / 11282082432,  0,
        87487479700. / 32700410799,   -10690763975. / 1880347072,
        701980252875. / 199316789632, -1453857185. / 822651844,
        69997945. / 29380423};

public:
    template <tensor Y>
    struct memory {
        std::array<owner_t<Y>, 7> k;  ///< the slopes of the latest step
        owner_t<Y> start;             ///< y where it began
        double t = 0, t_start = 0;    ///< y is at t, start at t_start
        double t_end = 0, h = 0;      ///< where to, and how long the next step is to be, h > 0
        ode_counts spent = {};
    };

    explicit dormand_prince(ode_options options = {}) : options_(std::move(options)) {
        require_tolerance(options_.rtol, "rtol must be finite and positive");
        require_tolerance(options_.atol, "atol must be finite and positive");
        for (const double atol : options_.atol_each)
            require_tolerance(atol, "every atol must be finite and positive");
    }

    const ode_options& options() const { return options_; }

    template <tensor Y>
    memory<Y> init(const Y& y) const {
        const std::size_t n = options_.atol_each.size();
        detail::require(n == 0 || n == elements(y).size(), name,
                        "atol_each must have as many elements as the state", n);
        return {{like(y), like(y), like(y), like(y), like(y), like(y), like(y)}, like(y)};
    }

    /// Takes y from t0 to t1, in place.
    template <tensor Y, derivative<Y> F>
    ode_counts integrate(F&& f, double t0, double t1, Y& y, memory<Y>& mem) const {
        for (begin(f, t0, t1, y, mem); mem.t != t1;) step(f, y, mem);
        return mem.spent;
    }

    /// Sets out from t0 to t1: finds the length of the first step.
    template <tensor Y, derivative<Y> F>
    void begin(F&& f, double t0, double t1, Y& y, memory<Y>& mem) const {
        for (const double t : {t0, t1})
            detail::require(std::isfinite(t), name, "times must be finite", t);
        mem.t = mem.t_start = t0;
        mem.t_end = t1;
        mem.spent = {};
        if (t0 == t1) return;
        const double all = std::abs(t1 - t0), direction = t1 > t0 ? 1 : -1;
        call(f, t0, y, mem.k[0], mem);
        ref(mem.start) = 1 * ref(std::as_const(y));
        const auto norm = [&](auto&& value) { return rms(y, mem, value); };
        const double d0 = norm([&](std::size_t i) { return number(y, i); });
        const double d1 = norm([&](std::size_t i) { return number(mem.k[0], i); });
        if (!std::isfinite(d0) || !std::isfinite(d1)) fail("y or f(t, y) is not finite", t0);
        const double h0 = std::min(d0 < 1e-5 || d1 < 1e-5 ? 1e-6 : 0.01 * d0 / d1, all);
        ref(y) = 1 * ref(mem.start) + direction * h0 * ref(mem.k[0]);
        call(f, h0 < all ? t0 + direction * h0 : t1, y, mem.k[1], mem);
        ref(y) = 1 * ref(mem.start);
        const double d2 =
            norm([&](std::size_t i) { return number(mem.k[1], i) - number(mem.k[0], i); }) / h0;
        if (!std::isfinite(d2)) fail("f(t, y) is not finite", t0 + direction * h0);
        const double h1 = d1 <= 1e-15 && d2 <= 1e-15 ? std::max(1e-6, h0 * 1e-3)
                                                     : std::pow(0.01 / std::max(d1, d2), 1. / 5);
        mem.h = std::min({100 * h0, h1, all});
    }

    /// One step that is kept, after as many attempts as it takes.
    template <tensor Y, derivative<Y> F>
    void step(F&& f, Y& y, memory<Y>& mem) const {
        const double direction = mem.t_end > mem.t ? 1 : -1, t = mem.t;
        const double shortest =
            10 *
            std::abs(std::nextafter(t, direction * std::numeric_limits<double>::infinity()) - t);
        if (mem.spent.accepted > 0) std::swap(mem.k[0], mem.k[6]);
        ref(mem.start) = 1 * ref(std::as_const(y));
        mem.t_start = t;
        mem.h = std::max(mem.h, shortest);
        for (bool rejected = false;; rejected = true) {
            if (mem.spent.accepted + mem.spent.rejected >= options_.most_attempts)
                fail("the tolerances ask for too many steps", t);
            double s = t + direction * mem.h;
            if (direction * (s - mem.t_end) > 0) s = mem.t_end;
            const double error = attempt(f, y, s, mem);
            const double factor = 0.9 * std::pow(error, -1. / 5);  // infinity for no error at all
            mem.h = std::abs(s - t);
            if (error < 1) {
                mem.h *= std::min(rejected ? 1.0 : 10.0, factor);
                mem.t = s;
                ++mem.spent.accepted;
                return;
            }
            mem.h *= std::isfinite(error) ? std::max(0.2, factor) : 0.2;
            ++mem.spent.rejected;
            ref(y) = 1 * ref(mem.start);
            if (mem.h < shortest)
                fail(std::isfinite(error) ? "the tolerances ask for too short a step"
                                          : "y or f(t, y) is not finite",
                     t);
        }
    }

    /// y at a time within the latest step, without a call (Hairer, Norsett and Wanner 1993, II.6:
    /// order 4, and as smooth as the slopes): with u = (t - t_start)/h the cubic through both ends
    /// and their slopes, and one more term,
    ///
    ///     y(u) = start + u^2 (3 - 2u) (y' - start) + u (1-u)^2 h k_1 - u^2 (1-u) h k_7
    ///            + u^2 (1-u)^2 h sum_i d_i k_i.
    ///
    /// Throws std::invalid_argument for a t outside [t_start, t].
    template <tensor Y>
    void value_at(double t, const memory<Y>& mem, owner_t<Y>& out) const {
        const double h = mem.t - mem.t_start, u = h != 0 ? (t - mem.t_start) / h : -1;
        detail::require(u >= 0 && u <= 1, name, "t must lie within the latest step", t);
        const double v = 1 - u;
        std::array<term<scalar_t<Y>>, 8> sum{1 * ref(mem.start)};
        for (std::size_t i = 0; i < 7; ++i) {
            double weight = u * u * (3 - 2 * u) * b[i] + u * u * v * v * d[i];
            if (i == 0) weight += u * v * v;
            if (i == 6) weight -= u * u * v;
            sum[i + 1] = h * weight * ref(mem.k[i]);
        }
        assign(elements(out), sum);
    }

private:
    static constexpr const char* name = "diffusion::dormand_prince";

    static void require_tolerance(double tolerance, const char* rule) {
        detail::require(tolerance > 0 && std::isfinite(tolerance), name, rule, tolerance);
    }

    [[noreturn]] static void fail(const char* what, double t) {
        throw std::runtime_error(std::string(name) + ": " + what + " at t = " + detail::shown(t));
    }

    template <tensor Y>
    static double number(const Y& y, std::size_t i) {
        return static_cast<double>(elements(y)[i]);
    }

    template <tensor Y, class F>
    static void call(F& f, double t, const Y& y, owner_t<Y>& dy, memory<Y>& mem) {
        f(t, y, dy);
        ++mem.spent.calls;
    }

    /// y at s from mem.start at mem.t_start, its slope there, and the error.
    template <tensor Y, class F>
    double attempt(F& f, Y& y, double s, memory<Y>& mem) const {
        using T = scalar_t<Y>;
        const double t = mem.t_start, h = s - t;
        auto& k = mem.k;
        for (std::size_t i = 1; i < 6; ++i) {
            std::array<term<T>, 6> sum{1 * ref(std::as_const(mem.start))};
            for (std::size_t j = 0; j < i; ++j) sum[j + 1] = h * a[i][j] * ref(k[j]);
            assign(elements(y), std::span<const term<T>>(sum.data(), i + 1));
            call(f, i < 5 ? t + c[i] * h : s, std::as_const(y), k[i], mem);
        }
        ref(y) = 1 * ref(mem.start) + h * b[0] * ref(k[0]) + h * b[2] * ref(k[2]) +
                 h * b[3] * ref(k[3]) + h * b[4] * ref(k[4]) + h * b[5] * ref(k[5]);
        call(f, s, std::as_const(y), k[6], mem);
        return rms(y, mem, [&](std::size_t i) {
            double sum = 0;
            for (std::size_t j = 0; j < 7; ++j) sum += e[j] * number(k[j], i);
            return h * sum;
        });
    }

    /// The root mean square of value(i)/scale_i. Not finite if one of the values is not.
    template <tensor Y, class Value>
    double rms(const Y& y, const memory<Y>& mem, Value&& value) const {
        const auto start = elements(mem.start);
        const std::size_t n = start.size();
        double sum = 0;
        for (std::size_t i = 0; i < n; ++i) {
            const double size = std::max(std::abs(number(mem.start, i)), std::abs(number(y, i)));
            const double atol = options_.atol_each.empty() ? options_.atol : options_.atol_each[i];
            const double share = value(i) / (atol + options_.rtol * size);
            sum += share * share;
        }
        return n > 0 ? std::sqrt(sum / static_cast<double>(n)) : 0;
    }

    ode_options options_;
};

}  // namespace diffusion
