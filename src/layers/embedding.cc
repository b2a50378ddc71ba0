#include "maskwise/nn/embedding.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "base/fail.h"
#include "base/fp_environment.h"
#include "layers/rows.h"
#include "layers/token_ids.h"

namespace maskwise::nn {
namespace {

using detail::Rows;
using detail::TokenIds;
using maskwise::detail::fail;
using maskwise::detail::FpEnvironment;

constexpr std::string_view kOperation = "embedding";

int64_t checked_tokens(int64_t tokens) {
  if (tokens >= 1) return tokens;
  fail(ErrorCode::invalid_argument, kOperation,
       "a vocabulary of {} tokens; expected at least 1", tokens);
}

int64_t checked_features(int64_t features) {
  if (features >= 1) return features;
  fail(ErrorCode::invalid_argument, kOperation,
       "{} features; expected at least 1", features);
}

void check_known(const TokenIds& ids, int64_t tokens, int64_t pad) {
  for (size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] == pad || (ids[i] >= 0 && ids[i] < tokens)) continue;
    const auto row = static_cast<int64_t>(i);
    fail(ErrorCode::invalid_argument, kOperation,
         "token id {} at [{}, {}]; expected ids from 0 to {}, the vocabulary",
         ids[i], row / ids.length(), row % ids.length(), tokens - 1);
  }
}

// Their rows of a table, zero for `pad`.
Tensor looked_up(const TokenIds& ids, const Tensor& table, int64_t pad) {
  const int64_t width = table.dim(1);
  Tensor y = Tensor::unfilled(DType::f32, {ids.batch(), ids.length(), width});
  auto* to = y.mutable_data<float>();
  for (const int64_t id : ids.each()) {
    to = id == pad ? std::fill_n(to, width, 0.0F)
                   : std::copy_n(table.data<float>() + id * width, width, to);
  }
  return y;
}

// The rows whose ids are looked up, by id, each id's in ascending order.
std::vector<size_t> rows_by_id(const TokenIds& ids, int64_t pad) {
  std::vector<size_t> order;
  for (size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] != pad) order.push_back(i);
  }
  std::ranges::stable_sort(order, {}, [&](size_t i) { return ids[i]; });
  return order;
}

// Reads d_y [B, L, E] as rows of these ids.
Rows gradient_rows(const TokenIds& ids, const TensorView& d_y,
                   int64_t features) {
  const Shape expected = {ids.batch(), ids.length(), features};
  if (d_y.defined() && d_y.shape() != expected) {
    fail(ErrorCode::shape_mismatch, kOperation,
         "expected d_y of shape {}, got {}", to_string(expected),
         to_string(d_y.shape()));
  }
  return Rows(kOperation, "d_y", d_y, features);
}

// Adds scale * d to the gradient of the table's rows: for each id a chain.
void add_back(const TokenIds& ids, const Rows& d, float scale, int64_t pad,
              Tensor& gradient) {
  const std::vector<size_t> order = rows_by_id(ids, pad);
  std::vector<float> sum(static_cast<size_t>(d.width()));
  for (size_t i = 0; i < order.size();) {
    const int64_t id = ids[order[i]];
    std::ranges::fill(sum, 0.0F);
    for (; i < order.size() && ids[order[i]] == id; ++i) {
      const float* row = d.at(static_cast<int64_t>(order[i]));
      for (size_t j = 0; j < sum.size(); ++j) sum[j] += row[j] * scale;
    }
    float* to = gradient.mutable_data<float>() + id * d.width();
    for (size_t j = 0; j < sum.size(); ++j) to[j] += sum[j];
  }
}

}  // namespace

Embedding::Embedding(int64_t tokens, int64_t features)
    : weight({checked_tokens(tokens), checked_features(features)}) {}

Tensor Embedding::forward(const TensorView& ids, int64_t pad) const {
  const TokenIds each(kOperation, ids);
  check_known(each, tokens(), pad);
  return looked_up(each, weight.value, pad);
}

void Embedding::backward(const TensorView& ids, const TensorView& d_y,
                         int64_t pad) {
  const FpEnvironment environment;
  const TokenIds each(kOperation, ids);
  check_known(each, tokens(), pad);
  add_back(each, gradient_rows(each, d_y, features()), 1, pad, weight.gradient);
}

void Embedding::visit_parameters(const std::string& prefix,
                                 const ParameterVisitor& visit) {
  visit(prefix + "weight", weight);
}

TokenEmbedding::TokenEmbedding(const TokenEmbeddingOptions& options)
    : embedding(options.tokens, options.features),
      options_(options),
      dropout_(options.dropout, options.dropout_site) {
  if (options.positions == Positions::sinusoidal) {
    table_ = sinusoidal_positions(options.max_length, options.features);
  }
}

Tensor TokenEmbedding::forward(const TensorView& ids,
                               const TokenRows& rows) const {
  const FpEnvironment environment;
  const TokenIds each(kOperation, ids);
  const TokenRows filled =
      detail::rows_for(kOperation, rows, each.batch(), each.length());
  check_known(each, embedding.tokens(), options_.pad);
  Tensor y = looked_up(each, embedding.weight.value, options_.pad);
  const int64_t width = options_.features;
  for (size_t i = 0; i < each.size(); ++i) {
    if (each[i] == options_.pad) continue;
    const int64_t position = filled.positions[i];
    if (position >= options_.max_length) {
      fail(
          ErrorCode::limit, kOperation,
          "a sentence of more than {} tokens; expected at most {}, the model's "
          "max_length",
          position, options_.max_length);
    }
    float* row = y.mutable_data<float>() + static_cast<int64_t>(i) * width;
    for (int64_t j = 0; j < width; ++j) row[j] *= options_.scale;
    if (!table_.defined()) continue;
    const float* place = table_.data<float>() + position * width;
    for (int64_t j = 0; j < width; ++j) row[j] += place[j];
  }
  return dropout_.is_active(filled) ? dropout_.apply(y, filled) : y;
}

void TokenEmbedding::backward(const TensorView& ids, const TokenRows& rows,
                              const TensorView& d_y) {
  const FpEnvironment environment;
  const TokenIds each(kOperation, ids);
  check_known(each, embedding.tokens(), options_.pad);
  const auto back = [&](const TensorView& d) {
    add_back(each, gradient_rows(each, d, embedding.features()), options_.scale,
             options_.pad, embedding.weight.gradient);
  };
  dropout_.is_active(rows) ? back(dropout_.apply(d_y, rows)) : back(d_y);
}

void TokenEmbedding::check(const TensorView& ids) const {
  check_known(TokenIds(kOperation, ids), options_.tokens, options_.pad);
}

void TokenEmbedding::visit_parameters(const std::string& prefix,
                                      const ParameterVisitor& visit) {
  embedding.visit_parameters(prefix, visit);
}

}  // namespace maskwise::nn
