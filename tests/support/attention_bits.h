// Compares tensors and results of attention bit for bit.
#ifndef MASKWISE_TESTS_SUPPORT_ATTENTION_BITS_H_
#define MASKWISE_TESTS_SUPPORT_ATTENTION_BITS_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <utility>

#include "maskwise/attention.h"
#include "maskwise/tensor.h"

namespace maskwise::testing {

// The bytes of element `i`, as hexadecimal.
inline std::string bits_of(const Tensor& tensor, int64_t i) {
  const int64_t width = size_of(tensor.dtype());
  uint64_t bits = 0;
  std::memcpy(&bits,
              static_cast<const unsigned char*>(tensor.bytes()) + i * width,
              static_cast<size_t>(width));
  char text[20];
  std::snprintf(text, sizeof text, "0x%llx",
                static_cast<unsigned long long>(bits));
  return text;
}

// Type, shape and every byte are equal. Says which element differs first.
inline ::testing::AssertionResult same_bits(const Tensor& a, const Tensor& b) {
  if (a.defined() != b.defined()) {
    return ::testing::AssertionFailure() << "one of the two is not there";
  }
  if (!a.defined()) return ::testing::AssertionSuccess();
  if (a.dtype() != b.dtype() || a.shape() != b.shape()) {
    return ::testing::AssertionFailure()
           << name_of(a.dtype()) << to_string(a.shape()) << " against "
           << name_of(b.dtype()) << to_string(b.shape());
  }
  const auto bytes = static_cast<size_t>(a.byte_size());
  if (bytes == 0 || std::memcmp(a.bytes(), b.bytes(), bytes) == 0) {
    return ::testing::AssertionSuccess();
  }
  int64_t i = 0;
  while (bits_of(a, i) == bits_of(b, i)) ++i;
  return ::testing::AssertionFailure()
         << "element " << i << " of " << to_string(a.shape()) << " is "
         << bits_of(a, i) << " against " << bits_of(b, i);
}

// The same for every output.
inline ::testing::AssertionResult same_bits(const AttentionResult& a,
                                            const AttentionResult& b) {
  const std::pair<const char*, Tensor AttentionResult::*> outputs[] = {
      {"o", &AttentionResult::o},
      {"lse", &AttentionResult::lse},
      {"m", &AttentionResult::m},
      {"l", &AttentionResult::l},
      {"weights", &AttentionResult::weights},
      {"scores", &AttentionResult::scores}};
  for (const auto& [name, output] : outputs) {
    const auto same = same_bits(a.*output, b.*output);
    if (!same)
      return ::testing::AssertionFailure() << name << ": " << same.message();
  }
  return ::testing::AssertionSuccess();
}

}  // namespace maskwise::testing

#endif  // MASKWISE_TESTS_SUPPORT_ATTENTION_BITS_H_
