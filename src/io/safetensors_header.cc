// Refuses every header that is not exactly as the format says.
#include "io/safetensors_header.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "base/checked_math.h"
#include "base/fail.h"
#include "base/format.h"
#include "base/json_reason.h"
#include "base/printable.h"
#include "base/suggest.h"

namespace maskwise::detail {
namespace {

using Json = nlohmann::json;

// The dtypes of the format, in its spelling.
constexpr std::array<std::pair<std::string_view, DType>, 13> kFormatDTypes = {
    {{"BOOL", DType::boolean},
     {"U8", DType::u8},
     {"I8", DType::i8},
     {"U16", DType::u16},
     {"I16", DType::i16},
     {"U32", DType::u32},
     {"I32", DType::i32},
     {"U64", DType::u64},
     {"I64", DType::i64},
     {"F16", DType::f16},
     {"BF16", DType::bf16},
     {"F32", DType::f32},
     {"F64", DType::f64}}};

// The fields of a tensor; `none` is before the first.
enum class Field { dtype, shape, data_offsets, none };

constexpr std::array<std::string_view, 3> kFields = {"dtype", "shape",
                                                     "data_offsets"};

std::string show_file(std::string_view path) {
  return formatted("'{}'", printable(path, kLongestShownPath));
}

// Product of the sizes and the bytes of an element. A zero does not excuse
// the other sizes: whoever multiplies only some of them must be safe as well.
std::optional<int64_t> checked_bytes(const TensorEntry& entry) {
  std::optional<int64_t> bytes = size_of(entry.dtype);
  for (const int64_t size : entry.shape) {
    bytes = checked_product(*bytes, std::max<int64_t>(size, 1));
    if (!bytes) return bytes;
  }
  return std::ranges::count(entry.shape, 0) > 0 ? 0 : bytes;
}

// Receives the header piece by piece and refuses the first piece that cannot
// be. The order of the pieces is all that it keeps of the nesting.
class HeaderReader : public Json::json_sax_t {
 public:
  explicit HeaderReader(std::string_view path) : file_(show_file(path)) {}

  SafetensorsHeader take() {
    return {.entries = std::move(entries_), .metadata = std::move(metadata_)};
  }

  bool null() override { unexpected("null"); }
  bool boolean(bool value) override { unexpected(value ? "true" : "false"); }
  bool number_integer(int64_t value) override {
    unexpected(formatted("the negative number {}", value));
  }
  bool number_unsigned(uint64_t value) override;
  bool number_float(double value, const std::string& token) override;
  bool string(std::string& value) override;
  bool binary(Json::binary_t& /*value*/) override { unexpected("binary"); }
  bool start_object(size_t /*size*/) override;
  bool key(std::string& name) override;
  bool end_object() override;
  bool start_array(size_t /*size*/) override;
  bool end_array() override;
  bool parse_error(size_t position, const std::string& token,
                   const Json::exception& error) override;

 private:
  // Where the next piece stands.
  enum class Place { start, file, tensor, array, metadata };

  std::string where() const;
  std::string_view expected() const;
  [[noreturn]] void unexpected(std::string_view found) const;
  [[noreturn]] void too_large(std::string_view number) const;
  template <typename... Args>
  [[noreturn]] void refuse(fmt::format_string<Args...> text,
                           Args&&... args) const {
    fail(ErrorCode::io, "safetensors", "{}: {}", where(),
         formatted(text, std::forward<Args>(args)...));
  }

  void begin_entry(const std::string& name);
  void begin_field(const std::string& name);
  void finish_entry();
  DType parse_dtype(const std::string& name) const;

  std::string file_;
  Place place_ = Place::start;
  Field field_ = Field::none;
  TensorEntry entry_;              // the tensor being read
  std::array<bool, 3> seen_ = {};  // which of its fields have come
  std::vector<int64_t> numbers_;   // the array being read
  std::set<std::string> names_;    // keys of the file so far
  SafetensorsMetadata metadata_;
  std::string metadata_key_;  // the one whose value comes next
  std::vector<TensorEntry> entries_;
};

std::string HeaderReader::where() const {
  if (names_.empty()) return file_ + ": header";
  if (entry_.name == kMetadataName) {
    return formatted("{}: {}", file_, kMetadataName);
  }
  return formatted(
      "{}: tensor '{}'{}{}", file_, printable(entry_.name),
      field_ == Field::none ? "" : ": ",
      field_ == Field::none ? "" : kFields[static_cast<size_t>(field_)]);
}

std::string_view HeaderReader::expected() const {
  if (place_ == Place::start) return "an object of tensors by name";
  if (place_ == Place::metadata) return "a string";
  if (place_ == Place::file) {
    return entry_.name == kMetadataName
               ? "an object of strings"
               : "an object with dtype, shape and data_offsets";
  }
  if (field_ == Field::dtype) return "a string such as \"F32\"";
  if (field_ == Field::shape) return "an array of sizes, whole numbers >= 0";
  return "[begin, end], whole numbers >= 0";
}

void HeaderReader::unexpected(std::string_view found) const {
  refuse("found {}; expected {}", found, expected());
}

bool HeaderReader::number_unsigned(uint64_t value) {
  if (place_ != Place::array) unexpected(formatted("the number {}", value));
  if (!std::in_range<int64_t>(value)) too_large(formatted("{}", value));
  const size_t most = field_ == Field::shape ? kLargestRank : 2;
  if (numbers_.size() == most) {
    refuse("found more than {} numbers; expected {}", most,
           field_ == Field::shape ? "a tensor of fewer axes" : expected());
  }
  numbers_.push_back(static_cast<int64_t>(value));
  return true;
}

// A whole number beyond 64 bits comes as a float, too.
bool HeaderReader::number_float(double /*value*/, const std::string& token) {
  const bool whole = token.find_first_not_of("0123456789") == std::string::npos;
  if (whole && place_ == Place::array) too_large(token);
  unexpected(formatted("the number {}", printable(token)));
}

void HeaderReader::too_large(std::string_view number) const {
  refuse("found the number {}; expected at most {}", printable(number),
         INT64_MAX);
}

bool HeaderReader::string(std::string& value) {
  if (place_ == Place::metadata) {
    metadata_[metadata_key_] = std::move(value);
    return true;
  }
  if (place_ != Place::tensor || field_ != Field::dtype) {
    unexpected(formatted("the string '{}'", printable(value)));
  }
  entry_.dtype = parse_dtype(value);
  return true;
}

DType HeaderReader::parse_dtype(const std::string& name) const {
  std::vector<std::string_view> known;
  for (const auto& [spelling, dtype] : kFormatDTypes) {
    if (spelling == name) return dtype;
    known.push_back(spelling);
  }
  if (name.starts_with("F8_")) {
    refuse(
        "found {}, an 8-bit float of the format that maskwise does not "
        "read; expected one of: {}; store it as F16 or F32",
        printable(name), join_words(known));
  }
  refuse("found the unknown dtype '{}'; expected one of: {}{}", printable(name),
         join_words(known), did_you_mean(name, known));
}

bool HeaderReader::start_object(size_t /*size*/) {
  if (place_ == Place::start) {
    place_ = Place::file;
  } else if (place_ == Place::file) {
    place_ = entry_.name == kMetadataName ? Place::metadata : Place::tensor;
  } else {
    unexpected("an object");
  }
  return true;
}

bool HeaderReader::key(std::string& name) {
  if (place_ == Place::file) {
    begin_entry(name);
  } else if (place_ == Place::tensor) {
    begin_field(name);
  } else if (metadata_.contains(name)) {
    refuse("found the key '{}' twice; expected each once", printable(name));
  } else {
    metadata_key_ = name;
  }
  return true;
}

void HeaderReader::begin_entry(const std::string& name) {
  entry_ = {};
  entry_.name = name;
  seen_ = {};
  const bool first = names_.insert(name).second;
  if (name.size() > kLongestName) {
    refuse("its name has {} bytes; expected at most {}", name.size(),
           kLongestName);
  }
  if (!first) refuse("found twice; expected each name once");
}

void HeaderReader::begin_field(const std::string& name) {
  const auto known = std::ranges::find(kFields, name);
  field_ = Field::none;
  if (known == kFields.end()) {
    const std::vector<std::string_view> words(kFields.begin(), kFields.end());
    refuse("found the unknown field '{}'; expected {}{}", printable(name),
           join_words(words), did_you_mean(name, words));
  }
  const auto index = static_cast<size_t>(known - kFields.begin());
  field_ = static_cast<Field>(index);
  if (std::exchange(seen_[index], true)) {
    refuse("found twice; expected each field once");
  }
}

bool HeaderReader::end_object() {
  if (place_ == Place::tensor) finish_entry();
  place_ = Place::file;
  return true;
}

void HeaderReader::finish_entry() {
  field_ = Field::none;
  for (size_t i = 0; i < kFields.size(); ++i) {
    if (!seen_[i]) refuse("found no {}; expected one", kFields[i]);
  }
  const auto bytes = checked_bytes(entry_);
  if (!bytes) {
    refuse("the bytes of {} {} do not fit in 63 bits; expected a smaller shape",
           name_of(entry_.dtype), to_string(entry_.shape));
  }
  if (entry_.begin > entry_.end) {
    refuse("found data_offsets [{}, {}]; expected begin <= end", entry_.begin,
           entry_.end);
  }
  if (entry_.end - entry_.begin != *bytes) {
    refuse(
        "found data_offsets [{}, {}] of {} bytes; expected {} bytes for {} "
        "{}",
        entry_.begin, entry_.end, entry_.end - entry_.begin, *bytes,
        name_of(entry_.dtype), to_string(entry_.shape));
  }
  entries_.push_back(std::move(entry_));
}

bool HeaderReader::start_array(size_t /*size*/) {
  const bool wanted = place_ == Place::tensor &&
                      (field_ == Field::shape || field_ == Field::data_offsets);
  if (!wanted) unexpected("an array");
  place_ = Place::array;
  numbers_.clear();
  return true;
}

bool HeaderReader::end_array() {
  place_ = Place::tensor;
  if (field_ == Field::shape) {
    entry_.shape = numbers_;
  } else if (numbers_.size() == 2) {
    entry_.begin = numbers_[0];
    entry_.end = numbers_[1];
  } else {
    unexpected(to_string(numbers_));
  }
  return true;
}

bool HeaderReader::parse_error(size_t position, const std::string& /*token*/,
                               const Json::exception& error) {
  // A header is one line: where it is in it, the byte says.
  const std::string_view text = json_reason(error.what());
  const size_t colon = text.find(": ");
  const size_t start = colon != text.npos ? colon + 2 : 0;
  constexpr size_t kLongestReason = 200;
  fail(ErrorCode::io, "safetensors",
       "{}: header: found no JSON at byte {}: {}; the file is damaged or no "
       "safetensors file",
       file_, position, printable(text.substr(start), kLongestReason));
}

// The tensors must lie one after the other from the first byte of the data to
// the last, so that no byte is hidden or read twice.
void require_contiguous(const std::vector<TensorEntry>& entries,
                        int64_t data_bytes, const std::string& file) {
  int64_t next = 0;
  for (const TensorEntry& entry : entries) {
    if (entry.begin != next) {
      fail(ErrorCode::io, "safetensors",
           "{}: tensor '{}': found its data at byte {}, {}; expected it at "
           "byte {}, right after the tensor before",
           file, printable(entry.name), entry.begin,
           entry.begin < next ? "inside another tensor" : "after a hole", next);
    }
    next = entry.end;
  }
  if (next > data_bytes) {
    fail(ErrorCode::io, "safetensors",
         "{}: the file ends after {} of {} bytes of tensor data, in tensor "
         "'{}'; it was cut off: copy or save it again",
         file, data_bytes, next, printable(entries.back().name));
  }
  if (next < data_bytes) {
    fail(ErrorCode::io, "safetensors",
         "{}: found {} bytes after the last tensor; expected the file to end "
         "there",
         file, data_bytes - next);
  }
}

}  // namespace

SafetensorsHeader parse_safetensors_header(std::string_view json,
                                           int64_t data_bytes,
                                           std::string_view path) {
  const std::string file = show_file(path);
  if (!json.starts_with('{')) {
    constexpr size_t kSample = 8;
    fail(ErrorCode::io, "safetensors",
         "{}: header: found '{}' at its start; expected '{{'; the file is "
         "damaged or no safetensors file",
         file, printable(json, kSample));
  }
  // The JSON library takes a null character for the end of the text.
  const size_t null = json.find('\0');
  if (null != json.npos) {
    fail(ErrorCode::io, "safetensors",
         "{}: header: found a null character at byte {}; expected JSON, padded "
         "with spaces",
         file, null);
  }
  HeaderReader reader(path);
  Json::sax_parse(json.begin(), json.end(), &reader);
  SafetensorsHeader header = reader.take();
  std::ranges::sort(header.entries, {}, [](const TensorEntry& entry) {
    return std::tie(entry.begin, entry.end);
  });
  require_contiguous(header.entries, data_bytes, file);
  return header;
}

std::string_view format_name(DType dtype) {
  const auto* found = std::ranges::find(
      kFormatDTypes, dtype, &std::pair<std::string_view, DType>::second);
  return found->first;
}

}  // namespace maskwise::detail
