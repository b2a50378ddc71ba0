// Backends and instruction sets: which there are, what this processor has, and
// which one a call takes.
#ifndef MASKWISE_DEVICE_H_
#define MASKWISE_DEVICE_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace maskwise {

// Where attention is computed.
enum class Backend {
  cpu,        // the kernels that walk a plan
  reference,  // the row contract over compacted key lists; slow, for proofs
};

// Instruction sets that kernels are written for. Every one gives the same
// bits.
enum class Isa { scalar, avx2, avx512 };

std::string_view name_of(Backend backend);
std::string_view name_of(Isa isa);

// The value of that name. Throws Error that lists the known names.
Backend parse_backend(std::string_view name);
Isa parse_isa(std::string_view name);

struct BackendInfo {
  Backend backend = Backend::cpu;
  std::string_view name;
  std::string_view description;
};

struct IsaInfo {
  Isa isa = Isa::scalar;
  std::string_view name;
  std::string_view description;  // what a processor needs for it
  bool available = false;
};

// The backends and instruction sets of one processor. Immutable.
class DeviceRegistry {
 public:
  // `available`: what the processor has, beside scalar, which all have.
  // `forced`: the name of the instruction set that calls take when they name
  // none; empty: the best.
  DeviceRegistry(const std::vector<Isa>& available, std::string forced);

  const std::vector<BackendInfo>& backends() const { return backends_; }
  // Slowest first.
  const std::vector<IsaInfo>& isas() const { return isas_; }

  const BackendInfo& describe(Backend backend) const;
  const IsaInfo& describe(Isa isa) const;

  // The fastest instruction set that is available.
  Isa best() const;

  // What a call runs on: the one asked for, else the forced one, else the
  // best. Throws Error that lists the choices when the name that is forced is
  // unknown or the processor lacks the instruction set.
  Isa choose(std::optional<Isa> asked = {}) const;

 private:
  std::vector<BackendInfo> backends_;
  std::vector<IsaInfo> isas_;
  std::string forced_;
};

// This processor's, asked once; the environment variable MASKWISE_ISA, as it
// was at the first call, is what forces.
const DeviceRegistry& devices();

}  // namespace maskwise

#endif  // MASKWISE_DEVICE_H_
