// Probes of speed: what this processor can do at most, right now, to hold
// measured times against. Times alone say little on a machine that others
// share; shares of what a probe reached beside them say much.
#ifndef MASKWISE_BENCH_H_
#define MASKWISE_BENCH_H_

#include <optional>

#include "maskwise/device.h"
#include "maskwise/tensor_view.h"

namespace maskwise {

struct ProbeOptions {
  std::optional<Isa> isa = {};      // default: devices().choose()
  std::optional<int> threads = {};  // >= 1; default: all that oneTBB offers
  double milliseconds = 2;          // > 0: how long the probe runs
};

// A probe runs on every thread at once, in slices of an eighth of its time, and
// counts the fastest slice of each thread. Throws Error when the processor
// lacks the instruction set or an option is out of range.

// GFLOP/s of fused multiply-adds on 12 chains that stay in registers: the peak
// of the instruction set. (scalar calls fma() of the C library, as its kernels
// do.)
double register_gflops(const ProbeOptions& options = {});

// GFLOP/s of the register tile that kernels are made of (6x64 on AVX-512, 6x16
// on AVX2), operands in L1. On a quiet machine nearly register_gflops();
// neighbours on the same core take it down first.
double tile_gflops(const ProbeOptions& options = {});

// GB/s (10^9 bytes) of reading `data` over and over, at least twice: of the
// level of memory that it fits into. Threads share it in equal pieces. Any
// contents; 0 for an empty one. Throws Error when it is not contiguous.
double read_gbytes(const TensorView& data, const ProbeOptions& options = {});

}  // namespace maskwise

#endif  // MASKWISE_BENCH_H_
