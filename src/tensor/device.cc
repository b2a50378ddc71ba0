#include "maskwise/device.h"

#include <cstdlib>
#include <ranges>
#include <utility>

#include "base/fail.h"
#include "base/printable.h"
#include "base/suggest.h"

namespace maskwise {
namespace {

const std::vector<BackendInfo>& known_backends() {
  static const std::vector<BackendInfo> kKnown = {
      {Backend::cpu, "cpu", "kernels that walk a compiled mask"},
      {Backend::reference, "reference",
       "the row contract over compacted key lists; slow, for proofs"}};
  return kKnown;
}

const std::vector<IsaInfo>& known_isas() {
  static const std::vector<IsaInfo> kKnown = {
      {Isa::scalar, "scalar", "any processor", true},
      {Isa::avx2, "avx2", "AVX2 and FMA", false},
      {Isa::avx512, "avx512", "AVX-512 F, BW, DQ and VL", false}};
  return kKnown;
}

template <typename Infos>
std::vector<std::string_view> names_of(const Infos& infos) {
  std::vector<std::string_view> names;
  for (const auto& info : infos) names.push_back(info.name);
  return names;
}

// The entry of `infos` that has this name.
template <typename Infos>
const auto& find_name(const Infos& infos, std::string_view what,
                      std::string_view name) {
  for (const auto& info : infos) {
    if (info.name == name) return info;
  }
  const std::vector<std::string_view> names = names_of(infos);
  detail::fail(ErrorCode::invalid_argument, what,
               "unknown {} '{}'; expected one of: {}{}", what,
               detail::printable(name), detail::join_words(names),
               detail::did_you_mean(name, names));
}

// What the processor and the operating system offer. Every processor with AVX2
// has F16C, too.
std::vector<Isa> isas_of_processor() {
  std::vector<Isa> available;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    available.push_back(Isa::avx2);
  }
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl")) {
    available.push_back(Isa::avx512);
  }
  return available;
}

}  // namespace

std::string_view name_of(Backend backend) {
  return known_backends()[static_cast<size_t>(backend)].name;
}

std::string_view name_of(Isa isa) {
  return known_isas()[static_cast<size_t>(isa)].name;
}

Backend parse_backend(std::string_view name) {
  return find_name(known_backends(), "backend", name).backend;
}

Isa parse_isa(std::string_view name) {
  return find_name(known_isas(), "isa", name).isa;
}

DeviceRegistry::DeviceRegistry(const std::vector<Isa>& available,
                               std::string forced)
    : backends_(known_backends()),
      isas_(known_isas()),
      forced_(std::move(forced)) {
  for (const Isa isa : available) {
    isas_[static_cast<size_t>(isa)].available = true;
  }
}

const BackendInfo& DeviceRegistry::describe(Backend backend) const {
  return backends_[static_cast<size_t>(backend)];
}

const IsaInfo& DeviceRegistry::describe(Isa isa) const {
  return isas_[static_cast<size_t>(isa)];
}

Isa DeviceRegistry::best() const {
  for (const IsaInfo& info : std::views::reverse(isas_)) {
    if (info.available) return info.isa;
  }
  return Isa::scalar;
}

Isa DeviceRegistry::choose(std::optional<Isa> asked) const {
  if (!asked && forced_.empty()) return best();
  if (asked && static_cast<size_t>(*asked) >= isas_.size()) {
    detail::fail(ErrorCode::invalid_argument, "isa",
                 "found instruction set number {}; expected a value of Isa",
                 static_cast<int>(*asked));
  }
  const Isa isa =
      asked ? *asked : find_name(isas_, "MASKWISE_ISA", forced_).isa;
  if (describe(isa).available) return isa;
  std::vector<std::string_view> names;
  for (const IsaInfo& info : isas_) {
    if (info.available) names.push_back(info.name);
  }
  detail::fail(ErrorCode::invalid_argument, asked ? "isa" : "MASKWISE_ISA",
               "{} needs {}, which this processor lacks; expected one of: {}",
               name_of(isa), describe(isa).description,
               detail::join_words(names));
}

const DeviceRegistry& devices() {
  static const DeviceRegistry kRegistry = [] {
    const char* forced = std::getenv("MASKWISE_ISA");
    return DeviceRegistry(isas_of_processor(), forced ? forced : "");
  }();
  return kRegistry;
}

}  // namespace maskwise
