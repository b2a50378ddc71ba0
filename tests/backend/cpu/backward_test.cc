// Threads and the caller's floating-point environment change no bit of the
// gradients.
#include "backend/cpu/backward.h"

#include <gtest/gtest.h>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_for.h>

#include <cstdint>
#include <thread>
#include <vector>

#include "tests/support/attention_random.h"
#include "tests/support/gradient_case.h"
#include "tests/support/mxcsr.h"

namespace maskwise::testing {
namespace {

constexpr uint32_t kSeed = 78;

// Units of unequal work, rows of several folds, and a bias that heads share.
GradientCase large_case() {
  Rng rng(kSeed);
  const AttentionShape shape{
      .batch = 2, .heads = 6, .q_len = 90, .kv_len = 1300};
  AttentionCase call =
      make_case(rng, shape,
                sliding_window({.left = 1100, .right = 0, .offset = 1200}) &
                    lengths({1300, 700}),
                {.kv_heads = 3, .head_dim = 5, .value_dim = 3});
  add_gentle_alibi(call);
  add_bias(rng, call, {2, 1, 1, 1300});
  return with_gradients(rng, call, true);
}

// Lets oneTBB run this many threads, however few cores there are.
tbb::global_control allow_threads(size_t count) {
  return {tbb::global_control::max_allowed_parallelism, count};
}

TEST(BackwardTest, ThreadsChangeNoBit) {
  const tbb::global_control seven = allow_threads(7);
  GradientCase gradient = large_case();
  const AttentionGradients expected = gradient.run(Backend::reference);
  for (const int threads : {1, 2, 7, 1024}) {
    SCOPED_TRACE(threads);
    gradient.call.options.threads = threads;
    EXPECT_TRUE(same_bits(gradient.run(), expected));
  }
  gradient.call.options.threads.reset();
  EXPECT_TRUE(same_bits(gradient.run(), expected));
}

TEST(BackwardTest, CallsFromSeveralThreadsAtOnceDoNotDisturbEachOther) {
  const GradientCase gradient = large_case();
  const AttentionGradients expected = gradient.run();
  std::vector<AttentionGradients> results(4);
  std::vector<std::thread> callers;
  for (size_t i = 0; i < results.size(); ++i) {
    callers.emplace_back([&results, i, mine = gradient]() mutable {
      mine.call.options.threads = static_cast<int>(i) + 1;
      results[i] = mine.run();
    });
  }
  for (std::thread& caller : callers) caller.join();
  for (const AttentionGradients& result : results) {
    EXPECT_TRUE(same_bits(result, expected));
  }
}

TEST(BackwardTest, CallFromInsideTheCallersOwnTasksGivesTheSameBits) {
  const GradientCase gradient = large_case();
  const AttentionGradients expected = gradient.run();
  std::vector<AttentionGradients> results(3);
  tbb::parallel_for(size_t{0}, results.size(),
                    [&](size_t i) { results[i] = gradient.run(); });
  for (const AttentionGradients& result : results) {
    EXPECT_TRUE(same_bits(result, expected));
  }
}

// Scores, dq and dk are denormal, and the default scale is not exact.
GradientCase denormal_case(const AttentionShape& shape) {
  Rng rng(kSeed);
  AttentionCase call = make_case(rng, shape, all(), {.head_dim = 3});
  call.q =
      call.own(normal(rng, {shape.batch, shape.heads, shape.q_len, 3}, 1e-20F));
  call.k = call.own(normal(rng, {shape.batch, 1, shape.kv_len, 3}, 1e-20F));
  add_bias(rng, call, {1, shape.heads, 1, 1});
  GradientCase result = with_gradients(rng, call);
  result.d_o = result.call.own(
      normal(rng, {shape.batch, shape.heads, shape.q_len, 4}, 1e-20F));
  return result;
}

void expect_modes_change_nothing(const GradientCase& gradient) {
  const AttentionCase& call = gradient.call;
  const MaskPlan plan = compile(call.mask.bind(call.shape));
  for (const Backend backend : {Backend::cpu, Backend::reference}) {
    const AttentionOptions options = call.options_for(backend);
    const AttentionResult forward =
        attention(call.q, call.k, call.v, plan, options);
    const auto run = [&] {
      return attention_backward(call.q, call.k, call.v, plan, forward,
                                gradient.d_o, options, gradient.options());
    };
    const AttentionGradients expected = run();
    for (const uint32_t mode : kOddModes) {
      SCOPED_TRACE(mode);
      AttentionGradients result;
      EXPECT_EQ(under_mxcsr(mode, [&] { result = run(); }), mode);
      EXPECT_TRUE(same_bits(result, expected));
    }
  }
}

TEST(BackwardTest, CallersFlushToZeroModeNeitherChangesBitsNorIsLost) {
  expect_modes_change_nothing(denormal_case({1, 2, 3, 5}));
}

TEST(BackwardTest, CallersFlushToZeroModeDoesNotReachTheThreads) {
  const tbb::global_control seven = allow_threads(7);
  GradientCase gradient = denormal_case({4, 4, 130, 40});
  for (const int threads : {1, 2, 7}) {
    SCOPED_TRACE(threads);
    gradient.call.options.threads = threads;
    expect_modes_change_nothing(gradient);
  }
}

}  // namespace
}  // namespace maskwise::testing
