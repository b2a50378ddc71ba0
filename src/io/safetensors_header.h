// The JSON header of a safetensors file: its limits, and reading it
// without trusting it. Touches no file and allocates no tensor.
#ifndef MASKWISE_IO_SAFETENSORS_HEADER_H_
#define MASKWISE_IO_SAFETENSORS_HEADER_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "maskwise/dtype.h"
#include "maskwise/io.h"
#include "maskwise/tensor_view.h"

namespace maskwise::detail {

// As the reference implementation (MAX_HEADER_SIZE).
inline constexpr int64_t kLargestHeader = 100'000'000;

// Ours: what no honest file needs to exceed.
inline constexpr size_t kLargestRank = 16;
inline constexpr size_t kLongestName = 4096;

// The key of the free text, strings by key, that a header may hold beside the
// tensors.
inline constexpr std::string_view kMetadataName = "__metadata__";

// What the header says of one tensor.
struct TensorEntry {
  std::string name;
  DType dtype = DType::f32;
  Shape shape;
  int64_t begin = 0;  // bytes from the start of the data to the tensor's first
  int64_t end = 0;    // and one past its last
};

struct SafetensorsHeader {
  // In the order of their bytes, which cover the data exactly; each has
  // end - begin bytes for its dtype and shape.
  std::vector<TensorEntry> entries;
  SafetensorsMetadata metadata;
};

// Reads the header `json`, after which `data_bytes` follow. Throws Error (io)
// that names `path` and the tensor.
SafetensorsHeader parse_safetensors_header(std::string_view json,
                                           int64_t data_bytes,
                                           std::string_view path);

// "BOOL", ..., "F64": the dtype in the spelling of the format.
std::string_view format_name(DType dtype);

}  // namespace maskwise::detail

#endif  // MASKWISE_IO_SAFETENSORS_HEADER_H_
