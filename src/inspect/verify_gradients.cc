#include "inspect/verify_gradients.h"

#include <oneapi/tbb/enumerable_thread_specific.h>

#include <mutex>
#include <numeric>

#include "attention/attention_checks.h"
#include "inspect/verify_bias_sums.h"
#include "inspect/verify_bits.h"
#include "inspect/verify_threads.h"

namespace maskwise {
namespace detail {
namespace {

// Few enough that the keys of a padding mask are work for many threads.
constexpr int64_t kMostKeys = 64;

class GradientVerifier {
 public:
  GradientVerifier(const GradientVerification& how, const LossProblem& loss,
                   const MaskPlan& plan, const AttentionOptions& options)
      : how_(how),
        problem_(loss.forward),
        options_(options),
        whole_({how.attend, how.differentiate, loss, plan, options.backend}) {}

  VerifyReport run();

 private:
  void run_whole();
  // How many masked pairs were poisoned and deleted.
  int64_t check_groups();
  int64_t check_rows(const RowGroup& group, PoisonedKeys& poisoned);
  void check_keys(const KeyGroup& group);
  void check_bias_sums();
  VerifyReport report() const;

  // One more of so many groups; from several threads.
  void tell_group(size_t groups);

  const GradientVerification& how_;
  const ForwardProblem& problem_;
  const AttentionOptions& options_;
  WholeCall whole_;
  Tensor d_scores_;  // with a bias: [B, H, Lq, Lk], of the rows by themselves
  std::vector<int64_t> row_bits_;  // that changed, of each row
  std::vector<int64_t> key_bits_;  // of each key of each kv head
  std::mutex telling_;
  size_t groups_done_ = 0;
};

void GradientVerifier::run_whole() {
  const TensorView q = q_of(problem_);
  const TensorView k = k_of(problem_);
  const TensorView v = v_of(problem_);
  const bool has_bias = problem_.bias.given();
  whole_.result = how_.attend(q, k, v, whole_.plan, options_);
  whole_.gradients = how_.differentiate(
      {.q = q,
       .k = k,
       .v = v,
       .plan = whole_.plan,
       .forward = whole_.result,
       .d_o = how_.loss.d_o,
       .options = options_,
       .gradients = {.d_lse = how_.loss.d_lse, .dbias = has_bias}});
  const auto& [batch, heads, q_len, kv_len] = problem_.shape;
  row_bits_.resize(static_cast<size_t>(batch * heads * q_len));
  key_bits_.resize(static_cast<size_t>(batch * problem_.kv_heads * kv_len));
  if (has_bias) d_scores_ = Tensor(DType::f32, {batch, heads, q_len, kv_len});
}

int64_t GradientVerifier::check_rows(const RowGroup& group,
                                     PoisonedKeys& poisoned) {
  const RowFindings found = check_row_gradients(whole_, group, poisoned);
  const auto& [batch, heads, q_len, kv_len] = problem_.shape;
  for (size_t i = 0; i < group.rows.size(); ++i) {
    const int64_t row =
        (group.batch * heads + group.head) * q_len + group.rows[i];
    row_bits_[static_cast<size_t>(row)] += found.bits[i];
    if (!d_scores_.defined()) continue;
    const float* d_score = found.d_scores.data<float>() +
                           static_cast<int64_t>(i) * std::ssize(found.keys);
    float* of_row = d_scores_.mutable_data<float>() + row * kv_len;
    for (const int64_t key : found.keys) of_row[key] = *d_score++;
  }
  return found.masked;
}

void GradientVerifier::check_keys(const KeyGroup& group) {
  const std::vector<int64_t> bits = check_key_gradients(whole_, group);
  const int64_t first =
      (group.batch * problem_.kv_heads + group.kv_head) * problem_.shape.kv_len;
  for (size_t i = 0; i < bits.size(); ++i) {
    key_bits_[static_cast<size_t>(first + group.keys[i])] += bits[i];
  }
}

void GradientVerifier::tell_group(size_t groups) {
  if (!how_.loss.progress) return;
  const std::lock_guard lock(telling_);
  ++groups_done_;
  how_.loss.progress(static_cast<double>(groups_done_) /
                     static_cast<double>(groups));
}

int64_t GradientVerifier::check_groups() {
  const BoundMask& mask = whole_.plan.mask();
  const std::vector<RowGroup> rows =
      group_rows(mask, problem_.bias, kMostWatchedRows);
  const std::vector<KeyGroup> keys =
      group_keys(mask, problem_.bias, problem_.kv_heads, kMostKeys);
  const size_t groups = rows.size() + keys.size();
  std::vector<int64_t> treated(rows.size());
  tbb::enumerable_thread_specific<PoisonedKeys> poisoned(
      [&] { return PoisonedKeys(problem_); });
  for_each_index(groups, options_.threads, [&](size_t i) {
    if (i < rows.size()) {
      treated[i] = check_rows(rows[i], poisoned.local());
    } else {
      check_keys(keys[i - rows.size()]);
    }
    tell_group(groups);
  });
  return std::accumulate(treated.begin(), treated.end(), int64_t{0});
}

// dbias of the whole call against the sums over rows by themselves. What
// differs is of the first row that an element is broadcast to.
void GradientVerifier::check_bias_sums() {
  if (!d_scores_.defined() || row_bits_.empty()) return;
  const Tensor& found = whole_.gradients.dbias;
  const Tensor expected = sum_over_pairs(d_scores_, found.shape());
  const auto& [batch, heads, q_len, kv_len] = problem_.shape;
  Shape axes(static_cast<size_t>(4 - found.rank()), 1);
  axes.insert(axes.end(), found.shape().begin(), found.shape().end());
  for (int64_t i = 0; i < found.size(); ++i) {
    const int64_t q = i / axes[3] % axes[2];
    const int64_t head = i / (axes[3] * axes[2]) % axes[1];
    const int64_t b = i / (axes[3] * axes[2] * axes[1]);
    row_bits_[static_cast<size_t>((b * heads + head) * q_len + q)] +=
        bits_between(found.data<float>()[i], expected.data<float>()[i]);
  }
}

VerifyReport GradientVerifier::report() const {
  const auto& [batch, heads, q_len, kv_len] = problem_.shape;
  VerifyReport report;
  report.rows = std::ssize(row_bits_);
  report.bits_changed =
      std::accumulate(row_bits_.begin(), row_bits_.end(), int64_t{0}) +
      std::accumulate(key_bits_.begin(), key_bits_.end(), int64_t{0});
  for (const int64_t row : first_changed(row_bits_)) {
    report.changed_rows.push_back(
        {row / (heads * q_len), row / q_len % heads, row % q_len, 0});
  }
  for (const int64_t key : first_changed(key_bits_)) {
    report.changed_keys.push_back({key / (problem_.kv_heads * kv_len),
                                   key / kv_len % problem_.kv_heads, 0,
                                   key % kv_len});
  }
  return report;
}

VerifyReport GradientVerifier::run() {
  run_whole();
  const int64_t treated = check_groups();
  check_bias_sums();
  VerifyReport result = report();
  result.poisoned = result.deleted = treated;
  return result;
}

// f16 and bf16 as f32; what is none of the three is left for the call to
// refuse.
TensorView as_f32(const TensorView& view, Tensor& copy) {
  if (!view.defined() || !is_attention_float(view.dtype())) return view;
  copy = to_f32(view);
  return copy;
}

}  // namespace

VerifyReport verify_gradients_with(const GradientVerification& how,
                                   const TensorView& q, const TensorView& k,
                                   const TensorView& v, const MaskPlan& plan,
                                   const AttentionOptions& options) {
  const AttentionInputs inputs =
      check_attention(q, k, v, plan.shape(), options);
  const ForwardProblem& problem = inputs.problem;
  const auto& [batch, heads, q_len, kv_len] = problem.shape;
  require_pairs_fit("verify_gradients", problem.shape, 2);

  GradientVerification whole = how;
  Tensor d_o;
  if (whole.loss.d_o.defined()) {
    whole.loss.d_o = as_f32(whole.loss.d_o, d_o);
    if (options.layout == Layout::blhd && whole.loss.d_o.rank() == 4) {
      whole.loss.d_o = whole.loss.d_o.permuted({0, 2, 1, 3});
    }
  } else {
    d_o = pseudo_random({batch, heads, q_len, problem.value_dim});
    whole.loss.d_o = d_o;
  }
  AttentionOptions call = whole_options(options);
  Tensor bias;
  call.bias = as_f32(call.bias, bias);
  const LossProblem loss = {problem, input_of(whole.loss.d_o),
                            input_of(whole.loss.d_lse)};
  return GradientVerifier(whole, loss, plan, call).run();
}

}  // namespace detail

VerifyReport verify_gradients(const TensorView& q, const TensorView& k,
                              const TensorView& v, const MaskPlan& plan,
                              const AttentionOptions& options,
                              const VerifiedLoss& loss) {
  const auto differentiate = [](const detail::BackwardCall& call) {
    return attention_backward(call.q, call.k, call.v, call.plan, call.forward,
                              call.d_o, call.options, call.gradients);
  };
  return detail::verify_gradients_with({attention, differentiate, loss}, q, k,
                                       v, plan, options);
}

}  // namespace maskwise
