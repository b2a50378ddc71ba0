// verify_gradients() of any functions that claim to be attention and its
// backward pass, so that the tests can show that a leak is found.
#ifndef MASKWISE_INSPECT_VERIFY_GRADIENTS_H_
#define MASKWISE_INSPECT_VERIFY_GRADIENTS_H_

#include "inspect/verify.h"
#include "inspect/verify_gradient_groups.h"
#include "maskwise/inspect.h"

namespace maskwise::detail {

struct GradientVerification {
  Attend attend;
  Differentiate differentiate;
  VerifiedLoss loss;
};

// verify_gradients() with other functions in place of attention() and
// attention_backward().
VerifyReport verify_gradients_with(const GradientVerification& how,
                                   const TensorView& q, const TensorView& k,
                                   const TensorView& v, const MaskPlan& plan,
                                   const AttentionOptions& options);

}  // namespace maskwise::detail

#endif  // MASKWISE_INSPECT_VERIFY_GRADIENTS_H_
