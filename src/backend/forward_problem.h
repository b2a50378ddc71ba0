// One forward call as backends see it: strided f32 memory, checked before.
#ifndef MASKWISE_BACKEND_FORWARD_PROBLEM_H_
#define MASKWISE_BACKEND_FORWARD_PROBLEM_H_

#include <cstdint>
#include <functional>
#include <vector>

namespace maskwise::detail {

// Four axes of f32; strides in elements, 0 where an axis is broadcast.
template <typename Float>
struct Strided {
  Float* data = nullptr;
  int64_t stride[4] = {0, 0, 0, 0};

  Float* at(int64_t i, int64_t j, int64_t k) const {
    return data + i * stride[0] + j * stride[1] + k * stride[2];
  }
  bool given() const { return data != nullptr; }
};

using Input = Strided<const float>;
using Output = Strided<float>;

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

// K and V in pages of page_keys keys, as a cache holds them: key j of item b
// is key j % page_keys of page pages[b][j / page_keys]. In a page and head K
// lies in panels of panel_keys keys, [panel][D][panel_keys], and V in rows.
struct PagedKv {
  const float* k = nullptr;  // not given: no pages
  const float* v = nullptr;
  const int32_t* pages = nullptr;  // [B][pages_per_item]
  int64_t pages_per_item = 0;
  int64_t page_keys = 0;
  int64_t panel_keys = 0;
  int64_t k_head_step = 0;  // elements from a head of a page to the next
  int64_t v_head_step = 0;
  int64_t v_row_step = 0;
  const int64_t* lengths = nullptr;  // [B]: keys of each item
  const int64_t* newest = nullptr;   // [B]: those that the queries belong to

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

  std::vector<float> alibi_slopes;    // [H]; empty: none
  std::vector<int64_t> q_positions;   // [B, Lq], with slopes
  std::vector<int64_t> kv_positions;  // [B, Lk], with slopes

  Output o;    // [B, H, Lq, Dv]
  Output lse;  // [B, H, Lq], as are m and l
  Output m;
  Output l;
  Output weights;  // [B, H, Lq, Lk]; not given: not asked for
  Output scores;   // [B, H, Lq, Lk]; not given: not asked for
  ScoreStage score_stage = ScoreStage::biased;  // of scores

  // From one d of a key to the next.
  int64_t key_step() const {
    return paged.given() ? paged.panel_keys : k.stride[3];
  }

  int64_t kv_head(int64_t head) const {
    return head / (shape.heads / kv_heads);
  }
};

}  // namespace maskwise::detail

#endif  // MASKWISE_BACKEND_FORWARD_PROBLEM_H_
