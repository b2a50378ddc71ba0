// The layers that maskwise bench-layers times, with their tensors.
#ifndef MASKWISE_CLI_LAYER_CASE_H_
#define MASKWISE_CLI_LAYER_CASE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "bench_call.h"
#include "bench_measure.h"
#include "maskwise/maskwise.h"

namespace maskwise::cli {

// Rows and features of linear layers, each with each.
struct LinearSizes {
  std::vector<int64_t> rows = {256, 2048};
  std::vector<int64_t> features = {128, 256, 512, 1024};
};

// A layer that is called, and the FLOP of a call that are of use.
struct LayerCase {
  std::string name;
  std::string size;  // "256 x 512 -> 512"
  double useful_flop = 0;
  Subject subject;
};

// y = x W^T + b of rows [R, F] and F x F weights; backward: the gradients of x,
// W and b.
std::vector<LayerCase> linear_cases(const LinearSizes& sizes,
                                    const BenchPlace& place);

// An encoder layer (512 features, 8 heads, 2,048 hidden, ReLU, post-norm) on 8
// sentences of 100, 10, 90, 25, 75, 40, 60 and 50 % of 256 tokens: packed, run
// and unpacked; backward: forward and backward. The other runs all 8 x 256 rows
// under a padding mask.
LayerCase encoder_layer_case(const BenchPlace& place);
LayerCase padded_encoder_layer_case(const BenchPlace& place);

}  // namespace maskwise::cli

#endif  // MASKWISE_CLI_LAYER_CASE_H_
