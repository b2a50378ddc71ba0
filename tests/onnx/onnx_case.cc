#include "tests/onnx/onnx_case.h"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include "maskwise/io.h"

namespace maskwise::testing {
namespace {

constexpr const char* kVariable = "MASKWISE_ONNX_DATA";

nlohmann::json read_json(const std::string& path) {
  return nlohmann::json::parse(load_text(path));
}

bool has_index(const std::string& folder) {
  return std::filesystem::exists(folder + "/index.json");
}

// `name` without `prefix`, or nothing.
std::optional<std::string> behind(const std::string& prefix,
                                  const std::string& name) {
  if (name.rfind(prefix, 0) != 0) return std::nullopt;
  return name.substr(prefix.size());
}

}  // namespace

std::optional<std::string> onnx_folder() {
  // A folder that is named must be there: a typing error skips nothing.
  if (const char* named = std::getenv(kVariable)) return named;
  for (const std::string folder : {ONNX_SHARED_FOLDER, ONNX_MADE_FOLDER}) {
    if (has_index(folder)) return folder;
  }
  return std::nullopt;
}

std::string no_onnx_folder() {
  return std::string("no ONNX vectors: ") + kVariable + " is not set, " +
         ONNX_SHARED_FOLDER +
         " is not there, and PyPI's package onnx was not to be had";
}

std::vector<std::string> onnx_index(const std::string& folder) {
  std::vector<std::string> names;
  for (const nlohmann::json& entry : read_json(folder + "/index.json")) {
    names.push_back(entry.at("name"));
  }
  return names;
}

OnnxCase read_onnx_case(const std::string& folder, const std::string& name) {
  const std::string stem = folder + "/" + name;
  const nlohmann::json about = read_json(stem + ".json");
  OnnxCase found;
  found.attributes = about.at("attributes");
  found.rtol = about.at("rtol");
  found.atol = about.at("atol");
  for (const auto& [key, tensor] : load_safetensors(stem + ".safetensors")) {
    if (const auto input = behind("in.", key)) {
      found.inputs[*input] = tensor;
    } else if (const auto output = behind("out.", key)) {
      found.outputs[*output] = tensor;
    } else {
      throw std::runtime_error(fmt::format("{}: a tensor {}", name, key));
    }
  }
  return found;
}

}  // namespace maskwise::testing
