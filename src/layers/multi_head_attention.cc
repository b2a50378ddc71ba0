#include "maskwise/nn/multi_head_attention.h"

#include <string_view>
#include <vector>

#include "base/fail.h"
#include "layers/linear_rows.h"
#include "layers/rows.h"
#include "maskwise/attention_backward.h"

namespace maskwise::nn {
namespace {

using detail::ChosenRows;
using detail::ConstRows;
using detail::Into;
using detail::Rows;
using maskwise::detail::fail;

constexpr std::string_view kOperation = "multi_head_attention";

MultiHeadAttentionOptions checked(MultiHeadAttentionOptions options) {
  if (options.kv_heads == 0) options.kv_heads = options.heads;
  const auto& [features, heads, kv_heads] = options;
  if (features < 1 || heads < 1 || features % heads != 0) {
    fail(ErrorCode::invalid_argument, kOperation,
         "{} features and {} heads; expected heads that divide the features",
         features, heads);
  }
  if (kv_heads < 1 || heads % kv_heads != 0) {
    fail(ErrorCode::invalid_argument, kOperation,
         "{} heads and {} kv heads; expected kv heads that divide the heads",
         heads, kv_heads);
  }
  return options;
}

// x as rows, once its shape is [B, length, E] of the plan.
Rows rows_for(std::string_view name, const TensorView& view,
              const Shape& expected) {
  if (view.defined() && view.shape() != expected) {
    fail(ErrorCode::shape_mismatch, kOperation,
         "expected {} of shape {}, got {}", name, to_string(expected),
         to_string(view.shape()));
  }
  return Rows(kOperation, name, view, expected.back());
}

void check_heads(const MaskPlan& plan, int64_t heads) {
  if (plan.shape().heads == heads) return;
  fail(ErrorCode::shape_mismatch, kOperation,
       "expected a plan of {} heads, got one of {}", heads, plan.shape().heads);
}

// Keys or values: part 0 or 1 of [B, L, 2, Hkv, D] as [B, L, Hkv, D].
TensorView part_of(const Tensor& kv, int64_t part) {
  const int64_t size = kv.dim(3) * kv.dim(4);
  return TensorView(kv.data<float>() + part * size, DType::f32,
                    {kv.dim(0), kv.dim(1), kv.dim(3), kv.dim(4)},
                    {kv.dim(1) * 2 * size, 2 * size, kv.dim(4), 1});
}

AttentionOptions options_for(const Compute& compute, Weights weights) {
  AttentionOptions options;
  options.layout = Layout::blhd;
  options.weights = weights;
  options.isa = compute.isa;
  options.threads = compute.threads;
  return options;
}

// Where the gradient of the rows goes.
struct RowTarget {
  Tensor& d_rows;
  Into into = Into::fresh;
  const Compute& compute;
};

// Gradients of heads [B, L, H, D] that rows were projected to, by the rows of
// in_proj from `first` on.
struct Projected {
  const Tensor& d_heads;
  const Rows& rows;
  int64_t first = 0;
};

// Through the projection, into the gradients of the parameters and of the rows.
void project_back(const Projected& projected, Parameter& weight,
                  Parameter& bias, const RowTarget& target) {
  const auto& [d_heads, rows, first] = projected;
  const int64_t width = d_heads.dim(2) * d_heads.dim(3);
  const TensorView flat(d_heads.data<float>(), DType::f32,
                        {rows.count(), width});
  const Rows d_rows(kOperation, "a gradient", flat, width);
  const std::vector<int64_t> present = rows_present(d_rows);
  const int64_t offset = first * rows.width();
  detail::add_weight_gradients(ChosenRows(rows, present).span(),
                               ChosenRows(d_rows, present).span(),
                               {weight.gradient.mutable_data<float>() + offset,
                                bias.gradient.mutable_data<float>() + first},
                               target.compute);
  detail::multiply_rows_back(d_rows.span(), weight.value.data<float>() + offset,
                             {target.d_rows.mutable_data<float>(), rows.count(),
                              rows.width(), rows.width()},
                             target.into, target.compute);
}

}  // namespace

MultiHeadAttention::MultiHeadAttention(const MultiHeadAttentionOptions& options)
    : out_proj(checked(options).features, options.features),
      options_(checked(options)) {
  const int64_t rows = (heads() + 2 * kv_heads()) * head_dim();
  in_proj_weight = Parameter({rows, features()});
  in_proj_bias = Parameter({rows});
}

MultiHeadAttentionResult MultiHeadAttention::forward(
    const TensorView& x, const TensorView& memory, const MaskPlan& plan,
    Weights weights, const Compute& compute) const {
  const auto [batch, plan_heads, q_len, kv_len] = plan.shape();
  const Rows x_rows = rows_for("x", x, {batch, q_len, features()});
  const Rows m_rows = rows_for("memory", memory, {batch, kv_len, features()});
  check_heads(plan, heads());
  MultiHeadAttentionResult result;
  result.q = Tensor(DType::f32, {batch, q_len, heads(), head_dim()});
  result.kv = Tensor(DType::f32, {batch, kv_len, 2, kv_heads(), head_dim()});
  const auto* weight = in_proj_weight.value.data<float>();
  const auto* bias = in_proj_bias.value.data<float>();
  const int64_t q_width = features();
  const int64_t kv_width = 2 * kv_heads() * head_dim();
  detail::multiply_rows(
      x_rows.span(), {weight, bias},
      {result.q.mutable_data<float>(), x_rows.count(), q_width, q_width},
      compute);
  detail::multiply_rows(
      m_rows.span(), {weight + q_width * features(), bias + q_width},
      {result.kv.mutable_data<float>(), m_rows.count(), kv_width, kv_width},
      compute);
  result.attention =
      attention(result.q, part_of(result.kv, 0), part_of(result.kv, 1), plan,
                options_for(compute, weights));
  const TensorView heads_side_by_side(result.attention.o.data<float>(),
                                      DType::f32, {batch, q_len, features()});
  result.y = out_proj.forward(heads_side_by_side, compute);
  return result;
}

MultiHeadAttentionGradients MultiHeadAttention::backward(
    const TensorView& x, const TensorView& memory, const MaskPlan& plan,
    const MultiHeadAttentionResult& result, const TensorView& d_y,
    const Compute& compute) {
  const auto [batch, plan_heads, q_len, kv_len] = plan.shape();
  const Rows x_rows = rows_for("x", x, {batch, q_len, features()});
  const Rows m_rows = rows_for("memory", memory, {batch, kv_len, features()});
  check_heads(plan, heads());
  const AttentionResult& forward = result.attention;
  const Shape of_heads = {batch, q_len, heads(), head_dim()};
  detail::check_kept(kOperation, "result.q", result.q, of_heads);
  detail::check_kept(kOperation, "result.kv", result.kv,
                     {batch, kv_len, 2, kv_heads(), head_dim()});
  detail::check_kept(kOperation, "result.attention.o", forward.o, of_heads);
  const TensorView o(forward.o.data<float>(), DType::f32,
                     {batch, q_len, features()});
  const Tensor d_o = out_proj.backward(o, d_y, compute);
  const AttentionGradients d = attention_backward(
      result.q, part_of(result.kv, 0), part_of(result.kv, 1), plan, forward,
      TensorView(d_o.data<float>(), DType::f32, forward.o.shape()),
      options_for(compute, Weights::none));

  MultiHeadAttentionGradients gradients = {
      .d_x = Tensor(DType::f32, {batch, q_len, features()}),
      .d_memory = Tensor(DType::f32, {batch, kv_len, features()})};
  const int64_t kv_width = kv_heads() * head_dim();
  const auto back = [&](const Tensor& d_heads, const Rows& rows, int64_t first,
                        Tensor& d_rows, Into into) {
    project_back({d_heads, rows, first}, in_proj_weight, in_proj_bias,
                 {d_rows, into, compute});
  };
  back(d.dq, x_rows, 0, gradients.d_x, Into::fresh);
  back(d.dk, m_rows, features(), gradients.d_memory, Into::fresh);
  back(d.dv, m_rows, features() + kv_width, gradients.d_memory, Into::sum);
  return gradients;
}

void MultiHeadAttention::visit_parameters(const std::string& prefix,
                                          const ParameterVisitor& visit) {
  visit(prefix + "in_proj_weight", in_proj_weight);
  visit(prefix + "in_proj_bias", in_proj_bias);
  out_proj.visit_parameters(prefix + "out_proj.", visit);
}

}  // namespace maskwise::nn
