// A case as the float64 oracle sees it.
#ifndef MASKWISE_TESTS_SUPPORT_ATTENTION_ORACLE_H_
#define MASKWISE_TESTS_SUPPORT_ATTENTION_ORACLE_H_

#include <cstdint>

#include "attention/attention_checks.h"
#include "backend/reference/oracle.h"
#include "tests/support/attention_case.h"

namespace maskwise::testing {

// Visibility is the mask's first reading, allowed(); biases must be finite.
inline detail::OracleResult oracle_of(const AttentionCase& call) {
  const BoundMask mask = call.mask.bind(call.shape);
  const detail::AttentionInputs inputs = detail::check_attention(
      call.q, call.k, call.v, call.shape, call.options_for(Backend::reference));
  return detail::oracle_forward(
      inputs.problem, [&](int64_t b, int64_t h, int64_t q, int64_t k) {
        return mask.allowed(b, h, q, k);
      });
}

}  // namespace maskwise::testing

#endif  // MASKWISE_TESTS_SUPPORT_ATTENTION_ORACLE_H_
