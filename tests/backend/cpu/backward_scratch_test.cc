#include "backend/cpu/backward_scratch.h"

#include <gtest/gtest.h>

#include <cstdint>

#include "base/aligned_buffer.h"
#include "maskwise/mask.h"
#include "maskwise/mask_plan.h"

namespace maskwise::testing {
namespace {

using detail::BackwardProblem;
using detail::BackwardScratch;

BackwardProblem problem_of(int64_t head_dim, int64_t value_dim,
                           int64_t kv_len) {
  BackwardProblem problem;
  problem.forward.head_dim = head_dim;
  problem.forward.value_dim = value_dim;
  problem.forward.shape = {1, 1, 5, kv_len};
  return problem;
}

bool is_aligned(const void* pointer) {
  return reinterpret_cast<uintptr_t>(pointer) % detail::kAlignment == 0;
}

TEST(BackwardScratchTest, PiecesAreAlignedAndLieInOrderWithinItsBytes) {
  const MaskPlan plan = compile(all().bind({1, 1, 5, 77}));
  BackwardProblem problem = problem_of(33, 7, 77);
  float bias = 0;
  problem.forward.softcap = 3;
  problem.dbias.data = &bias;  // one number: pairs are kept
  const int64_t bytes = BackwardScratch::bytes_for(problem, plan.data());
  const auto memory = detail::make_aligned_buffer(bytes);
  const BackwardScratch s(problem, plan.data(), memory.get());
  const void* pieces[] = {
      s.queries,     s.scores,  s.d_scores,  s.cap_slopes,  s.present,
      s.begins,      s.cursors, s.d_outputs, s.q_rows.data, s.do_rows.data,
      s.values.data, s.m,       s.r,         s.shift,       s.dq,
      s.dq_fold,     s.sums,    s.dk.data,   s.dv.data,     s.d_bias};
  const char* last = nullptr;
  for (const void* piece : pieces) {
    EXPECT_TRUE(is_aligned(piece));
    EXPECT_GT(static_cast<const char*>(piece), last);
    last = static_cast<const char*>(piece);
  }
  EXPECT_GE(s.d_scores - s.scores,
            (detail::kScoreChunk + detail::kKeyPadding) * 64);
  EXPECT_EQ(s.dk.row, 48);  // whole vectors
  EXPECT_GE(s.dv.data - s.dk.data, 77 * 48);
  const auto* end = reinterpret_cast<const char*>(s.d_bias + 77 * 64);
  EXPECT_LE(end, static_cast<const char*>(memory.get()) + bytes);
}

// What the public header says: 4 (D + Dv) bytes for each key. Cursors, one for
// each fold, are less than a byte for each key.
TEST(BackwardScratchTest, GrowsByTheSumsOfAKey) {
  const auto bytes = [](int64_t kv_len) {
    const MaskPlan plan = compile(all().bind({1, 1, 5, kv_len}));
    return BackwardScratch::bytes_for(problem_of(64, 128, kv_len), plan.data());
  };
  EXPECT_EQ((bytes(20000) - bytes(10000)) / 10000, 4 * (64 + 128));
}

// Rows of whole vectors that belong to one query head.
TEST(BackwardScratchTest, TakesNoSumsThatTheGradientsHold) {
  const MaskPlan plan = compile(all().bind({1, 1, 5, 3000}));
  BackwardProblem problem = problem_of(64, 40, 3000);
  problem.forward.kv_heads = 1;
  const int64_t with = BackwardScratch::bytes_for(problem, plan.data());
  float gradient = 0;
  problem.dk.data = &gradient;
  problem.dv.data = &gradient;  // 40 is no whole number of vectors
  EXPECT_EQ(with - BackwardScratch::bytes_for(problem, plan.data()),
            3000 * 64 * 4);
  problem.forward.shape.heads = 2;
  EXPECT_EQ(BackwardScratch::bytes_for(problem, plan.data()), with);
}

TEST(BackwardScratchTest, KeepsPairsOnlyForABiasOfOneNumber) {
  const MaskPlan plan = compile(all().bind({1, 1, 5, 3000}));
  BackwardProblem problem = problem_of(8, 8, 3000);
  const int64_t without = BackwardScratch::bytes_for(problem, plan.data());
  float bias = 0;
  problem.dbias.data = &bias;
  EXPECT_EQ(BackwardScratch::bytes_for(problem, plan.data()) - without,
            3000 * 64 * 4);
  problem.dbias.stride[3] = 1;
  EXPECT_EQ(BackwardScratch::bytes_for(problem, plan.data()), without);
}

}  // namespace
}  // namespace maskwise::testing
