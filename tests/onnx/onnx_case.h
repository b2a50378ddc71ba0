// One test vector of the ONNX operator Attention, as it lies in a folder of
// `<case>.json`, `<case>.safetensors` and `index.json`.
#ifndef MASKWISE_TESTS_ONNX_ONNX_CASE_H_
#define MASKWISE_TESTS_ONNX_ONNX_CASE_H_

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "maskwise/tensor.h"

namespace maskwise::testing {

struct OnnxCase {
  nlohmann::json attributes;
  TensorMap inputs;   // by the operator's names: Q, K, V, attn_mask, ...
  TensorMap outputs;  // Y, present_key, present_value, qk_matmul_output
  double rtol = 0;
  double atol = 0;
};

// The folder of the vectors: what MASKWISE_ONNX_DATA names, else the build's
// ONNX_SHARED_FOLDER, else ONNX_MADE_FOLDER; nothing where there is none.
std::optional<std::string> onnx_folder();

// What a test says that is skipped because there is no folder.
std::string no_onnx_folder();

// The names in the folder's index.json, in its order.
std::vector<std::string> onnx_index(const std::string& folder);

// Throws when a file is missing or malformed.
OnnxCase read_onnx_case(const std::string& folder, const std::string& name);

}  // namespace maskwise::testing

#endif  // MASKWISE_TESTS_ONNX_ONNX_CASE_H_
