// An ONNX Attention node said as a call of maskwise::attention.
#ifndef MASKWISE_TESTS_ONNX_ONNX_CALL_H_
#define MASKWISE_TESTS_ONNX_ONNX_CALL_H_

#include "maskwise/maskwise.h"
#include "tests/onnx/onnx_case.h"

namespace maskwise::testing {

// The outputs that `wanted` of the case names, with the operator's shapes and
// element types. `where`: the backend and the ISA of the call. Throws when the
// case has an attribute, an input or an output that has no translation, so that
// none is left out unseen.
TensorMap run_onnx_case(const OnnxCase& wanted, const AttentionOptions& where);

}  // namespace maskwise::testing

#endif  // MASKWISE_TESTS_ONNX_ONNX_CALL_H_
