#include "mask/text_writer.h"

#include <gtest/gtest.h>

#include "maskwise/mask_text.h"
#include "tests/support/mask_table.h"

namespace maskwise {
namespace {

using testing::booleans;
using testing::ids;

const Tensor kOne = booleans({2}, "01");
const Tensor kOther = booleans({2}, "10");

std::string text_of(const Mask& mask) { return to_string(mask).text; }

TEST(TextWriter, TensorsWithoutANameAreNumbered) {
  EXPECT_EQ(text_of(allow(kOne) & allow(kOther) & forbid(kOne)),
            "allow(t0) & allow(t1) & forbid(t2)");
}

TEST(TextWriter, NamesThatWereSaidAreKept) {
  EXPECT_EQ(text_of(allow({"m", kOne}) | forbid({"m", kOne})),
            "allow(m) | forbid(m)");
}

TEST(TextWriter, DifferentTensorsOfOneNameArePrintedApart) {
  const MaskText text = to_string(allow({"m", kOne}) & allow({"m", kOther}) &
                                  allow({"m_2", kOne}));
  EXPECT_EQ(text.text, "allow(m) & allow(m_3) & allow(m_2)");
  EXPECT_EQ(text.tensors.size(), 3U);
}

TEST(TextWriter, NumberedNamesKeepClearOfSaidOnes) {
  EXPECT_EQ(text_of(allow(kOne) & allow({"t0", kOther})),
            "allow(t1) & allow(t0)");
}

TEST(TextWriter, NamesThatTheTextCannotHoldAreMadeReadable) {
  const MaskText text = to_string(
      allow({"attn mask/0", kOne}) & allow({"9", kOther}) &
      allow({"\xc3\xbc", kOne}) & allow({"a.b", kOne}) & allow({".x", kOther}));
  EXPECT_EQ(text.text,
            "allow(attn_mask_0) & allow(_9) & allow(__) & allow(a.b) & "
            "allow(_.x)");
  EXPECT_EQ(parse_mask(text.text, text.tensors).bind({1, 1, 1, 2}).shape(),
            (AttentionShape{1, 1, 1, 2}));
}

TEST(TextWriter, LongListsAreTensors) {
  EXPECT_EQ(text_of(prefix(PerBatch(std::vector<int64_t>(16, 1)))),
            "prefix([1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1])");
  const Mask longer = prefix(PerBatch(std::vector<int64_t>(17, 1)));
  const MaskText text = to_string(longer);
  EXPECT_EQ(text.text, "prefix(t0)");
  EXPECT_EQ(parse_mask(text.text, text.tensors), longer);
}

TEST(TextWriter, NumbersFromATensorKeepItsName) {
  const Mask mask =
      causal({.offset = PerBatch(MaskTensor("past", ids({2}, {1, 2})))});
  const MaskText text = to_string(mask);
  EXPECT_EQ(text.text, "causal(offset=past)");
  EXPECT_EQ(parse_mask(text.text, text.tensors), mask);
}

TEST(TextWriter, WordsWithoutArgumentsHaveNoParentheses) {
  EXPECT_EQ(text_of(per_head({causal(), all() & none()})),
            "per_head(causal, all & none)");
}

}  // namespace
}  // namespace maskwise
