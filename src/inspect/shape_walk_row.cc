#include "inspect/shape_walk_row.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/fail.h"
#include "maskwise/mask.h"
#include "maskwise/mask_plan.h"

namespace maskwise::detail {
namespace {

// Channel `channel` of the embedding of `id`: uniform in [-1, 1), the same on
// every machine. Mixer: SplitMix64 (https://prng.di.unimi.it/splitmix64.c).
float embedding(int64_t id, int64_t channel) {
  uint64_t z = static_cast<uint64_t>(id) * 0xD1B54A32D192ED03 +
               static_cast<uint64_t>(channel + 1) * 0x9E3779B97F4A7C15;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
  z = (z ^ z >> 27) * 0x94D049BB133111EB;
  z ^= z >> 31;
  constexpr float kUnit = 0x1p-23F;  // of the 24 bits that a float holds
  return static_cast<float>(z >> 40) * kUnit - 1.0F;
}

void fill_head(int64_t id, int64_t head, int64_t depth, float* out) {
  for (int64_t d = 0; d < depth; ++d) {
    out[d] = embedding(id, head * depth + d);
  }
}

// `count` rows of view [B, H, L, D] from `first` = (b, h, l) on, as f32.
Tensor rows_of(const TensorView& view, const std::array<int64_t, 3>& first,
               int64_t count) {
  int64_t offset = 0;
  for (int64_t axis = 0; axis < 3; ++axis) {
    offset += first[static_cast<size_t>(axis)] * view.stride(axis);
  }
  const char* begin =
      static_cast<const char*>(view.bytes()) + offset * size_of(view.dtype());
  return to_f32(TensorView(begin, view.dtype(), {1, 1, count, view.dim(3)},
                           view.strides()));
}

std::vector<float> floats_of(const Tensor& tensor) {
  const float* first = tensor.data<float>();
  return {first, first + tensor.size()};
}

}  // namespace

WalkIds::WalkIds(const AttentionShape& shape, const TensorView& token_ids,
                 int64_t pad)
    : shape_(shape), pad_(pad) {
  if (!token_ids.defined()) return;
  const Shape wanted = {shape.batch, shape.kv_len};
  if (token_ids.shape() != wanted) {
    fail(ErrorCode::shape_mismatch, "explain",
         "expected token ids [B, Lk] = {}, got {}", to_string(wanted),
         to_string(token_ids.shape()));
  }
  ids_ = Tensor::from(wanted, to_int64(token_ids));
}

int64_t WalkIds::key(int64_t b, int64_t k) const {
  if (!ids_.defined()) return k + 1;
  return ids_.data<int64_t>()[b * shape_.kv_len + k];
}

int64_t WalkIds::query(int64_t b, int64_t q) const {
  return shape_.q_len == shape_.kv_len ? key(b, q) : -1 - q;
}

bool WalkIds::is_padded_query(int64_t b, int64_t q) const {
  return ids_.defined() && shape_.q_len == shape_.kv_len && key(b, q) == pad_;
}

RowHeads made_up_heads(const WalkIds& ids, int64_t kv_len, int64_t depth,
                       const PairIndex& row) {
  RowHeads heads = {Tensor(DType::f32, {1, 1, 1, depth}),
                    Tensor(DType::f32, {1, 1, kv_len, depth})};
  fill_head(ids.query(row.batch, row.q), row.head, depth,
            heads.q.mutable_data<float>());
  for (int64_t j = 0; j < kv_len; ++j) {
    fill_head(ids.key(row.batch, j), row.head, depth,
              heads.k.mutable_data<float>() + j * depth);
  }
  return heads;
}

RowHeads heads_of(const TensorView& q, const TensorView& k,
                  const PairIndex& row) {
  const int64_t kv_head = row.head / (q.dim(1) / k.dim(1));
  return {rows_of(q, {row.batch, row.head, row.q}, 1),
          rows_of(k, {row.batch, kv_head, 0}, k.dim(2))};
}

LogitRow logit_row(const BoundMask& mask, const RowHeads& heads,
                   std::optional<float> scale, const PairIndex& row) {
  const auto& [q, k] = heads;
  const int64_t length = mask.shape().kv_len;
  Tensor visible(DType::boolean, {length});
  for (const auto& [begin, end] : mask.row_keys(row.batch, row.head, row.q)) {
    std::fill(visible.mutable_data<bool>() + begin,
              visible.mutable_data<bool>() + end, true);
  }
  // The row alone is a whole call: what it sees is all that it depends on.
  const AttentionShape alone = {1, 1, 1, length};
  AttentionOptions options;
  options.scale = scale;
  options.scores = Scores::raw;
  options.weights = Weights::all;
  const AttentionResult before =
      attention(q, k, k, compile(all().bind(alone)), options);
  const AttentionResult after =
      attention(q, k, k, compile(allow(visible).bind(alone)), options);
  LogitRow result;
  result.row = row;
  result.before = floats_of(before.scores);
  result.masked = floats_of(after.scores);
  result.weights = floats_of(after.weights);
  return result;
}

}  // namespace maskwise::detail
