// Transformer layers in float64, written from their formulas, for tests: what
// the f32 layers should give, and a function that can be differentiated
// numerically.
#ifndef MASKWISE_TESTS_SUPPORT_LAYER_ORACLE_H_
#define MASKWISE_TESTS_SUPPORT_LAYER_ORACLE_H_

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "maskwise/nn/transformer_layers.h"

namespace maskwise::testing {

// Elements in row-major order: x, memory, and parameters by name.
using Wide = std::vector<double>;
using WideMap = std::map<std::string, Wide>;

inline Wide widened(const TensorView& tensor) {
  const Tensor dense = Tensor::copy_of(tensor);
  return Wide(dense.data<float>(), dense.data<float>() + dense.size());
}

// x W^T + b of rows of x.
inline Wide linear_oracle(const Wide& x, const Wide& weight, const Wide& bias) {
  const size_t outputs = bias.size();
  const size_t inputs = weight.size() / outputs;
  Wide y;
  for (size_t row = 0; row < x.size() / inputs; ++row) {
    for (size_t o = 0; o < outputs; ++o) {
      double sum = bias[o];
      for (size_t i = 0; i < inputs; ++i) {
        sum += x[row * inputs + i] * weight[o * inputs + i];
      }
      y.push_back(sum);
    }
  }
  return y;
}

// Without a bias: the root mean square alone.
inline Wide norm_oracle(const Wide& x, const WideMap& at,
                        const std::string& name, double eps = 1e-5F) {
  const Wide& weight = at.at(name + "weight");
  const auto bias = at.find(name + "bias");
  const bool is_layer = bias != at.end();
  const size_t width = weight.size();
  const auto n = static_cast<double>(width);
  Wide y;
  for (size_t first = 0; first < x.size(); first += width) {
    double mean = 0;
    for (size_t i = 0; is_layer && i < width; ++i) mean += x[first + i] / n;
    double variance = 0;
    for (size_t i = 0; i < width; ++i) {
      variance += (x[first + i] - mean) * (x[first + i] - mean) / n;
    }
    for (size_t i = 0; i < width; ++i) {
      y.push_back((x[first + i] - mean) / std::sqrt(variance + eps) *
                      weight[i] +
                  (is_layer ? bias->second[i] : 0));
    }
  }
  return y;
}

inline double activation_oracle(nn::Activation activation, double x) {
  if (activation == nn::Activation::relu) return std::fmax(x, 0);
  if (activation == nn::Activation::gelu) {
    return x * std::erfc(-x / std::sqrt(2.0)) / 2;
  }
  return x / (1 + std::exp(-x));
}

// What becomes of rows on their way: features dropped, or nothing.
using RowFunction = std::function<Wide(const Wide&)>;

inline Wide unchanged(const Wide& x) { return x; }

inline Wide feed_forward_oracle(const Wide& x, const WideMap& at,
                                nn::Activation activation,
                                const RowFunction& drop = unchanged) {
  const Wide hidden =
      linear_oracle(x, at.at("linear1.weight"), at.at("linear1.bias"));
  const bool gated = activation == nn::Activation::swiglu;
  Wide gate = hidden;
  if (gated) {
    gate = linear_oracle(x, at.at("linear_gate.weight"),
                         at.at("linear_gate.bias"));
  }
  for (size_t i = 0; i < gate.size(); ++i) {
    gate[i] =
        activation_oracle(activation, gate[i]) * (gated ? hidden[i] : 1.0);
  }
  return linear_oracle(drop(gate), at.at("linear2.weight"),
                       at.at("linear2.bias"));
}

// Who sees whom: visible(b, h, q, k).
using Visible = std::function<bool(int64_t, int64_t, int64_t, int64_t)>;

struct AttentionSizes {
  size_t batch = 1;
  size_t heads = 1;
  size_t kv_heads = 1;
  size_t features = 1;
  double rotary_base = 0;
  std::vector<int64_t> positions = {};  // of each row, under a rotary base
};

// Pairs of features of each head as complex numbers, turned by
// position / base^(2i / dim) (Su et al. 2021). 0: not.
inline Wide turned_oracle(Wide rows, size_t dim, double base,
                          const std::vector<int64_t>& positions) {
  if (base == 0) return rows;
  const size_t width = rows.size() / positions.size();
  for (size_t i = 0; i < rows.size(); i += 2) {
    const double angle = double(positions[i / width]) *
                         std::pow(base, -double(i % width % dim) / double(dim));
    const std::complex<double> turned =
        std::complex(rows[i], rows[i + 1]) * std::polar(1.0, angle);
    rows[i] = turned.real();
    rows[i + 1] = turned.imag();
  }
  return rows;
}

// One query [D] over the keys of a head; k and v are `step` apart. Zeros when
// it sees none.
struct OracleKeys {
  const double* k = nullptr;
  const double* v = nullptr;
  size_t count = 0;
  size_t step = 0;
};
inline Wide attend_oracle(const double* q, size_t dim, const OracleKeys& keys,
                          const std::function<bool(size_t)>& sees) {
  Wide o(dim, 0.0);
  double total = 0;
  for (size_t k = 0; k < keys.count; ++k) {
    if (!sees(k)) continue;
    double score = 0;
    for (size_t i = 0; i < dim; ++i) score += q[i] * keys.k[k * keys.step + i];
    const double p = std::exp(score / std::sqrt(static_cast<double>(dim)));
    total += p;
    for (size_t i = 0; i < dim; ++i) o[i] += p * keys.v[k * keys.step + i];
  }
  for (double& each : o) each = total > 0 ? each / total : 0;
  return o;
}

inline Wide multi_head_oracle(const Wide& x, const Wide& memory,
                              const WideMap& at, const std::string& name,
                              const AttentionSizes& sizes,
                              const Visible& visible) {
  const auto& [batch, heads, kv_heads, features, base, positions] = sizes;
  const size_t dim = features / heads;
  const Wide& weight = at.at(name + "in_proj_weight");
  const Wide& bias = at.at(name + "in_proj_bias");
  const auto part = [&](const Wide& rows, size_t first, size_t width) {
    const auto at_weight = weight.begin() + std::ptrdiff_t(first * features);
    const auto at_bias = bias.begin() + std::ptrdiff_t(first);
    return linear_oracle(
        rows, Wide(at_weight, at_weight + std::ptrdiff_t(width * features)),
        Wide(at_bias, at_bias + std::ptrdiff_t(width)));
  };
  const size_t kv_width = kv_heads * dim;
  const Wide q = turned_oracle(part(x, 0, features), dim, base, positions);
  const Wide k =
      turned_oracle(part(memory, features, kv_width), dim, base, positions);
  const Wide v = part(memory, features + kv_width, kv_width);
  const size_t q_len = x.size() / features / batch;
  const size_t kv_len = memory.size() / features / batch;
  Wide o;
  for (size_t row = 0; row < batch * q_len; ++row) {
    for (size_t h = 0; h < heads; ++h) {
      const size_t b = row / q_len;
      const size_t first = b * kv_len * kv_width + h / (heads / kv_heads) * dim;
      const Wide one = attend_oracle(
          &q[row * features + h * dim], dim,
          {&k[first], &v[first], kv_len, kv_width}, [&](size_t key) {
            return visible(int64_t(b), int64_t(h), int64_t(row % q_len),
                           int64_t(key));
          });
      o.insert(o.end(), one.begin(), one.end());
    }
  }
  return linear_oracle(o, at.at(name + "out_proj.weight"),
                       at.at(name + "out_proj.bias"));
}

inline Wide wide_sum(Wide a, const Wide& b) {
  for (size_t i = 0; i < a.size(); ++i) a[i] += b[i];
  return a;
}

// norm(x + f(x)), or x + f(norm(x)).
template <typename F>
Wide sublayer_oracle(const Wide& x, const WideMap& at, const std::string& norm,
                     const nn::TransformerLayerOptions& options, F f) {
  if (options.norm_order == nn::NormOrder::pre) {
    return wide_sum(x, f(norm_oracle(x, at, norm, options.eps)));
  }
  return norm_oracle(wide_sum(x, f(x)), at, norm, options.eps);
}

// `rows` says where rotary positions turn to.
inline AttentionSizes sizes_of(const nn::TransformerLayerOptions& options,
                               size_t batch, const nn::TokenRows& rows = {}) {
  return {batch,
          static_cast<size_t>(options.heads),
          static_cast<size_t>(options.kv_heads > 0 ? options.kv_heads
                                                   : options.heads),
          static_cast<size_t>(options.features),
          options.rotary_base,
          rows.positions};
}

inline AttentionSizes without_rotary(AttentionSizes sizes) {
  sizes.rotary_base = 0;
  return sizes;
}

// Features times 0 or 1 / (1 - p), as dropout chooses for the rows, which say
// all; which it chooses is for dropout_test.cc to know.
inline Wide dropped_oracle(Wide x, const nn::Dropout& dropout,
                           const nn::TokenRows& rows) {
  if (!dropout.is_active(rows)) return x;
  const auto count = std::ssize(rows.positions);
  Tensor ones(DType::f32, {1, count, std::ssize(x) / count});
  std::fill_n(ones.mutable_data<float>(), ones.size(), 1.0F);
  const Tensor factors = dropout.apply(ones, rows);
  for (size_t i = 0; i < x.size(); ++i) x[i] *= factors.data<float>()[i];
  return x;
}

// That of a layer: its sites are 0 (self-attention), 1 (hidden features), 2
// (feed-forward layer) and 3 (cross-attention), after options.dropout_site.
inline RowFunction layer_dropout(const nn::TransformerLayerOptions& options,
                                 uint64_t site, const nn::TokenRows& rows) {
  const nn::Dropout dropout(options.dropout, options.dropout_site + site);
  return [=](const Wide& x) { return dropped_oracle(x, dropout, rows); };
}

// f of the last sublayer.
inline RowFunction feed_function(const WideMap& at,
                                 const nn::TransformerLayerOptions& options,
                                 const nn::TokenRows& rows) {
  return [=, &at](const Wide& x) {
    return layer_dropout(options, 2, rows)(feed_forward_oracle(
        x, at, options.activation, layer_dropout(options, 1, rows)));
  };
}

// `at` holds x and the parameters; `rows`, if any, all of what rows are.
inline Wide encoder_oracle(const WideMap& at, size_t batch,
                           const nn::TransformerLayerOptions& options,
                           const Visible& visible,
                           const nn::TokenRows& rows = {}) {
  const AttentionSizes sizes = sizes_of(options, batch, rows);
  const Wide mixed =
      sublayer_oracle(at.at("x"), at, "norm1.", options, [&](const Wide& x) {
        return layer_dropout(options, 0, rows)(
            multi_head_oracle(x, x, at, "self_attn.", sizes, visible));
      });
  return sublayer_oracle(mixed, at, "norm2.", options,
                         feed_function(at, options, rows));
}

// `at` holds x, memory and the parameters; `rows` are those of x.
inline Wide decoder_oracle(const WideMap& at, size_t batch,
                           const nn::TransformerLayerOptions& options,
                           const Visible& self, const Visible& cross,
                           const nn::TokenRows& rows = {}) {
  const AttentionSizes sizes = sizes_of(options, batch, rows);
  const Wide mixed =
      sublayer_oracle(at.at("x"), at, "norm1.", options, [&](const Wide& x) {
        return layer_dropout(options, 0, rows)(
            multi_head_oracle(x, x, at, "self_attn.", sizes, self));
      });
  const Wide crossed =
      sublayer_oracle(mixed, at, "norm2.", options, [&](const Wide& x) {
        return layer_dropout(options, 3, rows)(
            multi_head_oracle(x, at.at("memory"), at, "multihead_attn.",
                              without_rotary(sizes), cross));
      });
  return sublayer_oracle(crossed, at, "norm3.", options,
                         feed_function(at, options, rows));
}

}  // namespace maskwise::testing

#endif  // MASKWISE_TESTS_SUPPORT_LAYER_ORACLE_H_
