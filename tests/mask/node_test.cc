#include "mask/node.h"

#include <gtest/gtest.h>

#include "tests/support/mask_table.h"

namespace maskwise::detail {
namespace {

TEST(Node, DepthIsThatOfTheText) {
  const auto depth = [](const Mask& mask) { return mask.node().depth(); };
  EXPECT_EQ(depth(causal()), 0);
  EXPECT_EQ(depth(causal() & all() & none()), 0);
  EXPECT_EQ(depth((causal() & all()) | none()), 0);
  EXPECT_EQ(depth((causal() | all()) & none()), 1);
  EXPECT_EQ(depth(~causal()), 1);
  EXPECT_EQ(depth(~(causal() | all())), 2);
  EXPECT_EQ(depth(per_head({causal(), ~all()})), 2);
  EXPECT_EQ(deepest({}), 0);
  EXPECT_EQ(deepest(nodes_of({causal(), ~~causal(), ~all()})), 2);
}

TEST(Node, EqualComparesTypesFirst) {
  const Mask band = causal();
  EXPECT_TRUE(equal(band.node(), band.node()));
  EXPECT_TRUE(equal(band.node(), causal().node()));
  EXPECT_FALSE(equal(band.node(), all().node()));
  EXPECT_FALSE(equal(dilated(2).node(), chunked(2).node()));
}

TEST(Node, TextOfAClauseStandsAlone) {
  const Mask mask = prefix(1) & ~allow({"m", testing::booleans({1}, "1")});
  EXPECT_EQ(text_of(mask.node()), "prefix(1) & ~allow(m)");
  EXPECT_EQ(text_of(*mask.node().inside()[1]), "~allow(m)");
}

}  // namespace
}  // namespace maskwise::detail
