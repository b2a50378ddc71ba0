#include "report.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdio>
#include <iostream>

namespace maskwise::cli {

Json json_number(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  return value;
}

Json json_shape(const AttentionShape& shape) {
  return {shape.batch, shape.heads, shape.q_len, shape.kv_len};
}

Json json_warnings(const std::vector<MaskWarning>& warnings) {
  Json list = Json::array();
  for (const MaskWarning& warning : warnings) {
    list.push_back({{"kind", name_of(warning.kind)},
                    {"count", warning.count},
                    {"message", warning.message}});
  }
  return list;
}

void print(const std::string& text) {
  std::cout << text << std::flush;
  if (!std::cout) {
    throw Error(ErrorCode::io,
                "[output] cannot write to standard output; is the disk full?");
  }
}

void print(const Json& json) { print(dumped(json)); }

std::string dumped(const Json& json) { return json.dump(2) + "\n"; }

void print_warnings(const std::vector<MaskWarning>& warnings) {
  for (const MaskWarning& warning : warnings) {
    std::cerr << "warning: " << warning.message << '\n';
  }
}

std::string human_bytes(int64_t bytes) {
  constexpr double kKibi = 1024;
  if (bytes < 1024) return fmt::format("{} bytes", bytes);
  double value = static_cast<double>(bytes) / kKibi;
  for (const char* unit : {"KiB", "MiB"}) {
    if (value < kKibi) return fmt::format("{:.1f} {}", value, unit);
    value /= kKibi;
  }
  return fmt::format("{:.1f} GiB", value);
}

std::string human_share(double share) {
  return fmt::format("{:.4g} %", 100 * share);
}

std::string human_count(int64_t count) {
  std::string digits = fmt::format("{}", count);
  for (int64_t at = static_cast<int64_t>(digits.size()) - 3; at > 0; at -= 3) {
    digits.insert(static_cast<size_t>(at), 1, ',');
  }
  return digits;
}

}  // namespace maskwise::cli
