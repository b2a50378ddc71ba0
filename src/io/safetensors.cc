// Loading and saving safetensors files. What the header may say is
// safetensors_header's; how files are read and replaced is file's.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <functional>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fail.h"
#include "base/format.h"
#include "base/printable.h"
#include "io/file.h"
#include "io/safetensors_header.h"
#include "maskwise/io.h"

namespace maskwise {
namespace {

static_assert(std::endian::native == std::endian::little,
              "the format is little-endian and is copied as it is");

// Bytes of the header length, with which the file begins.
constexpr int64_t kLengthBytes = 8;

std::string show(std::string_view path) {
  return detail::printable(path, detail::kLongestShownPath);
}

// ", which is ..." for the files that are most often given by mistake.
std::string_view guess_kind(std::string_view start) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 5>
      kKinds = {{{"PK\x03\x04", " (it looks like a PyTorch or .npz archive)"},
                 {"\x93NUMPY", " (it looks like a .npy file)"},
                 {"GGUF", " (it looks like a GGUF file)"},
                 {"\x89HDF", " (it looks like an HDF5 file)"},
                 {"\x80\x02", " (it looks like a Python pickle)"}}};
  for (const auto& [magic, kind] : kKinds) {
    if (start.starts_with(magic)) return kind;
  }
  return "";
}

// The text of the header, once its length has been checked against the file.
std::string read_header_text(detail::InputFile& file, std::string_view path) {
  if (file.size() < kLengthBytes) {
    detail::fail(ErrorCode::io, "safetensors",
                 "'{}' {}; expected 8 bytes of header length, a header and "
                 "data",
                 show(path),
                 file.size() == 0
                     ? "is empty"
                     : detail::formatted("has only {} bytes; it was cut "
                                         "off or is no safetensors file",
                                         file.size()));
  }
  std::array<char, kLengthBytes> start = {};
  file.read(start.data(), kLengthBytes);
  const auto length = std::bit_cast<uint64_t>(start);
  const int64_t rest = file.size() - kLengthBytes;
  if (std::cmp_greater(length, rest)) {
    detail::fail(ErrorCode::io, "safetensors",
                 "'{}' says that its header has {} bytes, but only {} follow; "
                 "it was cut off or is no safetensors file{}",
                 show(path), length, rest,
                 guess_kind({start.data(), start.size()}));
  }
  if (std::cmp_greater(length, detail::kLargestHeader)) {
    detail::fail(ErrorCode::io, "safetensors",
                 "'{}' has a header of {} bytes; expected at most {}{}",
                 show(path), length, detail::kLargestHeader,
                 guess_kind({start.data(), start.size()}));
  }
  std::string header(length, ' ');
  file.read(header.data(), static_cast<int64_t>(length));
  return header;
}

// The header; `file` then stands at the first byte of the data.
detail::SafetensorsHeader read_header(detail::InputFile& file,
                                      std::string_view path) {
  const std::string text = read_header_text(file, path);
  const int64_t data_bytes =
      file.size() - kLengthBytes - static_cast<int64_t>(text.size());
  return detail::parse_safetensors_header(text, data_bytes, path);
}

// A file may be sparse, so that its size says nothing of the disk: refuse here
// what the system would only answer by killing the process.
void require_memory(int64_t bytes, std::string_view path) {
  const int64_t memory =
      int64_t{::sysconf(_SC_PHYS_PAGES)} * ::sysconf(_SC_PAGESIZE);
  if (memory <= 0 || bytes <= memory) return;  // <= 0: not known
  detail::fail(ErrorCode::limit, "safetensors",
               "'{}' holds {} bytes of tensors, but this machine has {} bytes "
               "of memory",
               show(path), bytes, memory);
}

// Any other byte in a bool is undefined behaviour in C++.
void require_booleans(const Tensor& tensor, const std::string& name,
                      std::string_view path) {
  if (tensor.dtype() != DType::boolean) return;
  const auto* bytes = static_cast<const unsigned char*>(tensor.bytes());
  const auto* end = bytes + tensor.byte_size();
  const auto* bad =
      std::find_if(bytes, end, [](auto byte) { return byte > 1; });
  if (bad == end) return;
  detail::fail(ErrorCode::io, "safetensors",
               "'{}': tensor '{}': found {} at element {}; expected 0 or 1 in "
               "a BOOL tensor; store it as U8",
               show(path), detail::printable(name), *bad, bad - bytes);
}

// What the header will say: wide elements first, so that each tensor begins at
// a multiple of its element size (as in the reference), then by name.
std::vector<detail::TensorEntry> lay_out(const TensorMap& tensors,
                                         std::string_view path) {
  std::vector<detail::TensorEntry> entries;
  for (const auto& [name, tensor] : tensors) {
    if (!tensor.defined()) {
      detail::fail(ErrorCode::io, "safetensors",
                   "'{}': tensor '{}': found a tensor without elements or "
                   "shape; expected one with a shape",
                   show(path), detail::printable(name));
    }
    require_booleans(tensor, name, path);
    entries.push_back(
        {.name = name, .dtype = tensor.dtype(), .shape = tensor.shape()});
  }
  std::ranges::stable_sort(entries, std::greater{}, [](const auto& entry) {
    return size_of(entry.dtype);
  });
  int64_t next = 0;
  for (detail::TensorEntry& entry : entries) {
    entry.begin = next;
    next += tensors.at(entry.name).byte_size();
    entry.end = next;
  }
  return entries;
}

// `text` as a JSON string. `whose` says of what it is.
std::string quote(const std::string& text, std::string_view whose,
                  std::string_view path) {
  try {
    return nlohmann::json(text).dump();
  } catch (const nlohmann::json::exception&) {
    detail::fail(ErrorCode::io, "safetensors",
                 "'{}': {} '{}' is not UTF-8; expected text in UTF-8",
                 show(path), whose, detail::printable(text));
  }
}

// As the reference writes it: before the tensors, and only where there is some.
std::string write_metadata(const SafetensorsMetadata& metadata,
                           std::string_view path) {
  std::string json;
  for (const auto& [key, value] : metadata) {
    json += detail::formatted("{}{}:{}", json.empty() ? "" : ",",
                              quote(key, "the metadata key", path),
                              quote(value, "the metadata value", path));
  }
  if (json.empty()) return json;
  return detail::formatted(R"("{}":{{{}}})", detail::kMetadataName, json);
}

// Refuses what load_safetensors would refuse.
void require_limits(const detail::TensorEntry& entry, std::string_view path) {
  const auto refuse = [&](std::string_view found, std::string_view wanted) {
    detail::fail(ErrorCode::io, "safetensors",
                 "'{}': tensor '{}': found {}; expected {}", show(path),
                 detail::printable(entry.name), found, wanted);
  };
  if (entry.name == detail::kMetadataName) {
    refuse("a name that the format keeps for itself", "another name");
  }
  if (entry.name.size() > detail::kLongestName) {
    refuse(detail::formatted("a name of {} bytes", entry.name.size()),
           detail::formatted("at most {}", detail::kLongestName));
  }
  if (entry.shape.size() > detail::kLargestRank) {
    refuse(detail::formatted("{} axes", entry.shape.size()),
           detail::formatted("at most {}", detail::kLargestRank));
  }
}

// The header that says `metadata` and `entries`, padded with spaces so that the
// data begins at a multiple of 8.
std::string write_header(const std::vector<detail::TensorEntry>& entries,
                         const SafetensorsMetadata& metadata,
                         std::string_view path) {
  std::string json = "{" + write_metadata(metadata, path);
  for (const detail::TensorEntry& entry : entries) {
    require_limits(entry, path);
    json += detail::formatted(
        R"({}{}:{{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}})",
        json.size() > 1 ? "," : "", quote(entry.name, "the tensor name", path),
        detail::format_name(entry.dtype), detail::joined(entry.shape, ","),
        entry.begin, entry.end);
  }
  json += "}";
  // The length before the header has 8 bytes itself.
  json.resize((json.size() + 7) / 8 * 8, ' ');
  if (static_cast<int64_t>(json.size()) > detail::kLargestHeader) {
    detail::fail(ErrorCode::io, "safetensors",
                 "'{}': the header would have {} bytes; expected at most {}; "
                 "save less to one file",
                 show(path), json.size(), detail::kLargestHeader);
  }
  return json;
}

}  // namespace

TensorMap load_safetensors(const std::string& path) {
  detail::InputFile file(path, detail::FileKind::regular);
  const auto entries = read_header(file, path).entries;
  require_memory(entries.empty() ? 0 : entries.back().end, path);
  TensorMap tensors;
  // The entries come in the order of their bytes: one pass over the file.
  for (const detail::TensorEntry& entry : entries) {
    Tensor tensor(entry.dtype, entry.shape);
    file.read(tensor.mutable_bytes(), tensor.byte_size());
    require_booleans(tensor, entry.name, path);
    tensors.emplace(entry.name, std::move(tensor));
  }
  return tensors;
}

SafetensorsMetadata load_safetensors_metadata(const std::string& path) {
  detail::InputFile file(path, detail::FileKind::regular);
  return read_header(file, path).metadata;
}

void save_safetensors(const std::string& path, const TensorMap& tensors,
                      const SafetensorsMetadata& metadata) {
  const auto entries = lay_out(tensors, path);
  auto by_name = entries;
  std::ranges::sort(by_name, {}, &detail::TensorEntry::name);
  const std::string header = write_header(by_name, metadata, path);
  const auto length =
      std::bit_cast<std::array<char, kLengthBytes>>(uint64_t{header.size()});

  detail::OutputFile file(path);
  file.write(length.data(), kLengthBytes);
  file.write(header.data(), static_cast<int64_t>(header.size()));
  for (const detail::TensorEntry& entry : entries) {
    const Tensor& tensor = tensors.at(entry.name);
    file.write(tensor.bytes(), tensor.byte_size());
  }
  file.commit();
}

}  // namespace maskwise
