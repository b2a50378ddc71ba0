#include "backend/cpu/scratch.h"

#include <gtest/gtest.h>

#include <cstdint>

#include "base/aligned_buffer.h"
#include "maskwise/mask.h"
#include "maskwise/mask_plan.h"
#include "maskwise/mask_text.h"
#include "tests/support/attention_case.h"

namespace maskwise::testing {
namespace {

using detail::ForwardProblem;
using detail::ForwardScratch;

ForwardProblem problem_of(int64_t head_dim, int64_t value_dim) {
  ForwardProblem problem;
  problem.head_dim = head_dim;
  problem.value_dim = value_dim;
  return problem;
}

bool is_aligned(const void* pointer) {
  return reinterpret_cast<uintptr_t>(pointer) % detail::kAlignment == 0;
}

TEST(Scratch, PiecesAreAlignedAndLieInOrderWithinItsBytes) {
  const MaskPlan plan = compile(all().bind({1, 1, 5, 77}));
  const ForwardProblem problem = problem_of(33, 7);
  const int64_t bytes = ForwardScratch::bytes_for(problem, plan.data());
  const auto memory = detail::make_aligned_buffer(bytes);
  const ForwardScratch s(problem, plan.data(), memory.get());
  const void* pieces[] = {s.queries, s.bias,        s.slope,     s.staged.data,
                          s.table.k, s.table.lanes, s.strip,     s.fold_sum,
                          s.row_sum, s.fold_m,      s.pair_rows, nullptr};
  const char* last = nullptr;
  for (const void* const* piece = pieces; *piece != nullptr; ++piece) {
    EXPECT_TRUE(is_aligned(*piece));
    EXPECT_GT(static_cast<const char*>(*piece), last);
    last = static_cast<const char*>(*piece);
  }
  EXPECT_GE(s.fold_sum - s.strip, (77 + detail::kKeyPadding) * 64);
  const auto* end = reinterpret_cast<const char*>(s.pair_rows + 64);
  EXPECT_LE(end, static_cast<const char*>(memory.get()) + bytes);
}

// The promise of docs/numerics.md: at most 1 MiB a thread for masks made of
// words and head sizes up to 256.
TEST(Scratch, StaysWithinOneMebibyteForMasksMadeOfWords) {
  const AttentionShape shape = {1, 1, 20000, 20000};
  const Mask masks[] = {all(),
                        causal(),
                        causal() & sliding_window({.left = 5000}),
                        (causal() & sliding_window({.left = 1023})) | prefix(4),
                        chunked(3000),
                        dilated(2) & prefix(9000)};
  for (const Mask& mask : masks) {
    const MaskPlan plan = compile(mask.bind(shape));
    EXPECT_LE(ForwardScratch::bytes_for(problem_of(256, 256), plan.data()),
              1 << 20)
        << to_string(mask).text;
  }
}

TEST(Scratch, StaysBelowOneAndAHalfMebibytesForAnyMask) {
  Rng rng(1);
  const AttentionShape shape = {1, 1, 64, 20000};
  for (const double share : {0.01, 0.1, 0.5}) {
    const MaskPlan plan =
        compile(allow(random_bools(rng, {64, 20000}, share)).bind(shape));
    EXPECT_LE(ForwardScratch::bytes_for(problem_of(256, 256), plan.data()),
              (14 << 20) / 10)
        << share;
  }
}

}  // namespace
}  // namespace maskwise::testing
