// Random numbers that are the same on every machine and with every standard
// library, which std::shuffle and the distributions of <random> are not.
#ifndef MASKWISE_TRAINING_RANDOM_H_
#define MASKWISE_TRAINING_RANDOM_H_

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "layers/random_bits.h"

namespace maskwise::nn::detail {

// The numbers of hashed(), one after the other.
class Random {
 public:
  explicit Random(uint64_t seed) : key_(seed) {}

  // A sequence of its own for each pair.
  Random(uint64_t seed, uint64_t stream)
      : key_(mixed(hashed(seed, 0) ^ stream)) {}

  uint64_t next() { return hashed(key_, drawn_++); }

  // One of 0 ... n - 1, n >= 1, each as likely as any other: the smallest
  // 2^64 mod n numbers are drawn again.
  uint64_t below(uint64_t n) {
    const uint64_t least = (0 - n) % n;
    uint64_t drawn = next();
    while (drawn < least) drawn = next();
    return drawn % n;
  }

 private:
  uint64_t key_;
  uint64_t drawn_ = 0;
};

// Every order as likely as any other (Fisher and Yates).
template <typename T>
void shuffle(std::vector<T>& values, Random& random) {
  for (size_t left = values.size(); left > 1; --left) {
    std::swap(values[left - 1], values[random.below(left)]);
  }
}

}  // namespace maskwise::nn::detail

#endif  // MASKWISE_TRAINING_RANDOM_H_
