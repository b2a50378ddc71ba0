#include "maskwise/partial.h"

#include <cstdint>
#include <string>
#include <string_view>

#include "attention/attention_call.h"
#include "attention/attention_outputs.h"
#include "backend/row_math.h"
#include "base/fail.h"
#include "base/format.h"
#include "base/fp_environment.h"

namespace maskwise {
namespace detail {
namespace {

void check_partial_options(const AttentionOptions& options) {
  const auto refuse = [](bool asked, std::string_view what) {
    if (!asked) return;
    fail(ErrorCode::invalid_argument, "attention_partial",
         "{} are asked for; expected none (attention() returns them)", what);
  };
  refuse(options.weights != Weights::none, "weights");
  refuse(options.scores != Scores::none, "scores");
  refuse(!options.pair_rows.empty(), "chosen rows of weights and scores");
}

// The rows of a partial, whatever its layout.
struct PartialRows {
  int64_t batch = 0;
  int64_t heads = 0;
  int64_t q_len = 0;
  int64_t value_dim = 0;
  Layout layout = Layout::bhld;

  // Calls visit(row, at): a row of m and l, and where the same begins in a.
  template <typename Visit>
  void for_each(Visit visit) const {
    const bool is_bhld = layout == Layout::bhld;
    const int64_t head_step = (is_bhld ? q_len : 1) * value_dim;
    const int64_t q_step = (is_bhld ? 1 : heads) * value_dim;
    int64_t row = 0;
    for (int64_t b = 0; b < batch; ++b) {
      for (int64_t h = 0; h < heads; ++h) {
        for (int64_t q = 0; q < q_len; ++q, ++row) {
          visit(row,
                b * heads * q_len * value_dim + h * head_step + q * q_step);
        }
      }
    }
  }
};

std::string description_of(const Tensor& tensor) {
  if (!tensor.defined()) return "nothing";
  return formatted("{} {}", name_of(tensor.dtype()), to_string(tensor.shape()));
}

void check_tensor(std::string_view operation, std::string_view name,
                  const Tensor& tensor, const Shape& expected) {
  if (tensor.defined() && tensor.dtype() == DType::f32 &&
      tensor.shape() == expected) {
    return;
  }
  fail(ErrorCode::shape_mismatch, operation, "expected {} as f32 {}, got {}",
       name, to_string(expected), description_of(tensor));
}

// Throws Error unless the three tensors of `partial` are of the same rows.
PartialRows checked_rows(std::string_view operation,
                         const PartialAttention& partial) {
  const Tensor& a = partial.a;
  if (!a.defined() || a.rank() != 4) {
    fail(ErrorCode::shape_mismatch, operation, "expected a as f32 {}, got {}",
         partial.layout == Layout::bhld ? "[B, H, Lq, Dv]" : "[B, Lq, H, Dv]",
         description_of(a));
  }
  check_tensor(operation, "a", a, a.shape());
  const bool is_bhld = partial.layout == Layout::bhld;
  const PartialRows rows = {.batch = a.dim(0),
                            .heads = a.dim(is_bhld ? 1 : 2),
                            .q_len = a.dim(is_bhld ? 2 : 1),
                            .value_dim = a.dim(3),
                            .layout = partial.layout};
  const Shape expected = {rows.batch, rows.heads, rows.q_len};
  check_tensor(operation, "m", partial.m, expected);
  check_tensor(operation, "l", partial.l, expected);
  return rows;
}

// Two partials with the rows of the first. Different layouts are refused, as
// are different shapes.
PartialRows checked_pair(const PartialAttention& into,
                         const PartialAttention& later) {
  const PartialRows rows = checked_rows("merge", into);
  checked_rows("merge", later);
  if (later.layout != into.layout) {
    fail(ErrorCode::invalid_argument, "merge",
         "expected both in one layout, got bhld and blhd; permute one");
  }
  if (later.a.shape() != into.a.shape()) {
    fail(ErrorCode::shape_mismatch, "merge",
         "expected a of shape {}, got {}; only parts of the same rows merge",
         to_string(into.a.shape()), to_string(later.a.shape()));
  }
  return rows;
}

}  // namespace
}  // namespace detail

PartialAttention attention_partial(const TensorView& q, const TensorView& k,
                                   const TensorView& v, const MaskPlan& plan,
                                   const AttentionOptions& options) {
  const detail::FpEnvironment environment;
  const Isa isa = devices().choose(options.isa);
  detail::check_partial_options(options);
  detail::AttentionInputs inputs = detail::check_call(q, k, v, plan, options);
  inputs.problem.is_partial = true;
  const AttentionResult sums = detail::make_outputs(inputs.problem, options);
  detail::run_forward(inputs.problem, plan, options, {isa, options.threads});
  return {sums.o, sums.m, sums.l, options.layout};
}

void merge(PartialAttention& into, const PartialAttention& later) {
  const detail::FpEnvironment environment;
  const detail::PartialRows rows = detail::checked_pair(into, later);
  auto* a = into.a.mutable_data<float>();
  auto* m = into.m.mutable_data<float>();
  auto* l = into.l.mutable_data<float>();
  const auto* later_a = later.a.data<float>();
  const auto* later_m = later.m.data<float>();
  const auto* later_l = later.l.data<float>();
  rows.for_each([&](int64_t row, int64_t at) {
    const detail::RowMerge merged = detail::merge_of(m[row], later_m[row]);
    l[row] = detail::stored(merged.sum(l[row], later_l[row]));
    m[row] = detail::stored_max(merged.m, l[row]);
    for (int64_t d = at; d < at + rows.value_dim; ++d) {
      a[d] = detail::stored(merged.sum(a[d], later_a[d]));
    }
  });
}

AttentionResult finish(const PartialAttention& partial, DType o_type) {
  const detail::FpEnvironment environment;
  const detail::PartialRows rows = detail::checked_rows("finish", partial);
  if (!detail::is_attention_float(o_type)) {
    detail::fail(ErrorCode::invalid_argument, "finish",
                 "expected o of type f32, f16 or bf16, got {}",
                 name_of(o_type));
  }
  AttentionResult result;
  result.o = partial.a.clone();
  result.m = partial.m.clone();
  result.l = partial.l.clone();
  result.lse = Tensor(DType::f32, partial.l.shape());
  auto* o = result.o.mutable_data<float>();
  auto* lse = result.lse.mutable_data<float>();
  const auto* m = partial.m.data<float>();
  const auto* l = partial.l.data<float>();
  rows.for_each([&](int64_t row, int64_t at) {
    lse[row] = detail::stored_lse(m[row], l[row]);
    const float r = detail::inverse_of(l[row]);
    for (int64_t d = at; d < at + rows.value_dim; ++d) {
      o[d] = detail::stored(o[d] * r);
    }
  });
  if (o_type != DType::f32) result.o = from_f32(result.o, o_type);
  return result;
}

}  // namespace maskwise
