// Random numbers that are the same on every machine and with every standard
// library, which std::shuffle and the distributions of <random> are not.
#ifndef MASKWISE_TRAINING_RANDOM_H_
#define MASKWISE_TRAINING_RANDOM_H_

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace maskwise::nn::detail {

// SplitMix64 (Steele, Lea and Flood 2014).
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  // A sequence of its own for each pair.
  Random(uint64_t seed, uint64_t stream)
      : state_(mixed(mixed(seed + kStep) ^ stream)) {}

  uint64_t next() {
    state_ += kStep;
    return mixed(state_);
  }

  // One of 0 ... n - 1, n >= 1, each as likely as any other: the smallest
  // 2^64 mod n numbers are drawn again.
  uint64_t below(uint64_t n) {
    const uint64_t least = (0 - n) % n;
    uint64_t drawn = next();
    while (drawn < least) drawn = next();
    return drawn % n;
  }

 private:
  // 2^64 divided by the golden ratio.
  static constexpr uint64_t kStep = 0x9E3779B97F4A7C15;

  static uint64_t mixed(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
  }

  uint64_t state_;
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
