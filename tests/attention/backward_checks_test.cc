// Every wrong argument of a backward call is an Error that names it, what was
// found and what was expected.
#include "attention/backward_checks.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "tests/base/thrown_error.h"
#include "tests/support/attention_case.h"

namespace maskwise::testing {
namespace {

using enum ErrorCode;

constexpr uint32_t kSeed = 4;

class BackwardChecksTest : public ::testing::Test {
 protected:
  BackwardChecksTest() {
    call_ = make_case(rng_, {.batch = 2, .heads = 4, .q_len = 3, .kv_len = 5},
                      all(), {.kv_heads = 2, .head_dim = 6, .value_dim = 7});
    forward_ = call_.run();
    d_o_ = random({2, 4, 3, 7});
  }

  TensorView random(const Shape& shape) {
    return call_.own(normal(rng_, shape));
  }

  AttentionGradients run(Backend backend) const {
    return attention_backward(call_.q, call_.k, call_.v,
                              compile(call_.mask.bind(call_.shape)), forward_,
                              d_o_, call_.options_for(backend), gradients_);
  }

  // Both backends refuse the call, in the same words.
  void expect_error(ErrorCode code, const std::string& message) const {
    for (const Backend backend : {Backend::cpu, Backend::reference}) {
      EXPECT_TRUE(throws_error(code, message, [&] { run(backend); }));
    }
  }
  void expect_refused(ErrorCode code, const std::string& fragment) const {
    expect_error(code, "[attention_backward] " + fragment);
  }

  Rng rng_{kSeed};
  AttentionCase call_;
  AttentionResult forward_;
  TensorView d_o_;
  GradientOptions gradients_;
};

TEST_F(BackwardChecksTest, RightArgumentsAreTaken) {
  gradients_.d_lse = random({2, 4, 3});
  EXPECT_EQ(thrown_by([&] { run(Backend::cpu); }), std::nullopt);
  EXPECT_EQ(thrown_by([&] { run(Backend::reference); }), std::nullopt);
}

TEST_F(BackwardChecksTest, ArgumentsOfTheForwardCallAreCheckedAsThere) {
  call_.k = random({2, 5, 2, 6});
  expect_error(shape_mismatch,
               "[attention] expected k of shape [2, 2, 5, 6], got [2, 5, 2, "
               "6]; the head and length axes look swapped");
}

TEST_F(BackwardChecksTest, GradientOfTheOutputMustBeThere) {
  d_o_ = TensorView();
  expect_refused(invalid_argument,
                 "d_o is not given; expected it of shape [2, 4, 3, 7]");
}

TEST_F(BackwardChecksTest, GradientOfTheOutputHasItsShape) {
  for (const Shape& shape :
       {Shape{2, 4, 3, 6}, Shape{2, 2, 3, 7}, Shape{4, 3, 7}, Shape{0},
        Shape{1, 4, 3, 7}, Shape{2, 4, 3, 7, 1}}) {
    d_o_ = random(shape);
    expect_refused(shape_mismatch, "expected d_o of shape [2, 4, 3, 7], got " +
                                       to_string(shape));
  }
}

TEST_F(BackwardChecksTest, SwappedAxesAreRecognised) {
  d_o_ = random({2, 3, 4, 7});
  expect_refused(shape_mismatch,
                 "expected d_o of shape [2, 4, 3, 7], got [2, 3, 4, 7]; the "
                 "head and length axes look swapped");
}

TEST_F(BackwardChecksTest, SwappedAxesAreRecognisedInTheOtherLayoutToo) {
  call_.options.layout = Layout::blhd;
  call_.q = random({2, 3, 4, 6});
  call_.k = random({2, 5, 2, 6});
  call_.v = random({2, 5, 2, 7});
  forward_ = call_.run();
  expect_refused(shape_mismatch,
                 "expected d_o of shape [2, 3, 4, 7], got [2, 4, 3, 7]; the "
                 "head and length axes look swapped");
}

TEST_F(BackwardChecksTest, GradientOfTheOutputIsAFloatOfAtMost32Bits) {
  for (const DType dtype : {DType::f64, DType::i32, DType::u8, DType::i64}) {
    const Tensor wrong(dtype, {2, 4, 3, 7});
    d_o_ = wrong;
    expect_refused(invalid_argument,
                   "expected d_o of type f32, f16 or bf16, got " +
                       std::string(name_of(dtype)));
  }
}

TEST_F(BackwardChecksTest, ElementsNeedMemory) {
  const AttentionResult right = forward_;
  d_o_ = TensorView(nullptr, DType::f32, {2, 4, 3, 7});
  expect_refused(invalid_argument, "found no memory for d_o of [2, 4, 3, 7]");
  d_o_ = random({2, 4, 3, 7});
  gradients_.d_lse = TensorView(nullptr, DType::f32, {2, 4, 3});
  expect_refused(invalid_argument, "found no memory for d_lse of [2, 4, 3]");
}

TEST_F(BackwardChecksTest, ForwardResultMustBeOfTheCall) {
  const AttentionResult right = forward_;
  forward_ = AttentionResult();
  expect_refused(invalid_argument, "o of the forward result is not given");
  forward_ = right;
  forward_.o = Tensor(DType::f32, {2, 4, 3, 6});
  expect_refused(shape_mismatch,
                 "expected o of the forward result of shape [2, 4, 3, 7], got "
                 "[2, 4, 3, 6]");
  for (Tensor AttentionResult::*member :
       {&AttentionResult::m, &AttentionResult::l}) {
    const std::string name = member == &AttentionResult::m ? "m" : "l";
    forward_ = right;
    forward_.*member = Tensor();
    expect_refused(invalid_argument,
                   name +
                       " of the forward result is not given; expected it "
                       "of shape [2, 4, 3]");
    forward_.*member = Tensor(DType::f32, {2, 4, 3, 1});
    expect_refused(shape_mismatch, "expected " + name +
                                       " of the forward result of shape "
                                       "[2, 4, 3], got [2, 4, 3, 1]");
    forward_.*member = Tensor(DType::f16, {2, 4, 3});
    expect_refused(
        invalid_argument,
        "expected " + name + " of the forward result of type f32, got f16");
  }
}

// Another type is another rounding than that of the call.
TEST_F(BackwardChecksTest, ForwardResultHasTheTypeOfTheQueries) {
  forward_.o = from_f32(forward_.o, DType::bf16);
  expect_refused(invalid_argument,
                 "expected o of the forward result of q's type, f32, got bf16");
  call_.q = call_.own(from_f32(call_.q, DType::bf16));
  EXPECT_EQ(thrown_by([&] { run(Backend::cpu); }), std::nullopt);
  EXPECT_EQ(thrown_by([&] { run(Backend::reference); }), std::nullopt);
  forward_.o = Tensor(DType::i32, {2, 4, 3, 7});
  expect_refused(invalid_argument, "expected o of the forward result of");
}

TEST_F(BackwardChecksTest, GradientOfLseIsOneF32ForEachRow) {
  gradients_.d_lse = random({2, 3, 4});
  expect_refused(shape_mismatch,
                 "expected d_lse of shape [2, 4, 3], got [2, 3, 4]");
  gradients_.d_lse = random({2, 4, 3, 1});
  expect_refused(shape_mismatch,
                 "expected d_lse of shape [2, 4, 3], got [2, 4, 3, 1]");
  const Tensor half(DType::bf16, {2, 4, 3});
  gradients_.d_lse = half;
  expect_refused(invalid_argument, "expected d_lse of type f32, got bf16");
  const Tensor whole(DType::i64, {2, 4, 3});
  gradients_.d_lse = whole;
  expect_refused(invalid_argument, "expected d_lse of type f32, got i64");
}

TEST_F(BackwardChecksTest, GradientOfTheBiasNeedsABias) {
  gradients_.dbias = true;
  expect_refused(invalid_argument,
                 "the gradient of the bias is asked for and there is no bias");
  add_bias(rng_, call_, {3, 5});
  EXPECT_EQ(thrown_by([&] { run(Backend::cpu); }), std::nullopt);
}

// Where a bias is repeated its gradient has one element, and a stride of 0.
TEST_F(BackwardChecksTest, BackendIsShownTheGradientOfARepeatedBias) {
  add_bias(rng_, call_, {4, 1, 5});
  gradients_.dbias = true;
  const AttentionOptions options = call_.options_for(Backend::cpu);
  detail::BackwardInputs inputs = detail::check_backward(
      detail::check_attention(call_.q, call_.k, call_.v, call_.shape, options),
      forward_, d_o_, options, gradients_);
  const AttentionGradients result =
      detail::make_gradients(inputs.problem, options, gradients_);
  EXPECT_EQ(result.dbias.shape(), (Shape{4, 1, 5}));
  const detail::Output& dbias = inputs.problem.dbias;
  EXPECT_EQ(dbias.stride[0], 0);
  EXPECT_EQ(dbias.stride[1], 5);
  EXPECT_EQ(dbias.stride[2], 0);
  EXPECT_EQ(dbias.stride[3], 1);
  EXPECT_EQ(inputs.problem.d_lse.given(), false);
  EXPECT_EQ(inputs.problem.dk.at(1, 1, 4),
            result.dk.data<float>() + ((2 + 1) * 5 + 4) * 6);
}

}  // namespace
}  // namespace maskwise::testing
