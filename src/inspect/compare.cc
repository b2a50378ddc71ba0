#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>

#include "base/format.h"
#include "inspect/compare_gradients.h"
#include "inspect/compare_variants.h"
#include "inspect/verify_rows.h"
#include "inspect/verify_threads.h"
#include "maskwise/attention_backward.h"
#include "maskwise/inspect.h"
#include "maskwise/mask.h"

namespace maskwise {
namespace detail {
namespace {

// Added to every entry of k and v of the masked keys, to see what moves.
constexpr float kMove = 1;

// Rows that share one call for the influence on our own result.
constexpr int64_t kMostRows = 64;

// The smaller number; NaN wins, so that none is lost.
double smaller(double a, double b) { return std::isnan(a) || a < b ? a : b; }

// What one variant did to some rows.
struct Numbers {
  double row_sum_min = std::numeric_limits<double>::infinity();
  double row_sum_max = -std::numeric_limits<double>::infinity();
  double masked_weight = 0;
  double output_diff = 0;
  double influence = 0;
  double masked_gradient = 0;

  void add_weights(const float* weights, const std::vector<uint8_t>& seen) {
    double sum = 0;
    double masked = 0;
    for (size_t k = 0; k < seen.size(); ++k) {
      sum += weights[k];
      if (seen[k] == 0) masked += weights[k];
    }
    row_sum_min = smaller(sum, row_sum_min);
    row_sum_max = larger(sum, row_sum_max);
    masked_weight = larger(masked, masked_weight);
  }

  void merge(const Numbers& other) {
    row_sum_min = smaller(other.row_sum_min, row_sum_min);
    row_sum_max = larger(other.row_sum_max, row_sum_max);
    masked_weight = larger(other.masked_weight, masked_weight);
    output_diff = larger(other.output_diff, output_diff);
    influence = larger(other.influence, influence);
    masked_gradient = larger(other.masked_gradient, masked_gradient);
  }
};

using AllNumbers = std::array<Numbers, kVariants.size()>;

double largest_difference(const float* a, const float* b, int64_t count) {
  double most = 0;
  for (int64_t i = 0; i < count; ++i) {
    most = larger(std::fabs(static_cast<double>(a[i]) - b[i]), most);
  }
  return most;
}

// The keys of the flags, moved: a copy of [1, 1, Lk, width].
Tensor moved(Tensor lines, const std::vector<uint8_t>& seen) {
  const int64_t width = lines.dim(3);
  float* line = lines.mutable_data<float>();
  for (const uint8_t flag : seen) {
    for (int64_t d = 0; flag == 0 && d < width; ++d) line[d] += kMove;
    line += width;
  }
  return lines;
}

// The largest absolute entry of [1, 1, Lk, width] at keys that are not seen.
double largest_unseen(const Tensor& lines, const std::vector<uint8_t>& seen) {
  double most = 0;
  const float* entry = lines.data<float>();
  for (const uint8_t flag : seen) {
    for (int64_t d = 0; d < lines.dim(3); ++d, ++entry) {
      if (flag == 0) most = larger(std::fabs(*entry), most);
    }
  }
  return most;
}

Tensor ones(const Shape& shape) {
  Tensor tensor(DType::f32, shape);
  std::fill_n(tensor.mutable_data<float>(), tensor.size(), 1.0F);
  return tensor;
}

// The keys of one group and their values, as they are and moved.
struct GroupKeys {
  std::vector<int64_t> keys;
  std::vector<uint8_t> seen;
  Tensor v;        // [1, 1, Lk, Dv]
  Tensor moved_v;  // [1, 1, Lk, Dv]
};

// What ours gives for the rows of a group once the masked keys have moved.
struct MovedCall {
  Tensor o;                    // [1, 1, rows, Dv]
  double masked_gradient = 0;  // the largest, of k and v of masked keys
};

class Comparison {
 public:
  Comparison(const ForwardProblem& problem, const MaskPlan& plan,
             const AttentionOptions& options)
      : problem_(problem), plan_(plan), options_(options) {}

  std::vector<VariantReport> run();

 private:
  GroupKeys keys_of_group(const RowGroup& group) const;
  AllNumbers compare_group(const RowGroup& group) const;
  void compare_plain(const ProblemRow& row, const GroupKeys& keys,
                     AllNumbers& numbers) const;
  MovedCall moved_call(const RowGroup& group, const GroupKeys& keys) const;
  std::vector<float> sum_values(const std::vector<float>& weights,
                                const Tensor& v) const;
  int64_t number_of(const ProblemRow& row) const {
    const auto& shape = problem_.shape;
    return (row.batch * shape.heads + row.head) * shape.q_len + row.q;
  }
  std::optional<ProblemRow> row_without_keys() const;
  std::string fully_masked_row(Variant variant, const ProblemRow& row) const;

  const ForwardProblem& problem_;
  const MaskPlan& plan_;
  AttentionOptions options_;
  AttentionResult ours_;
};

GroupKeys Comparison::keys_of_group(const RowGroup& group) const {
  GroupKeys result;
  const int64_t kv_len = problem_.shape.kv_len;
  result.seen =
      key_flags(keys_seen(plan_.mask(), problem_.bias,
                          {group.batch, group.head, group.rows.front()}),
                kv_len);
  result.keys.resize(result.seen.size());
  std::iota(result.keys.begin(), result.keys.end(), int64_t{0});
  const ProblemRow head = {group.batch, problem_.kv_head(group.head), 0};
  result.v = cut_out(problem_.v, head, result.keys, problem_.value_dim);
  result.moved_v = moved(result.v.clone(), result.seen);
  return result;
}

MovedCall Comparison::moved_call(const RowGroup& group,
                                 const GroupKeys& keys) const {
  const auto rows = static_cast<int64_t>(group.rows.size());
  const int64_t kv_len = problem_.shape.kv_len;
  const ProblemRow head = {group.batch, problem_.kv_head(group.head), 0};
  const RowsCall call = cut_call(problem_, group, keys.keys, options_.backend);
  const Tensor k =
      moved(cut_out(problem_.k, head, keys.keys, problem_.head_dim), keys.seen);
  const TensorView seen(keys.seen.data(), DType::u8, {kv_len});
  const MaskPlan plan = compile(allow(seen).bind({1, 1, rows, kv_len}));
  const AttentionOptions options = call.with_tensors();
  const AttentionResult result =
      attention(call.q, k, keys.moved_v, plan, options);
  const AttentionGradients gradients = attention_backward(
      call.q, k, keys.moved_v, plan, result, ones(result.o.shape()), options);
  return {result.o, larger(largest_unseen(gradients.dk, keys.seen),
                           largest_unseen(gradients.dv, keys.seen))};
}

std::vector<float> Comparison::sum_values(const std::vector<float>& weights,
                                          const Tensor& v) const {
  std::vector<float> o(static_cast<size_t>(problem_.value_dim), 0.0F);
  const float* line = v.data<float>();
  for (const float weight : weights) {
    for (float& sum : o) sum += weight * *line++;
  }
  return o;
}

void Comparison::compare_plain(const ProblemRow& row, const GroupKeys& keys,
                               AllNumbers& numbers) const {
  const std::vector<float> logits = plain_logits(problem_, row, 0);
  std::vector<float> moved_logits = plain_logits(problem_, row, kMove);
  for (size_t k = 0; k < logits.size(); ++k) {
    if (keys.seen[k] != 0) moved_logits[k] = logits[k];
  }
  const float* ours =
      ours_.o.data<float>() + number_of(row) * problem_.value_dim;
  for (size_t i = 1; i < kVariants.size(); ++i) {
    const std::vector<float> weights =
        plain_weights(kVariants[i], logits, keys.seen);
    const std::vector<float> o = sum_values(weights, keys.v);
    const std::vector<float> moved_o = sum_values(
        plain_weights(kVariants[i], moved_logits, keys.seen), keys.moved_v);
    Numbers row_numbers;
    row_numbers.add_weights(weights.data(), keys.seen);
    row_numbers.output_diff =
        largest_difference(o.data(), ours, problem_.value_dim);
    row_numbers.influence =
        largest_difference(moved_o.data(), o.data(), problem_.value_dim);
    row_numbers.masked_gradient =
        plain_masked_gradient(kVariants[i], problem_, row, keys.seen, keys.v);
    numbers[i].merge(row_numbers);
  }
}

AllNumbers Comparison::compare_group(const RowGroup& group) const {
  AllNumbers numbers;
  const GroupKeys keys = keys_of_group(group);
  if (std::ranges::count(keys.seen, 1) == 0) return numbers;
  const MovedCall moved = moved_call(group, keys);
  numbers[0].masked_gradient = moved.masked_gradient;
  const float* moved_row = moved.o.data<float>();
  for (const int64_t q : group.rows) {
    const ProblemRow row = {group.batch, group.head, q};
    const int64_t number = number_of(row);
    const float* o = ours_.o.data<float>() + number * problem_.value_dim;
    Numbers ours;
    ours.add_weights(
        ours_.weights.data<float>() + number * problem_.shape.kv_len,
        keys.seen);
    ours.influence = largest_difference(moved_row, o, problem_.value_dim);
    numbers[0].merge(ours);
    compare_plain(row, keys, numbers);
    moved_row += problem_.value_dim;
  }
  return numbers;
}

// The first row that sees no key, else the last row, which is then treated as
// one; nothing when there are no rows or no keys.
std::optional<ProblemRow> Comparison::row_without_keys() const {
  const auto& [batch, heads, q_len, kv_len] = problem_.shape;
  if (batch * heads * q_len == 0 || kv_len == 0) return std::nullopt;
  for (const RowGroup& group :
       group_rows(plan_.mask(), problem_.bias, kMostRows)) {
    const ProblemRow row = {group.batch, group.head, group.rows.front()};
    if (keys_seen(plan_.mask(), problem_.bias, row).empty()) return row;
  }
  return ProblemRow{batch - 1, heads - 1, q_len - 1};
}

std::string Comparison::fully_masked_row(Variant variant,
                                         const ProblemRow& row) const {
  const int64_t kv_len = problem_.shape.kv_len;
  const std::vector<float> logits = plain_logits(problem_, row, 0);
  const std::vector<float> unmasked = plain_softmax(logits);
  const std::vector<uint8_t> seen(static_cast<size_t>(kv_len), 0);
  if (variant != Variant::masked_absent) {
    return describe_fully_masked(plain_weights(variant, logits, seen),
                                 unmasked);
  }
  const RowGroup group = {row.batch, row.head, {row.q}};
  const GroupKeys keys = keys_of_group(group);
  RowsCall call = cut_call(problem_, group, keys.keys, options_.backend);
  call.options.weights = Weights::all;
  const Tensor k =
      cut_out(problem_.k, {row.batch, problem_.kv_head(row.head), 0}, keys.keys,
              problem_.head_dim);
  const AttentionResult result =
      attention(call.q, k, keys.v, compile(none().bind({1, 1, 1, kv_len})),
                call.with_tensors());
  const float* weights = result.weights.data<float>();
  return formatted("{}, lse {}",
                   describe_fully_masked({weights, weights + kv_len}, unmasked),
                   *result.lse.data<float>());
}

std::vector<VariantReport> Comparison::run() {
  AttentionOptions options = options_;
  options.weights = Weights::all;
  ours_ =
      attention(q_of(problem_), k_of(problem_), v_of(problem_), plan_, options);
  const std::vector<RowGroup> groups =
      group_rows(plan_.mask(), problem_.bias, kMostRows);
  std::vector<AllNumbers> of_group(groups.size());
  for_each_index(groups.size(), options_.threads,
                 [&](size_t i) { of_group[i] = compare_group(groups[i]); });

  const std::optional<ProblemRow> row = row_without_keys();
  std::vector<VariantReport> reports;
  for (size_t i = 0; i < kVariants.size(); ++i) {
    Numbers total;
    for (const AllNumbers& some : of_group) total.merge(some[i]);
    if (total.row_sum_min > total.row_sum_max) {  // no row sees a key
      total.row_sum_min = total.row_sum_max = 0;
    }
    VariantReport report;
    report.variant = name_of(kVariants[i]);
    report.text = text_of(kVariants[i]);
    report.row_sum_min = total.row_sum_min;
    report.row_sum_max = total.row_sum_max;
    report.masked_weight_max = total.masked_weight;
    report.output_diff_max = total.output_diff;
    report.influence_max = total.influence;
    report.masked_gradient_max = total.masked_gradient;
    if (row) report.fully_masked_row = fully_masked_row(kVariants[i], *row);
    reports.push_back(report);
  }
  return reports;
}

}  // namespace
}  // namespace detail

std::vector<VariantReport> compare(const TensorView& q, const TensorView& k,
                                   const TensorView& v, const MaskPlan& plan,
                                   const AttentionOptions& options) {
  const detail::AttentionInputs inputs =
      detail::check_attention(q, k, v, plan.shape(), options);
  detail::require_pairs_fit("compare", inputs.problem.shape, 1);
  return detail::Comparison(inputs.problem, plan,
                            detail::whole_options(options))
      .run();
}

}  // namespace maskwise
