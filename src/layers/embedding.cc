#include "maskwise/nn/embedding.h"

#include <algorithm>
#include <numeric>
#include <string_view>
#include <vector>

#include "base/fail.h"
#include "base/fp_environment.h"
#include "layers/rows.h"
#include "layers/token_ids.h"

namespace maskwise::nn {
namespace {

using detail::Rows;
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

std::vector<int64_t> checked_ids(const TensorView& ids, int64_t tokens,
                                 int64_t pad) {
  std::vector<int64_t> each = detail::token_ids(kOperation, ids);
  for (size_t i = 0; i < each.size(); ++i) {
    if (each[i] == pad || (each[i] >= 0 && each[i] < tokens)) continue;
    const auto row = static_cast<int64_t>(i);
    fail(ErrorCode::invalid_argument, kOperation,
         "token id {} at [{}, {}]; expected ids from 0 to {}, the vocabulary",
         each[i], row / ids.dim(1), row % ids.dim(1), tokens - 1);
  }
  return each;
}

// The rows whose ids are looked up, by id, each id's in ascending order.
std::vector<size_t> rows_by_id(const std::vector<int64_t>& ids, int64_t pad) {
  std::vector<size_t> order;
  for (size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] != pad) order.push_back(i);
  }
  std::ranges::stable_sort(order, {}, [&](size_t i) { return ids[i]; });
  return order;
}

// Reads d_y [B, L, E] as rows of these ids.
Rows gradient_rows(const TensorView& ids, const TensorView& d_y,
                   int64_t features) {
  const Shape expected = {ids.dim(0), ids.dim(1), features};
  if (d_y.defined() && d_y.shape() != expected) {
    fail(ErrorCode::shape_mismatch, kOperation,
         "expected d_y of shape {}, got {}", to_string(expected),
         to_string(d_y.shape()));
  }
  return Rows(kOperation, "d_y", d_y, features);
}

}  // namespace

Embedding::Embedding(int64_t tokens, int64_t features)
    : weight({checked_tokens(tokens), checked_features(features)}) {}

Tensor Embedding::forward(const TensorView& ids, int64_t pad) const {
  const std::vector<int64_t> each = checked_ids(ids, tokens(), pad);
  Tensor y(DType::f32, {ids.dim(0), ids.dim(1), features()});
  auto* to = y.mutable_data<float>();
  for (const int64_t id : each) {
    if (id != pad) {
      std::copy_n(weight.value.data<float>() + id * features(), features(), to);
    }
    to += features();
  }
  return y;
}

void Embedding::backward(const TensorView& ids, const TensorView& d_y,
                         int64_t pad) {
  const FpEnvironment environment;
  const std::vector<int64_t> each = checked_ids(ids, tokens(), pad);
  const Rows d_rows = gradient_rows(ids, d_y, features());
  const std::vector<size_t> order = rows_by_id(each, pad);
  std::vector<float> sum(static_cast<size_t>(features()));
  for (size_t i = 0; i < order.size();) {
    const int64_t id = each[order[i]];
    std::ranges::fill(sum, 0.0F);
    for (; i < order.size() && each[order[i]] == id; ++i) {
      const float* d = d_rows.at(static_cast<int64_t>(order[i]));
      for (size_t j = 0; j < sum.size(); ++j) sum[j] += d[j];
    }
    float* to = weight.gradient.mutable_data<float>() + id * features();
    for (size_t j = 0; j < sum.size(); ++j) to[j] += sum[j];
  }
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
  const std::vector<int64_t> each = detail::token_ids(kOperation, ids);
  const TokenRows filled =
      detail::rows_for(kOperation, rows, ids.dim(0), ids.dim(1));
  Tensor y = embedding.forward(ids, options_.pad);
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
  Tensor d = dropout_.apply(d_y, rows);
  auto* each = d.mutable_data<float>();
  for (int64_t i = 0; i < d.size(); ++i) each[i] *= options_.scale;
  embedding.backward(ids, d, options_.pad);
}

void TokenEmbedding::check(const TensorView& ids) const {
  checked_ids(ids, options_.tokens, options_.pad);
}

void TokenEmbedding::visit_parameters(const std::string& prefix,
                                      const ParameterVisitor& visit) {
  embedding.visit_parameters(prefix, visit);
}

}  // namespace maskwise::nn
