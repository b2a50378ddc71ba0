// Random numbers as functions of a key and a counter: nothing is drawn in
// order, so no number depends on how many were taken before it.
#ifndef MASKWISE_LAYERS_RANDOM_BITS_H_
#define MASKWISE_LAYERS_RANDOM_BITS_H_

#include <cstdint>

namespace maskwise::nn::detail {

// Every bit of the result depends on every bit of z, and no two z give one.
inline uint64_t mixed(uint64_t z) {
  z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
  return z ^ (z >> 31U);
}

// 64 bits for a counter under a key: SplitMix64 (Steele et al. 2014) begun at
// the key, at its counter-th number. Keys of keys give trees of streams.
inline uint64_t hashed(uint64_t key, uint64_t counter) {
  constexpr uint64_t kGolden = 0x9E3779B97F4A7C15U;  // 2^64 / golden ratio
  return mixed(key + (counter + 1) * kGolden);
}

// A number in [0, 1): the upper 53 bits.
inline double uniform(uint64_t bits) {
  return static_cast<double>(bits >> 11U) * 0x1p-53;
}

}  // namespace maskwise::nn::detail

#endif  // MASKWISE_LAYERS_RANDOM_BITS_H_
