#include "backend/cpu/probe.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <vector>

#include "backend/cpu/kernel_table.h"

namespace maskwise::testing {
namespace {

using detail::kernels_of;
using detail::KernelTable;

bool has(Isa isa) { return devices().describe(isa).available; }

TEST(Probe, CountsTheFlopOfItsTile) {
  const std::vector<float> ones(64 * 64, 1.0F);
  const detail::ProbeOperands operands = {ones.data(), ones.data()};
  EXPECT_EQ(kernels_of(Isa::scalar).probe_registers(5), 2 * 12 * 5);
  EXPECT_EQ(kernels_of(Isa::scalar).probe_tile(operands, 3),
            2 * 3 * 4 * 64 * 3);
  if (has(Isa::avx2)) {
    EXPECT_EQ(kernels_of(Isa::avx2).probe_registers(5), 2 * 12 * 8 * 5);
    EXPECT_EQ(kernels_of(Isa::avx2).probe_tile(operands, 3),
              2 * 6 * 16 * 64 * 3);
  }
  if (has(Isa::avx512)) {
    EXPECT_EQ(kernels_of(Isa::avx512).probe_registers(5), 2 * 12 * 16 * 5);
    EXPECT_EQ(kernels_of(Isa::avx512).probe_tile(operands, 3),
              2 * 6 * 64 * 64 * 3);
  }
}

// One that a compiler had shortened would show a hundred times this.
TEST(Probe, IsNoFasterThanAProcessorCanBe) {
  constexpr double kMostFlopOfLane = 24e9;  // 2 pipes, 2 FLOP, 6 GHz
  for (const IsaInfo& info : devices().isas()) {
    if (!info.available) continue;
    SCOPED_TRACE(info.name);
    const detail::CpuOptions one = {info.isa, 1};
    const double lanes = info.isa == Isa::avx512 ? 16
                         : info.isa == Isa::avx2 ? 8
                                                 : 1;
    EXPECT_LT(detail::register_flops(one, 1e-3), lanes * kMostFlopOfLane);
    EXPECT_LT(detail::tile_flops(one, 1e-3), lanes * kMostFlopOfLane);
  }
}

TEST(Probe, VectorsAreFasterThanScalars) {
  if (!has(Isa::avx2)) GTEST_SKIP() << "this processor lacks AVX2";
  const detail::CpuOptions scalar = {Isa::scalar, 1};
  const detail::CpuOptions avx2 = {Isa::avx2, 1};
  EXPECT_LT(detail::register_flops(scalar, 2e-3),
            detail::register_flops(avx2, 2e-3));
  EXPECT_LT(detail::tile_flops(scalar, 2e-3), detail::tile_flops(avx2, 2e-3));
}

// Under AddressSanitizer this is where a read too far would show.
TEST(Probe, ReadsEveryCountAndAnyBits) {
  for (const IsaInfo& info : devices().isas()) {
    if (!info.available) continue;
    for (int64_t count = 0; count <= 300; ++count) {
      const std::vector<float> data(
          static_cast<size_t>(count),
          std::numeric_limits<float>::signaling_NaN());
      kernels_of(info.isa).probe_read(data.data(), count);
    }
    const std::vector<float> data(5000, 1e-40F);
    for (const int threads : {1, 2, 7}) {
      const detail::CpuOptions options = {info.isa, threads};
      EXPECT_GT(detail::read_bytes(data.data(), 5000, options, 1e-4), 0);
      EXPECT_GT(detail::read_bytes(data.data(), 1, options, 1e-4), 0);
      EXPECT_EQ(detail::read_bytes(data.data(), 0, options, 1e-4), 0);
    }
  }
}

}  // namespace
}  // namespace maskwise::testing
