#include "inspect/verify_gradient_groups.h"

#include <algorithm>
#include <numeric>

#include "inspect/verify_bits.h"
#include "inspect/verify_rows.h"
#include "maskwise/mask.h"

namespace maskwise::detail {
namespace {

std::vector<int64_t> count_up(int64_t count) {
  std::vector<int64_t> numbers(static_cast<size_t>(count));
  std::iota(numbers.begin(), numbers.end(), int64_t{0});
  return numbers;
}

const float* line_of(const Tensor& tensor, int64_t line) {
  return tensor.data<float>() + line * tensor.dim(3);
}

// Line i of one [.., .., .., width] against line j of another.
int64_t bits_of_lines(const Tensor& a, int64_t i, const Tensor& b, int64_t j) {
  return bits_between(line_of(a, i), line_of(b, j), a.dim(3));
}

int64_t bits_of_numbers(const Tensor& a, int64_t i, const Tensor& b,
                        int64_t j) {
  return bits_between(a.data<float>()[i], b.data<float>()[j]);
}

AttentionGradients differentiate(const WholeCall& whole, const LossCall& call,
                                 const TensorView& k, const TensorView& v,
                                 const MaskPlan& plan,
                                 const AttentionResult& forward) {
  return whole.differentiate({.q = call.rows.q,
                              .k = k,
                              .v = v,
                              .plan = plan,
                              .forward = forward,
                              .d_o = call.d_o,
                              .options = call.rows.with_tensors(),
                              .gradients = call.gradients()});
}

// Results and gradients of one call.
struct BothWays {
  AttentionResult result;
  AttentionGradients gradients;
};

BothWays both_ways(const WholeCall& whole, const LossCall& call,
                   const TensorView& k, const TensorView& v,
                   const MaskPlan& plan) {
  BothWays found;
  found.result =
      whole.attend(call.rows.q, k, v, plan, call.rows.with_tensors());
  found.gradients = differentiate(whole, call, k, v, plan, found.result);
  return found;
}

// The rows of one group.
class RowCheck {
 public:
  RowCheck(const WholeCall& whole, const RowGroup& group)
      : whole_(whole),
        problem_(whole.loss.forward),
        group_(group),
        rows_(std::ssize(group.rows)) {}

  RowFindings run(PoisonedKeys& poisoned);

 private:
  void run_alone();
  void check_poisoned(const std::vector<uint8_t>& seen, PoisonedKeys& poisoned);
  int64_t bits_of_row(const BothWays& found, int64_t at, int64_t i) const;
  int64_t bits_of_copy(const AttentionGradients& found, int64_t kind,
                       const std::vector<uint8_t>& seen) const;

  const WholeCall& whole_;
  const ForwardProblem& problem_;
  const RowGroup& group_;
  const int64_t rows_;
  AttentionGradients alone_;
  RowFindings findings_;
};

// Of row `at` of a small call, against row i of the group in the whole one.
int64_t RowCheck::bits_of_row(const BothWays& found, int64_t at,
                              int64_t i) const {
  const AttentionResult& result = whole_.result;
  const int64_t number = (group_.batch * problem_.shape.heads + group_.head) *
                             problem_.shape.q_len +
                         group_.rows[static_cast<size_t>(i)];
  return bits_of_lines(found.result.o, at, result.o, number) +
         bits_of_numbers(found.result.m, at, result.m, number) +
         bits_of_numbers(found.result.l, at, result.l, number) +
         bits_of_lines(found.gradients.dq, at, whole_.gradients.dq, number);
}

// With the keys that the rows see, and no other key in memory.
void RowCheck::run_alone() {
  const std::vector<int64_t>& keys = findings_.keys;
  const ProblemRow head = {group_.batch, problem_.kv_head(group_.head), 0};
  const BothWays found = both_ways(
      whole_, cut_loss_call(whole_.loss, group_, keys, whole_.backend),
      cut_out(problem_.k, head, keys, problem_.head_dim),
      cut_out(problem_.v, head, keys, problem_.value_dim),
      compile(all().bind({1, 1, rows_, std::ssize(keys)})));
  for (int64_t i = 0; i < rows_; ++i) {
    findings_.bits.push_back(bits_of_row(found, i, i));
  }
  alone_ = found.gradients;
  findings_.d_scores = alone_.dbias;
}

// What one copy of a poisoned call, which has a row more, gives the pairs of
// its rows and the keys that they see: the same as without the other keys.
int64_t RowCheck::bits_of_copy(const AttentionGradients& found, int64_t kind,
                               const std::vector<uint8_t>& seen) const {
  const auto kv_len = std::ssize(seen);
  int64_t bits = 0;
  int64_t at = 0;
  for (int64_t key = 0; key < kv_len; ++key) {
    const bool is_seen = seen[static_cast<size_t>(key)] != 0;
    for (int64_t i = 0; i < rows_ && found.dbias.defined(); ++i) {
      bits += bits_between(line_of(found.dbias, kind * (rows_ + 1) + i)[key],
                           is_seen ? line_of(alone_.dbias, i)[at] : 0.0F);
    }
    if (!is_seen) continue;
    bits += bits_of_lines(found.dk, kind * kv_len + key, alone_.dk, at) +
            bits_of_lines(found.dv, kind * kv_len + key, alone_.dv, at);
    ++at;
  }
  return bits;
}

// Under the mask of the rows, and with the row that sees the other keys.
void RowCheck::check_poisoned(const std::vector<uint8_t>& seen,
                              PoisonedKeys& poisoned) {
  RowGroup watched = group_;
  watched.rows.push_back(group_.rows.back());
  const uint8_t sees_any = findings_.keys.empty() ? 0 : 1;
  std::vector<uint8_t> kept(static_cast<size_t>(rows_), sees_any);
  kept.push_back(1);
  LossCall call = with_poisoned_rows(
      cut_loss_call(whole_.loss, watched, count_up(std::ssize(seen)),
                    whole_.backend),
      kept);
  Tensor& bias = call.rows.bias;
  if (bias.defined()) bias = poisoned_bias(bias, seen);
  poisoned.poison_unseen(group_.batch, problem_.kv_head(group_.head), seen);
  const BothWays found = both_ways(whole_, call, poisoned.k(), poisoned.v(),
                                   watched_plan(seen, rows_));
  for (int64_t kind = 0; kind < kPoisonCount; ++kind) {
    for (int64_t i = 0; i < rows_; ++i) {
      findings_.bits[static_cast<size_t>(i)] +=
          bits_of_row(found, kind * (rows_ + 1) + i, i);
    }
    findings_.bits.front() += bits_of_copy(found.gradients, kind, seen);
  }
}

RowFindings RowCheck::run(PoisonedKeys& poisoned) {
  const int64_t kv_len = problem_.shape.kv_len;
  const KeyIntervals intervals =
      keys_seen(whole_.plan.mask(), problem_.bias,
                {group_.batch, group_.head, group_.rows.front()});
  findings_.keys = keys_of(intervals);
  findings_.masked = (kv_len - std::ssize(findings_.keys)) * rows_;
  run_alone();
  if (findings_.masked > 0) {
    check_poisoned(key_flags(intervals, kv_len), poisoned);
  }
  return findings_;
}

// A bias once for each kind of poison, which the pairs that are not kept hold.
Tensor poisoned_pairs(const Tensor& bias, const std::vector<uint8_t>& kept) {
  const Shape pairs = {1, 1, bias.size(), 1};
  const Tensor copies = poisoned_lines(
      Tensor::copy_of(TensorView(bias.bytes(), DType::f32, pairs)), kept);
  return Tensor::copy_of(
      TensorView(copies.bytes(), DType::f32,
                 {kPoisonCount, bias.dim(1), bias.dim(2), bias.dim(3)}));
}

// The keys of one group.
class KeyCheck {
 public:
  KeyCheck(const WholeCall& whole, const KeyGroup& group)
      : whole_(whole),
        problem_(whole.loss.forward),
        group_(group),
        heads_(problem_.shape.heads / problem_.kv_heads),
        seen_(key_flags(group.rows, heads_ * problem_.shape.q_len)),
        bits_(group.keys.size(), 0) {}

  std::vector<int64_t> run();

 private:
  // The queries in all heads of the kv head.
  RowGroup rows_of(const std::vector<int64_t>& queries) const {
    return {group_.batch, group_.kv_head * heads_, queries};
  }
  LossCall cut_call_of(const RowGroup& rows,
                       const std::vector<int64_t>& keys) const {
    return cut_loss_call(whole_.loss, rows, keys, whole_.backend, heads_);
  }
  Tensor cut_keys(const Input& input, const std::vector<int64_t>& keys,
                  int64_t width) const {
    return cut_out(input, {group_.batch, group_.kv_head, 0}, keys, width);
  }
  bool sees(int64_t head, int64_t q) const {
    return seen_[static_cast<size_t>(head * problem_.shape.q_len + q)] != 0;
  }
  void check_deleted();
  void check_poisoned();
  void add_bits(const AttentionGradients& found, int64_t line, size_t key);

  const WholeCall& whole_;
  const ForwardProblem& problem_;
  const KeyGroup& group_;
  const int64_t heads_;
  const std::vector<uint8_t> seen_;  // by which rows: [heads][Lq]
  std::vector<int64_t> bits_;
};

// dk and dv of one key in a small call.
void KeyCheck::add_bits(const AttentionGradients& found, int64_t line,
                        size_t key) {
  const int64_t number = (group_.batch * problem_.kv_heads + group_.kv_head) *
                             problem_.shape.kv_len +
                         group_.keys[key];
  bits_[key] += bits_of_lines(found.dk, line, whole_.gradients.dk, number) +
                bits_of_lines(found.dv, line, whole_.gradients.dv, number);
}

// The keys and the rows that see them, without any other in memory.
void KeyCheck::check_deleted() {
  const RowGroup rows = rows_of(queries_of(group_, problem_.shape.q_len));
  const std::vector<int64_t>& keys = group_.keys;
  const auto queries = std::ssize(rows.rows);
  Tensor allowed(DType::boolean, {heads_, queries, 1});
  auto* out = allowed.mutable_data<bool>();
  for (int64_t head = 0; head < heads_; ++head) {
    for (const int64_t q : rows.rows) *out++ = sees(head, q);
  }
  const AttentionGradients found = differentiate(
      whole_, cut_call_of(rows, keys),
      cut_keys(problem_.k, keys, problem_.head_dim),
      cut_keys(problem_.v, keys, problem_.value_dim),
      compile(allow(allowed).bind({1, heads_, queries, std::ssize(keys)})),
      cut_result(whole_.result, rows, heads_));
  for (size_t key = 0; key < keys.size(); ++key) {
    add_bits(found, static_cast<int64_t>(key), key);
  }
}

// All rows, and poison in those that do not see the keys. Behind each key
// stands another that holds poison, too, and that these rows see: it makes a
// kernel walk them where it walks the key.
void KeyCheck::check_poisoned() {
  const int64_t q_len = problem_.shape.q_len;
  const RowGroup rows = rows_of(count_up(q_len));
  std::vector<int64_t> keys;
  std::vector<uint8_t> is_own;
  for (const int64_t key : group_.keys) {
    keys.insert(keys.end(), {key, key});
    is_own.insert(is_own.end(), {1, 0});
  }
  const auto columns = std::ssize(keys);
  Tensor allowed(DType::boolean, {heads_, q_len, columns});
  std::vector<uint8_t> own_pairs;
  auto* out = allowed.mutable_data<bool>();
  for (const uint8_t sees : seen_) {
    for (const uint8_t own : is_own) {
      *out++ = sees == own;
      own_pairs.push_back(sees & own);
    }
  }
  LossCall call = with_poisoned_rows(cut_call_of(rows, keys), seen_);
  Tensor& bias = call.rows.bias;
  if (bias.defined()) bias = poisoned_pairs(bias, own_pairs);
  const AttentionGradients found = differentiate(
      whole_, call,
      poisoned_lines(cut_keys(problem_.k, keys, problem_.head_dim), is_own),
      poisoned_lines(cut_keys(problem_.v, keys, problem_.value_dim), is_own),
      compile(allow(allowed).bind({kPoisonCount, heads_, q_len, columns})),
      with_poisoned_rows(cut_result(whole_.result, rows, heads_), seen_));
  for (int64_t line = 0; line < kPoisonCount * columns; line += 2) {
    add_bits(found, line, static_cast<size_t>(line % columns / 2));
  }
}

std::vector<int64_t> KeyCheck::run() {
  check_deleted();
  if (std::ranges::count(seen_, 0) > 0) check_poisoned();
  return bits_;
}

}  // namespace

RowFindings check_row_gradients(const WholeCall& whole, const RowGroup& group,
                                PoisonedKeys& poisoned) {
  return RowCheck(whole, group).run(poisoned);
}

std::vector<int64_t> check_key_gradients(const WholeCall& whole,
                                         const KeyGroup& group) {
  return KeyCheck(whole, group).run();
}

}  // namespace maskwise::detail
