#include "support.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>
#include <stdexcept>
#include <utility>

#include <doctest/doctest.h>

namespace golden {

namespace {

const std::string folder = DIFFUSION_TEST_DATA "/golden/";

double to_number(const std::string& word) {
    if (word == "nan") return std::numeric_limits<double>::quiet_NaN();
    if (word == "inf") return std::numeric_limits<double>::infinity();
    if (word == "-inf") return -std::numeric_limits<double>::infinity();
    return std::stod(word);
}

double largest(std::span<const double> x) {
    double result = 0;
    for (const double e : x) result = std::max(result, std::abs(e));
    return result;
}

// The largest distance, infinite if one of the two is not a number where the other is.
double distance(std::span<const double> a, std::span<const double> b) {
    if (a.size() != b.size()) return std::numeric_limits<double>::infinity();
    double result = 0;
    for (std::size_t e = 0; e < a.size(); ++e) {
        if (a[e] == b[e]) continue;  // also two infinities
        const double d = std::abs(a[e] - b[e]);
        result = std::isnan(d) ? std::numeric_limits<double>::infinity() : std::max(result, d);
    }
    return result;
}

// All cases that were counted in this run.
std::set<std::string>& counted() {
    static std::set<std::string> ids;
    return ids;
}

// The cases named in a line "* `case` `case`: reason".
std::set<std::string> cases_in(const std::string& line) {
    std::set<std::string> result;
    const std::size_t end = line.find(':');
    for (std::size_t from = line.find('`'); from < end;) {
        const std::size_t to = line.find('`', from + 1);
        if (to == std::string::npos || to > end) break;
        result.insert(line.substr(from + 1, to - from - 1));
        from = line.find('`', to + 1);
    }
    return result;
}

}  // namespace

const std::string& record::text(const std::string& key) const {
    const auto found = values_.find(key);
    if (found == values_.end()) throw std::runtime_error(id + " has no " + key);
    return found->second;
}

std::string record::text(const std::string& key, const std::string& fallback) const {
    return has(key) ? text(key) : fallback;
}

double record::number(const std::string& key) const { return to_number(text(key)); }

double record::number(const std::string& key, double fallback) const {
    return has(key) ? number(key) : fallback;
}

std::size_t record::count(const std::string& key) const {
    return static_cast<std::size_t>(std::stoull(text(key)));
}

std::size_t record::count(const std::string& key, std::size_t fallback) const {
    return has(key) ? count(key) : fallback;
}

bool record::flag(const std::string& key, bool fallback) const {
    return has(key) ? text(key) == "true" : fallback;
}

std::vector<double> record::numbers(const std::string& key) const {
    std::istringstream words(text(key));
    std::vector<double> result;
    for (std::string word; words >> word;) result.push_back(to_number(word));
    return result;
}

std::vector<record> read(const std::string& family) {
    std::ifstream file(folder + family + ".txt");
    std::vector<record> cases;
    for (std::string line; std::getline(file, line);) {
        if (line.empty() || line[0] == '#') continue;
        const std::size_t blank = line.find(' ');
        const std::string key = line.substr(0, blank);
        const std::string value = blank == std::string::npos ? "" : line.substr(blank + 1);
        if (key == "case") {
            cases.emplace_back().id = value;
        } else if (!cases.empty()) {
            cases.back().set(key, value);
        }
    }
    if (cases.empty()) throw std::runtime_error("no cases in " + folder + family + ".txt");
    return cases;
}

double float_deviation(const record& reference) {
    const double deviation = reference.number("asis.max_abs_dev_over_max_abs", 0);
    return std::isfinite(deviation) ? deviation : 0;
}

double tolerance(const record& reference) { return 1e-11 + 1e-7 * float_deviation(reference); }

double relative_error(const record& reference, const std::string& prefix,
                      const std::vector<double>& x) {
    double sum = 0, sum_of_abs = 0;
    for (const double e : x) {
        sum += e;
        sum_of_abs += std::abs(e);
    }
    const double n = static_cast<double>(x.size());
    const double reference_abs = reference.number(prefix + ".mean_abs");
    double error = std::abs(sum - reference.number(prefix + ".sum")) / (n * reference_abs);
    error = std::max(error, std::abs(sum_of_abs / n - reference_abs) / reference_abs);
    const double scale = largest(x);
    const std::span<const double> all = x;
    if (reference.has(prefix + ".at")) {
        std::vector<double> picked;
        for (const std::size_t e : {0u, 1u, 63u, 191u, 192u, 383u, 512u, 767u})
            picked.push_back(x.at(e));
        error = std::max(error, distance(picked, reference.numbers(prefix + ".at")) / scale);
    }
    if (reference.has(prefix + ".first16")) {
        const double first = distance(all.first(16), reference.numbers(prefix + ".first16"));
        const double last = distance(all.last(16), reference.numbers(prefix + ".last16"));
        error = std::max(error, std::max(first, last) / scale);
    }
    return std::isnan(error) ? std::numeric_limits<double>::infinity() : error;
}

double relative_error(const record& reference, const trajectory<double>& path) {
    double error = relative_error(reference, "final", path.last);
    for (std::size_t i = 0; i < 3; ++i) {
        const std::string step = "steps." + std::to_string(i);
        if (!reference.has(step + ".sum")) continue;
        if (i >= path.steps.size()) return std::numeric_limits<double>::infinity();
        error = std::max(error, relative_error(reference, step, path.steps[i]));
    }
    return error;
}

double relative_error(std::span<const double> ours, std::span<const double> reference) {
    std::vector<double> finite;
    for (const double e : reference)
        if (std::isfinite(e)) finite.push_back(e);
    const double scale = largest(finite);
    return distance(ours, reference) / (scale > 0 ? scale : 1);
}

double elementwise_error(std::span<const double> ours, std::span<const double> reference) {
    if (ours.size() != reference.size()) return std::numeric_limits<double>::infinity();
    double error = 0;
    for (std::size_t e = 0; e < ours.size(); ++e) {
        const double d = distance(ours.subspan(e, 1), reference.subspan(e, 1));
        error = std::max(error, reference[e] == 0 ? d : d / std::abs(reference[e]));
    }
    return error;
}

double final_error(const record& reference, const std::vector<double>& x) {
    return relative_error(reference, "final", x);
}

double final_error(const record& reference, const std::vector<float>& x) {
    return relative_error(reference, "final", std::vector<double>(x.begin(), x.end()));
}

std::vector<std::string> missing_cases(const std::string& family,
                                       const std::set<std::string>& visited) {
    std::vector<std::string> missing;
    for (const record& c : read(family))
        if (!visited.contains(c.id)) missing.push_back(c.id);
    return missing;
}

std::vector<std::string> never_counted(const std::set<std::string>& without) {
    std::vector<std::string> missing;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        const std::string family = entry.path().stem().string();
        if (entry.path().extension() != ".txt" || without.contains(family)) continue;
        for (std::string& id : missing_cases(family, counted())) missing.push_back(std::move(id));
    }
    return missing;
}

tally::tally(std::string family) : family_(std::move(family)) {
    std::ifstream file(folder + "known_differences.md");
    std::set<std::string>* list = nullptr;
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("## Met by the bare kernels")) list = &listed_by_kernels_;
        else if (line.starts_with("## Not met")) list = &listed_different_;
        else if (line.starts_with("* ") && list != nullptr) list->merge(cases_in(line));
    }
}

void tally::add(const std::string& id, verdict met, const std::string& detail) {
    const verdict listed = listed_different_.contains(id)    ? verdict::differs
                           : listed_by_kernels_.contains(id) ? verdict::by_kernels
                                                             : verdict::agrees;
    prefix_ = id.substr(0, id.find('-'));
    CHECK_MESSAGE(seen_.insert(id).second, "a case twice: " << id);
    counted().insert(id);
    std::string message = id;
    message += met == verdict::agrees       ? " agrees"
               : met == verdict::by_kernels ? " agrees by the bare kernels only"
                                            : " differs";
    message += listed == verdict::agrees ? ", but is not in known_differences.md"
                                         : ", but known_differences.md says otherwise";
    CHECK_MESSAGE(met == listed, message << ": " << detail);
    ++(met == verdict::agrees ? agree_ : met == verdict::by_kernels ? by_kernels_ : different_);
}

void tally::finish() {
    std::printf("%s: %zu of %zu agree", family_.c_str(), agree_ + by_kernels_,
                agree_ + by_kernels_ + different_);
    if (by_kernels_ > 0)
        std::printf(" (%zu of them by the bare kernels, on the reference's own intervals)",
                    by_kernels_);
    std::printf(", %zu known differences\n", different_);
    for (const auto& list : {listed_by_kernels_, listed_different_})
        for (const std::string& id : list)
            if (id.substr(0, id.find('-')) == prefix_)
                CHECK_MESSAGE(seen_.contains(id), "no such case in known_differences.md: " << id);
}

}  // namespace golden
