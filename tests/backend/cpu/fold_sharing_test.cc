// Threads that share the folds of a few tasks give the bits of one thread.
#include "backend/cpu/fold_sharing.h"

#include <gtest/gtest.h>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_for.h>

#include <algorithm>
#include <cstddef>
#include <vector>

#include "maskwise/kv_cache.h"
#include "tests/support/attention_backends.h"

namespace maskwise::testing {
namespace {

constexpr uint32_t kSeed = 41;
constexpr int kThreads = 7;

// With more threads than there are tasks, however few cores there are.
class FoldSharingTest : public ::testing::Test {
 protected:
  AttentionCase make(const AttentionShape& shape, const Mask& mask,
                     const Dims& dims) {
    AttentionCase call = make_case(rng_, shape, mask, dims);
    call.options.threads = kThreads;
    return call;
  }

  Rng rng_{kSeed};
  tbb::global_control threads_{tbb::global_control::max_allowed_parallelism,
                               kThreads};
};

TEST_F(FoldSharingTest, FewRowsOfManyFoldsGiveTheBitsOfTheContract) {
  const Dims small = {.head_dim = 5, .value_dim = 3};
  EXPECT_TRUE(kernel_equals_contract(make({1, 1, 1, 5000}, all(), small)));
  EXPECT_TRUE(kernel_equals_contract(
      make({1, 2, 40, 3000}, causal(Align::bottom_right), small)));
  EXPECT_TRUE(kernel_equals_contract(make(
      {1, 1, 64, 4000},
      sliding_window({.left = 1500, .right = 0, .align = Align::bottom_right}),
      small)));
  EXPECT_TRUE(kernel_equals_contract(make(
      {1, 1, 20, 3000}, allow(random_bools(rng_, {20, 3000}, 0.6)), small)));
}

TEST_F(FoldSharingTest, StackedHeadsShareFoldsToo) {
  AttentionCase call = make({1, 8, 1, 4500}, all(),
                            {.kv_heads = 2, .head_dim = 20, .value_dim = 17});
  add_gentle_alibi(call);
  call.options.softcap = 5;
  EXPECT_TRUE(kernel_equals_contract(call));
}

TEST_F(FoldSharingTest, RowsWithoutKeysStandBesideOthers) {
  EXPECT_TRUE(kernel_equals_contract(
      make({3, 1, 2, 3000}, lengths({0, 3000, 1025}), {.head_dim = 4})));
}

// NaN at masked keys is mended in the fold where it stands.
TEST_F(FoldSharingTest, WhatIsMaskedMayBeAnything) {
  AttentionCase call =
      make({1, 1, 3, 4000}, causal(Align::bottom_right), {.head_dim = 4});
  Tensor v = normal(rng_, {1, 1, 4000, 4});
  std::fill_n(v.mutable_data<float>() + 3998 * 4, 8, kNan);
  call.v = call.own(v);
  EXPECT_TRUE(kernel_equals_contract(call));
}

// More folds than a round holds: of all together, and of 64 rows.
TEST_F(FoldSharingTest, WorksInRoundsWhereFoldsAreMany) {
  EXPECT_TRUE(kernel_equals_contract(
      make({1, 1, 1, 200 * 1024}, all(), {.head_dim = 1, .value_dim = 1})));
  EXPECT_TRUE(kernel_equals_contract(
      make({1, 1, 64, 40 * 1024}, all(), {.head_dim = 1, .value_dim = 1})));
}

TEST_F(FoldSharingTest, CallsFromInsideTheCallersOwnTasksAreKeptApart) {
  const AttentionCase call =
      make({1, 1, 2, 6000}, all(), {.head_dim = 8, .value_dim = 8});
  const AttentionResult expected = call.run(Backend::reference);
  std::vector<AttentionResult> results(20);
  tbb::parallel_for(size_t{0}, results.size(),
                    [&](size_t i) { results[i] = call.run(); });
  for (const AttentionResult& result : results) {
    EXPECT_TRUE(same_bits(result, expected));
  }
}

TEST_F(FoldSharingTest, AWorkspaceOfTheStatedSizeIsEnough) {
  AttentionCase call =
      make({1, 1, 64, 9000}, all(), {.head_dim = 8, .value_dim = 8});
  call.options.weights = Weights::none;
  call.options.scores = Scores::none;
  const MaskPlan plan = compile(call.mask.bind(call.shape));
  std::vector<std::byte> workspace(
      static_cast<size_t>(workspace_size(plan, {8, 8}, call.options)));
  Tensor o(DType::f32, {1, 1, 64, 8});
  AttentionTarget target;
  target.o = o.mutable_view();
  target.workspace = workspace;
  attention_into(target, call.q, call.k, call.v, plan, call.options);
  EXPECT_TRUE(same_bits(o, call.run(Backend::reference).o));
}

TEST_F(FoldSharingTest, OneSequenceOfACacheIsDecodedByAllThreads) {
  constexpr int64_t kLength = 5000;
  KvCache cache({.batch = 1,
                 .kv_heads = 1,
                 .head_dim = 6,
                 .value_dim = 6,
                 .max_length = kLength,
                 .page_size = 16});
  for (const int64_t tokens : {kLength - 1, int64_t{1}}) {
    cache.append(normal(rng_, {1, 1, tokens, 6}),
                 normal(rng_, {1, 1, tokens, 6}));
  }
  const Tensor q = normal(rng_, {1, 2, 1, 6});
  const MaskPlan plan = compile(causal().bind({1, 2, kLength, kLength}));
  const AttentionResult one = attention(q, cache, plan, {.threads = 1});
  const AttentionResult many = attention(q, cache, plan, {.threads = kThreads});
  EXPECT_TRUE(same_bits(many, one));
}

}  // namespace
}  // namespace maskwise::testing
