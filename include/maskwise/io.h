// Tensors from and to safetensors files.
#ifndef MASKWISE_IO_H_
#define MASKWISE_IO_H_

#include <map>
#include <string>

#include "maskwise/tensor.h"

namespace maskwise {

// Every tensor of the safetensors file at `path`. The file is not trusted: its
// header length, shapes, offsets and dtypes are checked against the file
// before anything is allocated. Throws Error (io) that names the file, what
// was found and what was expected; (limit) when memory cannot be had.
// Format: https://github.com/huggingface/safetensors (8-byte little-endian
// header length, JSON header, data).
TensorMap load_safetensors(const std::string& path);

// Free text beside the tensors of a safetensors file, by key; it is UTF-8.
using SafetensorsMetadata = std::map<std::string, std::string>;

// That of the file at `path`, empty where it has none. Errors as
// load_safetensors(), but for the tensors' data, which is not read.
SafetensorsMetadata load_safetensors_metadata(const std::string& path);

// Writes `tensors` to `path`: beside it first, then renamed, so that `path`
// holds either the old file or the whole new one. Throws Error (io).
void save_safetensors(const std::string& path, const TensorMap& tensors,
                      const SafetensorsMetadata& metadata = {});

// Writes `text` to `path` in the same way.
void save_text(const std::string& path, const std::string& text);

// The whole of a text file. Throws Error (io).
std::string load_text(const std::string& path);

}  // namespace maskwise

#endif  // MASKWISE_IO_H_
