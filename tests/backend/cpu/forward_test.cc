// Threads and the caller's floating-point environment change no bit.
#include "backend/cpu/forward.h"

#include <gtest/gtest.h>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_for.h>

#include <cstdint>
#include <thread>
#include <vector>

#include "tests/support/attention_backends.h"
#include "tests/support/attention_random.h"
#include "tests/support/mxcsr.h"

namespace maskwise::testing {
namespace {

constexpr uint32_t kSeed = 77;

// Large enough for many tasks: blocks of several sizes, slices that some heads
// share, rows of several folds.
AttentionCase large_case() {
  Rng rng(kSeed);
  const AttentionShape shape{
      .batch = 2, .heads = 4, .q_len = 150, .kv_len = 1300};
  const Mask look_ahead = causal({.offset = 1150});
  AttentionCase call =
      make_case(rng, shape,
                per_head({look_ahead, all(), look_ahead,
                          allow(random_bools(rng, {150, 1300}, 0.5))}) &
                    lengths({1300, 700}),
                {.kv_heads = 2, .head_dim = 5, .value_dim = 3});
  add_gentle_alibi(call);
  return call;
}

// Lets oneTBB run this many threads, however few cores there are.
tbb::global_control allow_threads(size_t count) {
  return {tbb::global_control::max_allowed_parallelism, count};
}

TEST(ForwardTest, ThreadsChangeNoBit) {
  const tbb::global_control seven = allow_threads(7);
  AttentionCase call = large_case();
  const AttentionResult expected = call.run(Backend::reference);
  for (const int threads : {1, 2, 7, 1024}) {
    SCOPED_TRACE(threads);
    call.options.threads = threads;
    EXPECT_TRUE(same_bits(call.run(), expected));
  }
  call.options.threads.reset();
  EXPECT_TRUE(same_bits(call.run(), expected));
}

TEST(ForwardTest, MoreThreadsThanThereAreIsNoErrorAndPrintsNothing) {
  const AttentionCase one = large_case();
  AttentionCase many = one;
  many.options.threads = 1024;
  ::testing::internal::CaptureStderr();
  const AttentionResult result = many.run();
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
  EXPECT_TRUE(same_bits(result, one.run()));
}

TEST(ForwardTest, CallsFromSeveralThreadsAtOnceDoNotDisturbEachOther) {
  const AttentionCase call = large_case();
  const AttentionResult expected = call.run();
  ::testing::internal::CaptureStderr();
  std::vector<AttentionResult> results(4);
  std::vector<std::thread> callers;
  for (size_t i = 0; i < results.size(); ++i) {
    callers.emplace_back([&results, i, mine = call]() mutable {
      mine.options.threads = static_cast<int>(i) + 1;
      results[i] = mine.run();
    });
  }
  for (std::thread& caller : callers) caller.join();
  // oneTBB would warn where one call limits the threads of another.
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
  for (const AttentionResult& result : results) {
    EXPECT_TRUE(same_bits(result, expected));
  }
}

TEST(ForwardTest, CallFromInsideTheCallersOwnTasksGivesTheSameBits) {
  const AttentionCase call = large_case();
  const AttentionResult expected = call.run();
  std::vector<AttentionResult> results(6);
  tbb::parallel_for(size_t{0}, results.size(),
                    [&](size_t i) { results[i] = call.run(); });
  for (const AttentionResult& result : results) {
    EXPECT_TRUE(same_bits(result, expected));
  }
}

// Denormal products and values, and a default scale that is not exact.
AttentionCase denormal_case(const AttentionShape& shape) {
  Rng rng(kSeed);
  AttentionCase call = make_case(rng, shape, all(), {.head_dim = 3});
  call.q =
      call.own(normal(rng, {shape.batch, shape.heads, shape.q_len, 3}, 1e-20F));
  call.k = call.own(normal(rng, {shape.batch, 1, shape.kv_len, 3}, 1e-20F));
  call.v = call.own(normal(rng, {shape.batch, 1, shape.kv_len, 4}, 1e-38F));
  call.options.scores = Scores::raw;
  return call;
}

void expect_modes_change_nothing(const AttentionCase& call) {
  const MaskPlan plan = compile(call.mask.bind(call.shape));
  for (const Backend backend : {Backend::cpu, Backend::reference}) {
    const AttentionResult expected = call.run(backend);
    for (const uint32_t mode : kOddModes) {
      SCOPED_TRACE(mode);
      AttentionResult result;
      const uint32_t after = under_mxcsr(mode, [&] {
        result =
            attention(call.q, call.k, call.v, plan, call.options_for(backend));
      });
      EXPECT_EQ(after, mode);
      EXPECT_TRUE(same_bits(result, expected));
    }
  }
}

TEST(ForwardTest, CallersFlushToZeroModeNeitherChangesBitsNorIsLost) {
  expect_modes_change_nothing(denormal_case({1, 2, 3, 5}));
}

TEST(ForwardTest, CallersFlushToZeroModeDoesNotReachTheThreads) {
  const tbb::global_control seven = allow_threads(7);
  AttentionCase call = denormal_case({2, 4, 130, 40});
  for (const int threads : {1, 2, 7}) {
    SCOPED_TRACE(threads);
    call.options.threads = threads;
    expect_modes_change_nothing(call);
  }
}

}  // namespace
}  // namespace maskwise::testing
