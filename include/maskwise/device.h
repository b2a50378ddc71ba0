// Backends and instruction sets by name.
#ifndef MASKWISE_DEVICE_H_
#define MASKWISE_DEVICE_H_

#include <string_view>

namespace maskwise {

// Where attention is computed.
enum class Backend {
  cpu,        // the kernels that walk a plan
  reference,  // the row contract over compacted key lists; slow, for proofs
};

// Instruction sets that kernels may be written for. Every one gives the same
// bits; the plain kernel of today serves all of them.
enum class Isa { scalar, avx2, avx512 };

std::string_view name_of(Backend backend);
std::string_view name_of(Isa isa);

// The value of that name. Throws Error that lists the known names.
Backend parse_backend(std::string_view name);
Isa parse_isa(std::string_view name);

}  // namespace maskwise

#endif  // MASKWISE_DEVICE_H_
