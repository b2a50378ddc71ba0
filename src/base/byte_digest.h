// A short number for many bytes, to see that they are not the same any more.
#ifndef MASKWISE_BASE_BYTE_DIGEST_H_
#define MASKWISE_BASE_BYTE_DIGEST_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace maskwise::detail {

// FNV-1a of 64 bits. Bytes that differ by accident have another one; whoever
// wants to can make bytes with the same.
class ByteDigest {
 public:
  void add(std::string_view bytes);

  // 16 hexadecimal digits.
  std::string text() const;

 private:
  uint64_t hash_ = 0xcbf29ce484222325;  // of no bytes
};

}  // namespace maskwise::detail

#endif  // MASKWISE_BASE_BYTE_DIGEST_H_
