#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "maskwise/mask_import.h"
#include "maskwise/mask_text.h"
#include "tests/base/thrown_error.h"
#include "tests/support/mask_table.h"

namespace maskwise {
namespace {

using testing::booleans;
using testing::floats;
using testing::ids;
using testing::Table;
using testing::table;
using testing::throws_error;

constexpr float kInf = std::numeric_limits<float>::infinity();

const AttentionShape kOne{1, 1, 2, 4};
const AttentionShape kTwo{2, 1, 2, 4};

std::string text_of(const OnnxAttention& said, const AttentionShape& shape) {
  return to_string(from_onnx_attention(said, shape).mask).text;
}

std::vector<float> values_of(const Tensor& tensor) {
  return {tensor.data<float>(), tensor.data<float>() + tensor.size()};
}

TEST(OnnxAttention, NothingSaidAllowsAll) {
  const OnnxMask read = from_onnx_attention({}, kOne);
  EXPECT_EQ(to_string(read.mask).text, "all");
  EXPECT_FALSE(read.bias.defined());
}

TEST(OnnxAttention, CausalStandsBehindThePast) {
  EXPECT_EQ(text_of({.is_causal = true}, kOne), "causal(offset=0)");
  EXPECT_EQ(text_of({.is_causal = true, .past_sequence_length = 2}, kOne),
            "causal(offset=2)");
}

TEST(OnnxAttention, CausalEndsAtTheLengthOfEachItem) {
  const OnnxMask read = from_onnx_attention(
      {.is_causal = true, .nonpad_kv_seqlen = ids({2}, {3, 1})}, kTwo);
  EXPECT_EQ(to_string(read.mask).text, "causal(offset=[1,-1]) & lengths(t0)");
  const BoundMask mask = read.mask.bind(kTwo);
  EXPECT_EQ(table(mask, 0), (Table{"xx..", "xxx."}));
  EXPECT_EQ(table(mask, 1), (Table{"....", "x..."}));
}

TEST(OnnxAttention, WindowsHaveUnlimitedSides) {
  EXPECT_EQ(text_of({.left_window_size = 2, .past_sequence_length = 1}, kOne),
            "sliding_window(left=2, offset=1)");
  EXPECT_EQ(text_of({.right_window_size = 0}, kOne),
            "sliding_window(right=0, offset=0)");
  EXPECT_EQ(text_of({.is_causal = true, .left_window_size = 0}, kOne),
            "causal(offset=0) & sliding_window(left=0, offset=0)");
}

TEST(OnnxAttention, BooleansAreAMaskAndNoBias) {
  const OnnxMask read = from_onnx_attention(
      {.attn_mask = MaskTensor("m", booleans({2, 3}, "101 010")),
       .is_causal = true},
      kOne);
  EXPECT_EQ(to_string(read.mask).text, "from_onnx(m) & causal(offset=0)");
  EXPECT_EQ(table(read.mask.bind(kOne)), (Table{"x...", ".x.."}));
  EXPECT_FALSE(read.bias.defined());
}

TEST(OnnxAttention, FloatsAreSplitIntoMaskAndBias) {
  const OnnxMask read = from_onnx_attention(
      {.attn_mask = floats({2, 4}, {0, -kInf, 1, -1e9F, 0, 0, 0, 2})}, kOne);
  EXPECT_EQ(table(read.mask.bind(kOne)), (Table{"x.xx", "xxxx"}));
  EXPECT_EQ(values_of(read.bias),
            (std::vector<float>{0, 0, 1, -1e9F, 0, 0, 0, 2}));
}

TEST(OnnxAttention, FiniteFloatsAreNoMask) {
  const OnnxMask read =
      from_onnx_attention({.attn_mask = floats({4}, {0, 1, 0, 0})}, kOne);
  EXPECT_EQ(to_string(read.mask).text, "all");
  EXPECT_TRUE(read.bias.defined());
}

TEST(OnnxAttention, FloatsOfZeroAndMinusInfAreNoBias) {
  const OnnxMask read = from_onnx_attention(
      {.attn_mask = floats({4}, {0, -kInf, 0, -0.0F})}, kOne);
  EXPECT_FALSE(read.bias.defined());
  EXPECT_EQ(table(read.mask.bind(kOne))[0], "x.xx");
}

TEST(OnnxAttention, AShorterFloatMaskMasksTheKeysBeyond) {
  const OnnxMask read =
      from_onnx_attention({.attn_mask = floats({2, 2}, {1, 0, 0, 2})}, kOne);
  EXPECT_EQ(table(read.mask.bind(kOne)), (Table{"xx..", "xx.."}));
  EXPECT_EQ(read.bias.shape(), (Shape{2, 4}));
  EXPECT_EQ(values_of(read.bias), (std::vector<float>{1, 0, 0, 0, 0, 2, 0, 0}));
  const OnnxMask none =
      from_onnx_attention({.attn_mask = floats({2, 0}, {})}, kOne);
  EXPECT_EQ(table(none.mask.bind(kOne)), (Table{"....", "...."}));
}

TEST(OnnxAttention, HalfTypesAndDoubles) {
  const Tensor values = floats({4}, {0, -kInf, 0.5F, 0});
  for (const DType dtype : {DType::f16, DType::bf16}) {
    const OnnxMask read =
        from_onnx_attention({.attn_mask = from_f32(values, dtype)}, kOne);
    EXPECT_EQ(values_of(read.bias), (std::vector<float>{0, 0, 0.5F, 0}));
    EXPECT_EQ(table(read.mask.bind(kOne))[0], "x.xx");
  }
  const Tensor doubles = Tensor::from<double>({4}, {0, -kInf, 0.5, 0});
  EXPECT_EQ(values_of(from_onnx_attention({.attn_mask = doubles}, kOne).bias),
            (std::vector<float>{0, 0, 0.5F, 0}));
  EXPECT_TRUE(throws_error(
      ErrorCode::invalid_argument,
      "element 1 is -1e+300; expected -inf or a number that f32 holds", [] {
        const Tensor far = Tensor::from<double>({2}, {0, -1e300});
        (void)from_onnx_attention({.attn_mask = far}, kOne);
      }));
}

TEST(OnnxAttention, ANanIsABias) {
  const OnnxMask read =
      from_onnx_attention({.attn_mask = floats({1, 4}, {0, NAN, 0, 0})}, kOne);
  EXPECT_TRUE(std::isnan(values_of(read.bias)[1]));
  EXPECT_EQ(to_string(read.mask).text, "all");
}

TEST(OnnxAttention, WhatDoesNotFitIsAnError) {
  const auto refused = [](ErrorCode code, const char* what,
                          const OnnxAttention& said) {
    return throws_error(code, what,
                        [&] { (void)from_onnx_attention(said, kTwo); });
  };
  EXPECT_TRUE(refused(ErrorCode::invalid_argument, "a window of -2",
                      {.left_window_size = -2}));
  EXPECT_TRUE(refused(ErrorCode::invalid_argument, "expected 0 to kv_len = 4",
                      {.past_sequence_length = 5}));
  EXPECT_TRUE(
      refused(ErrorCode::invalid_argument,
              "both past_sequence_length and nonpad_kv_seqlen",
              {.past_sequence_length = 1, .nonpad_kv_seqlen = PerBatch{1, 2}}));
  EXPECT_TRUE(refused(ErrorCode::shape_mismatch, "expected 0 to 4",
                      {.nonpad_kv_seqlen = PerBatch{1, 5}}));
  EXPECT_TRUE(refused(ErrorCode::shape_mismatch, "for each of the 2 batch",
                      {.nonpad_kv_seqlen = PerBatch{1, 2, 3}}));
  EXPECT_TRUE(refused(ErrorCode::invalid_argument, "expected one length",
                      {.nonpad_kv_seqlen = PerBatch(3)}));
  for (const Shape& shape : {Shape{}, Shape{5}, Shape{3, 4}, Shape{3, 1, 2, 4},
                             Shape{1, 1, 1, 2, 4}}) {
    const std::string got = "last at most 4 long, got " + to_string(shape);
    EXPECT_TRUE(refused(ErrorCode::shape_mismatch, got.c_str(),
                        {.attn_mask = Tensor(DType::f32, shape)}));
    EXPECT_TRUE(refused(ErrorCode::shape_mismatch, got.c_str(),
                        {.attn_mask = Tensor(DType::boolean, shape)}));
  }
  EXPECT_TRUE(refused(ErrorCode::invalid_argument, "expected booleans",
                      {.attn_mask = ids({4}, {0, 1, 0, 1})}));
}

}  // namespace
}  // namespace maskwise
