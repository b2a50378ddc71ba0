#include "inspect/verify_gradients.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>

#include "tests/base/thrown_error.h"
#include "tests/support/attention_random.h"
#include "tests/support/gradient_case.h"

namespace maskwise {
namespace {

using detail::BackwardCall;
using detail::GradientVerification;
using testing::add_bias;
using testing::AttentionCase;
using testing::GradientCase;
using testing::make_case;
using testing::Rng;
using testing::throws_error;
using testing::with_gradients;

VerifyReport verify_case(const GradientCase& gradient,
                         Backend backend = Backend::cpu) {
  const AttentionCase& call = gradient.call;
  return verify_gradients(call.q, call.k, call.v,
                          compile(call.mask.bind(call.shape)),
                          call.options_for(backend),
                          {.d_o = gradient.d_o, .d_lse = gradient.d_lse});
}

AttentionGradients differentiate(const BackwardCall& call) {
  return attention_backward(call.q, call.k, call.v, call.plan, call.forward,
                            call.d_o, call.options, call.gradients);
}

// What spoils the gradients of a call.
using Spoil = std::function<void(const BackwardCall&, AttentionGradients&)>;

VerifyReport verify_leak(const GradientCase& gradient, const Spoil& spoil) {
  const AttentionCase& call = gradient.call;
  const GradientVerification how = {
      attention,
      [&](const BackwardCall& one) {
        AttentionGradients result = differentiate(one);
        spoil(one, result);
        return result;
      },
      {.d_o = gradient.d_o, .d_lse = gradient.d_lse}};
  return verify_gradients_with(how, call.q, call.k, call.v,
                               compile(call.mask.bind(call.shape)),
                               call.options_for(Backend::cpu));
}

// Flips the lowest bit.
void nudge(Tensor& tensor, int64_t i) {
  float& value = tensor.mutable_data<float>()[i];
  value = std::bit_cast<float>(std::bit_cast<uint32_t>(value) ^ 1U);
}

// Element 0 of row (b, h, i) of a tensor of four axes.
float first_of(const TensorView& view, int64_t b, int64_t h, int64_t i) {
  return view.data<float>()[b * view.stride(0) + h * view.stride(1) +
                            i * view.stride(2)];
}

// Calls tell(b, h, q, k) for every masked pair of the call.
void for_masked(
    const BackwardCall& call,
    const std::function<void(int64_t, int64_t, int64_t, int64_t)>& tell) {
  const auto& [batch, heads, q_len, kv_len] = call.plan.shape();
  for (int64_t row = 0; row < batch * heads * q_len; ++row) {
    const int64_t b = row / (heads * q_len);
    const int64_t h = row / q_len % heads;
    for (int64_t k = 0; k < kv_len; ++k) {
      if (!call.plan.mask().allowed(b, h, row % q_len, k)) {
        tell(b, h, row % q_len, k);
      }
    }
  }
}

// Two items, two heads on one kv head, 5 rows that see what is before them.
GradientCase small_case() {
  Rng rng(1);
  return with_gradients(rng, make_case(rng, {2, 2, 5, 5}, causal()), true);
}

GradientCase biased_case(const Shape& shape) {
  Rng rng(2);
  AttentionCase call = make_case(rng, {2, 2, 5, 5}, causal());
  add_bias(rng, call, shape);
  return with_gradients(rng, call);
}

bool is_whole(const BackwardCall& call) {
  return call.plan.shape() == AttentionShape{2, 2, 5, 5};
}

TEST(VerifyGradients, CausalCallsChangeNoBitAndEveryMaskedPairIsTreated) {
  const VerifyReport report = verify_case(small_case());
  EXPECT_EQ(report.rows, 20);
  EXPECT_EQ(report.poisoned, 2 * 2 * 10);
  EXPECT_EQ(report.deleted, 2 * 2 * 10);
  EXPECT_EQ(report.bits_changed, 0);
  EXPECT_TRUE(report.changed_rows.empty());
  EXPECT_TRUE(report.changed_keys.empty());
}

TEST(VerifyGradients, TellsTheShareThatIsDone) {
  const AttentionCase call = small_case().call;
  std::vector<double> shares;
  const auto progress = [&](double share) { shares.push_back(share); };
  verify_gradients(call.q, call.k, call.v, compile(call.mask.bind(call.shape)),
                   {}, {.progress = progress});
  EXPECT_EQ(shares.size(), 30U);  // 20 rows and 10 keys, each by itself
  EXPECT_TRUE(std::ranges::is_sorted(shares));
  EXPECT_EQ(shares.back(), 1);
}

TEST(VerifyGradients, RandomCallsOfAnyKindChangeNoBit) {
  constexpr unsigned kSeed = 20261122;
  Rng rng(kSeed);
  std::normal_distribution<float> normal;
  int64_t masked = 0;
  for (int64_t i = 0; i < testing::cases(100); ++i) {
    AttentionCase call = testing::random_case(
        rng, {.group = 3, .q_len = 9, .kv_len = 20, .dim = 6}, [&] {
          return testing::one_in(rng, 60) ? testing::kMinusInf : normal(rng);
        });
    const GradientCase gradient =
        with_gradients(rng, call, testing::one_in(rng, 2));
    const VerifyReport report = verify_case(
        gradient, testing::one_in(rng, 3) ? Backend::reference : Backend::cpu);
    EXPECT_EQ(report.bits_changed, 0) << "case " << i << " of seed " << kSeed;
    EXPECT_EQ(report.poisoned, report.deleted);
    masked += report.poisoned;
  }
  EXPECT_GT(masked, testing::cases(1000));
}

TEST(VerifyGradients, MoreRowsAndKeysThanABlockChangeNoBit) {
  Rng rng(3);
  AttentionCase call = make_case(rng, {1, 2, 130, 150}, prefix(70));
  add_bias(rng, call, {130, 150});
  const VerifyReport report = verify_case(with_gradients(rng, call));
  EXPECT_EQ(report.poisoned, 260 * 80);
  EXPECT_EQ(report.bits_changed, 0);
}

TEST(VerifyGradients, FoldsThatTheDeletionMovesChangeNoBit) {
  Rng rng(4);
  const VerifyReport report = verify_case(with_gradients(
      rng, make_case(rng, {1, 1, 2, 2300}, dilated(2, {.offset = 0}),
                     {.head_dim = 2, .value_dim = 2})));
  EXPECT_EQ(report.poisoned, 2300);
  EXPECT_EQ(report.bits_changed, 0);
}

TEST(VerifyGradients, RowsAndKeysThatSeeNothingAreTreatedAsWell) {
  Rng rng(5);
  const VerifyReport report =
      verify_case(with_gradients(rng, make_case(rng, {1, 2, 3, 4}, none())));
  EXPECT_EQ(report.poisoned, 2 * 3 * 4);
  EXPECT_EQ(report.bits_changed, 0);
}

TEST(VerifyGradients, ShapesWithoutRowsOrKeysHaveNothingToTreat) {
  Rng rng(6);
  for (const AttentionShape& shape :
       {AttentionShape{1, 2, 3, 0}, AttentionShape{1, 2, 0, 3},
        AttentionShape{0, 2, 3, 3}}) {
    AttentionCase call = make_case(rng, shape, all());
    add_bias(rng, call, {1});
    const VerifyReport report = verify_case(with_gradients(rng, call, true));
    EXPECT_EQ(report.rows, shape.batch * 2 * shape.q_len);
    EXPECT_EQ(report.poisoned, 0);
    EXPECT_EQ(report.bits_changed, 0);
  }
}

TEST(VerifyGradients, HalfPrecisionInputsAndBothLayoutsChangeNoBit) {
  Rng rng(7);
  for (const DType dtype : {DType::f16, DType::bf16}) {
    GradientCase gradient = small_case();
    AttentionCase& call = gradient.call;
    add_bias(rng, call, {5, 5});
    call.bias = from_f32(call.bias, dtype);
    for (TensorView* view : {&call.q, &call.k, &call.v, &gradient.d_o}) {
      *view = call.own(from_f32(*view, dtype));
    }
    EXPECT_EQ(verify_case(gradient).bits_changed, 0);
    for (TensorView* view : {&call.q, &call.k, &call.v, &gradient.d_o}) {
      *view = view->permuted({0, 2, 1, 3});
    }
    call.options.layout = Layout::blhd;
    const VerifyReport report = verify_case(gradient);
    EXPECT_EQ(report.poisoned, 40);
    EXPECT_EQ(report.bits_changed, 0);
  }
}

TEST(VerifyGradients, ThreadsChangeNothing) {
  GradientCase gradient = small_case();
  for (const int threads : {1, 3}) {
    gradient.call.options.threads = threads;
    EXPECT_EQ(verify_case(gradient).poisoned, 40);
    EXPECT_EQ(verify_case(gradient).bits_changed, 0);
  }
}

TEST(VerifyGradients, ZeroTimesAMaskedKeyIsFound) {
  const VerifyReport report = verify_leak(
      small_case(), [](const BackwardCall& call, AttentionGradients& spoiled) {
        for_masked(call, [&](int64_t b, int64_t h, int64_t q, int64_t k) {
          const auto& shape = call.plan.shape();
          const int64_t row = (b * shape.heads + h) * shape.q_len + q;
          spoiled.dq.mutable_data<float>()[row * 4] +=
              0 * first_of(call.k, b, 0, k);
        });
      });
  EXPECT_GT(report.bits_changed, 0);
  EXPECT_EQ(report.changed_rows.front(), (PairIndex{0, 0, 0, 0}));
  EXPECT_TRUE(report.changed_keys.empty());
}

TEST(VerifyGradients, ZeroTimesARowThatMayNotSeeTheKeyIsFound) {
  for (const auto gradient :
       {&AttentionGradients::dk, &AttentionGradients::dv}) {
    const VerifyReport report = verify_leak(
        small_case(),
        [&](const BackwardCall& call, AttentionGradients& spoiled) {
          for_masked(call, [&](int64_t b, int64_t h, int64_t q, int64_t k) {
            const int64_t key = b * call.plan.shape().kv_len + k;
            (spoiled.*gradient).mutable_data<float>()[key * 4] +=
                0 * first_of(call.d_o, b, h, q);
          });
        });
    EXPECT_GT(report.bits_changed, 0);
    // Key 0 is seen by every row.
    EXPECT_EQ(report.changed_keys.front(), (PairIndex{0, 0, 0, 1}));
    EXPECT_EQ(report.changed_keys.size(), 8U);
  }
}

TEST(VerifyGradients, ARowWithoutKeysThatIsReadIsFound) {
  Rng rng(8);
  const GradientCase gradient =
      with_gradients(rng, make_case(rng, {1, 1, 2, 3}, none()), true);
  const std::function<float(const BackwardCall&, int64_t, int64_t)> reads[] = {
      [](const BackwardCall& call, int64_t b, int64_t q) {
        return first_of(call.q, b, 0, q);
      },
      [](const BackwardCall& call, int64_t b, int64_t q) {
        return first_of(call.d_o, b, 0, q);
      },
      [](const BackwardCall& call, int64_t b, int64_t q) {
        const TensorView& d_lse = call.gradients.d_lse;
        return d_lse.data<float>()[b * d_lse.stride(0) + q];
      }};
  for (const auto& read : reads) {
    const VerifyReport report = verify_leak(
        gradient, [&](const BackwardCall& call, AttentionGradients& spoiled) {
          const auto& shape = call.plan.shape();
          if (shape.kv_len == 0) return;
          for (int64_t row = 0; row < shape.batch * shape.q_len; ++row) {
            spoiled.dq.mutable_data<float>()[row * 4] +=
                0 * read(call, row / shape.q_len, row % shape.q_len);
          }
        });
    // Four of the six kinds times 0 are NaN.
    EXPECT_GT(report.bits_changed, 0);
    EXPECT_EQ(report.changed_rows.size(), 2U);
  }
}

TEST(VerifyGradients, ResultsThatDependOnWhatIsInMemoryAreFound) {
  const VerifyReport rows = verify_leak(
      small_case(), [](const BackwardCall& call, AttentionGradients& spoiled) {
        if (call.plan.shape().kv_len != 5) return;
        for (int64_t i = 0; i < spoiled.dq.size(); i += 4) nudge(spoiled.dq, i);
      });
  // Rows 0 to 3 see less than all and are tried without the others.
  EXPECT_EQ(rows.bits_changed, 4 * 4);
  const VerifyReport keys = verify_leak(
      small_case(), [](const BackwardCall& call, AttentionGradients& spoiled) {
        if (call.plan.shape().q_len != 5) return;
        for (int64_t i = 0; i < spoiled.dv.size(); i += 4) nudge(spoiled.dv, i);
      });
  // Keys 1 to 4 of two items are tried without some rows.
  EXPECT_EQ(keys.bits_changed, 2 * 4);
  EXPECT_TRUE(keys.changed_rows.empty());
}

TEST(VerifyGradients, AMaskedBiasThatIsReadIsFound) {
  const VerifyReport report = verify_leak(
      biased_case({2, 1, 5, 5}),
      [](const BackwardCall& call, AttentionGradients& spoiled) {
        const auto& [batch, heads, q_len, kv_len] = call.plan.shape();
        const TensorView bias =
            call.options.bias.broadcast_to({batch, heads, q_len, kv_len});
        for_masked(call, [&](int64_t b, int64_t h, int64_t q, int64_t k) {
          const float* row =
              &bias.data<float>()[b * bias.stride(0) + h * bias.stride(1) +
                                  q * bias.stride(2)];
          if (std::isnan(row[k * bias.stride(3)])) {
            nudge(spoiled.dk, b * kv_len * 4);
          }
        });
      });
  EXPECT_GT(report.bits_changed, 0);
}

TEST(VerifyGradients, AGradientOfAMaskedPairIsFound) {
  const VerifyReport report = verify_leak(
      biased_case({2, 2, 5, 5}),
      [](const BackwardCall& call, AttentionGradients& spoiled) {
        const auto& shape = call.plan.shape();
        if (!is_whole(call)) return;
        for_masked(call, [&](int64_t b, int64_t h, int64_t q, int64_t k) {
          nudge(spoiled.dbias,
                ((b * shape.heads + h) * shape.q_len + q) * shape.kv_len + k);
        });
      });
  EXPECT_EQ(report.bits_changed, 40);
  EXPECT_EQ(report.changed_rows.front(), (PairIndex{0, 0, 0, 0}));
}

TEST(VerifyGradients, ASumOverABroadcastBiasIsHeldAgainstItsPairs) {
  for (const Shape& shape : {Shape{5}, Shape{2, 1, 5, 1}, Shape{1}}) {
    const GradientCase gradient = biased_case(shape);
    EXPECT_EQ(verify_case(gradient).bits_changed, 0);
    const VerifyReport report = verify_leak(
        gradient, [](const BackwardCall& call, AttentionGradients& spoiled) {
          if (is_whole(call)) nudge(spoiled.dbias, spoiled.dbias.size() - 1);
        });
    EXPECT_EQ(report.bits_changed, 1) << to_string(shape);
  }
}

TEST(VerifyGradients, AForwardCallThatLeaksIsFound) {
  const GradientCase gradient = small_case();
  const AttentionCase& call = gradient.call;
  const GradientVerification how = {
      [](const TensorView& q, const TensorView& k, const TensorView& v,
         const MaskPlan& plan, const AttentionOptions& options) {
        AttentionResult result = attention(q, k, v, plan, options);
        if (plan.shape().kv_len == 5) nudge(result.l, 0);
        return result;
      },
      differentiate,
      {}};
  EXPECT_GT(verify_gradients_with(how, call.q, call.k, call.v,
                                  compile(call.mask.bind(call.shape)), {})
                .bits_changed,
            0);
}

TEST(VerifyGradients, WhatAttentionBackwardRefusesIsRefused) {
  GradientCase gradient = small_case();
  gradient.d_o = gradient.d_o.permuted({0, 2, 1, 3});
  EXPECT_TRUE(throws_error(ErrorCode::shape_mismatch,
                           "[attention_backward] expected d_o of shape "
                           "[2, 2, 5, 4], got [2, 5, 2, 4]",
                           [&] { verify_case(gradient); }));
  gradient = small_case();
  gradient.d_o = gradient.call.own(Tensor(DType::f32, {1, 2, 2, 5, 4}));
  EXPECT_TRUE(throws_error(ErrorCode::shape_mismatch, "expected d_o",
                           [&] { verify_case(gradient); }));
  gradient.d_o = gradient.call.own(Tensor(DType::i32, {2, 2, 5, 4}));
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument, "got i32",
                           [&] { verify_case(gradient); }));
  gradient = small_case();
  gradient.call.k = gradient.call.k.permuted({0, 2, 1, 3});
  EXPECT_TRUE(throws_error(ErrorCode::shape_mismatch, "[attention]",
                           [&] { verify_case(gradient); }));
}

TEST(VerifyGradients, MorePairsThanFitAreRefusedBeforeTheyAreTaken) {
  Rng rng(9);
  AttentionCase call = make_case(rng, {1, 1, 1, 1}, all());
  call.shape = {1, 1, 40000, 40000};
  for (TensorView* view : {&call.q, &call.k, &call.v}) {
    *view = view->broadcast_to({1, 1, 40000, 4});
  }
  EXPECT_TRUE(
      throws_error(ErrorCode::limit, "[verify_gradients] the weights", [&] {
        verify_gradients(call.q, call.k, call.v,
                         compile(call.mask.bind(call.shape)));
      }));
}

}  // namespace
}  // namespace maskwise
