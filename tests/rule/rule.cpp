#include <doctest/doctest.h>

#include <diffusion/rule/ddim.hpp>
#include <diffusion/rule/ddpm.hpp>
#include <diffusion/rule/dpm_solver.hpp>
#include <diffusion/rule/exponential_adams.hpp>
#include <diffusion/rule/rule.hpp>

#include "rule/invariants.hpp"
#include "support/archetypes.hpp"

using namespace diffusion;

TEST_CASE("a rule has an order, says what it extrapolates, and maps levels to a kernel") {
    static_assert(multistep_rule<support::minimal_rule>);
    static_assert(multistep_rule<ddim>);
    static_assert(multistep_rule<ddpm>);
    static_assert(multistep_rule<ddim_published>);
    static_assert(multistep_rule<ddim_inversion>);
    static_assert(multistep_rule<dpm_solver_pp_2m>);
    static_assert(multistep_rule<exponential_adams<4>>);
    static_assert(multistep_rule<exponential_adams<3, prediction::noise>>);
}

TEST_CASE("what lacks one of them is no rule") {
    static_assert(!multistep_rule<support::rule_without_order>);
    static_assert(!multistep_rule<support::rule_without_kind>);
    static_assert(!multistep_rule<support::rule_of_order_zero>);
    static_assert(!multistep_rule<support::rule_with_too_many_terms>);
    static_assert(!multistep_rule<gaussian_kernel<1>>);
}

TEST_CASE(
    "a kernel has a term for each past prediction, and one more where the raw noise is used") {
    static_assert(rule_terms<ddim> == 1);
    static_assert(rule_terms<ddim_published> == 2);
    static_assert(rule_terms<exponential_adams<3>> == 3);
}

TEST_CASE("a rule of one's own transports the marginals like the library's") {
    for (const named_grid& g : grids()) {
        CAPTURE(g.name);
        const deviation found = marginal_deviation(support::minimal_rule{}, g.grid);
        CHECK(found.mean < 1e-13);
        CHECK(found.variance < 1e-13);
    }
}
