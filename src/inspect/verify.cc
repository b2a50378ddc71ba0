#include "inspect/verify.h"

#include <oneapi/tbb/enumerable_thread_specific.h>

#include <limits>
#include <mutex>
#include <numeric>

#include "attention/attention_checks.h"
#include "inspect/verify_bits.h"
#include "inspect/verify_poison.h"
#include "inspect/verify_rows.h"
#include "inspect/verify_threads.h"
#include "maskwise/mask.h"

namespace maskwise {
namespace detail {
namespace {

constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();

// What attention says of one row.
struct RowResult {
  const float* o = nullptr;        // [Dv]
  const float* weights = nullptr;  // [Lk]
  const float* scores = nullptr;   // [Lk]
  float lse = 0;
  float m = 0;
  float l = 0;
};

// Row (b * H + h) * Lq + q of the result.
RowResult row_of(const AttentionResult& result, int64_t row) {
  const int64_t keys = result.weights.dim(3);
  return {.o = result.o.data<float>() + row * result.o.dim(3),
          .weights = result.weights.data<float>() + row * keys,
          .scores = result.scores.data<float>() + row * keys,
          .lse = result.lse.data<float>()[row],
          .m = result.m.data<float>()[row],
          .l = result.l.data<float>()[row]};
}

int64_t bits_of_sums(const RowResult& a, const RowResult& b,
                     int64_t value_dim) {
  return bits_between(a.o, b.o, value_dim) + bits_between(a.lse, b.lse) +
         bits_between(a.m, b.m) + bits_between(a.l, b.l);
}

// Every result asked for.
AttentionOptions with_all_results(AttentionOptions options) {
  options.weights = Weights::all;
  options.scores = Scores::biased;
  return options;
}

// Compares one whole call, the base, with small calls for each group of rows.
class Verifier {
 public:
  Verifier(const Verification& how, const ForwardProblem& problem,
           const MaskPlan& plan, const AttentionOptions& options)
      : attend_(how.attend),
        progress_(how.progress),
        problem_(problem),
        plan_(plan),
        options_(options),
        bits_(static_cast<size_t>(problem.shape.batch * problem.shape.heads *
                                  problem.shape.q_len)) {}

  VerifyReport run();

 private:
  // How many masked pairs were poisoned and deleted.
  int64_t check_groups();
  int64_t check_group(const RowGroup& group, PoisonedKeys& poisoned);
  void check_poisoned(const RowGroup& group, const std::vector<uint8_t>& seen,
                      PoisonedKeys& poisoned);
  void check_deleted(const RowGroup& group, const std::vector<uint8_t>& seen,
                     const std::vector<int64_t>& keys);
  int64_t row_number(const RowGroup& group, int64_t i) const {
    const auto& [batch, heads, q_len, kv_len] = problem_.shape;
    return (group.batch * heads + group.head) * q_len +
           group.rows[static_cast<size_t>(i)];
  }

  // One more of so many groups; from several threads.
  void tell_group(size_t groups);

  const Attend& attend_;
  const Progress& progress_;
  const ForwardProblem& problem_;
  const MaskPlan& plan_;
  AttentionOptions options_;
  AttentionResult base_;
  std::vector<int64_t> bits_;  // that changed, of each row
  std::mutex telling_;
  size_t groups_done_ = 0;
};

// Under the mask of the group's rows, and with the row that sees the others.
void Verifier::check_poisoned(const RowGroup& group,
                              const std::vector<uint8_t>& seen,
                              PoisonedKeys& poisoned) {
  const int64_t kv_len = problem_.shape.kv_len;
  const auto rows = static_cast<int64_t>(group.rows.size());
  RowGroup watched = group;
  watched.rows.push_back(group.rows.back());
  std::vector<int64_t> keys(seen.size());
  std::iota(keys.begin(), keys.end(), int64_t{0});
  RowsCall call = cut_call(problem_, watched, keys, options_.backend);
  if (call.bias.defined()) call.bias = poisoned_bias(call.bias, seen);
  poisoned.poison_unseen(group.batch, problem_.kv_head(group.head), seen);
  const TensorView q(call.q.bytes(), DType::f32,
                     {kPoisonCount, 1, rows + 1, problem_.head_dim},
                     {0, 0, problem_.head_dim, 1});
  const AttentionResult result =
      attend_(q, poisoned.k(), poisoned.v(), watched_plan(seen, rows),
              with_all_results(call.with_tensors()));
  for (int64_t kind = 0; kind < kPoisonCount; ++kind) {
    for (int64_t i = 0; i < rows; ++i) {
      const int64_t number = row_number(group, i);
      const RowResult expected = row_of(base_, number);
      const RowResult found = row_of(result, kind * (rows + 1) + i);
      bits_[static_cast<size_t>(number)] +=
          bits_of_sums(found, expected, problem_.value_dim) +
          bits_between(found.weights, expected.weights, kv_len) +
          bits_between(found.scores, expected.scores, kv_len);
    }
  }
}

void Verifier::check_deleted(const RowGroup& group,
                             const std::vector<uint8_t>& seen,
                             const std::vector<int64_t>& keys) {
  const auto rows = static_cast<int64_t>(group.rows.size());
  const int64_t kv_head = problem_.kv_head(group.head);
  const RowsCall call = cut_call(problem_, group, keys, options_.backend);
  const ProblemRow head = {group.batch, kv_head, 0};
  const Tensor k = cut_out(problem_.k, head, keys, problem_.head_dim);
  const Tensor v = cut_out(problem_.v, head, keys, problem_.value_dim);
  const AttentionShape shape = {1, 1, rows, static_cast<int64_t>(keys.size())};
  const AttentionResult result =
      attend_(call.q, k, v, compile(all().bind(shape)),
              with_all_results(call.with_tensors()));
  for (int64_t i = 0; i < rows; ++i) {
    const int64_t number = row_number(group, i);
    const RowResult expected = row_of(base_, number);
    const RowResult found = row_of(result, i);
    int64_t bits = bits_of_sums(found, expected, problem_.value_dim);
    for (size_t key = 0, at = 0; key < seen.size(); ++key) {
      const bool is_there = seen[key] != 0;
      bits += bits_between(expected.weights[key],
                           is_there ? found.weights[at] : 0.0F);
      bits += bits_between(expected.scores[key],
                           is_there ? found.scores[at] : kMinusInfinity);
      if (is_there) ++at;
    }
    bits_[static_cast<size_t>(number)] += bits;
  }
}

int64_t Verifier::check_group(const RowGroup& group, PoisonedKeys& poisoned) {
  const KeyIntervals intervals =
      keys_seen(plan_.mask(), problem_.bias,
                {group.batch, group.head, group.rows.front()});
  const std::vector<int64_t> keys = keys_of(intervals);
  const int64_t masked =
      problem_.shape.kv_len - static_cast<int64_t>(keys.size());
  if (masked == 0) return 0;
  const auto seen = key_flags(intervals, problem_.shape.kv_len);
  check_poisoned(group, seen, poisoned);
  check_deleted(group, seen, keys);
  return masked * static_cast<int64_t>(group.rows.size());
}

void Verifier::tell_group(size_t groups) {
  if (!progress_) return;
  const std::lock_guard lock(telling_);
  ++groups_done_;
  progress_(static_cast<double>(groups_done_) / static_cast<double>(groups));
}

int64_t Verifier::check_groups() {
  const std::vector<RowGroup> groups =
      group_rows(plan_.mask(), problem_.bias, kMostWatchedRows);
  std::vector<int64_t> treated(groups.size());
  tbb::enumerable_thread_specific<PoisonedKeys> poisoned(
      [&] { return PoisonedKeys(problem_); });
  for_each_index(groups.size(), options_.threads, [&](size_t i) {
    treated[i] = check_group(groups[i], poisoned.local());
    tell_group(groups.size());
  });
  return std::accumulate(treated.begin(), treated.end(), int64_t{0});
}

VerifyReport Verifier::run() {
  base_ = attend_(q_of(problem_), k_of(problem_), v_of(problem_), plan_,
                  with_all_results(options_));
  VerifyReport report;
  report.rows = static_cast<int64_t>(bits_.size());
  report.poisoned = report.deleted = check_groups();
  report.bits_changed = std::accumulate(bits_.begin(), bits_.end(), int64_t{0});
  const auto& [batch, heads, q_len, kv_len] = problem_.shape;
  for (const int64_t number : first_changed(bits_)) {
    report.changed_rows.push_back(
        {number / (heads * q_len), number / q_len % heads, number % q_len, 0});
  }
  return report;
}

}  // namespace

VerifyReport verify_with(const Verification& how, const TensorView& q,
                         const TensorView& k, const TensorView& v,
                         const MaskPlan& plan,
                         const AttentionOptions& options) {
  const AttentionInputs inputs =
      check_attention(q, k, v, plan.shape(), options);
  require_pairs_fit("verify", inputs.problem.shape, 2);
  return Verifier(how, inputs.problem, plan, whole_options(options)).run();
}

}  // namespace detail

VerifyReport verify(const TensorView& q, const TensorView& k,
                    const TensorView& v, const MaskPlan& plan,
                    const AttentionOptions& options, const Progress& progress) {
  return detail::verify_with({attention, progress}, q, k, v, plan, options);
}

}  // namespace maskwise
