#include <doctest/doctest.h>
#include <diffusion/nn/name_map.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace nn = diffusion::nn;

TEST_CASE("a star stands for any characters or none, a name without stars for itself") {
    CHECK(nn::matches("a.b", "a.b"));
    CHECK_FALSE(nn::matches("a.b", "a.bc"));
    CHECK_FALSE(nn::matches("a.b", "a."));
    CHECK(nn::matches("*", ""));
    CHECK(nn::matches("down.*", "down.0.conv.bias"));
    CHECK(nn::matches("down.*.bias", "down.0.conv.bias"));
    CHECK_FALSE(nn::matches("down.*.bias", "down.bias"));
    CHECK_FALSE(nn::matches("down.*.bias", "down.0.bias.0"));
    CHECK(nn::matches("*.bias", "down.bias.0.bias"));
    CHECK(nn::matches("a*b*c", "abbc"));
    CHECK_FALSE(nn::matches("a*b*c", "acb"));
    CHECK(nn::matches("**", "x"));
}

TEST_CASE("the stars of a pattern give what they stand for, the first as short as possible") {
    std::vector<std::string_view> stars;
    REQUIRE(nn::matches("a*b*c", "a1b2b3c", &stars));
    CHECK(stars == std::vector<std::string_view>{"1", "2b3"});
    stars.clear();
    CHECK_FALSE(nn::matches("a*b*d", "a1b2b3c", &stars));
    CHECK(stars.empty());
}

TEST_CASE("the first pair that fits renames a tensor, by a prefix, in the middle or as a whole") {
    const nn::name_map names{.rename = {{"model.0.weight", "te.0.weight"},
                                        {"model.*", "layer.*"},
                                        {"*.attn.to_*.weight", "*.attention.*.w"}},
                             .ignore = {"*.num_batches_tracked"}};
    CHECK(names.name_in_model("model.0.weight") == "te.0.weight");
    CHECK(names.name_in_model("model.0.bias") == "layer.0.bias");
    CHECK(names.name_in_model("up.1.attn.to_q.weight") == "up.1.attention.q.w");
    CHECK(names.name_in_model("out.weight") == "out.weight");
    CHECK_FALSE(names.name_in_model("model.1.num_batches_tracked"));
}

TEST_CASE("the axes of a tensor and what may be missing go by patterns as well") {
    const nn::name_map names{.permute = {{"*.kernel", {3, 2, 0, 1}}}, .keep = {"label.*"}};
    REQUIRE(names.axes_of("conv.kernel") != nullptr);
    CHECK(names.axes_of("conv.kernel")->front() == 3);
    CHECK(names.axes_of("conv.weight") == nullptr);
    CHECK(names.may_miss("label.weight"));
    CHECK_FALSE(names.may_miss("out.label.weight"));
}
