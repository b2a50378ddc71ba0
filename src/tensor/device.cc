#include "maskwise/device.h"

#include <array>
#include <utility>
#include <vector>

#include "base/fail.h"
#include "base/printable.h"
#include "base/suggest.h"

namespace maskwise {
namespace {

constexpr std::array<std::pair<Backend, std::string_view>, 2> kBackends = {
    {{Backend::cpu, "cpu"}, {Backend::reference, "reference"}}};

constexpr std::array<std::pair<Isa, std::string_view>, 3> kIsas = {
    {{Isa::scalar, "scalar"}, {Isa::avx2, "avx2"}, {Isa::avx512, "avx512"}}};

template <typename Table, typename Value>
std::string_view find_name(const Table& table, Value value) {
  for (const auto& [known, name] : table) {
    if (known == value) return name;
  }
  return "";
}

template <typename Table>
auto find_value(const Table& table, std::string_view what,
                std::string_view name) {
  std::vector<std::string_view> names;
  for (const auto& [value, known] : table) {
    if (known == name) return value;
    names.push_back(known);
  }
  detail::fail(ErrorCode::invalid_argument, what,
               "unknown {} '{}'; expected one of: {}{}", what,
               detail::printable(name), detail::join_words(names),
               detail::did_you_mean(name, names));
}

}  // namespace

std::string_view name_of(Backend backend) {
  return find_name(kBackends, backend);
}

std::string_view name_of(Isa isa) { return find_name(kIsas, isa); }

Backend parse_backend(std::string_view name) {
  return find_value(kBackends, "backend", name);
}

Isa parse_isa(std::string_view name) { return find_value(kIsas, "isa", name); }

}  // namespace maskwise
