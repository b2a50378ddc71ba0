// The calls that maskwise bench times, with their tensors.
#ifndef MASKWISE_CLI_BENCH_CALL_H_
#define MASKWISE_CLI_BENCH_CALL_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "bench_case.h"
#include "bench_measure.h"
#include "maskwise/maskwise.h"

namespace maskwise::cli {

// Which pass of attention is timed.
enum class Pass { forward, backward };

// "forward"; the pass of that name, or Error.
std::string_view name_of(Pass pass);
Pass parse_pass(std::string_view name);

// What is computed of a case, where and in which type.
struct BenchPlace {
  Pass pass = Pass::forward;
  DType dtype = DType::f32;
  Isa isa = Isa::scalar;
  int threads = 1;
};

// A forward call whose plan is compiled and whose outputs are there: what is
// timed allocates nothing. Or the backward call after one, which makes its
// gradients anew each time; the forward call is made once.
class PlannedCall {
 public:
  PlannedCall(const std::array<TensorView, 3>& qkv, const MaskPlan& plan,
              const AttentionOptions& options, Pass pass);

  void run() const;

 private:
  TensorView q_;
  TensorView k_;
  TensorView v_;
  MaskPlan plan_;
  AttentionOptions options_;
  Tensor o_;  // shared among copies, as the workspace is
  Tensor lse_;
  std::shared_ptr<std::vector<std::byte>> workspace_;
  AttentionTarget target_;
  AttentionResult forward_;  // of a backward call, as is d_o_
  Tensor d_o_;
};

// The newest token of each sequence over a cache.
struct CachedCall {
  TensorView q;
  KvCache cache;
  MaskPlan plan;  // for every length up to this one
  AttentionOptions options;
  Tensor o;
  std::vector<std::byte> workspace;

  void run();
};

// q, k and v of a case: random, the same every time. k and v are one piece of
// memory, so that a probe can read what a call reads.
class BenchInputs {
 public:
  BenchInputs(const BenchShape& shape, const BenchPlace& place);

  const TensorView& kv() const { return kv_.view(); }

  // All of it, under that plan.
  PlannedCall whole(const MaskPlan& plan) const;

  // What is measured of a case whose plan that is.
  Subject subject(const BenchCase& one, const MaskPlan& plan) const;

  // One call for each part; parts without queries or keys are left out.
  std::vector<PlannedCall> loop(const std::vector<DensePart>& parts) const;

 private:
  PlannedCall part(const DensePart& box) const;
  CachedCall cached() const;

  BenchShape shape_;
  Pass pass_;
  AttentionOptions options_;
  Tensor q_;   // [B, H, Lq, D]
  Tensor kv_;  // [2, B, Hkv, Lk, D]
  TensorView k_;
  TensorView v_;
};

}  // namespace maskwise::cli

#endif  // MASKWISE_CLI_BENCH_CALL_H_
