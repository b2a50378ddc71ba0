#include "inspect/verify.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <vector>

#include "tests/base/thrown_error.h"
#include "tests/support/attention_random.h"

namespace maskwise {
namespace {

using detail::Attend;
using detail::verify_with;
using testing::add_bias;
using testing::AttentionCase;
using testing::make_case;
using testing::Rng;
using testing::throws_error;

VerifyReport verify_case(const AttentionCase& call,
                         Backend backend = Backend::cpu) {
  return verify(call.q, call.k, call.v, compile(call.mask.bind(call.shape)),
                call.options_for(backend));
}

// What a leak sees, and the result that it may spoil.
struct Leak {
  const TensorView& k;
  const TensorView& v;
  const MaskPlan& plan;
  const AttentionOptions& options;
  AttentionResult& result;

  bool any_masked(int64_t b, int64_t h, int64_t q,
                  const std::function<bool(int64_t)>& holds) const {
    for (int64_t key = 0; key < plan.shape().kv_len; ++key) {
      if (!plan.mask().allowed(b, h, q, key) && holds(key)) return true;
    }
    return false;
  }
};

// Calls spoil(leak, b, h, q, row) for each row after attention().
using Spoil =
    std::function<void(const Leak&, int64_t, int64_t, int64_t, int64_t)>;

Attend leaking(const Spoil& spoil) {
  return [spoil](const TensorView& q, const TensorView& k, const TensorView& v,
                 const MaskPlan& plan, const AttentionOptions& options) {
    AttentionResult result = attention(q, k, v, plan, options);
    const Leak leak = {k, v, plan, options, result};
    const auto& [batch, heads, q_len, kv_len] = plan.shape();
    int64_t row = 0;
    for (int64_t b = 0; b < batch; ++b) {
      for (int64_t h = 0; h < heads; ++h) {
        for (int64_t i = 0; i < q_len; ++i) spoil(leak, b, h, i, row++);
      }
    }
    return result;
  };
}

// Flips the lowest bit.
void nudge(Tensor& tensor, int64_t i) {
  float& value = tensor.mutable_data<float>()[i];
  value = std::bit_cast<float>(std::bit_cast<uint32_t>(value) ^ 1U);
}

float element(const TensorView& view, const std::array<int64_t, 4>& at) {
  int64_t offset = 0;
  for (int64_t axis = 0; axis < 4; ++axis) {
    offset += at[static_cast<size_t>(axis)] * view.stride(axis);
  }
  return view.data<float>()[offset];
}

// Two items, two heads on one kv head, 5 rows that see what is before them.
AttentionCase small_case() {
  Rng rng(1);
  return make_case(rng, {2, 2, 5, 5}, causal());
}

VerifyReport verify_leak(const AttentionCase& call, const Spoil& spoil) {
  return verify_with({leaking(spoil)}, call.q, call.k, call.v,
                     compile(call.mask.bind(call.shape)),
                     call.options_for(Backend::cpu));
}

TEST(Verify, CausalRowsChangeNoBitAndEveryMaskedPairIsTreated) {
  const VerifyReport report = verify_case(small_case());
  EXPECT_EQ(report.rows, 20);
  EXPECT_EQ(report.poisoned, 2 * 2 * 10);
  EXPECT_EQ(report.deleted, 2 * 2 * 10);
  EXPECT_EQ(report.bits_changed, 0);
  EXPECT_TRUE(report.changed_rows.empty());
}

TEST(Verify, TellsTheShareThatIsDone) {
  const AttentionCase call = small_case();
  std::vector<double> shares;
  verify(call.q, call.k, call.v, compile(call.mask.bind(call.shape)), {},
         [&](double share) { shares.push_back(share); });
  EXPECT_EQ(shares.size(), 20U);  // each row sees keys of its own
  EXPECT_TRUE(std::ranges::is_sorted(shares));
  EXPECT_GT(shares.front(), 0);
  EXPECT_EQ(shares.back(), 1);
}

TEST(Verify, RandomCallsOfAnyKindChangeNoBit) {
  constexpr unsigned kSeed = 20261122;
  Rng rng(kSeed);
  std::normal_distribution<float> normal;
  int64_t masked = 0;
  for (int64_t i = 0; i < testing::cases(60); ++i) {
    const AttentionCase call =
        testing::random_case(rng, {.q_len = 7, .kv_len = 20, .dim = 6}, [&] {
          return testing::one_in(rng, 40) ? testing::kMinusInf : normal(rng);
        });
    const VerifyReport report = verify_case(
        call, testing::one_in(rng, 3) ? Backend::reference : Backend::cpu);
    EXPECT_EQ(report.bits_changed, 0) << "case " << i << " of seed " << kSeed;
    EXPECT_EQ(report.poisoned, report.deleted);
    masked += report.poisoned;
  }
  EXPECT_GT(masked, 1000);
}

TEST(Verify, MoreRowsThanABlockThatSeeTheSameKeysChangeNoBit) {
  Rng rng(2);
  AttentionCase call = make_case(rng, {1, 2, 130, 70}, prefix(33));
  add_bias(rng, call, {130, 70});
  const VerifyReport report = verify_case(call);
  EXPECT_EQ(report.rows, 260);
  EXPECT_EQ(report.poisoned, 260 * 37);
  EXPECT_EQ(report.bits_changed, 0);
}

TEST(Verify, FoldsThatTheDeletionMovesChangeNoBit) {
  Rng rng(3);
  const AttentionCase call = make_case(rng, {1, 1, 2, 2300}, dilated(2),
                                       {.head_dim = 2, .value_dim = 2});
  const VerifyReport report = verify_case(call);
  EXPECT_EQ(report.poisoned, 2300);
  EXPECT_EQ(report.bits_changed, 0);
}

TEST(Verify, RowsThatSeeNothingAreTreatedAsWell) {
  Rng rng(4);
  const VerifyReport report = verify_case(make_case(rng, {1, 2, 3, 4}, none()));
  EXPECT_EQ(report.poisoned, 2 * 3 * 4);
  EXPECT_EQ(report.bits_changed, 0);
}

TEST(Verify, ShapesWithoutRowsOrKeysHaveNothingToTreat) {
  Rng rng(5);
  EXPECT_EQ(verify_case(make_case(rng, {1, 2, 3, 0}, all())).rows, 6);
  EXPECT_EQ(verify_case(make_case(rng, {1, 2, 0, 3}, none())).rows, 0);
  const VerifyReport report = verify_case(make_case(rng, {1, 2, 3, 4}, all()));
  EXPECT_EQ(report.rows, 6);
  EXPECT_EQ(report.poisoned, 0);
  EXPECT_EQ(report.bits_changed, 0);
}

TEST(Verify, AnInfiniteBiasMasksItsPair) {
  Rng rng(6);
  AttentionCase call = make_case(rng, {1, 1, 2, 3}, all());
  const float inf = testing::kMinusInf;
  call.bias = Tensor::from<float>({2, 3}, {0, inf, 1, inf, inf, inf});
  const VerifyReport report = verify_case(call);
  EXPECT_EQ(report.poisoned, 4);
  EXPECT_EQ(report.bits_changed, 0);
}

TEST(Verify, HalfPrecisionInputsAndBothLayoutsChangeNoBit) {
  Rng rng(7);
  for (const DType dtype : {DType::f16, DType::bf16}) {
    AttentionCase call = make_case(rng, {2, 3, 4, 4}, causal());
    for (TensorView* view : {&call.q, &call.k, &call.v}) {
      *view = call.own(from_f32(*view, dtype));
    }
    const VerifyReport report = verify_case(call);
    EXPECT_EQ(report.poisoned, 2 * 3 * 6);
    EXPECT_EQ(report.bits_changed, 0);
    for (TensorView* view : {&call.q, &call.k, &call.v}) {
      *view = view->permuted({0, 2, 1, 3});
    }
    call.options.layout = Layout::blhd;
    EXPECT_EQ(verify_case(call).poisoned, 2 * 3 * 6);
  }
}

TEST(Verify, ThreadsChangeNothing) {
  AttentionCase call = small_case();
  call.options.threads = 1;
  EXPECT_EQ(verify_case(call).poisoned, 40);
  call.options.threads = 3;
  EXPECT_EQ(verify_case(call).bits_changed, 0);
}

TEST(Verify, ZeroTimesAMaskedValueIsFound) {
  const VerifyReport report = verify_leak(
      small_case(),
      [](const Leak& leak, int64_t b, int64_t h, int64_t q, int64_t row) {
        leak.any_masked(b, h, q, [&](int64_t key) {
          leak.result.o.mutable_data<float>()[row * 4] +=
              0 * element(leak.v, {b, 0, key, 0});
          return false;
        });
      });
  EXPECT_GT(report.bits_changed, 0);
}

TEST(Verify, ALeakOfEachKindOfPoisonIsFound) {
  const std::function<bool(float)> kinds[] = {
      [](float x) { return std::isnan(x); },
      [](float x) { return x == testing::kInf; },
      [](float x) { return x == testing::kMinusInf; },
      [](float x) { return x == 1e30F; },
      [](float x) { return std::fpclassify(x) == FP_SUBNORMAL; },
      [](float x) { return std::bit_cast<uint32_t>(x) == 0x7F800001; }};
  for (const auto& kind : kinds) {
    const VerifyReport report = verify_leak(
        small_case(),
        [&](const Leak& leak, int64_t b, int64_t h, int64_t q, int64_t row) {
          const bool found = leak.any_masked(b, h, q, [&](int64_t key) {
            return kind(element(leak.k, {b, 0, key, 1}));
          });
          if (found) nudge(leak.result.lse, row);
        });
    // One bit for the kind, or two for NaN of both kinds, of each of the 16
    // rows that have a masked key.
    EXPECT_TRUE(report.bits_changed == 16 || report.bits_changed == 32)
        << report.bits_changed;
  }
}

TEST(Verify, AResultThatDependsOnHowManyKeysAreInMemoryIsFound) {
  const VerifyReport report =
      verify_leak(small_case(),
                  [](const Leak& leak, int64_t, int64_t, int64_t, int64_t row) {
                    if (leak.plan.shape().kv_len == 5)
                      nudge(leak.result.m, row);
                  });
  // Rows 0 to 3 see less than all and are tried without the others.
  EXPECT_EQ(report.bits_changed, 4 * 4);
}

// The two results with an element for each pair.
constexpr Tensor AttentionResult::*kPairResults[] = {&AttentionResult::weights,
                                                     &AttentionResult::scores};

TEST(Verify, AWeightOrScoreOfAMaskedKeyIsFoundAlthoughNothingMovesIt) {
  for (const auto pairs : kPairResults) {
    const VerifyReport report = verify_leak(
        small_case(),
        [&](const Leak& leak, int64_t b, int64_t h, int64_t q, int64_t row) {
          leak.any_masked(b, h, q, [&](int64_t key) {
            nudge(leak.result.*pairs, row * leak.plan.shape().kv_len + key);
            return false;
          });
        });
    // Every masked pair, when the whole call is held against the deletion.
    EXPECT_EQ(report.bits_changed, 40);
  }
}

TEST(Verify, AWeightOrScoreThatDependsOnPoisonIsFound) {
  for (const auto pairs : kPairResults) {
    const VerifyReport report = verify_leak(
        small_case(),
        [&](const Leak& leak, int64_t b, int64_t h, int64_t q, int64_t row) {
          const bool found = leak.any_masked(b, h, q, [&](int64_t key) {
            return std::isnan(element(leak.v, {b, 0, key, 0}));
          });
          if (found) {
            nudge(leak.result.*pairs, row * leak.plan.shape().kv_len);
          }
        });
    EXPECT_EQ(report.bits_changed, 16 * 2);
  }
}

TEST(Verify, AMaskedBiasThatIsReadIsFound) {
  Rng rng(8);
  AttentionCase call = small_case();
  add_bias(rng, call, {2, 1, 5, 5});
  const VerifyReport report = verify_leak(
      call, [](const Leak& leak, int64_t b, int64_t h, int64_t q, int64_t row) {
        const TensorView bias = leak.options.bias.broadcast_to(
            {leak.plan.shape().batch, leak.plan.shape().heads,
             leak.plan.shape().q_len, leak.plan.shape().kv_len});
        const bool found = leak.any_masked(b, h, q, [&](int64_t key) {
          return std::isnan(element(bias, {b, h, q, key}));
        });
        if (found) nudge(leak.result.l, row);
      });
  EXPECT_EQ(report.bits_changed, 16 * 2);
}

TEST(Verify, TheRowsOfALeakAreNamed) {
  const VerifyReport report = verify_leak(
      small_case(),
      [](const Leak& leak, int64_t b, int64_t h, int64_t q, int64_t row) {
        // Only the whole call has two items and two heads.
        if (leak.plan.shape().batch == 2 && b == 1 && h == 0 && q > 1) {
          nudge(leak.result.o, row * 4 + 3);
        }
      });
  // Rows 2 and 3, tried seven times each; row 4 sees all keys.
  EXPECT_EQ(report.bits_changed, 14);
  EXPECT_EQ(report.changed_rows,
            (std::vector<PairIndex>{{1, 0, 2, 0}, {1, 0, 3, 0}}));
}

TEST(Verify, OnlyTheFirstRowsOfALeakAreNamed) {
  const VerifyReport report =
      verify_leak(small_case(),
                  [](const Leak& leak, int64_t, int64_t, int64_t, int64_t row) {
                    if (leak.plan.shape().batch == 2)
                      nudge(leak.result.lse, row);
                  });
  EXPECT_EQ(report.bits_changed, 16 * 7);
  EXPECT_EQ(report.changed_rows.size(), 8U);
  EXPECT_EQ(report.changed_rows.front(), (PairIndex{0, 0, 0, 0}));
}

TEST(Verify, WhatAttentionRefusesIsRefused) {
  AttentionCase call = small_case();
  call.k = call.k.permuted({0, 2, 1, 3});
  EXPECT_TRUE(throws_error(ErrorCode::shape_mismatch, "[attention]",
                           [&] { verify_case(call); }));
}

TEST(Verify, MoreWeightsThanFitAreRefusedBeforeTheyAreTaken) {
  Rng rng(9);
  AttentionCase call = make_case(rng, {1, 1, 1, 1}, all());
  call.shape = {1, 1, 40000, 40000};
  for (TensorView* view : {&call.q, &call.k, &call.v}) {
    *view = view->broadcast_to({1, 1, 40000, 4});
  }
  EXPECT_TRUE(throws_error(ErrorCode::limit,
                           "[verify] the weights of a call of shape [1, 1, "
                           "40000, 40000] would take 12800000000 bytes",
                           [&] { verify_case(call); }));
}

}  // namespace
}  // namespace maskwise
