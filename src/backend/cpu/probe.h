// Probes of speed over the threads: what maskwise/bench.h offers.
#ifndef MASKWISE_BACKEND_CPU_PROBE_H_
#define MASKWISE_BACKEND_CPU_PROBE_H_

#include <cstdint>

#include "backend/cpu/forward.h"

namespace maskwise::detail {

// What the tile probe multiplies: small enough for L1 on every processor
// (17.5 KiB are read by the widest tile).
struct ProbeOperands {
  static constexpr int64_t kDepth = 64;
  static constexpr int64_t kMostRows = 6;
  static constexpr int64_t kMostColumns = 64;

  const float* left;   // [kDepth][rows of the tile]
  const float* right;  // [kDepth][columns of the tile]
};

// A probe runs on each thread for `seconds`, in slices, and the fastest slice
// counts: what else runs on the machine for a moment does not. The sum over
// the threads is returned.
double register_flops(const CpuOptions& options, double seconds);
double tile_flops(const CpuOptions& options, double seconds);

// Bytes a second; the threads share the data. `count` floats of any contents.
double read_bytes(const float* data, int64_t count, const CpuOptions& options,
                  double seconds);

}  // namespace maskwise::detail

#endif  // MASKWISE_BACKEND_CPU_PROBE_H_
