// Checks the arguments of an attention call and turns them into the problem
// that backends see.
#ifndef MASKWISE_ATTENTION_ATTENTION_CHECKS_H_
#define MASKWISE_ATTENTION_ATTENTION_CHECKS_H_

#include <list>
#include <optional>
#include <string_view>

#include "backend/forward_problem.h"
#include "maskwise/attention.h"
#include "maskwise/dtype.h"

namespace maskwise::detail {

// The types of q, k, v and o.
inline bool is_attention_float(DType dtype) {
  return dtype == DType::f32 || dtype == DType::f16 || dtype == DType::bf16;
}

// Throws Error when a tensor's type is none of those, or it has no memory.
void check_float(std::string_view operation, std::string_view name,
                 const TensorView& view);

// The inputs of one call, checked, and the f32 copies that it had to make.
struct AttentionInputs {
  ForwardProblem problem;    // inputs set, outputs not
  std::list<Tensor> copies;  // inputs as f32 that had another type
};

// What the backend reads of q, k and v: f16 and bf16 as they are, or as f32.
enum class Storage { as_given, as_f32 };

// Throws Error that names the argument, what was found and what was expected.
AttentionInputs check_attention(const TensorView& q, const TensorView& k,
                                const TensorView& v,
                                const AttentionShape& shape,
                                const AttentionOptions& options,
                                Storage storage = Storage::as_f32);

void check_threads(std::string_view operation, std::optional<int> threads);

// The same where k and v are not tensors: q, whose shape the caller has
// checked, and the options alone. kv_heads, value_dim, k and v are not set.
AttentionInputs check_queries(const TensorView& q, const AttentionShape& shape,
                              const AttentionOptions& options);

}  // namespace maskwise::detail

#endif  // MASKWISE_ATTENTION_ATTENTION_CHECKS_H_
