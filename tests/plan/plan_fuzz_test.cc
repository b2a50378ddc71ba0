// Plans of random masks, small over all words and large where the rows of one
// block stand at different ordinals, give each row exactly its keys and folds.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <random>
#include <set>

#include "maskwise/mask_import.h"
#include "maskwise/mask_plan.h"
#include "tests/support/mask_generators.h"
#include "tests/support/mask_plan_check.h"
#include "tests/support/mask_property.h"

namespace maskwise {
namespace {

using testing::check_plan;
using testing::check_property;
using testing::MaskCase;
using testing::RowOracle;

TEST(PlanFuzz, RunsAndBitmapsReproduceTheMask) {
  check_property([] {
    const MaskCase mask_case = *testing::mask_cases();
    const MaskPlan plan = compile(mask_case.bound());
    const std::string fault =
        check_plan(plan, [&](int64_t b, int64_t h, int64_t q) {
          return testing::expected_keys(mask_case, b, h, q);
        });
    if (!fault.empty()) RC_FAIL(fault);
  });
}

TEST(PlanFuzz, EqualSlicesAreStoredOnce) {
  check_property([] {
    const MaskCase mask_case = *testing::mask_cases();
    const BoundMask bound = mask_case.bound();
    const std::vector<int32_t> ids = bound.slice_ids();
    const std::set<int32_t> different(ids.begin(), ids.end());
    RC_ASSERT(compile(bound).stats().slices ==
              static_cast<int64_t>(different.size()));
  });
}

// The rows as allowed() reads them.
RowOracle oracle_of(const BoundMask& mask) {
  return [&mask](int64_t b, int64_t h, int64_t q) {
    std::vector<int64_t> keys;
    for (int64_t k = 0; k < mask.shape().kv_len; ++k) {
      if (mask.allowed(b, h, q, k)) keys.push_back(k);
    }
    return keys;
  };
}

std::string fault_of(const Mask& mask, const AttentionShape& shape) {
  const BoundMask bound = mask.bind(shape);
  return check_plan(compile(bound), oracle_of(bound));
}

// Row q allows each key with the probability of `share(q)`.
template <typename Share>
Tensor random_rows(int64_t q_len, int64_t kv_len, uint64_t seed, Share share) {
  std::mt19937_64 engine(seed);
  std::uniform_real_distribution<double> number(0, 1);
  Tensor tensor(DType::boolean, {q_len, kv_len});
  bool* next = tensor.mutable_data<bool>();
  for (int64_t q = 0; q < q_len; ++q) {
    for (int64_t k = 0; k < kv_len; ++k) *next++ = number(engine) < share(q);
  }
  return tensor;
}

TEST(LargePlan, WindowsWiderThanAFold) {
  for (const int64_t q_len : {63, 64, 200}) {
    const AttentionShape shape{1, 1, q_len, 5000};
    for (const int64_t offset : {0, 1, 1500, 3007, 4900}) {
      const Mask window =
          sliding_window({.left = 1500, .right = 0, .offset = offset});
      EXPECT_EQ(fault_of(window, shape), "") << q_len << " at " << offset;
    }
    const Mask both_sides =
        sliding_window({.left = 1023, .right = 1024, .offset = 2000});
    EXPECT_EQ(fault_of(both_sides, shape), "") << q_len;
  }
}

TEST(LargePlan, CausalAtOffsetsThatNoBlockEdgeMeets) {
  for (const int64_t offset : {-70, 959, 960, 961, 1023, 1024, 2017, 3999}) {
    EXPECT_EQ(fault_of(causal({.offset = offset}), {1, 1, 150, 4100}), "")
        << offset;
  }
}

TEST(LargePlan, RandomMasksOfEveryDensity) {
  const AttentionShape shape{1, 1, 130, 4000};
  for (const double share : {0.001, 0.02, 0.25, 0.27, 0.5, 0.9, 0.999}) {
    const Tensor tensor =
        random_rows(130, 4000, 7, [&](int64_t) { return share; });
    EXPECT_EQ(fault_of(allow(tensor), shape), "") << share;
  }
}

// Some rows of a block are folds ahead of others, some see nothing.
TEST(LargePlan, RowsOfDifferentDensity) {
  const AttentionShape shape{1, 1, 130, 4000};
  const Tensor spread = random_rows(
      130, 4000, 8, [](int64_t q) { return static_cast<double>(q % 8) / 7; });
  EXPECT_EQ(fault_of(allow(spread), shape), "");
  EXPECT_EQ(fault_of(forbid(spread) & causal({.offset = 3900}), shape), "");
  const Tensor one_dense =
      random_rows(130, 4000, 9, [](int64_t q) { return q == 70 ? 1 : 0.1; });
  EXPECT_EQ(fault_of(allow(one_dense), shape), "");
}

// Rows part early and then walk long full runs at different ordinals.
TEST(LargePlan, RowsThatPartAndThenSeeTheSameKeys) {
  const AttentionShape shape{1, 1, 100, 4500};
  const Tensor early =
      random_rows(100, 700, 10, [](int64_t q) { return q % 3 == 0 ? 0.2 : 1; });
  const Mask mask = from_onnx(early) | ~prefix(700);
  EXPECT_EQ(fault_of(mask, shape), "");
  EXPECT_EQ(fault_of(mask & causal({.offset = 4400}), shape), "");
}

// Such a block gets copies of the runs of the one before.
TEST(LargePlan, BlocksThatAreTheOneBeforeMoved) {
  const AttentionShape shape{1, 1, 520, 3000};
  const Mask window =
      sliding_window({.left = 1300, .right = 9, .offset = 1400});
  for (const Mask& mask :
       {window, window | prefix(40), window | ~prefix(2980),
        window & dilated(64), window & dilated(3), window & ~chunked(64),
        window & sliding_window({.left = 1290, .offset = 1400}),
        chunked(64, {.offset = 64}), dilated(64), dilated(640),
        ~sliding_window({.left = 9, .right = 20, .offset = 1400})}) {
    EXPECT_EQ(fault_of(mask, shape), "") << mask.bind(shape).clause({}).text;
  }
}

TEST(LargePlan, BlocksOfOtherRowsOrSharedFoldsThatLookAlike) {
  EXPECT_EQ(fault_of(all(), {1, 1, 130, 5000}), "");
  // The last 6 rows of the first item see what 6 of 64 see of the second.
  EXPECT_EQ(fault_of(q_lengths({70, 6}), {2, 1, 70, 20}), "");
  EXPECT_EQ(fault_of(q_lengths({6, 70}), {2, 1, 70, 20}), "");
}

TEST(LargePlan, DocumentsPrefixesAndScatteredKeys) {
  const AttentionShape shape{2, 2, 96, 3000};
  std::vector<int64_t> q_ids(2 * 96);
  std::vector<int64_t> k_ids(2 * 3000);
  for (size_t i = 0; i < q_ids.size(); ++i) {
    q_ids[i] = static_cast<int64_t>(i / 7 % 3) - (i % 50 == 0 ? 1 : 0);
  }
  for (size_t i = 0; i < k_ids.size(); ++i) {
    k_ids[i] = static_cast<int64_t>(i / 1100 % 3) - (i % 97 == 0 ? 1 : 0);
  }
  const Mask packed =
      documents(Tensor::from({2, 96}, q_ids), Tensor::from({2, 3000}, k_ids));
  EXPECT_EQ(fault_of(packed, shape), "");
  EXPECT_EQ(fault_of(packed | prefix({5, 1300}), shape), "");
  EXPECT_EQ(fault_of(dilated(2) & ~packed, shape), "");
  EXPECT_EQ(fault_of(dilated(70) | chunked(900, {.offset = 850}), shape), "");
  EXPECT_EQ(fault_of(per_head({packed, dilated(3)}), shape), "");
}

TEST(LargePlan, RowsOfAFoldAndOneKeyMoreOrLess) {
  const AttentionShape shape{3, 1, 70, 2100};
  EXPECT_EQ(fault_of(lengths({1023, 1024, 1025}), shape), "");
  EXPECT_EQ(fault_of(~lengths({2048, 1076, 1075}), shape), "");
  EXPECT_EQ(fault_of(lengths({1023, 2049, 0}) & q_lengths({70, 3, 64}), shape),
            "");
  EXPECT_EQ(fault_of(all(), {1, 1, 65, 2048}), "");
  EXPECT_EQ(fault_of(all(), {1, 1, 1, 5000}), "");
}

}  // namespace
}  // namespace maskwise
