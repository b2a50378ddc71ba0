// Every wrong argument is an Error that names it, what was found and what was
// expected.
#include "attention/attention_checks.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>

#include "tests/base/thrown_error.h"
#include "tests/support/attention_case.h"

namespace maskwise::testing {
namespace {

constexpr uint32_t kSeed = 3;

class AttentionChecksTest : public ::testing::Test {
 protected:
  AttentionChecksTest() {
    call_ = make_case(rng_, {.batch = 2, .heads = 4, .q_len = 3, .kv_len = 5},
                      all(), {.kv_heads = 2, .head_dim = 6, .value_dim = 7});
  }

  TensorView random(const Shape& shape) {
    return call_.own(normal(rng_, shape));
  }

  // Both backends refuse the call, in the same words.
  void expect_error(ErrorCode code, const std::string& fragment) const {
    for (const Backend backend : {Backend::cpu, Backend::reference}) {
      EXPECT_TRUE(throws_error(code, "[attention] " + fragment,
                               [&] { call_.run(backend); }));
    }
  }

  Rng rng_{kSeed};
  AttentionCase call_;
};

using enum ErrorCode;

TEST_F(AttentionChecksTest, SwappedHeadAndLengthAxesAreRecognised) {
  call_.k = random({2, 5, 2, 6});
  expect_error(shape_mismatch,
               "expected k of shape [2, 2, 5, 6], got [2, 5, 2, 6]; the head "
               "and length axes look swapped");
  call_.k = random({2, 5, 4, 6});
  expect_error(shape_mismatch,
               "expected k of shape [2, 4, 5, 6], got [2, 5, 4, 6]; the head "
               "and length axes look swapped");
  call_.q = random({2, 3, 4, 6});
  expect_error(shape_mismatch,
               "expected q of shape [2, 4, 3, 6], got [2, 3, 4, 6]; the head "
               "and length axes look swapped");
}

TEST_F(AttentionChecksTest, SwappedAxesAreRecognisedInTheOtherLayoutToo) {
  call_.options.layout = Layout::blhd;
  expect_error(shape_mismatch,
               "expected q of shape [2, 3, 4, 6], got [2, 4, 3, 6]; the head "
               "and length axes look swapped");
}

// Two keys: a swapped k looks like two kv heads, of the wrong length.
TEST_F(AttentionChecksTest,
       SwappedAxesAreRecognisedWhereTheLengthDividesHeads) {
  call_.shape.kv_len = 2;
  call_.k = random({2, 2, 4, 6});
  expect_error(shape_mismatch,
               "expected k of shape [2, 4, 2, 6], got [2, 2, 4, 6]; the head "
               "and length axes look swapped");
}

// The mask was made for the length that the swapped k seems to have.
TEST_F(AttentionChecksTest, SwappedAxesAreRecognisedWhereTheMaskFollowedThem) {
  call_.q = random({2, 4, 6, 8});
  call_.k = random({2, 6, 2, 8});
  call_.shape = {2, 4, 6, 2};
  expect_error(shape_mismatch,
               "k has 6 heads and q has 4; expected a number of kv heads that "
               "divides the query heads; the head and length axes look "
               "swapped");
}

TEST_F(AttentionChecksTest, KvHeadsMustDivideTheQueryHeads) {
  call_.k = random({2, 3, 5, 6});
  expect_error(shape_mismatch,
               "k has 3 heads and q has 4; expected a number of kv heads that "
               "divides the query heads");
  call_.k = random({2, 8, 5, 6});
  expect_error(shape_mismatch, "k has 8 heads and q has 4");
  call_.k = random({2, 0, 5, 6});
  expect_error(shape_mismatch, "k has 0 heads and q has 4");
}

TEST_F(AttentionChecksTest, KAndVHaveTheSameHeads) {
  call_.v = random({2, 4, 5, 7});
  expect_error(shape_mismatch,
               "expected v of shape [2, 2, 5, 7], got [2, 4, 5, 7]");
}

TEST_F(AttentionChecksTest, LengthsBatchesAndHeadDimsMustFit) {
  const AttentionCase right = call_;
  call_.q = random({2, 4, 9, 6});
  expect_error(shape_mismatch,
               "expected q of shape [2, 4, 3, 6], got [2, 4, 9, 6]");
  call_ = right;
  call_.k = random({2, 2, 5, 8});
  expect_error(shape_mismatch,
               "expected k of shape [2, 2, 5, 6], got [2, 2, 5, 8]");
  call_ = right;
  call_.v = random({3, 2, 5, 7});
  expect_error(shape_mismatch,
               "expected v of shape [2, 2, 5, 7], got [3, 2, 5, 7]");
  call_ = right;
  call_.q = random({2, 4, 3, 0});
  call_.k = random({2, 2, 5, 0});
  expect_error(shape_mismatch, "q has head_dim 0; expected at least 1");
}

TEST_F(AttentionChecksTest, ElementsNeedMemory) {
  call_.k = TensorView(nullptr, DType::f32, {2, 2, 5, 6});
  expect_error(invalid_argument, "found no memory for k of [2, 2, 5, 6]");
}

TEST_F(AttentionChecksTest, RanksMustBeFour) {
  call_.v = random({2, 5, 7});
  expect_error(shape_mismatch,
               "expected v with 4 axes ([B, H, L, D]), got [2, 5, 7]");
  call_.options.layout = Layout::blhd;
  call_.q = TensorView();
  expect_error(shape_mismatch,
               "expected q with 4 axes ([B, L, H, D]), got nothing");
}

TEST_F(AttentionChecksTest, TypesMustBeFloatsOfAtMost32Bits) {
  const AttentionCase right = call_;
  const Tensor wide(DType::f64, {2, 2, 5, 6});
  call_.k = wide;
  expect_error(invalid_argument,
               "expected k of type f32, f16 or bf16, got f64");
  call_ = right;
  call_.bias = Tensor(DType::i32, {3, 5});
  expect_error(invalid_argument,
               "expected bias of type f32, f16 or bf16, got i32");
  call_ = right;
  call_.bias = Tensor(DType::boolean, {3, 5});
  expect_error(invalid_argument,
               "expected bias of type f32, f16 or bf16, got bool");
  call_ = right;
  call_.alibi_slopes = Tensor(DType::f64, {4});
  expect_error(invalid_argument,
               "expected alibi slopes of type f32, f16 or bf16, got f64");
}

TEST_F(AttentionChecksTest, ScaleMustBeFinite) {
  for (const float scale : {kNan, kInf, kMinusInf}) {
    call_.options.scale = scale;
    expect_error(invalid_argument, "the scale is ");
  }
  for (const float scale : {0.0F, -1.0F, 1e-40F}) {
    call_.options.scale = scale;
    EXPECT_EQ(thrown_by([&] { call_.run(); }), std::nullopt);
  }
}

// The reciprocal of a denormal overflows, and 0 * Inf would be NaN.
TEST_F(AttentionChecksTest, SoftcapMustBeZeroOrAPositiveNormalNumber) {
  for (const float softcap : {-1.0F, -1e-30F, kNan, kInf, kMinusInf, 1e-40F}) {
    call_.options.softcap = softcap;
    expect_error(invalid_argument, "the softcap is ");
  }
  for (const float softcap : {0.0F, -0.0F, 0x1p-126F, 1e38F}) {
    call_.options.softcap = softcap;
    EXPECT_EQ(thrown_by([&] { call_.run(); }), std::nullopt) << softcap;
  }
}

TEST_F(AttentionChecksTest, ThreadsMustBeOneTo1024) {
  for (const int threads : {0, -1, 1025, 100000}) {
    call_.options.threads = threads;
    expect_error(invalid_argument,
                 std::to_string(threads) + " threads; expected 1 to 1024");
  }
}

TEST_F(AttentionChecksTest, BiasMustBroadcastToTheScores) {
  for (const Shape& shape :
       {Shape{4}, Shape{5, 3}, Shape{2, 3, 5}, Shape{2, 3, 5, 5},
        Shape{1, 2, 4, 3, 5}, Shape{0}, Shape{2, 4, 3, 0}}) {
    call_.bias = Tensor(DType::f32, shape);
    expect_error(shape_mismatch,
                 "expected a bias that broadcasts to [B, H, Lq, Lk] = "
                 "[2, 4, 3, 5], got " +
                     to_string(shape));
  }
}

TEST_F(AttentionChecksTest, SlopesAreOneForEachQueryHead) {
  for (const Shape& shape : {Shape{2}, Shape{1}, Shape{}, Shape{4, 1}}) {
    call_.alibi_slopes = Tensor(DType::f32, shape);
    expect_error(
        shape_mismatch,
        "expected alibi slopes of shape [H] = [4], got " + to_string(shape));
  }
}

TEST_F(AttentionChecksTest, PositionsAreIntegersForEachQueryAndKey) {
  add_alibi(call_);
  call_.q_positions = Tensor(DType::i64, {5});
  expect_error(shape_mismatch,
               "expected q_positions of shape [3] or [2, 3], got [5]");
  call_.q_positions = Tensor();
  for (const Shape& shape : {Shape{3}, Shape{1, 5}, Shape{2, 1}, Shape{}}) {
    call_.kv_positions = Tensor(DType::i64, shape);
    expect_error(shape_mismatch,
                 "expected kv_positions of shape [5] or [2, 5], got " +
                     to_string(shape));
  }
  call_.kv_positions = Tensor(DType::f32, {5});
  expect_error(invalid_argument,
               "expected kv_positions of type i32 or i64, got f32");
}

TEST_F(AttentionChecksTest, PositionsMayNotBeSoFarThatDistancesOverflow) {
  add_alibi(call_);
  const int64_t most = std::numeric_limits<int64_t>::max();
  for (const int64_t far : {most, -most, -most - 1, int64_t{1} << 62}) {
    call_.q_positions = Tensor::from<int64_t>({3}, {0, far, 1});
    expect_error(invalid_argument, "q_positions holds " + std::to_string(far));
  }
}

TEST_F(AttentionChecksTest, PositionsWithoutSlopesWouldDoNothing) {
  call_.q_positions = Tensor(DType::i64, {3});
  expect_error(invalid_argument, "positions are given without alibi slopes");
  call_.q_positions = Tensor();
  call_.kv_positions = Tensor(DType::i64, {5});
  expect_error(invalid_argument, "positions are given without alibi slopes");
}

TEST_F(AttentionChecksTest, ChosenRowsAreQueriesInAscendingOrder) {
  for (const int64_t row : {int64_t{3}, int64_t{-1}, int64_t{1} << 40}) {
    call_.options.pair_rows = {0, row};
    expect_error(invalid_argument, "weights and scores of row " +
                                       std::to_string(row) +
                                       " are asked for; expected 0 <= row < 3");
  }
  call_.options.pair_rows = {0, 2, 1};
  expect_error(invalid_argument,
               "weights and scores of row 1 are asked for after those of row "
               "2; expected rows in ascending order, each once");
  call_.options.pair_rows = {1, 1};
  expect_error(
      invalid_argument,
      "weights and scores of row 1 are asked for after those of row 1");
}

TEST_F(AttentionChecksTest, ChosenRowsOfNothingWouldDoNothing) {
  call_.options.weights = Weights::none;
  call_.options.scores = Scores::none;
  call_.options.pair_rows = {1};
  expect_error(invalid_argument,
               "rows are chosen of neither weights nor scores");
}

TEST_F(AttentionChecksTest, ProblemIsInTheOrderBhldWhateverTheLayout) {
  call_.options.layout = Layout::blhd;
  call_.q = random({2, 3, 4, 6});
  call_.k = random({2, 5, 2, 6});
  call_.v = random({2, 5, 2, 7});
  const detail::AttentionInputs inputs = detail::check_attention(
      call_.q, call_.k, call_.v, call_.shape, call_.options_for(Backend::cpu));
  const detail::ForwardProblem& problem = inputs.problem;
  EXPECT_EQ(problem.kv_heads, 2);
  EXPECT_EQ(problem.head_dim, 6);
  EXPECT_EQ(problem.value_dim, 7);
  EXPECT_EQ(problem.kv_head(3), 1);
  EXPECT_EQ(problem.q.at(1, 2, 1),
            call_.q.data<float>() + ((3 + 1) * 4 + 2) * 6);
  EXPECT_EQ(problem.v.at(1, 1, 4),
            call_.v.data<float>() + ((5 + 4) * 2 + 1) * 7);
}

}  // namespace
}  // namespace maskwise::testing
