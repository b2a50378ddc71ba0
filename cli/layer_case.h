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
  int64_t rows = 0;      // that it computes
  int64_t features = 0;  // of a row
  double useful_flop = 0;
  Subject subject;
};

// "linear", "encoder_layer", "encoder_layer_padded".
std::vector<std::string> layer_case_names();

// The cases of that name; linear: one for each size. Throws Error for a name
// that is not known.
//
// linear: y = x W^T + b of rows [R, F] and F x F weights; backward: the
// gradients of x, W and b. encoder_layer: a layer of 512 features, 8 heads,
// 2,048 hidden, ReLU, post-norm, on 8 sentences of 100, 10, 90, 25, 75, 40, 60
// and 50 % of 256 tokens: packed, run and unpacked; backward: forward and
// backward. encoder_layer_padded: the same on all 8 x 256 rows under a padding
// mask.
std::vector<LayerCase> make_layer_cases(const std::string& name,
                                        const LinearSizes& sizes,
                                        const BenchPlace& place);

}  // namespace maskwise::cli

#endif  // MASKWISE_CLI_LAYER_CASE_H_
