#include <gtest/gtest.h>

#include <algorithm>

#include "maskwise/mask.h"
#include "maskwise/mask_import.h"
#include "tests/base/thrown_error.h"
#include "tests/support/mask_table.h"

namespace maskwise {
namespace {

using testing::booleans;
using testing::floats;
using testing::ids;
using testing::kinds;
using testing::throws_error;

using Kinds = std::vector<WarningKind>;

// Two sentences of 3 and 4 tokens in rows of 4, padded at the right.
const Tensor kIds = ids({2, 4}, {7, 8, 9, 0, 5, 6, 7, 8});
const AttentionShape kSquare{2, 2, 4, 4};

// The warning of this kind; its count is -1 if there is none.
MaskWarning found(WarningKind kind, const std::vector<MaskWarning>& all_kinds) {
  const auto at = std::ranges::find(all_kinds, kind, &MaskWarning::kind);
  return at == all_kinds.end() ? MaskWarning{kind, "", -1} : *at;
}

TEST(Warnings, OrdinaryMasksHaveNone) {
  const Tensor left_padded = ids({2, 4}, {0, 7, 8, 9, 5, 6, 7, 8});
  const Tensor packed = ids({2, 4}, {0, 0, 1, 1, 0, 0, 0, 1});
  const std::vector<Mask> ordinary = {
      causal(),
      causal() & padding(kIds),
      padding(kIds),
      padding(left_padded),
      lengths({3, 4}),
      lengths({3, 4}) & causal(),
      sliding_window({.left = 1, .right = 1}),
      sliding_window({.left = 1, .right = 0}),
      causal() & (sliding_window({.left = 1}) | prefix(1)),
      documents(packed),
      documents(packed) & causal(),
      dilated(2),
      chunked(2),
      prefix(1),
      allow_keys(booleans({2, 4}, "0111 1111")),
      forbid_keys(booleans({2, 4}, "0001 0000")),
      from_tf_tutorial(floats({2, 1, 1, 4}, {0, 0, 0, 1, 0, 0, 0, 0})),
      blocks(booleans({2, 2}, "10 11"), {.size = 2}),
      per_head({causal(), sliding_window({.left = 1, .right = 1})})};
  for (const Mask& mask : ordinary) {
    EXPECT_EQ(kinds(warnings(mask, kSquare)), Kinds{})
        << mask.bind(kSquare).clause({}).text;
    EXPECT_EQ(kinds(warnings(mask.bind(kSquare), kIds)), Kinds{})
        << mask.bind(kSquare).clause({}).text;
  }
}

TEST(Warnings, OrdinaryRectanglesHaveNone) {
  EXPECT_EQ(kinds(warnings(causal(Align::bottom_right), {1, 1, 2, 5})),
            Kinds{});
  EXPECT_EQ(kinds(warnings(prefix(3), {1, 1, 2, 5})), Kinds{});
  EXPECT_EQ(kinds(warnings(none(), {1, 1, 0, 5})), Kinds{});
  EXPECT_EQ(kinds(warnings(all(), {0, 1, 5, 5})), Kinds{});
}

// Each query sees the only token, which stands after most of them.
TEST(Warnings, ASentenceOfOneTokenPaddedAtTheLeftHasNone) {
  const Tensor one = ids({1, 4}, {0, 0, 0, 7});
  EXPECT_EQ(kinds(warnings(padding(one), {1, 2, 4, 4})), Kinds{});
  EXPECT_EQ(kinds(warnings(allow_keys(booleans({1, 4}, "0001")), {1, 2, 4, 4})),
            Kinds{});
}

TEST(Warnings, RowsWithoutKeys) {
  const MaskWarning warning =
      found(WarningKind::rows_without_keys,
            warnings(causal() & forbid(booleans({4}, "1000")), kSquare));
  EXPECT_EQ(warning.count, 4);
  EXPECT_EQ(warning.message,
            "4 of 16 rows see no key (first: batch 0, head 0, query 0); their "
            "output is 0 and their lse -inf");
}

TEST(Warnings, OneIsNotMany) {
  const Mask first_hidden = causal() & forbid(booleans({4}, "1000"));
  EXPECT_EQ(warnings(first_hidden, {1, 1, 4, 4})[0].message,
            "1 of 4 rows sees no key (first: batch 0, head 0, query 0); its "
            "output is 0 and its lse -inf");
  EXPECT_EQ(
      warnings(padding(ids({1, 3}, {7, 0, 9})), {1, 1, 3, 3})[0].message.substr(
          0, 32),
      "1 pad id stands inside a sentenc");
}

// Without keys no row sees one, whatever the mask.
TEST(Warnings, RowsOfACallWithoutKeys) {
  const auto found_all = warnings(all(), {2, 3, 4, 0});
  EXPECT_EQ(kinds(found_all), Kinds{WarningKind::rows_without_keys});
  EXPECT_EQ(found_all[0].count, 24);
}

TEST(Warnings, APadIdInsideASequence) {
  const Tensor holed = ids({2, 4}, {7, 0, 0, 9, 5, 6, 0, 0});
  const MaskWarning warning = found(WarningKind::pad_inside_sequence,
                                    warnings(padding(holed), kSquare));
  EXPECT_EQ(warning.count, 2);
  EXPECT_EQ(warning.message,
            "2 pad ids stand inside a sentence, with tokens on both sides "
            "(first: token 1 of sentence 0); is 0 really the pad id?");
  EXPECT_EQ(kinds(warnings(causal().bind(kSquare), holed)),
            Kinds{WarningKind::pad_inside_sequence});
}

TEST(Warnings, AnItemThatIsAllPadding) {
  const Tensor empty = ids({2, 4}, {1, 1, 1, 1, 5, 6, 7, 1});
  const auto all_warnings = warnings(padding(empty, {.pad = 1}), kSquare);
  EXPECT_EQ(kinds(all_warnings),
            (Kinds{WarningKind::rows_without_keys, WarningKind::all_padding}));
  EXPECT_EQ(all_warnings[1].count, 1);
  EXPECT_EQ(all_warnings[1].message, "1 of 2 sentences is all padding");
}

TEST(Warnings, AMaskThatForbidsEverythingOrNothing) {
  EXPECT_EQ(kinds(warnings(all(), kSquare)),
            Kinds{WarningKind::forbids_nothing});
  EXPECT_EQ(kinds(warnings(causal() | ~causal(), kSquare)),
            Kinds{WarningKind::forbids_nothing});
  const auto nothing = warnings(causal() & none(), kSquare);
  EXPECT_EQ(kinds(nothing), (Kinds{WarningKind::forbids_everything,
                                   WarningKind::rows_without_keys}));
  EXPECT_EQ(nothing[0].count, 64);
}

TEST(Warnings, OnlyPaddingStaysVisible) {
  for (const Mask& inverted : {~padding(kIds), ~padding(kIds) & causal()}) {
    EXPECT_EQ(
        found(WarningKind::polarity_looks_inverted, warnings(inverted, kSquare))
            .message,
        "polarity looks inverted: only padding stays visible; here true "
        "means may attend");
  }
  // The mask itself holds no ids: they come beside it.
  const Tensor tutorial = booleans({2, 1, 1, 4}, "0001 0000");
  EXPECT_EQ(found(WarningKind::polarity_looks_inverted,
                  warnings(allow(tutorial).bind(kSquare), kIds))
                .count,
            1);
}

TEST(Warnings, OnlyTheFutureIsVisible) {
  const Tensor look_ahead = booleans({4, 4}, "0111 0011 0001 0000");
  const auto message = [](const Mask& mask) {
    return found(WarningKind::polarity_looks_inverted, warnings(mask, kSquare))
        .message;
  };
  const std::string inverted =
      "polarity looks inverted: queries see the future and not the past; ";
  for (const Mask& mask : {~causal(), ~causal() & prefix(3)}) {
    EXPECT_EQ(message(mask), inverted + "here true means may attend");
  }
  EXPECT_EQ(message(allow(look_ahead)),
            inverted + "in allow true means may attend");
  EXPECT_EQ(message(from_torch_attn_mask({"m", booleans({4, 4},
                                                        "1000 1100 1110"
                                                        "1111")})),
            inverted + "in from_torch_attn_mask(m) true means masked");
}

TEST(Warnings, OnlyTheTailsOfTheSentencesAreVisible) {
  EXPECT_EQ(found(WarningKind::polarity_looks_inverted,
                  warnings(~lengths({3, 4}), kSquare))
                .message,
            "polarity looks inverted: 1 sentence keeps only the last keys and "
            "1 keeps none, as if padding were visible and the tokens masked "
            "(right only when the padding stands at the left); here true means "
            "may attend");
  EXPECT_EQ(found(WarningKind::polarity_looks_inverted,
                  warnings(allow_keys(booleans({2, 4}, "0001 0000")), kSquare))
                .count,
            1);
}

// No sentence fills its row: 5 and 4 tokens in 6.
TEST(Warnings, AnInvertedKeyPaddingMaskWithoutAFullSentence) {
  const AttentionShape six{2, 1, 6, 6};
  const Tensor tokens = booleans({2, 6}, "111110 111100");
  const Mask inverted = from_torch_key_padding({"m", tokens});
  for (const Mask& mask : {inverted, causal() & inverted}) {
    const MaskWarning warning =
        found(WarningKind::polarity_looks_inverted, warnings(mask, six));
    EXPECT_EQ(
        warning.message,
        "polarity looks inverted: 2 sentences keep only the last keys, as "
        "if padding were visible and the tokens masked (right only when "
        "the padding stands at the left); in from_torch_key_padding(m) "
        "true means masked");
  }
  // Short padding at the left, and a prefix that is taken away, are in order.
  EXPECT_EQ(kinds(warnings(allow_keys(tokens), six)), Kinds{});
  EXPECT_EQ(
      kinds(warnings(forbid_keys(booleans({2, 6}, "100000 110000")), six)),
      Kinds{});
  EXPECT_EQ(kinds(warnings(~prefix(4), six)), Kinds{});
}

TEST(Warnings, AWindowThatSaysOnlyLeftIsOpenAhead) {
  const Mask window = sliding_window({.left = 1});
  for (const Mask& open : {window, window & padding(kIds), window | causal(),
                           per_head({causal(), window})}) {
    EXPECT_EQ(found(WarningKind::window_open_ahead, warnings(open, kSquare))
                  .message.substr(0, 40),
              "sliding_window says left and not right, ");
  }
  const Tensor past = booleans({4, 4}, "1000 1100 1110 1111");
  for (const Mask& closed :
       {window & causal(), sliding_window({.right = 1}),
        sliding_window({.left = 1, .right = 2}), window & allow(past),
        causal() & (window | prefix(1)), (causal() & window) | prefix(2)}) {
    EXPECT_EQ(
        found(WarningKind::window_open_ahead, warnings(closed, kSquare)).count,
        -1);
  }
  const auto count = [](const Mask& mask, int64_t q_len) {
    return found(WarningKind::window_open_ahead,
                 warnings(mask, {1, 1, q_len, 4}))
        .count;
  };
  const Mask at_end = sliding_window({.left = 1, .align = Align::bottom_right});
  EXPECT_EQ(count(at_end, 2), 1);
  EXPECT_EQ(count(at_end, 1), -1);  // decoding: nothing lies ahead
  EXPECT_EQ(count(window & causal(Align::bottom_right), 2), -1);
}

TEST(Warnings, AtMostOneOfEachKind) {
  const Tensor holed = ids({2, 4}, {7, 0, 0, 9, 5, 6, 0, 0});
  const Mask twice = padding(holed) & padding(holed, {.pad = 6});
  const Kinds some = kinds(warnings(twice.bind(kSquare), holed));
  for (const WarningKind kind : some) {
    EXPECT_EQ(std::ranges::count(some, kind), 1) << name_of(kind);
  }
}

TEST(Warnings, IdsBesideTheMaskMustFit) {
  EXPECT_TRUE(throws_error(
      ErrorCode::shape_mismatch,
      "[warnings] expected token_ids [B, Lk] = [2, 4], got [2, 3]", [] {
        (void)warnings(causal().bind(kSquare), ids({2, 3}, {1, 1, 1, 1, 1, 1}));
      }));
}

TEST(Warnings, EachKindHasAName) {
  EXPECT_EQ(name_of(WarningKind::rows_without_keys), "rows_without_keys");
  EXPECT_EQ(name_of(WarningKind::pad_inside_sequence), "pad_inside_sequence");
  EXPECT_EQ(name_of(WarningKind::all_padding), "all_padding");
  EXPECT_EQ(name_of(WarningKind::forbids_everything), "forbids_everything");
  EXPECT_EQ(name_of(WarningKind::forbids_nothing), "forbids_nothing");
  EXPECT_EQ(name_of(WarningKind::polarity_looks_inverted),
            "polarity_looks_inverted");
  EXPECT_EQ(name_of(WarningKind::window_open_ahead), "window_open_ahead");
}

}  // namespace
}  // namespace maskwise
