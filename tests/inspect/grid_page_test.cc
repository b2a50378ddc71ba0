#include "inspect/grid_page.h"

#include <gtest/gtest.h>

#include "maskwise/mask.h"
#include "tests/base/thrown_error.h"

namespace maskwise::detail {
namespace {

TEST(GridPage, CaptionsTellWhoHasTheMaskAndHowDenseItIs) {
  const GridPage page = lay_out(causal().bind({2, 4, 6, 6}), {}, {});
  ASSERT_EQ(page.pictures.size(), 1U);
  EXPECT_EQ(page.pictures[0].caption,
            "batch 0-1, heads 0-3: 21 of 36 pairs allowed (58.3 %)");
  EXPECT_EQ(page.more, "");
}

TEST(GridPage, CaptionsTellWhoseTokensStandForTheOthers) {
  const BoundMask mask = causal().bind({2, 1, 2, 2});
  const auto caption = [&](const LabelLists& lists) {
    return lay_out(mask, {.labels = {lists, lists}}, {}).pictures[0].caption;
  };
  EXPECT_EQ(caption({{"a", "b"}, {"c", "d"}}),
            "batch 0-1, head 0: 3 of 4 pairs allowed (75.0 %); tokens of "
            "batch 0");
  EXPECT_EQ(caption({{"a", "b"}, {"a", "b"}}),
            "batch 0-1, head 0: 3 of 4 pairs allowed (75.0 %)");
}

TEST(GridPage, OfManyMasksSomeAreDrawnAndTheOthersCounted) {
  const BoundMask mask = per_head({all(), none(), causal()}).bind({1, 3, 2, 2});
  const GridPage page = lay_out(mask, {.most_grids = 1}, {});
  EXPECT_EQ(page.pictures.size(), 1U);
  EXPECT_EQ(
      page.more,
      "not drawn: 2 of 3 masks; choose a batch item or a head to see its own");
}

TEST(GridPage, AScaledAxisHasNoLabels) {
  const LabelLists tokens = {std::vector<std::string>(8, "x")};
  const GridPage page =
      lay_out(causal().bind({1, 1, 8, 8}),
              {.labels = {tokens, tokens}, .most_cells = 4}, {});
  EXPECT_TRUE(page.scaled());
  EXPECT_TRUE(page.pictures[0].q_labels.empty());
  EXPECT_TRUE(page.pictures[0].k_labels.empty());
}

TEST(GridPage, EmptyShapesAreSaidToBeEmpty) {
  EXPECT_EQ(lay_out(all().bind({0, 2, 3, 3}), {}, {}).more,
            "nothing to draw: the shape is [0, 2, 3, 3]");
}

TEST(GridPage, OptionsThatDoNotFitAreRefused) {
  const BoundMask mask = all().bind({1, 1, 2, 2});
  const auto refused = [&](const GridOptions& options,
                           const std::string& text) {
    return testing::throws_error(ErrorCode::invalid_argument, text,
                                 [&] { lay_out(mask, options, {}); });
  };
  EXPECT_TRUE(refused({.most_cells = 0}, "most_cells is 0; expected 1 to"));
  EXPECT_TRUE(refused({.most_cells = 1025}, "expected 1 to 1024"));
  EXPECT_TRUE(refused({.most_grids = -1}, "expected a count >= 0"));
  EXPECT_TRUE(refused({.head = 1}, "expected 0 <= head < 1"));
}

TEST(GridPage, SharesAreNeverRoundedToNoneOrAll) {
  EXPECT_EQ(percent(0), "0 %");
  EXPECT_EQ(percent(1e-9), "< 0.1 %");
  EXPECT_EQ(percent(0.583), "58.3 %");
  EXPECT_EQ(percent(0.999999), "> 99.9 %");
  EXPECT_EQ(percent(1), "100 %");
}

TEST(GridPage, CountsAreGroupedByThousands) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1000), "1,000");
  EXPECT_EQ(grouped(1048576), "1,048,576");
}

}  // namespace
}  // namespace maskwise::detail
