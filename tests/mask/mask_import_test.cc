#include "maskwise/mask_import.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "maskwise/mask_text.h"
#include "tests/base/thrown_error.h"
#include "tests/support/mask_table.h"

namespace maskwise {
namespace {

using testing::booleans;
using testing::first_rows;
using testing::floats;
using testing::Table;
using testing::table;
using testing::throws_error;

constexpr float kInf = std::numeric_limits<float>::infinity();

const AttentionShape kOne{1, 1, 2, 3};

TEST(TorchKeyPadding, TrueMeansIgnore) {
  const AttentionShape two{2, 1, 1, 3};
  const Table expected = {"xx.", "x.."};
  EXPECT_EQ(
      first_rows(from_torch_key_padding(booleans({2, 3}, "001 011")).bind(two)),
      expected);
  EXPECT_EQ(first_rows(from_torch_key_padding(
                           floats({2, 3}, {0, 0, -kInf, 0, -kInf, -kInf}))
                           .bind(two)),
            expected);
}

TEST(TorchAttnMask, TrueMeansMasked) {
  const Table expected = {"x..", "xx."};
  EXPECT_EQ(table(from_torch_attn_mask(booleans({2, 3}, "011 001")).bind(kOne)),
            expected);
  EXPECT_EQ(
      table(from_torch_attn_mask(floats({2, 3}, {0, -kInf, -kInf, 0, 0, -kInf}))
                .bind(kOne)),
      expected);
}

// [B*H, Lq, Lk], the heads of an item next to each other.
TEST(TorchAttnMask, ThreeAxesAreItemsTimesHeads) {
  const Tensor each = booleans({4, 1, 2}, "00 01 10 11");
  const BoundMask mask = from_torch_attn_mask(each).bind({2, 2, 1, 2});
  EXPECT_EQ(table(mask, 0, 0), (Table{"xx"}));
  EXPECT_EQ(table(mask, 0, 1), (Table{"x."}));
  EXPECT_EQ(table(mask, 1, 0), (Table{".x"}));
  EXPECT_EQ(table(mask, 1, 1), (Table{".."}));
  EXPECT_TRUE(
      throws_error(ErrorCode::shape_mismatch, "from_torch_attn_mask", [&] {
        (void)from_torch_attn_mask(each).bind({2, 1, 1, 2});
      }));
}

TEST(TorchAttnMask, OtherRanksAreErrors) {
  EXPECT_TRUE(throws_error(
      ErrorCode::shape_mismatch,
      "from_torch_attn_mask(m): expected [Lq, Lk] or [B*H, Lq, Lk], got [2]",
      [] {
        (void)from_torch_attn_mask({"m", booleans({2}, "01")});
      }));
  EXPECT_TRUE(throws_error(ErrorCode::shape_mismatch, "got [1, 1, 1, 2]", [] {
    (void)from_torch_attn_mask(booleans({1, 1, 1, 2}, "01"));
  }));
}

// The same argument name as attn_mask above, the opposite polarity.
TEST(TorchSdpaMask, TrueMeansMayAttend) {
  EXPECT_EQ(table(from_torch_sdpa_mask(booleans({2, 3}, "100 110")).bind(kOne)),
            (Table{"x..", "xx."}));
  EXPECT_EQ(
      table(from_torch_sdpa_mask(floats({3}, {0, -kInf, -0.0F})).bind(kOne)),
      (Table{"x.x", "x.x"}));
}

TEST(TfTutorial, OneMeansMasked) {
  const Tensor padding_mask = floats({2, 1, 1, 3}, {0, 0, 1, 0, 1, 1});
  EXPECT_EQ(first_rows(from_tf_tutorial(padding_mask).bind({2, 4, 3, 3})),
            (Table{"xx.", "x.."}));
  const Tensor look_ahead = floats({3, 3}, {0, 1, 1, 0, 0, 1, 0, 0, 0});
  EXPECT_EQ(from_tf_tutorial(look_ahead).bind({1, 2, 3, 3}).visible_pairs(),
            causal().bind({1, 2, 3, 3}).visible_pairs());
  const Tensor combined = floats({2, 1, 2, 2}, {0, 1, 0, 0, 0, 1, 0, 1});
  const BoundMask mask = from_tf_tutorial(combined).bind({2, 2, 2, 2});
  EXPECT_EQ(table(mask, 0, 1), (Table{"x.", "xx"}));
  EXPECT_EQ(table(mask, 1, 1), (Table{"x.", "x."}));
}

TEST(TfTutorial, OtherValuesAreErrors) {
  for (const float value : {0.5F, -1e9F, -kInf, std::nanf("")}) {
    EXPECT_TRUE(throws_error(
        ErrorCode::invalid_argument, "from_tf_tutorial(m): element 1 is", [&] {
          (void)from_tf_tutorial({"m", floats({2}, {0, value})});
        }));
  }
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument,
                           "before the multiplication by -1e9", [] {
                             (void)from_tf_tutorial(floats({2}, {0, -1e9F}));
                           }));
}

TEST(Additive, MinusInfinityIsMasked) {
  EXPECT_EQ(
      table(from_additive(floats({1, 1, 2, 3}, {0, -kInf, -kInf, 0, 0, -kInf}))
                .bind(kOne)),
      (Table{"x..", "xx."}));
}

TEST(Additive, ALargeFiniteValueIsRefusedWithAnExplanation) {
  for (const float value :
       {-1e9F, std::numeric_limits<float>::lowest(), -1e4F, -65504.0F}) {
    EXPECT_TRUE(
        throws_error(ErrorCode::invalid_argument,
                     "a large finite value that stands for masked; it is not",
                     [&] {
                       (void)from_additive(floats({2}, {0, value}));
                     }))
        << value;
  }
  // f32 would read it as -inf.
  EXPECT_TRUE(throws_error(
      ErrorCode::invalid_argument, "element 0 is -1e+300, a large finite value",
      [] { (void)from_additive(Tensor::from<double>({1}, {-1e300})); }));
}

TEST(Additive, OtherValuesAreABias) {
  for (const float value : {0.5F, -1.0F, kInf, std::nanf("")}) {
    EXPECT_TRUE(throws_error(
        ErrorCode::invalid_argument, "give it to attention as a bias",
        [&] { (void)from_additive(floats({1}, {value})); }))
        << value;
  }
}

TEST(Additive, HalfTypesAndDoubles) {
  const Tensor values = floats({3}, {0, -kInf, 0});
  for (const DType dtype : {DType::f16, DType::bf16}) {
    EXPECT_EQ(table(from_additive(from_f32(values, dtype)).bind(kOne))[0],
              "x.x");
  }
  EXPECT_EQ(table(from_additive(Tensor::from<double>({3}, {0, -kInf, -0.0}))
                      .bind(kOne))[1],
            "x.x");
  EXPECT_TRUE(throws_error(
      ErrorCode::invalid_argument, "-65504, a large finite value", [] {
        (void)from_additive(from_f32(floats({1}, {-65504}), DType::f16));
      }));
}

TEST(Additive, BooleansAreSentToAllowAndForbid) {
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument,
                           "booleans are read by allow (true = may attend) and "
                           "forbid (true = masked)",
                           [] { (void)from_additive(booleans({1}, "1")); }));
}

TEST(Onnx, TrueMeansMayAttend) {
  EXPECT_EQ(table(from_onnx(booleans({2, 3}, "100 110")).bind(kOne)),
            (Table{"x..", "xx."}));
  EXPECT_EQ(table(from_onnx(floats({3}, {0, -kInf, 0})).bind(kOne)),
            (Table{"x.x", "x.x"}));
}

// ONNX pads with -inf; an axis of 1 is short, too, and not broadcast.
TEST(Onnx, AShorterLastAxisMasksTheKeysBeyond) {
  EXPECT_EQ(table(from_onnx(booleans({2, 2}, "10 11")).bind(kOne)),
            (Table{"x..", "xx."}));
  EXPECT_EQ(table(from_onnx(booleans({2, 1}, "0 1")).bind(kOne)),
            (Table{"...", "x.."}));
  EXPECT_EQ(table(from_onnx(booleans({2, 0}, "")).bind(kOne)),
            (Table{"...", "..."}));
  EXPECT_EQ(from_onnx(booleans({2, 2}, "10 11"))
                .bind(kOne)
                .clause({0, 0, 1, 2})
                .reason,
            "the tensor ends before key 2");
  EXPECT_TRUE(throws_error(ErrorCode::shape_mismatch, "[2, 4]", [] {
    (void)from_onnx(booleans({2, 4}, "0000 0000")).bind(kOne);
  }));
}

TEST(Import, WhatIsNeitherBooleanNorFloatIsAnError) {
  const Tensor integers = Tensor::from<int64_t>({1, 2}, {0, 1});
  for (const auto importer : {from_torch_key_padding, from_torch_attn_mask,
                              from_torch_sdpa_mask, from_onnx}) {
    EXPECT_TRUE(throws_error(ErrorCode::invalid_argument,
                             "expected booleans (bool, or u8 of 0 and 1)",
                             [&] { (void)importer(integers); }));
  }
}

TEST(Import, PrintsAsAWordThatParsesBack) {
  const Mask mask = from_tf_tutorial({"m", floats({2}, {0, 1})}) &
                    from_additive({"m", floats({2}, {0, -kInf})});
  const MaskText text = to_string(mask);
  EXPECT_EQ(text.text, "forbid(m) & allow(m_2)");
  EXPECT_EQ(parse_mask(text.text, text.tensors), mask);
}

}  // namespace
}  // namespace maskwise
