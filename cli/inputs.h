// What commands read from an input file.
#ifndef MASKWISE_CLI_INPUTS_H_
#define MASKWISE_CLI_INPUTS_H_

#include <cstdint>
#include <string>

#include "maskwise/maskwise.h"

namespace maskwise::cli {

// The same Error, and the file that it comes from; no path, no file.
Error with_file(const Error& error, const std::string& path);

// call(), whose Errors name the file `path`.
template <typename Call>
auto naming_file(const std::string& path, const Call& call) {
  try {
    return call();
  } catch (const Error& error) {
    throw with_file(error, path);
  }
}

// The mask of `text`, its names bound to `tensors` of the file `path`.
BoundMask bind_mask(const std::string& text, const AttentionShape& shape,
                    const TensorMap& tensors, const std::string& path);

// The gradients of a loss that a file holds; not defined where it has none.
struct IncomingGradients {
  TensorView d_o;    // `do` [B, H, Lq, Dv]
  TensorView d_lse;  // [B, H, Lq]
};

// The inputs of an attention call: q, k, v and, where the file has them, bias,
// alibi_slopes, q_positions and kv_positions. Owns all tensors of the file.
struct AttentionFile {
  std::string path;
  TensorMap tensors;
  AttentionShape shape = {};

  const Tensor& q() const { return tensors.at("q"); }
  const Tensor& k() const { return tensors.at("k"); }
  const Tensor& v() const { return tensors.at("v"); }

  // `options` with the optional tensors filled in.
  AttentionOptions with_tensors(AttentionOptions options) const;

  // Throws Error when one does not fit the others.
  IncomingGradients gradients() const;

  // The mask of `text`, its names bound to the file, compiled for the shape.
  MaskPlan plan(const std::string& text, int64_t memory_cap) const;

  // What attention(), verify() or compare() says to the file. `options` are
  // without the optional tensors.
  template <typename Function>
  auto call(const Function& function, const MaskPlan& plan,
            const AttentionOptions& options) const {
    return naming_file(path, [&] {
      return function(q(), k(), v(), plan, with_tensors(options));
    });
  }
};

// Throws Error that names the file and the tensor that is missing or is not
// [B, H, L, D].
AttentionFile load_attention_file(const std::string& path);

// The same, which must hold `do`, too.
AttentionFile load_gradient_file(const std::string& path);

}  // namespace maskwise::cli

#endif  // MASKWISE_CLI_INPUTS_H_
