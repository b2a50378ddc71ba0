// What the usual ways of applying a mask send back to masked keys: the gradient
// of the sum of a row's outputs, by the product rule, as autograd would have it
// in f32.
#ifndef MASKWISE_INSPECT_COMPARE_GRADIENTS_H_
#define MASKWISE_INSPECT_COMPARE_GRADIENTS_H_

#include <cstdint>
#include <vector>

#include "backend/forward_problem.h"
#include "inspect/compare_variants.h"
#include "maskwise/tensor.h"

namespace maskwise::detail {

// The gradient with respect to the logits of a row that sees the flagged keys,
// given that with respect to the weights that the values are multiplied by.
std::vector<float> plain_logit_gradient(Variant variant,
                                        const std::vector<float>& logits,
                                        const std::vector<uint8_t>& seen,
                                        const std::vector<float>& d_weights);

// The largest absolute entry of the gradient of the sum of the row's outputs
// with respect to k and v of the keys that it may not see; NaN if one is NaN.
// v: [1, 1, Lk, Dv], that of the row's kv head.
double plain_masked_gradient(Variant variant, const ForwardProblem& problem,
                             const ProblemRow& row,
                             const std::vector<uint8_t>& seen, const Tensor& v);

}  // namespace maskwise::detail

#endif  // MASKWISE_INSPECT_COMPARE_GRADIENTS_H_
