#include <gtest/gtest.h>

#include <cmath>

#include "maskwise/inspect.h"
#include "maskwise/mask.h"
#include "maskwise/mask_import.h"
#include "tests/base/thrown_error.h"

namespace maskwise {
namespace {

// Three sentences; the second and third end in padding.
Tensor ids() {
  return Tensor::from<int64_t>({3, 4}, {1, 2, 3, 4, 5, 6, 7, 0, 8, 0, 0, 0});
}

std::vector<std::string> lines_of(const std::vector<ShapeStep>& steps) {
  std::vector<std::string> lines;
  for (const ShapeStep& step : steps) {
    lines.push_back(step.name + " " + step.shape + " " + to_string(step.sizes));
  }
  return lines;
}

std::string mask_axes(const Mask& mask, const AttentionShape& shape) {
  for (const ShapeStep& step : shape_steps(mask.bind(shape))) {
    if (step.name == "this mask") return step.shape;
  }
  return "";
}

TEST(ShapeWalk, StepsLeadFromIdsToTheOutput) {
  const BoundMask mask = (causal() & padding(ids())).bind({3, 2, 4, 4});
  EXPECT_EQ(lines_of(shape_steps(mask, {.d_model = 64})),
            (std::vector<std::string>{
                "token ids (B,L) [3, 4]",
                "embedding (B,L,d_model) [3, 4, 64]",
                "heads (B,H,L,depth) [3, 2, 4, 32]",
                "logits (B,H,L,L) [3, 2, 4, 4]",
                "padding mask (B,1,1,L) [3, 1, 1, 4]",
                "look-ahead mask (L,L) [4, 4]",
                "this mask (B,1,L,L) [3, 1, 4, 4]",
                "weights (B,H,L,L) [3, 2, 4, 4]",
                "output (B,L,d_model) [3, 4, 64]",
            }));
}

TEST(ShapeWalk, RectanglesHaveTwoLengths) {
  EXPECT_EQ(lines_of(shape_steps(all().bind({1, 2, 3, 5}))),
            (std::vector<std::string>{
                "token ids (B,Lk) [1, 5]",
                "embedding (B,Lk,d_model) [1, 5, 32]",
                "query heads (B,H,Lq,depth) [1, 2, 3, 16]",
                "key heads (B,H,Lk,depth) [1, 2, 5, 16]",
                "logits (B,H,Lq,Lk) [1, 2, 3, 5]",
                "this mask (1,1,1,1) [1, 1, 1, 1]",
                "weights (B,H,Lq,Lk) [1, 2, 3, 5]",
                "output (B,Lq,d_model) [1, 3, 32]",
            }));
}

std::string names_of_masks(const Mask& mask) {
  std::string names;
  for (const ShapeStep& step : shape_steps(mask.bind({3, 2, 4, 4}))) {
    if (step.on_logits && step.name != "logits") names += step.name + ", ";
  }
  return names;
}

TEST(ShapeWalk, OnlyTheMasksThatAreSaidAreShown) {
  const Tensor rows = Tensor::from({3, 4}, std::vector<bool>(12, true));
  const Tensor pairs = Tensor::from({4, 4}, std::vector<bool>(16, true));
  EXPECT_EQ(names_of_masks(causal()), "look-ahead mask, this mask, ");
  EXPECT_EQ(names_of_masks(sliding_window({.left = 1})), "this mask, ");
  EXPECT_EQ(names_of_masks(allow(pairs)), "this mask, ");
  for (const Mask& padding_mask :
       {padding(ids()), lengths({1, 2, 3}), allow_keys(rows),
        from_torch_key_padding(rows), ~padding(ids())}) {
    EXPECT_EQ(names_of_masks(padding_mask), "padding mask, this mask, ");
    EXPECT_EQ(names_of_masks(per_head({causal(), causal() | padding_mask})),
              "padding mask, look-ahead mask, this mask, ");
  }
}

// The row of the call itself, to the bit, with kv heads shared.
TEST(ShapeWalk, WithQAndKTheNumbersAreThoseOfTheCall) {
  const BoundMask mask = (causal() & padding(ids())).bind({3, 4, 4, 4});
  Tensor q(DType::f32, {3, 4, 4, 8});
  Tensor k(DType::f32, {3, 2, 4, 8});
  for (int64_t i = 0; i < q.size(); ++i) {
    q.mutable_data<float>()[i] = std::sin(static_cast<float>(i));
  }
  for (int64_t i = 0; i < k.size(); ++i) {
    k.mutable_data<float>()[i] = std::cos(static_cast<float>(7 * i));
  }
  const ShapeWalk walk = walk_shapes(
      mask, ids(),
      {.batch = 1, .head = 3, .q = 2, .q_heads = q, .k_heads = k, .scale = 2});
  EXPECT_FALSE(walk.made_up);
  EXPECT_EQ(lines_of(walk.steps), (std::vector<std::string>{
                                      "query heads (B,H,L,D) [3, 4, 4, 8]",
                                      "key heads (B,Hkv,L,D) [3, 2, 4, 8]",
                                      "logits (B,H,L,L) [3, 4, 4, 4]",
                                      "padding mask (B,1,1,L) [3, 1, 1, 4]",
                                      "look-ahead mask (L,L) [4, 4]",
                                      "this mask (B,1,L,L) [3, 1, 4, 4]",
                                      "weights (B,H,L,L) [3, 4, 4, 4]",
                                  }));
  AttentionOptions options;
  options.scale = 2;
  options.weights = Weights::all;
  options.scores = Scores::raw;
  const AttentionResult call = attention(q, k, k, compile(mask), options);
  const int64_t row = ((1 * 4 + 3) * 4 + 2) * 4;
  for (int64_t j = 0; j < 4; ++j) {
    const auto key = static_cast<size_t>(j);
    EXPECT_EQ(walk.row.weights[key], call.weights.data<float>()[row + j]);
    EXPECT_EQ(walk.row.masked[key], call.scores.data<float>()[row + j]);
  }
  EXPECT_TRUE(walk_shapes(mask, ids()).made_up);
}

TEST(ShapeWalk, HeadsThatDoNotFitAreRefused) {
  const BoundMask mask = all().bind({1, 4, 3, 5});
  const Tensor q(DType::f32, {1, 4, 3, 8});
  const Tensor k(DType::f32, {1, 2, 5, 8});
  const auto refused = [&](const ShapeWalkOptions& options,
                           const std::string& text, ErrorCode code) {
    return testing::throws_error(code, text,
                                 [&] { walk_shapes(mask, {}, options); });
  };
  EXPECT_TRUE(refused({.q_heads = q}, "expected both or neither",
                      ErrorCode::invalid_argument));
  EXPECT_TRUE(refused({.d_model = 32, .q_heads = q, .k_heads = k},
                      "whose head_dim is 8", ErrorCode::invalid_argument));
  EXPECT_TRUE(refused({.q_heads = k, .k_heads = k},
                      "expected q of shape [1, 4, 3, 8], got [1, 2, 5, 8]",
                      ErrorCode::shape_mismatch));
  EXPECT_TRUE(
      refused({.q_heads = q, .k_heads = Tensor(DType::f32, {1, 3, 5, 8})},
              "Hkv a divisor of H", ErrorCode::shape_mismatch));
  EXPECT_TRUE(refused({.q_heads = q, .k_heads = Tensor(DType::f32, {5, 8})},
                      "got [1, 4, 3, 8] and [5, 8]",
                      ErrorCode::shape_mismatch));
  EXPECT_TRUE(
      refused({.q_heads = Tensor(DType::f64, {1, 4, 3, 8}), .k_heads = k},
              "expected q of type f32, f16 or bf16, got f64",
              ErrorCode::invalid_argument));
}

TEST(ShapeWalk, TheMaskHasTheAxesOverWhichItVaries) {
  const AttentionShape shape = {3, 2, 4, 4};
  EXPECT_EQ(mask_axes(all(), shape), "(1,1,1,1)");
  EXPECT_EQ(mask_axes(causal(), shape), "(1,1,L,L)");
  EXPECT_EQ(mask_axes(padding(ids()), shape), "(B,1,1,L)");
  EXPECT_EQ(mask_axes(q_lengths({1, 2, 3}), shape), "(B,1,L,1)");
  EXPECT_EQ(mask_axes(per_head({all(), prefix(1)}), shape), "(1,H,1,L)");
  EXPECT_EQ(mask_axes(prefix(1), {1, 1, 1, 4}), "(1,1,1,Lk)");
}

TEST(ShapeWalk, TheRowShownIsTheMiddleOfAPaddedSentence) {
  const BoundMask mask = (causal() & padding(ids())).bind({3, 2, 4, 4});
  const ShapeWalk walk = walk_shapes(mask, ids());
  EXPECT_EQ(walk.row.row, (PairIndex{1, 0, 1, 0}));
  ASSERT_TRUE(walk.padded_row);
  EXPECT_EQ(walk.padded_row->row, (PairIndex{1, 0, 3, 0}));
  const ShapeWalk chosen =
      walk_shapes(mask, ids(), {.batch = 0, .head = 1, .q = 3});
  EXPECT_EQ(chosen.row.row, (PairIndex{0, 1, 3, 0}));
  EXPECT_FALSE(chosen.padded_row);
}

TEST(ShapeWalk, LabelsComeWithTheRow) {
  const std::vector<std::vector<std::string>> tokens = {{"a", "b"}};
  const BoundMask mask = causal().bind({1, 1, 2, 2});
  const ShapeWalk walk =
      walk_shapes(mask, {}, {.labels = {tokens, tokens}, .q = 1});
  EXPECT_EQ(walk.row.query, "b");
  EXPECT_EQ(walk.row.keys, tokens[0]);
  EXPECT_TRUE(walk_shapes(mask).row.keys.empty());
}

TEST(ShapeWalk, ThePadIdIsTheMasksOwn) {
  EXPECT_EQ(pad_id_of(causal()), std::nullopt);
  const Mask mask = causal() & ~(all() & ~padding(ids(), {.pad = 7}));
  EXPECT_EQ(pad_id_of(mask), 7);
  const ShapeWalk walk = walk_shapes(mask.bind({3, 1, 4, 4}), ids());
  ASSERT_TRUE(walk.padded_row);
  EXPECT_EQ(walk.padded_row->row.q, 2);
  EXPECT_EQ(walk_shapes(mask.bind({3, 1, 4, 4}), ids(), {.pad = 8})
                .padded_row->row.batch,
            2);
}

TEST(ShapeWalk, WhatDoesNotFitIsRefused) {
  const BoundMask mask = all().bind({1, 3, 4, 4});
  const auto refused = [&](const ShapeWalkOptions& options,
                           const std::string& text) {
    return testing::throws_error(ErrorCode::invalid_argument, text,
                                 [&] { walk_shapes(mask, {}, options); });
  };
  EXPECT_TRUE(refused({.d_model = 64},
                      "d_model is 64; expected a multiple of "
                      "the 3 heads"));
  EXPECT_TRUE(refused({.d_model = 0}, "d_model is 0"));
  EXPECT_TRUE(refused({.batch = 1}, "expected 0 <= batch < 1"));
  EXPECT_TRUE(refused({.head = 3}, "expected 0 <= head < 3"));
  EXPECT_TRUE(refused({.q = -1}, "expected 0 <= q < 4"));
  EXPECT_TRUE(testing::throws_error(ErrorCode::invalid_argument,
                                    "lies outside the shape", [] {
                                      walk_shapes(all().bind({1, 1, 0, 4}));
                                    }));
}

}  // namespace
}  // namespace maskwise
