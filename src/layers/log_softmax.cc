#include "layers/log_softmax.h"

#include <algorithm>

#include "backend/row_math.h"

namespace maskwise::nn::detail {
namespace {

using maskwise::detail::ActivationKind;
using maskwise::detail::KernelTable;
using maskwise::detail::kMinusInfinity;
using maskwise::detail::max_ignoring_nan;

// Enough to fill vectors, whatever their size.
constexpr int64_t kChains = 16;

// Numbers between two passes over them: they stay in L1.
constexpr int64_t kBlock = 64 * kChains;

// Calls take(chain, i) for each i < n, i % kChains being the chain.
template <typename Take>
void for_chains(int64_t n, Take take) {
  const int64_t whole = n / kChains * kChains;
  for (int64_t i = 0; i < whole; i += kChains) {
    for (int64_t j = 0; j < kChains; ++j) take(j, i + j);
  }
  for (int64_t i = whole; i < n; ++i) take(i - whole, i);
}

// The lowest f32 where there is none.
float largest_of(const float* x, int64_t n) {
  float chains[kChains];
  std::fill_n(chains, kChains, maskwise::detail::kLowest);
  for_chains(n, [&](int64_t chain, int64_t i) {
    chains[chain] = max_ignoring_nan(chains[chain], x[i]);
  });
  float largest = chains[0];
  for (const float chain : chains) largest = max_ignoring_nan(largest, chain);
  return largest;
}

double sum_of_exponentials(const float* row, int64_t n, float largest,
                           NanIs nan_is, const KernelTable& kernels) {
  double chains[kChains] = {};
  float block[kBlock];
  for (int64_t first = 0; first < n; first += kBlock) {
    const float* x = row + first;
    const int64_t size = std::min(kBlock, n - first);
    for (int64_t i = 0; i < size; ++i) {
      const float nan = nan_is == NanIs::absent ? kMinusInfinity : x[i];
      block[i] = (x[i] == x[i] ? x[i] : nan) - largest;
    }
    kernels.activate(ActivationKind::exp, block, block, size);
    for_chains(size, [&](int64_t chain, int64_t i) {
      chains[chain] += static_cast<double>(block[i]);
    });
  }
  double sum = 0;
  for (const double chain : chains) sum += chain;
  return sum;
}

}  // namespace

LogSoftmax log_softmax_of(const float* row, int64_t n, NanIs nan_is,
                          const KernelTable& kernels) {
  const float largest = largest_of(row, n);
  const double sum = sum_of_exponentials(row, n, largest, nan_is, kernels);
  if (sum == 0) return {largest, maskwise::detail::kStoredNan};
  const float log2 = maskwise::detail::log2_contract(static_cast<float>(sum));
  return {largest, log2 * maskwise::detail::kLn2};
}

}  // namespace maskwise::nn::detail
