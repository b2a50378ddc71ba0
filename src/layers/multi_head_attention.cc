#include "maskwise/nn/multi_head_attention.h"

#include <cmath>
#include <string_view>
#include <vector>

#include "base/fail.h"
#include "layers/heads.h"
#include "layers/rows.h"
#include "layers/token_ids.h"
#include "maskwise/attention_backward.h"

namespace maskwise::nn {
namespace {

using detail::Into;
using detail::Rows;
using maskwise::detail::fail;

constexpr std::string_view kOperation = "multi_head_attention";

MultiHeadAttentionOptions checked(MultiHeadAttentionOptions options) {
  if (options.kv_heads == 0) options.kv_heads = options.heads;
  const auto& [features, heads, kv_heads, rotary_base] = options;
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
  const bool turns = rotary_base != 0;
  if (turns && (!(rotary_base > 1) || !std::isfinite(rotary_base))) {
    fail(ErrorCode::invalid_argument, kOperation,
         "a rotary base of {}; expected a finite number above 1, or 0 for none",
         rotary_base);
  }
  if (turns && features / heads % 2 != 0) {
    fail(ErrorCode::invalid_argument, kOperation,
         "heads of {} features under rotary positions; expected an even number",
         features / heads);
  }
  return options;
}

// x as rows, once its shape is the plan's [B, length, E].
Rows rows_for(std::string_view name, const TensorView& view,
              const Shape& expected, const AttentionShape& mask) {
  if (view.defined() && view.shape() != expected) {
    fail(ErrorCode::shape_mismatch, kOperation,
         "expected {} of shape {}, got {}; the mask is of shape {}", name,
         to_string(expected), to_string(view.shape()), to_string(mask));
  }
  return Rows(kOperation, name, view, expected.back());
}

void check_heads(const MaskPlan& plan, int64_t heads) {
  if (plan.shape().heads == heads) return;
  fail(ErrorCode::shape_mismatch, kOperation,
       "expected a plan of {} heads, got one of {}", heads, plan.shape().heads);
}

// The positions of rows of [batch, length]: read under rotary positions alone,
// where queries and keys are the same tokens.
detail::RowPositions positions_of(const MultiHeadAttention& layer,
                                  const AttentionShape& shape,
                                  const TokenRows& rows) {
  if (layer.rotary_base() == 0) return {};
  if (shape.q_len != shape.kv_len) {
    fail(ErrorCode::shape_mismatch, kOperation,
         "{} queries and {} keys under rotary positions; expected the same "
         "tokens (self-attention)",
         shape.q_len, shape.kv_len);
  }
  return detail::rows_for(kOperation, rows, shape.batch, shape.q_len).positions;
}

void check_result(const MultiHeadAttention& layer, const AttentionShape& shape,
                  const MultiHeadAttentionResult& result) {
  const Shape of_heads = {shape.batch, shape.q_len, layer.heads(),
                          layer.head_dim()};
  detail::check_kept(kOperation, "result.q", result.q, of_heads);
  detail::check_kept(
      kOperation, "result.kv", result.kv,
      {shape.batch, shape.kv_len, 2, layer.kv_heads(), layer.head_dim()});
  detail::check_kept(kOperation, "result.attention.o", result.attention.o,
                     of_heads);
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
    Weights weights, const Compute& compute, const TokenRows& tokens) const {
  const auto [batch, plan_heads, q_len, kv_len] = plan.shape();
  const Rows x_rows =
      rows_for("x", x, {batch, q_len, features()}, plan.shape());
  const Rows m_rows =
      rows_for("memory", memory, {batch, kv_len, features()}, plan.shape());
  check_heads(plan, heads());
  const detail::RowPositions positions =
      positions_of(*this, plan.shape(), tokens);
  MultiHeadAttentionResult result;
  result.q = Tensor::unfilled(DType::f32, {batch, q_len, heads(), head_dim()});
  result.kv =
      Tensor::unfilled(DType::f32, {batch, kv_len, 2, kv_heads(), head_dim()});
  detail::project_queries(*this, x_rows.span(), positions,
                          result.q.mutable_data<float>(), compute);
  detail::project_keys(*this, m_rows.span(), positions,
                       result.kv.mutable_data<float>(), compute);
  result.attention = attention(result.q, detail::part_of(result.kv, 0),
                               detail::part_of(result.kv, 1), plan,
                               detail::options_for(compute, weights));
  const TensorView heads_side_by_side(result.attention.o.data<float>(),
                                      DType::f32, {batch, q_len, features()});
  result.y = out_proj.forward(heads_side_by_side, compute);
  return result;
}

// More than 6 parameters because it takes what forward() took and gave.
MultiHeadAttentionGradients MultiHeadAttention::backward(
    const TensorView& x, const TensorView& memory, const MaskPlan& plan,
    const MultiHeadAttentionResult& result, const TensorView& d_y,
    const Compute& compute, const TokenRows& tokens) {
  const auto [batch, plan_heads, q_len, kv_len] = plan.shape();
  const Rows x_rows =
      rows_for("x", x, {batch, q_len, features()}, plan.shape());
  const Rows m_rows =
      rows_for("memory", memory, {batch, kv_len, features()}, plan.shape());
  check_heads(plan, heads());
  check_result(*this, plan.shape(), result);
  const detail::RowPositions positions =
      positions_of(*this, plan.shape(), tokens);
  const AttentionResult& forward = result.attention;
  const TensorView o(forward.o.data<float>(), DType::f32,
                     {batch, q_len, features()});
  const Tensor d_o = out_proj.backward(o, d_y, compute);
  AttentionGradients d = attention_backward(
      result.q, detail::part_of(result.kv, 0), detail::part_of(result.kv, 1),
      plan, forward,
      TensorView(d_o.data<float>(), DType::f32, forward.o.shape()),
      detail::options_for(compute, Weights::none));
  detail::turn_back(*this, positions, d.dq);
  detail::turn_back(*this, positions, d.dk);

  MultiHeadAttentionGradients gradients = {
      .d_x = Tensor::unfilled(DType::f32, {batch, q_len, features()}),
      .d_memory = Tensor::unfilled(DType::f32, {batch, kv_len, features()})};
  const int64_t kv_width = kv_heads() * head_dim();
  const auto back = [&](const Tensor& d_heads, const Rows& rows, int64_t first,
                        Tensor& d_rows, Into into) {
    detail::project_back({d_heads, rows, first}, in_proj_weight, in_proj_bias,
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
