#include "mask/boolean_word.h"

#include <gtest/gtest.h>

#include "maskwise/mask_import.h"
#include "maskwise/mask_text.h"
#include "tests/base/thrown_error.h"
#include "tests/support/mask_table.h"

namespace maskwise {
namespace {

using testing::booleans;
using testing::floats;
using testing::throws_error;

const AttentionShape kShape{2, 4, 3, 5};

const TensorMap kTensors = {
    {"keys", booleans({2, 5}, "11000 11100")},
    {"each", booleans({2, 3, 5}, std::string(30, '1'))},
    {"pairs", booleans({3, 5}, "10000 11000 11100")},
    {"column", booleans({2, 1, 1, 5}, "11000 11100")},
    {"tf_keys", floats({2, 5}, {0, 0, 1, 1, 1, 0, 0, 0, 1, 1})},
    {"odd", booleans({7}, "1111111")}};

::testing::AssertionResult refused(const std::string& text,
                                   const std::string& fragment) {
  return throws_error(ErrorCode::shape_mismatch, fragment,
                      [&] { (void)parse_mask(text, kTensors).bind(kShape); });
}

// An importer becomes forbid, forbid_keys or allow; people wrote its name.
TEST(BooleanWord, ErrorsNameTheWordAndTheTensorThatWereWritten) {
  EXPECT_TRUE(refused("from_torch_key_padding(odd)",
                      "[mask] from_torch_key_padding(odd): expected a tensor "
                      "[B, Lk] = [2, 5], got [7]"));
  EXPECT_TRUE(
      refused("from_torch_sdpa_mask(odd)", "from_torch_sdpa_mask(odd)"));
  EXPECT_TRUE(refused("allow_keys(odd)", "[mask] allow_keys(odd): expected"));
  EXPECT_TRUE(refused("from_torch_attn_mask(each)",
                      "[mask] from_torch_attn_mask(each): expected [Lq, Lk] "
                      "or [B*H, Lq, Lk] with B*H = 8, got [2, 3, 5]; a mask "
                      "for each item is repeated for its heads there"));
}

TEST(BooleanWord, AMaskOfKeysIsSentToTheWordForKeys) {
  EXPECT_TRUE(refused("allow(keys)",
                      "allow(keys): expected a tensor that broadcasts to [B, "
                      "H, Lq, Lk] = [2, 4, 3, 5], got [2, 5]; a mask of keys "
                      "[B, Lk] is read by allow_keys, or give it the shape [B, "
                      "1, 1, Lk] = [2, 1, 1, 5]"));
  EXPECT_TRUE(refused("forbid(keys)", "is read by forbid_keys, or give it"));
  EXPECT_TRUE(refused("from_torch_attn_mask(keys)",
                      "from_torch_attn_mask(keys): expected [Lq, Lk] or [B*H, "
                      "Lq, Lk] for [B, H, Lq, Lk] = [2, 4, 3, 5], got [2, 5]; "
                      "a mask of keys [B, Lk] is read by "
                      "from_torch_key_padding"));
  EXPECT_TRUE(refused("from_tf_tutorial(tf_keys)",
                      "[mask] from_tf_tutorial(tf_keys): expected a tensor "
                      "that broadcasts to [B, H, Lq, Lk] = [2, 4, 3, 5], got "
                      "[2, 5]; a mask of keys [B, Lk] needs the shape [B, 1, "
                      "1, Lk] = [2, 1, 1, 5]"));
}

TEST(BooleanWord, AMaskForEachItemNeedsAnAxisForTheHeads) {
  for (const char* word : {"allow", "forbid", "from_torch_sdpa_mask"}) {
    EXPECT_TRUE(refused(std::string(word) + "(each)",
                        "; a mask for each item needs the shape [B, 1, Lq, "
                        "Lk] = [2, 1, 3, 5]"));
  }
}

TEST(BooleanWord, AMaskOfPairsIsSentToTheWordForPairs) {
  EXPECT_TRUE(refused("allow_keys(pairs)",
                      "; a mask of pairs [Lq, Lk] is read by allow"));
  EXPECT_TRUE(refused("from_torch_key_padding(pairs)",
                      "is read by from_torch_attn_mask"));
  EXPECT_TRUE(refused("forbid_keys(column)",
                      "; [B, 1, 1, Lk] is read by "
                      "forbid"));
}

TEST(BooleanWord, KnowsWhatItsTensorMeans) {
  using detail::Polarity;
  using detail::written;
  const MaskTensor bits("m", booleans({1}, "1"));
  EXPECT_EQ(written("allow", bits, Polarity::allow).meaning,
            "true means may attend");
  EXPECT_EQ(written("forbid", bits, Polarity::forbid).text, "forbid(m)");
  EXPECT_EQ(written("from_additive", floats({1}, {0}), Polarity::allow).meaning,
            "-inf means masked");
}

}  // namespace
}  // namespace maskwise
