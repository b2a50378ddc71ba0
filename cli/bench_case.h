// The cases of maskwise bench: masks whose speed is worth knowing.
#ifndef MASKWISE_CLI_BENCH_CASE_H_
#define MASKWISE_CLI_BENCH_CASE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "maskwise/maskwise.h"

namespace maskwise::cli {

struct BenchShape {
  int64_t batch = 1;
  int64_t heads = 8;
  int64_t kv_heads = 8;
  int64_t q_len = 2048;
  int64_t kv_len = 2048;
  int64_t head_dim = 64;

  AttentionShape scores() const { return {batch, heads, q_len, kv_len}; }
  bool operator==(const BenchShape&) const = default;
};

// "B,H,Hkv,Lq,Lk,D", blanks around the numbers allowed; each at least 1, and H
// a multiple of Hkv. Throws Error.
BenchShape parse_bench_shape(std::string_view text);

// A box of pairs, all of them visible: what a user without masks computes in
// one call.
struct DensePart {
  int64_t first_batch = 0;
  int64_t batches = 1;
  int64_t first_q = 0;
  int64_t q_len = 0;
  int64_t first_k = 0;
  int64_t kv_len = 0;
};

struct BenchCase {
  std::string name;
  BenchShape shape;
  Mask mask;
  // The calls that compute the same one after the other: one for each document
  // or sequence. Empty where the mask is not made of boxes.
  std::vector<DensePart> loop;
  // Whether k and v are read from a KvCache, one new token of each sequence.
  bool cached = false;
};

// The names, in the order in which they are run.
std::vector<std::string> bench_case_names();

// The case at the shape asked for, or at its own. decode and decode_cache have
// one query at any shape. Throws Error for an unknown name.
BenchCase make_bench_case(const std::string& name,
                          const std::optional<BenchShape>& asked);

}  // namespace maskwise::cli

#endif  // MASKWISE_CLI_BENCH_CASE_H_
