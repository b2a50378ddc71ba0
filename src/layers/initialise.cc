#include "maskwise/nn/initialise.h"

#include <cmath>
#include <string>

#include "layers/random_bits.h"

namespace maskwise::nn {
namespace {

uint64_t key_of(uint64_t seed, const std::string& name) {
  uint64_t key = seed;
  for (const char c : name) {
    key = detail::hashed(key, static_cast<unsigned char>(c));
  }
  return key;
}

}  // namespace

void initialise(Module& module, uint64_t seed) {
  module.visit_parameters("", [&](const std::string& name, Parameter& one) {
    if (one.value.rank() != 2) return;
    const auto sides = static_cast<double>(one.value.dim(0) + one.value.dim(1));
    const double limit = std::sqrt(6 / sides);
    const uint64_t key = key_of(seed, name);
    auto* values = one.value.mutable_data<float>();
    for (int64_t i = 0; i < one.value.size(); ++i) {
      const double u =
          detail::uniform(detail::hashed(key, static_cast<uint64_t>(i)));
      values[i] = static_cast<float>((2 * u - 1) * limit);
    }
  });
}

}  // namespace maskwise::nn
