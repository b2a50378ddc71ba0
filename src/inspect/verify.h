// verify() of any function that claims to be attention, so that the tests can
// show that a leak is found.
#ifndef MASKWISE_INSPECT_VERIFY_H_
#define MASKWISE_INSPECT_VERIFY_H_

#include <functional>

#include "maskwise/inspect.h"

namespace maskwise::detail {

// A function with the arguments and the results of attention(). It is called
// from several threads at once.
using Attend = std::function<AttentionResult(
    const TensorView& q, const TensorView& k, const TensorView& v,
    const MaskPlan& plan, const AttentionOptions& options)>;

struct Verification {
  Attend attend;
  Progress progress = {};
};

// verify() with another function in place of attention().
VerifyReport verify_with(const Verification& how, const TensorView& q,
                         const TensorView& k, const TensorView& v,
                         const MaskPlan& plan, const AttentionOptions& options);

}  // namespace maskwise::detail

#endif  // MASKWISE_INSPECT_VERIFY_H_
