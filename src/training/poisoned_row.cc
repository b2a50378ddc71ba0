#include "training/poisoned_row.h"

#include <algorithm>
#include <limits>

namespace maskwise::nn::detail {

PoisonedRow::PoisonedRow(TokenEmbedding& embedding, int64_t token) {
  Parameter& weight = embedding.embedding.weight;
  const int64_t features = weight.value.dim(1);
  at_ = weight.value.mutable_data<float>() + token * features;
  values_.assign(at_, at_ + features);
  std::fill_n(at_, values_.size(), std::numeric_limits<float>::quiet_NaN());
}

PoisonedRow::~PoisonedRow() { std::ranges::copy(values_, at_); }

}  // namespace maskwise::nn::detail
