#include "inspect/verify_rows.h"

#include <algorithm>
#include <limits>
#include <unordered_map>

#include "base/fail.h"
#include "mask/intervals.h"
#include "maskwise/tensor.h"

namespace maskwise::detail {
namespace {

constexpr float kRemoves = -std::numeric_limits<float>::infinity();

void group_head(const BoundMask& mask, const Input& bias,
                const ProblemRow& head, int64_t most_rows,
                std::vector<RowGroup>& groups) {
  std::unordered_map<std::string, size_t> open;  // keys -> group with room
  for (int64_t q = 0; q < mask.shape().q_len; ++q) {
    const KeyIntervals keys = keys_seen(mask, bias, {head.batch, head.head, q});
    const auto [found, is_first] =
        open.try_emplace(bytes_of(keys), groups.size());
    const bool is_full =
        !is_first &&
        static_cast<int64_t>(groups[found->second].rows.size()) == most_rows;
    if (is_first || is_full) {
      found->second = groups.size();
      groups.push_back({head.batch, head.head, {}});
    }
    groups[found->second].rows.push_back(q);
  }
}

TensorView view_of(const Input& input, const Shape& shape) {
  return TensorView(input.data, DType::f32, shape,
                    Shape(input.stride, input.stride + 4));
}

Tensor positions_at(const Positions& positions, int64_t batch,
                    const std::vector<int64_t>& places) {
  std::vector<int64_t> chosen;
  for (const int64_t place : places) {
    chosen.push_back(positions.at(batch, place));
  }
  return Tensor::from({static_cast<int64_t>(chosen.size())}, chosen);
}

Tensor cut_bias(const ForwardProblem& problem, const RowGroup& group,
                const std::vector<int64_t>& keys, int64_t heads) {
  Tensor bias(DType::f32, {1, heads, static_cast<int64_t>(group.rows.size()),
                           static_cast<int64_t>(keys.size())});
  auto* out = bias.mutable_data<float>();
  for (int64_t h = group.head; h < group.head + heads; ++h) {
    for (const int64_t q : group.rows) {
      const float* line = problem.bias.at(group.batch, h, q);
      for (const int64_t k : keys) *out++ = line[k * problem.bias.stride[3]];
    }
  }
  return bias;
}

}  // namespace

KeyIntervals keys_seen(const BoundMask& mask, const Input& bias,
                       const ProblemRow& row) {
  KeyIntervals allowed = mask.row_keys(row.batch, row.head, row.q);
  if (!bias.given()) return allowed;
  const float* of_row = bias.at(row.batch, row.head, row.q);
  KeyIntervals seen;
  for (const KeyInterval& keys : allowed) {
    for (int64_t k = keys.begin; k < keys.end; ++k) {
      if (of_row[k * bias.stride[3]] == kRemoves) continue;
      append_interval(seen, {k, k + 1});
    }
  }
  return seen;
}

std::string bytes_of(const KeyIntervals& intervals) {
  return {reinterpret_cast<const char*>(intervals.data()),
          intervals.size() * sizeof(KeyInterval)};
}

std::vector<RowGroup> group_rows(const BoundMask& mask, const Input& bias,
                                 int64_t most_rows) {
  std::vector<RowGroup> groups;
  for (int64_t b = 0; b < mask.shape().batch; ++b) {
    for (int64_t h = 0; h < mask.shape().heads; ++h) {
      group_head(mask, bias, {b, h, 0}, most_rows, groups);
    }
  }
  return groups;
}

std::vector<int64_t> keys_of(const KeyIntervals& intervals) {
  std::vector<int64_t> keys;
  for (const KeyInterval& interval : intervals) {
    for (int64_t k = interval.begin; k < interval.end; ++k) keys.push_back(k);
  }
  return keys;
}

std::vector<uint8_t> key_flags(const KeyIntervals& intervals, int64_t kv_len) {
  std::vector<uint8_t> flags(static_cast<size_t>(kv_len), 0);
  for (const KeyInterval& interval : intervals) {
    std::fill(flags.begin() + interval.begin, flags.begin() + interval.end,
              uint8_t{1});
  }
  return flags;
}

TensorView q_of(const ForwardProblem& problem) {
  const auto& [batch, heads, q_len, kv_len] = problem.shape;
  return view_of(problem.q, {batch, heads, q_len, problem.head_dim});
}

TensorView k_of(const ForwardProblem& problem) {
  const auto& [batch, heads, q_len, kv_len] = problem.shape;
  return view_of(problem.k,
                 {batch, problem.kv_heads, kv_len, problem.head_dim});
}

TensorView v_of(const ForwardProblem& problem) {
  const auto& [batch, heads, q_len, kv_len] = problem.shape;
  return view_of(problem.v,
                 {batch, problem.kv_heads, kv_len, problem.value_dim});
}

AttentionOptions whole_options(const AttentionOptions& options) {
  AttentionOptions whole = options;
  whole.layout = Layout::bhld;
  whole.weights = Weights::none;
  whole.scores = Scores::none;
  whole.pair_rows = {};
  return whole;
}

Tensor cut_out(const Input& input, const ProblemRow& head,
               const std::vector<int64_t>& places, int64_t width,
               int64_t heads) {
  Tensor tensor(DType::f32,
                {1, heads, static_cast<int64_t>(places.size()), width});
  auto* out = tensor.mutable_data<float>();
  for (int64_t h = head.head; h < head.head + heads; ++h) {
    for (const int64_t place : places) {
      const float* line = input.at(head.batch, h, place);
      for (int64_t d = 0; d < width; ++d) *out++ = line[d * input.stride[3]];
    }
  }
  return tensor;
}

AttentionOptions RowsCall::with_tensors() const {
  AttentionOptions result = options;
  result.bias = bias.view();
  result.alibi.slopes = slopes.view();
  result.alibi.q_positions = q_positions.view();
  result.alibi.kv_positions = kv_positions.view();
  return result;
}

RowsCall cut_call(const ForwardProblem& problem, const RowGroup& group,
                  const std::vector<int64_t>& keys, Backend backend,
                  int64_t heads) {
  const ProblemRow head = {group.batch, group.head, 0};
  RowsCall call;
  call.options.scale = problem.scale;
  call.options.softcap = problem.softcap;
  call.options.backend = backend;
  call.options.threads = 1;
  call.q = cut_out(problem.q, head, group.rows, problem.head_dim, heads);
  if (problem.bias.given()) call.bias = cut_bias(problem, group, keys, heads);
  if (problem.has_alibi()) {
    std::vector<float> slopes;
    for (int64_t h = group.head; h < group.head + heads; ++h) {
      slopes.push_back(problem.slope(h));
    }
    call.slopes = Tensor::from({heads}, slopes);
    call.q_positions =
        positions_at(problem.q_positions, group.batch, group.rows);
    call.kv_positions = positions_at(problem.kv_positions, group.batch, keys);
  }
  return call;
}

void require_pairs_fit(std::string_view operation, const ProblemShape& shape,
                       int64_t tensors) {
  constexpr int64_t kMostBytes = int64_t{4} << 30;
  const int64_t pairs = element_count(
      {shape.batch, shape.heads, shape.q_len, shape.kv_len, tensors, 4});
  if (pairs <= kMostBytes) return;
  fail(ErrorCode::limit, operation,
       "the weights of a call of shape {} would take {} bytes; expected at "
       "most {}: give fewer rows, heads or batch items at a time",
       to_string(Shape{shape.batch, shape.heads, shape.q_len, shape.kv_len}),
       pairs, kMostBytes);
}

}  // namespace maskwise::detail
