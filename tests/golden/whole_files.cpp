// No case of any file is left out: a run of all tests fails if there is one that no tally counted.

#include <cstddef>
#include <cstdio>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "support.hpp"

namespace {

#ifdef DIFFUSION_TEST_WITHOUT_IO
const std::set<std::string> left_out{"published_expectations"};
#else
const std::set<std::string> left_out;
#endif

/// Told at the end of the run, whichever order the tests ran in.
struct every_case_is_counted : doctest::IReporter {
    const doctest::ContextOptions& options;

    explicit every_case_is_counted(const doctest::ContextOptions& in) : options(in) {}

    void test_run_end(const doctest::TestRunStats& run) override {
        if (options.no_run || run.numTestCasesPassingFilters < run.numTestCases) return;
        const std::vector<std::string> missing = golden::never_counted(left_out);
        for (const std::string& id : missing)
            std::printf("ERROR: no test has counted the case %s\n", id.c_str());
        // These are the run's own counters, from which the exit code comes.
        if (!missing.empty()) ++const_cast<doctest::TestRunStats&>(run).numTestCasesFailed;
    }

    void report_query(const doctest::QueryData&) override {}
    void test_run_start() override {}
    void test_case_start(const doctest::TestCaseData&) override {}
    void test_case_reenter(const doctest::TestCaseData&) override {}
    void test_case_end(const doctest::CurrentTestCaseStats&) override {}
    void test_case_exception(const doctest::TestCaseException&) override {}
    void subcase_start(const doctest::SubcaseSignature&) override {}
    void subcase_end() override {}
    void log_assert(const doctest::AssertData&) override {}
    void log_message(const doctest::MessageData&) override {}
    void test_case_skipped(const doctest::TestCaseData&) override {}
};

}  // namespace

REGISTER_LISTENER("every_case_is_counted", 1, every_case_is_counted);

TEST_CASE("a case that no tally counted is found") {
    std::set<std::string> visited;
    for (const golden::record& c : golden::read("edm")) visited.insert(c.id);
    CHECK(visited.size() == 25);
    CHECK(golden::missing_cases("edm", visited).empty());
    visited.erase("edm-07");
    CHECK(golden::missing_cases("edm", visited) == std::vector<std::string>{"edm-07"});
    CHECK(golden::missing_cases("misc_peers", visited).size() == 11);
}
