// Where keys that follow each other lie in memory.
#ifndef MASKWISE_BACKEND_CPU_KEY_STRETCH_H_
#define MASKWISE_BACKEND_CPU_KEY_STRETCH_H_

#include <algorithm>
#include <cstdint>

#include "backend/forward_problem.h"

namespace maskwise::detail {

// Keys that follow each other: rows of V are one step apart, and so are those
// of K, or, in a page of a cache, k lies in panels, one after the other.
struct KeyStretch {
  int32_t count;
  int32_t lane;  // of the first key in its panel; rows: 0
  // Where the row of the first k begins, or its panel; its v. Elements of f16
  // and bf16 as if they were f32.
  const float* k;
  const float* v;
};

// How the keys of a stretch lie, in bytes.
struct StretchSteps {
  explicit StretchSteps(const ForwardProblem& problem) {
    if (problem.paged.given()) {
      const int64_t bytes = size_of(problem.paged.dtype);
      panel_keys = problem.paged.panel_keys;
      k = panel_keys * problem.head_dim * bytes;
      v = problem.paged.v_row_step * bytes;
    } else {
      k = problem.k.stride[2] * size_of(problem.k.dtype);
      v = problem.v.stride[2] * size_of(problem.v.dtype);
    }
  }

  int64_t panel_keys = 1;
  int64_t k = 0;  // from a row of K, or a panel, to the next
  int64_t v = 0;
};

// `bytes` behind an element.
inline const float* bytes_behind(const float* at, int64_t bytes) {
  return reinterpret_cast<const float*>(reinterpret_cast<const char*>(at) +
                                        bytes);
}

// The keys of an item that are there: a plan may know of later ones.
inline int64_t keys_of(const ForwardProblem& problem, int64_t batch) {
  return problem.paged.given() ? problem.paged.lengths[batch]
                               : problem.shape.kv_len;
}

// The keys [first, first + count) of a kv head of an item.
struct KeyRange {
  int64_t batch = 0;
  int64_t kv_head = 0;
  int64_t first = 0;
  int64_t count = 0;
};

// Calls visit(KeyStretch) for what lies in each page.
template <typename Visit>
void for_paged_stretches(const ForwardProblem& problem, KeyRange range,
                         Visit visit) {
  const PagedKv& paged = problem.paged;
  const int32_t* pages = paged.pages + range.batch * paged.pages_per_item;
  const StretchSteps steps(problem);
  while (range.count > 0) {
    const int64_t head =
        pages[range.first / paged.page_keys] * problem.kv_heads + range.kv_head;
    const int64_t in_page = range.first % paged.page_keys;
    const int64_t n = std::min(paged.page_keys - in_page, range.count);
    const int64_t bytes = size_of(paged.dtype);
    visit(
        KeyStretch{.count = static_cast<int32_t>(n),
                   .lane = static_cast<int32_t>(in_page % paged.panel_keys),
                   .k = bytes_behind(static_cast<const float*>(paged.k),
                                     head * paged.k_head_step * bytes +
                                         in_page / paged.panel_keys * steps.k),
                   .v = bytes_behind(
                       static_cast<const float*>(paged.v),
                       head * paged.v_head_step * bytes + in_page * steps.v)});
    range.first += n;
    range.count -= n;
  }
}

// Calls visit(KeyStretch) for the range, in order.
template <typename Visit>
void for_stretches(const ForwardProblem& problem, const KeyRange& range,
                   Visit visit) {
  if (problem.paged.given()) {
    for_paged_stretches(problem, range, visit);
    return;
  }
  const auto row = [&range](const Input& input) {
    return static_cast<const float*>(
        input.row(range.batch, range.kv_head, range.first));
  };
  visit(KeyStretch{.count = static_cast<int32_t>(range.count),
                   .lane = 0,
                   .k = row(problem.k),
                   .v = row(problem.v)});
}

}  // namespace maskwise::detail

#endif  // MASKWISE_BACKEND_CPU_KEY_STRETCH_H_
