#include "base/byte_digest.h"

#include "base/format.h"

namespace maskwise::detail {

void ByteDigest::add(std::string_view bytes) {
  constexpr uint64_t kPrime = 0x100000001b3;
  for (const char byte : bytes) {
    hash_ = (hash_ ^ static_cast<unsigned char>(byte)) * kPrime;
  }
}

std::string ByteDigest::text() const { return formatted("{:016x}", hash_); }

}  // namespace maskwise::detail
