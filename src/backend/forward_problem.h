// One forward call as backends see it: strided memory, checked before.
#ifndef MASKWISE_BACKEND_FORWARD_PROBLEM_H_
#define MASKWISE_BACKEND_FORWARD_PROBLEM_H_

#include <algorithm>
#include <cstdint>
#include <functional>
#include <iterator>
#include <span>
#include <type_traits>

#include "maskwise/dtype.h"

namespace maskwise::detail {

// Four axes of f32, f16 or bf16; strides in elements, 0 where an axis is
// broadcast.
template <typename Void, typename Float>
struct Strided {
  Void* data = nullptr;
  int64_t stride[4] = {0, 0, 0, 0};
  DType dtype = DType::f32;

  bool given() const { return data != nullptr; }
  bool is_f32() const { return dtype == DType::f32; }
  int64_t offset(int64_t i, int64_t j, int64_t k) const {
    return i * stride[0] + j * stride[1] + k * stride[2];
  }
  // The row of an f32 tensor; of an f16 or bf16 tensor.
  Float* at(int64_t i, int64_t j, int64_t k) const {
    return static_cast<Float*>(data) + offset(i, j, k);
  }
  auto* half_at(int64_t i, int64_t j, int64_t k) const {
    using Half =
        std::conditional_t<std::is_const_v<Void>, const uint16_t, uint16_t>;
    return static_cast<Half*>(data) + offset(i, j, k);
  }
  // The row of any.
  Void* row(int64_t i, int64_t j, int64_t k) const {
    return is_f32() ? static_cast<Void*>(at(i, j, k))
                    : static_cast<Void*>(half_at(i, j, k));
  }
};

using Input = Strided<const void, const float>;
using Output = Strided<void, float>;

// Whether query q of head h of item b may attend to key k. The caller makes it
// from the mask and the bias; backends know neither.
using Visibility = std::function<bool(int64_t, int64_t, int64_t, int64_t)>;

// The shape of the scores.
struct ProblemShape {
  int64_t batch = 0;
  int64_t heads = 0;
  int64_t q_len = 0;
  int64_t kv_len = 0;
};

// One row of the scores.
struct ProblemRow {
  int64_t batch = 0;
  int64_t head = 0;
  int64_t q = 0;
};

// Which scores are stored: scale * q.k, after softcap, or after bias and ALiBi.
enum class ScoreStage { raw, capped, biased };

// Where queries or keys stand, for ALiBi: i32 or i64, [B, L].
struct Positions {
  const void* data = nullptr;  // not given: begins[b] + i
  int64_t stride[2] = {0, 0};
  DType dtype = DType::i64;
  const int64_t* begins = nullptr;  // [B]; not given: 0

  int64_t at(int64_t batch, int64_t i) const {
    if (data == nullptr) return i + (begins == nullptr ? 0 : begins[batch]);
    const int64_t offset = batch * stride[0] + i * stride[1];
    return dtype == DType::i32 ? static_cast<const int32_t*>(data)[offset]
                               : static_cast<const int64_t*>(data)[offset];
  }
};

// K and V in pages of page_keys keys, as a cache holds them: key j of item b
// is key j % page_keys of page pages[b][j / page_keys]. In a page and head K
// lies in panels of panel_keys keys, [panel][D][panel_keys], and V in rows.
struct PagedKv {
  const void* k = nullptr;  // not given: no pages
  const void* v = nullptr;
  DType dtype = DType::f32;
  const int32_t* pages = nullptr;  // [B][pages_per_item]
  int64_t pages_per_item = 0;
  int64_t page_keys = 0;
  int64_t panel_keys = 0;
  int64_t k_head_step = 0;  // elements from a head of a page to the next
  int64_t v_head_step = 0;
  int64_t v_row_step = 0;
  // [B]: keys of each item, and the first of those that queries belong to.
  const int64_t* lengths = nullptr;
  const int64_t* begins = nullptr;

  bool given() const { return k != nullptr; }
};

struct ForwardProblem {
  ProblemShape shape;
  int64_t kv_heads = 0;
  int64_t head_dim = 0;
  int64_t value_dim = 0;
  float scale = 1;
  float softcap = 0;

  Input q;        // [B, H, Lq, D]
  Input k;        // [B, Hkv, Lk, D]
  Input v;        // [B, Hkv, Lk, Dv]
  PagedKv paged;  // instead of k and v
  Input bias;     // [B, H, Lq, Lk]; not given: none

  const float* slopes = nullptr;  // [H], of ALiBi; null: none
  int64_t slope_step = 1;
  Positions q_positions;   // [B, Lq]
  Positions kv_positions;  // [B, Lk]

  Output o;    // [B, H, Lq, Dv]; of a partial call the row's sum over values
  Output lse;  // [B, H, Lq], as are m and l
  Output m;
  Output l;
  Output weights;  // [B, H, R, Lk]; not given: not asked for
  Output scores;   // [B, H, R, Lk]; not given: not asked for
  // The R queries of weights and scores, ascending; empty: all.
  std::span<const int64_t> pair_rows;
  ScoreStage score_stage = ScoreStage::biased;  // of scores
  // The keys are a part of what the rows see: o is not divided by l. No
  // weights.
  bool is_partial = false;

  int64_t pair_row_count() const {
    return pair_rows.empty() ? shape.q_len : std::ssize(pair_rows);
  }
  // Where a query stands in weights and scores; -1: nowhere.
  int64_t pair_row(int64_t query) const {
    if (pair_rows.empty()) return query;
    const auto end = pair_rows.end();
    const auto found = std::lower_bound(pair_rows.begin(), end, query);
    return found != end && *found == query ? found - pair_rows.begin() : -1;
  }

  bool has_alibi() const { return slopes != nullptr; }
  float slope(int64_t head) const { return slopes[head * slope_step]; }
  // What ALiBi multiplies: rounded once, as the contract says.
  int64_t distance(int64_t batch, int64_t query, int64_t key) const {
    return kv_positions.at(batch, key) - q_positions.at(batch, query);
  }

  DType key_type() const { return paged.given() ? paged.dtype : k.dtype; }
  DType value_type() const { return paged.given() ? paged.dtype : v.dtype; }
  // From one d of a key to the next; of a value.
  int64_t key_step() const {
    return paged.given() ? paged.panel_keys : k.stride[3];
  }
  int64_t value_step() const { return paged.given() ? 1 : v.stride[3]; }

  int64_t kv_head(int64_t head) const {
    return head / (shape.heads / kv_heads);
  }
};

}  // namespace maskwise::detail

#endif  // MASKWISE_BACKEND_FORWARD_PROBLEM_H_
