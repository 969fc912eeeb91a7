#pragma once
// Reference numbers of other implementations: reading them, comparing with them, and keeping the
// list of known differences true. What a file holds and how it was made: convert.py.

#include <cstddef>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace golden {

/// One case of a reference file: lines "key value value ...". Keys of nested objects are joined
/// with dots. A value that is asked for must be there, unless a fallback is given.
class record {
public:
    std::string id;

    void set(const std::string& key, const std::string& value) { values_[key] = value; }
    bool has(const std::string& key) const { return values_.contains(key); }
    const std::string& text(const std::string& key) const;
    std::string text(const std::string& key, const std::string& fallback) const;
    double number(const std::string& key) const;
    double number(const std::string& key, double fallback) const;
    std::size_t count(const std::string& key) const;
    std::size_t count(const std::string& key, std::size_t fallback) const;
    bool flag(const std::string& key, bool fallback) const;
    std::vector<double> numbers(const std::string& key) const;
    /// All keys with their values, in alphabetical order.
    const std::map<std::string, std::string>& all() const { return values_; }

private:
    std::map<std::string, std::string> values_;
};

/// All cases of tests/golden/<family>.txt. Throws std::runtime_error if there are none.
std::vector<record> read(const std::string& family);

/// x after the first three steps and at the end.
template <class T>
struct trajectory {
    std::vector<std::vector<T>> steps;
    std::vector<T> last;
};

/// How far rounding the reference's betas to float moved its result, relative to the largest value;
/// 0 where that is not known, or where its float run failed.
double float_deviation(const record& reference);

/// The relative accuracy to which two double implementations of one method agree, given how far
/// rounding the reference's betas to float moved its result.
double tolerance(const record& reference);

/// The largest |a - b| over all that is recorded of x, relative to max |x|.
double relative_error(const record& reference, const std::string& prefix,
                      const std::vector<double>& x);
/// ... of the three recorded steps and the end.
double relative_error(const record& reference, const trajectory<double>& path);
/// ... of two lists, relative to the largest value.
double relative_error(std::span<const double> ours, std::span<const double> reference);
/// The largest |a - b|/|b| of two lists; |a| where b is 0.
double elementwise_error(std::span<const double> ours, std::span<const double> reference);
/// The error of the end alone, for a run in another precision.
double final_error(const record& reference, const std::vector<double>& x);
double final_error(const record& reference, const std::vector<float>& x);

/// How a case of the reference was met.
enum class verdict {
    agrees,      ///< by the library's own schedule, grid and rule
    by_kernels,  ///< by its kernels on the intervals and variances of the reference, which differ
    differs      ///< not at all
};

/// The cases of tests/golden/<family>.txt that are not among those named.
std::vector<std::string> missing_cases(const std::string& family,
                                       const std::set<std::string>& visited);

/// The cases of all files that no tally of this run has counted. Where some tests run in a build
/// with io only, `without` names their families.
std::vector<std::string> never_counted(const std::set<std::string>& without = {});

/// Counts verdicts and holds them against known_differences.md: what is listed there must differ,
/// and nothing else may. `finish` prints one line and fails the running test case accordingly.
class tally {
public:
    explicit tally(std::string family);
    /// `detail` says why, where a case differs.
    void add(const std::string& id, verdict met, const std::string& detail = "");
    void finish();

private:
    std::string family_, prefix_;  // the prefix of the cases' names
    std::set<std::string> listed_by_kernels_, listed_different_, seen_;
    std::size_t agree_ = 0, by_kernels_ = 0, different_ = 0;
};

}  // namespace golden
