#include "layers/log_softmax.h"

#include <algorithm>

#include "backend/row_math.h"
#include "layers/chains.h"

namespace maskwise::nn::detail {
namespace {

using maskwise::detail::ActivationKind;
using maskwise::detail::KernelTable;
using maskwise::detail::kMinusInfinity;

// Numbers between two passes over them: they stay in L1.
constexpr int64_t kBlock = 64 * kChains;

// Makes e -inf where x is NaN.
void absent_where_nan(const float* x, int64_t n, float* e) {
  for (int64_t i = 0; i < n; ++i) e[i] = x[i] == x[i] ? e[i] : kMinusInfinity;
}

// place(first): where e^(x - largest) of the next kBlock numbers is written.
template <typename Place>
double sum_of_exponentials(const float* row, int64_t n, float largest,
                           NanIs nan_is, const KernelTable& kernels,
                           Place place) {
  double chains[kChains] = {};
  for (int64_t first = 0; first < n; first += kBlock) {
    const float* x = row + first;
    float* e = place(first);
    const int64_t size = std::min(kBlock, n - first);
    for (int64_t i = 0; i < size; ++i) e[i] = x[i] - largest;
    if (nan_is == NanIs::absent) absent_where_nan(x, size, e);
    kernels.activate(ActivationKind::exp, e, e, size);
    for_chains(size, [&](int64_t chain, int64_t i) {
      chains[chain] += static_cast<double>(e[i]);
    });
  }
  return sum_of_chains(chains);
}

}  // namespace

LogSoftmax log_softmax_of(const float* row, int64_t n, NanIs nan_is,
                          const KernelTable& kernels) {
  const float largest = largest_of(row, n);
  float block[kBlock];
  const double sum =
      sum_of_exponentials(row, n, largest, nan_is, kernels,
                          [&](int64_t /*first*/) { return block; });
  if (sum == 0) return {largest, maskwise::detail::kStoredNan};
  const float log2 = maskwise::detail::log2_contract(static_cast<float>(sum));
  return {largest, log2 * maskwise::detail::kLn2};
}

double write_exponentials(const float* row, int64_t n, float* to,
                          const KernelTable& kernels) {
  return sum_of_exponentials(row, n, largest_of(row, n), NanIs::contagious,
                             kernels,
                             [=](int64_t first) { return to + first; });
}

}  // namespace maskwise::nn::detail
