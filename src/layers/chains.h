// Sums and maxima of rows, in chains.
#ifndef MASKWISE_LAYERS_CHAINS_H_
#define MASKWISE_LAYERS_CHAINS_H_

#include <algorithm>
#include <cstdint>

#include "backend/row_math.h"

namespace maskwise::nn::detail {

// Enough to fill vectors, whatever their size. Chain i takes every 16th number
// from the i-th on, so the bits depend on the numbers alone.
inline constexpr int64_t kChains = 16;

// Calls take(chain, i) for each i < count, ascending.
template <typename Take>
void for_chains(int64_t count, Take take) {
  const int64_t whole = count / kChains * kChains;
  for (int64_t i = 0; i < whole; i += kChains) {
    for (int64_t j = 0; j < kChains; ++j) take(j, i + j);
  }
  for (int64_t i = whole; i < count; ++i) take(i - whole, i);
}

// The chains, added in ascending order from +0.
template <typename Sum>
Sum sum_of_chains(const Sum (&chains)[kChains]) {
  Sum sum = 0;
  for (const Sum chain : chains) sum += chain;
  return sum;
}

// The sum of term(i) over i < count, each a Sum.
template <typename Sum, typename Term>
Sum sum_in_chains(int64_t count, Term term) {
  Sum chains[kChains] = {};
  for_chains(count,
             [&](int64_t chain, int64_t i) { chains[chain] += term(i); });
  return sum_of_chains(chains);
}

// NaN is ignored; the lowest f32 where there is nothing above it.
inline float largest_of(const float* x, int64_t count) {
  using maskwise::detail::max_ignoring_nan;
  // A maximum is the same in any order. More chains than a compiler unrolls, so
  // that it makes vectors of them.
  constexpr int64_t kMost = 32;
  float chains[kMost];
  std::fill_n(chains, kMost, maskwise::detail::kLowest);
  const int64_t whole = count / kMost * kMost;
  for (int64_t i = 0; i < whole; i += kMost) {
    for (int64_t j = 0; j < kMost; ++j) {
      chains[j] = max_ignoring_nan(chains[j], x[i + j]);
    }
  }
  for (int64_t j = 0; j < count - whole; ++j) {
    chains[j] = max_ignoring_nan(chains[j], x[whole + j]);
  }
  constexpr int64_t kHalf = kMost / 2;
  for (int64_t j = 0; j < kHalf; ++j) {
    chains[j] = max_ignoring_nan(chains[j], chains[j + kHalf]);
  }
  float largest = chains[0];
  for (int64_t j = 1; j < kHalf; ++j) {
    largest = max_ignoring_nan(largest, chains[j]);
  }
  return largest;
}

}  // namespace maskwise::nn::detail

#endif  // MASKWISE_LAYERS_CHAINS_H_
