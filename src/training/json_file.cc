#include "training/json_file.h"

#include <limits>
#include <optional>
#include <set>
#include <utility>

#include "base/fail.h"
#include "base/json_reason.h"
#include "base/printable.h"
#include "maskwise/io.h"

namespace maskwise::nn::detail {

using maskwise::detail::printable;

JsonFile::JsonFile(std::string_view operation, const std::string& path)
    : operation_(operation), path_(path) {
  std::vector<std::set<std::string>> keys;  // of the objects that are open
  std::optional<std::string> twice;
  const auto watch = [&](int /*depth*/, Json::parse_event_t event,
                         const Json& value) {
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key &&
        !keys.back().insert(value.get<std::string>()).second) {
      twice = value.get<std::string>();
    }
    return true;
  };
  const std::string text = load_text(path);
  try {
    json_ = Json::parse(text, watch);
  } catch (const Json::exception& error) {
    refuse("is not JSON: " +
           printable(maskwise::detail::json_reason(error.what()), 200));
  }
  if (twice) refuse("the key '" + printable(*twice) + "' comes twice");
}

void JsonFile::refuse(const std::string& what) const {
  maskwise::detail::fail(ErrorCode::io, operation_, "'{}': {}",
                         printable(path_, maskwise::detail::kLongestShownPath),
                         what);
}

void JsonFile::check_format(std::string_view expected) const {
  const std::string format = text("format");
  if (format == expected) return;
  refuse("format is '" + printable(format) + "'; expected '" +
         std::string(expected) + "'");
}

const Json& JsonFile::value(const char* key, bool (Json::*is)() const noexcept,
                            std::string_view kind) const {
  if (!json_.is_object() || !json_.contains(key) || !(json_[key].*is)()) {
    refuse("expected an object with the " + std::string(kind) + " '" + key +
           "'; it is no " + operation_);
  }
  return json_[key];
}

std::string JsonFile::text(const char* key) const {
  return value(key, &Json::is_string, "text").get<std::string>();
}

std::vector<std::string> JsonFile::texts(const char* key) const {
  std::vector<std::string> found;
  for (const Json& one : value(key, &Json::is_array, "list")) {
    if (!one.is_string())
      refuse(std::string("expected texts in '") + key + "'");
    found.push_back(one.get<std::string>());
  }
  return found;
}

int64_t JsonFile::whole_number(const char* key) const {
  const Json& found = value(key, &Json::is_number_integer, "whole number");
  // What does not fit would wrap around.
  constexpr auto kMost = std::numeric_limits<int64_t>::max();
  if (found.is_number_unsigned() &&
      found.get<uint64_t>() > static_cast<uint64_t>(kMost)) {
    refuse(std::string(key) + " is " + found.dump() + "; expected at most " +
           std::to_string(kMost));
  }
  return found.get<int64_t>();
}

double JsonFile::number(const char* key) const {
  return value(key, &Json::is_number, "number").get<double>();
}

}  // namespace maskwise::nn::detail
