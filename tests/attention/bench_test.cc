// The public probes: what they accept, and that they measure something.
#include "maskwise/bench.h"

#include <gtest/gtest.h>

#include "maskwise/tensor.h"
#include "tests/base/thrown_error.h"

namespace maskwise::testing {
namespace {

TEST(Bench, EveryProbeOfEveryInstructionSetIsPositive) {
  const Tensor data(DType::f32, {1000});
  for (const IsaInfo& info : devices().isas()) {
    if (!info.available) continue;
    SCOPED_TRACE(info.name);
    const ProbeOptions options = {
        .isa = info.isa, .threads = 2, .milliseconds = 0.5};
    EXPECT_GT(register_gflops(options), 0);
    EXPECT_GT(tile_gflops(options), 0);
    EXPECT_GT(read_gbytes(data, options), 0);
  }
}

TEST(Bench, ReadsAnyContiguousTensor) {
  EXPECT_EQ(read_gbytes(Tensor(DType::f32, {0, 4})), 0);
  EXPECT_EQ(read_gbytes(TensorView()), 0);
  EXPECT_GT(read_gbytes(Tensor(DType::bf16, {7, 3})), 0);
}

TEST(Bench, RefusesWhatItCannotMeasure) {
  constexpr ErrorCode kInvalid = ErrorCode::invalid_argument;
  EXPECT_TRUE(throws_error(kInvalid,
                           "[probe] threads is 0; expected at least 1",
                           [] { register_gflops({.threads = 0}); }));
  EXPECT_TRUE(throws_error(kInvalid,
                           "[probe] milliseconds is 0; expected more than 0",
                           [] { tile_gflops({.milliseconds = 0}); }));
  const Tensor data(DType::f32, {4, 6});
  EXPECT_TRUE(throws_error(
      kInvalid,
      "[probe] data of shape [6, 4] has gaps; expected a contiguous tensor",
      [&] {
        read_gbytes(data.view().permuted({1, 0}));
      }));
}

}  // namespace
}  // namespace maskwise::testing
