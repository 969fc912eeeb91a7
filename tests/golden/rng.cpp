// torch's and NumPy's random numbers: the same bits, and the same normal numbers to the last digits
// of logarithm, sine and cosine.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include <diffusion/random/mt19937.hpp>
#include <diffusion/random/numpy.hpp>
#include <diffusion/random/philox4x64.hpp>
#include <diffusion/random/torch_cpu.hpp>

#include "support.hpp"

using namespace diffusion;
using golden::record;

namespace {

using doubles = std::vector<double>;

/// |a - b| / max(1, |b|), the largest.
double error(std::span<const double> ours, std::span<const double> reference) {
    if (ours.size() != reference.size()) return INFINITY;
    double worst = 0;
    for (std::size_t i = 0; i < ours.size(); ++i)
        worst = std::max(worst,
                         std::abs(ours[i] - reference[i]) / std::max(1.0, std::abs(reference[i])));
    return worst;
}

std::vector<std::uint64_t> words(const std::string& text) {
    std::istringstream in(text);
    std::vector<std::uint64_t> result;
    for (std::uint64_t word; in >> word;) result.push_back(word);
    return result;
}

/// 0 if the integers are equal.
template <class Next>
double integer_error(const record& c, Next&& next, const std::string& key = "values") {
    const std::vector<std::uint64_t> expected = words(c.text(key));
    const bool equal = std::all_of(expected.begin(), expected.end(),
                                   [&](std::uint64_t word) { return next() == word; });
    return equal && !expected.empty() ? 0 : INFINITY;
}

/// The nearest number of half precision, for |x| >= 2^-14.
double half(double x) {
    int exponent = 0;
    const double mantissa = std::frexp(x, &exponent);
    return std::ldexp(std::nearbyint(mantissa * 2048), exponent - 11);
}

template <class T>
doubles torch_call(torch_cpu& source, const std::string& name, std::size_t n) {
    std::vector<T> x(n);
    if (name == "rand") source.fill_uniform(std::span(x));
    else source.fill_normal(std::span(x));
    return doubles(x.begin(), x.end());
}

/// torch.randperm: the shuffle of Fisher and Yates from the front.
std::vector<std::uint64_t> torch_permutation(torch_cpu& source, std::size_t n) {
    std::vector<std::uint64_t> order(n);
    std::iota(order.begin(), order.end(), std::uint64_t{0});
    for (std::size_t i = 0; i + 1 < n; ++i)
        std::swap(order[i], order[i + source.random32() % (n - i)]);
    return order;
}

template <class T>
double torch_error(const record& c, const std::string& kind) {
    const bool scalar = kind.find("scalar path") != std::string::npos;
    torch_cpu source(c.count("seed"), scalar ? torch_angle::scalar : torch_angle::avx2);
    if (kind == "torch.sequence") {
        double worst = 0;
        std::size_t call = 0;
        for (std::string key = "calls.0"; c.has(key); key = "calls." + std::to_string(++call)) {
            std::istringstream in(c.text(key));
            std::string name;
            std::size_t n = 0;
            in >> name >> n;
            doubles x = torch_call<T>(source, name, n);
            x.erase(x.begin(), x.end() - static_cast<std::ptrdiff_t>(std::min(n, std::size_t{20})));
            worst = std::max(worst, error(x, c.numbers("values_last20." + std::to_string(call))));
        }
        return call > 0 ? worst : INFINITY;
    }
    if (kind == "torch.randint(0,1000,(16,))")
        return integer_error(c, [&] { return source.random32() % 1000; });
    if (kind == "torch.randint(0,2**40,(8,))")
        return integer_error(c, [&] { return source.random64() % (std::uint64_t{1} << 40); });
    if (kind == "torch.randperm(16)") {
        const std::vector<std::uint64_t> order = torch_permutation(source, 16);
        return integer_error(c, [&, i = std::size_t{0}]() mutable { return order.at(i++); });
    }
    if (kind == "torch.empty(16).uniform_(-2,3)") {
        std::vector<T> u(16);
        source.fill_uniform(std::span(u));
        for (T& e : u) e = e * 5 - 2;
        return error(doubles(u.begin(), u.end()), c.numbers("values"));
    }
    if (kind == "torch.empty(20).normal_(1.5,0.25)") {
        doubles z = torch_call<T>(source, "randn", 20);
        for (double& e : z) e = e * 0.25 + 1.5;
        return error(z, c.numbers("values"));
    }
    if (kind == "torch.randn(16,dtype=float16)") {
        doubles z = torch_call<T>(source, "randn", 16);
        for (double& e : z) e = half(e);
        return error(z, c.numbers("values"));
    }
    if (kind == "torch.Generator.randn")
        return error(torch_call<T>(source, "randn", 24), c.numbers("values"));
    const doubles x = torch_call<T>(source, kind == "torch.rand" ? "rand" : "randn", c.count("n"));
    const std::span<const double> all = x;
    return std::max(error(all.first(std::min(x.size(), std::size_t{32})), c.numbers("first")),
                    error(all.last(std::min(x.size(), std::size_t{8})), c.numbers("last")));
}

/// The error of `next()` for each of the recorded values.
template <class Next>
double sequence_error(const record& c, Next&& next) {
    const doubles expected = c.numbers("values");
    doubles ours(expected.size());
    for (double& e : ours) e = next();
    return expected.empty() ? INFINITY : error(ours, expected);
}

double numpy_error(const record& c, const std::string& kind) {
    const std::uint64_t seed = c.count("seed");
    numpy_random_state legacy(seed);
    if (kind == "numpy.RandomState.randn")
        return sequence_error(c, [&] { return legacy.normal(); });
    if (kind == "numpy.RandomState.random_sample")
        return sequence_error(c, [&] { return legacy.uniform(); });
    if (kind == "numpy.RandomState.randint(0,1000)")
        return integer_error(c, [&] {  // ten bits, until they are below 1000
            std::uint32_t x = 0;
            do x = legacy.random32() & 1023u;
            while (x >= 1000);
            return x;
        });

    numpy_generator philox{philox4x64(seed)};
    if (kind == "numpy.Generator(Philox(seed)).standard_normal")
        return sequence_error(c, [&] { return philox.normal(); });
    if (kind == "numpy.Generator(Philox(seed)).random")
        return sequence_error(c, [&] { return philox.uniform(); });
    if (kind == "numpy.Philox(seed).random_raw")
        return integer_error(c, [&] { return philox.random64(); });
    if (kind == "numpy.Philox(seed) initial key (SeedSequence) and counter") {
        const auto key = philox4x64(seed).key();
        const std::vector<std::uint64_t> start = words(c.text("counter"));
        if (start != std::vector<std::uint64_t>(4, 0)) return INFINITY;
        return integer_error(
            c, [&, i = std::size_t{0}]() mutable { return key.at(i++); }, "key");
    }
    if (kind == "numpy.Philox(key=[seed,0]).random_raw (no SeedSequence)")
        return integer_error(c, philox4x64({seed, 0}));

    numpy_default_rng rng(seed);
    if (kind == "numpy.default_rng(seed)=PCG64 standard_normal")
        return sequence_error(c, [&] { return rng.normal(); });
    if (kind == "numpy.default_rng(seed)=PCG64 random")
        return sequence_error(c, [&] { return rng.uniform(); });
    return INFINITY;
}

}  // namespace

TEST_CASE("the same seed gives the numbers of torch and NumPy") {
    golden::tally result("rng");
    double worst_double = 0, worst_float = 0;
    for (const record& c : golden::read("rng")) {
        CAPTURE(c.id);
        const std::string kind = c.text("kind");
        CAPTURE(kind);
        const bool single = c.text("dtype", "float64") != "float64";
        const bool integer =
            kind.find("randint") != std::string::npos || kind.find("randperm") != std::string::npos;
        double off = INFINITY;
        if (kind.starts_with("mt19937"))
            off = integer_error(c, mt19937(static_cast<std::uint32_t>(c.count("seed"))));
        else if (kind.starts_with("numpy")) off = numpy_error(c, kind);
        else if (single || integer) off = torch_error<float>(c, kind);
        else off = torch_error<double>(c, kind);
        const double limit = kind == "torch.rand" ? 0 : single ? 1e-6 : 1e-14;
        double& worst = single ? worst_float : worst_double;
        worst = std::max(worst, off);
        result.add(c.id, off <= limit ? golden::verdict::agrees : golden::verdict::differs,
                   kind + " is off by " + std::to_string(off));
    }
    result.finish();
    CHECK(worst_double < 4e-15);  // a few units in the last place
    CHECK(worst_float < 5e-7);
}
