// What commands read from an input file.
#ifndef MASKWISE_CLI_INPUTS_H_
#define MASKWISE_CLI_INPUTS_H_

#include <string>

#include "maskwise/maskwise.h"

namespace maskwise::cli {

// The inputs of an attention call: q, k, v and, where the file has them, bias,
// alibi_slopes, q_positions and kv_positions. Owns all tensors of the file.
struct AttentionFile {
  TensorMap tensors;
  AttentionShape shape;

  const Tensor& q() const { return tensors.at("q"); }
  const Tensor& k() const { return tensors.at("k"); }
  const Tensor& v() const { return tensors.at("v"); }

  // `options` with the optional tensors filled in.
  AttentionOptions with_tensors(AttentionOptions options) const;

  // The mask of `text`, its names bound to the file, compiled for the shape.
  MaskPlan plan(const std::string& text) const;
};

// Throws Error that names the file and the tensor that is missing or is not
// [B, H, L, D].
AttentionFile load_attention_file(const std::string& path);

}  // namespace maskwise::cli

#endif  // MASKWISE_CLI_INPUTS_H_
