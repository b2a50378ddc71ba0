#include "layers/sentence_means.h"

#include <unordered_map>

#include "base/fp_environment.h"

namespace maskwise::nn::detail {

using maskwise::detail::FpEnvironment;

SentenceMeans::SentenceMeans(const std::vector<int64_t>& sentences,
                             std::span<const int64_t> ids, int64_t pad) {
  std::unordered_map<int64_t, int64_t> found;
  std::vector<int64_t> tokens;
  for (size_t i = 0; i < ids.size(); ++i) {
    const auto slot =
        found.try_emplace(sentences[i], std::ssize(found)).first->second;
    if (slot == std::ssize(tokens)) tokens.push_back(0);
    slots_.push_back(ids[i] == pad ? -1 : slot);
    if (ids[i] != pad) ++tokens[static_cast<size_t>(slot)];
  }
  for (const int64_t count : tokens) {
    inverses_.push_back(count == 0 ? 0 : 1.0F / static_cast<float>(count));
  }
}

Tensor SentenceMeans::of(const Tensor& x) const {
  const FpEnvironment environment;
  const int64_t width = x.dim(2);
  Tensor means(DType::f32, {std::ssize(inverses_), width});
  const auto* from = x.data<float>();
  for (const int64_t slot : slots_) {
    if (slot >= 0) {
      float* sum = means.mutable_data<float>() + slot * width;
      for (int64_t j = 0; j < width; ++j) sum[j] += from[j];
    }
    from += width;
  }
  auto* to = means.mutable_data<float>();
  for (const float inverse : inverses_) {
    for (int64_t j = 0; j < width; ++j) to[j] *= inverse;
    to += width;
  }
  return means;
}

Tensor SentenceMeans::back(const Tensor& d_means, const Shape& shape) const {
  const FpEnvironment environment;
  const int64_t width = shape.back();
  Tensor d_x(DType::f32, shape);
  auto* to = d_x.mutable_data<float>();
  for (const int64_t slot : slots_) {
    if (slot >= 0) {
      const float* d = d_means.data<float>() + slot * width;
      const float inverse = inverses_[static_cast<size_t>(slot)];
      for (int64_t j = 0; j < width; ++j) to[j] = d[j] * inverse;
    }
    to += width;
  }
  return d_x;
}

}  // namespace maskwise::nn::detail
