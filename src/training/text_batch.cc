#include "training/text_batch.h"

#include <algorithm>
#include <numeric>

#include "base/fail.h"
#include "maskwise/nn/vocabulary.h"

namespace maskwise::nn::detail {
namespace {

// Where symbol i of a text of `size` lies in a row of `length`.
int64_t place_of(int64_t i, int64_t size, int64_t length, Padding padding) {
  if (padding == Padding::left) return length - size + i;
  if (padding == Padding::between) return i + (i + 1) / 2;
  return i;
}

}  // namespace

Tensor placed_ids(const std::vector<std::vector<int64_t>>& ids,
                  const BatchLayout& layout) {
  if (layout.extra < 0) {
    maskwise::detail::fail(ErrorCode::invalid_argument, "batch",
                           "extra padding of {}; expected at least 0",
                           layout.extra);
  }
  int64_t length = 0;
  for (const auto& text : ids) {
    const auto last = std::ssize(text) - 1;
    length = std::max(length,
                      1 + place_of(last, last + 1, last + 1, layout.padding));
  }
  length += layout.extra;
  const auto batch = std::ssize(ids);
  std::vector<int64_t> placed(static_cast<size_t>(batch * length),
                              Vocabulary::kPad);
  for (int64_t b = 0; b < batch; ++b) {
    const auto& text = ids[static_cast<size_t>(b)];
    for (int64_t i = 0; i < std::ssize(text); ++i) {
      const int64_t at = place_of(i, std::ssize(text), length, layout.padding);
      placed[static_cast<size_t>(b * length + at)] =
          text[static_cast<size_t>(i)];
    }
  }
  return Tensor::from<int64_t>({batch, length}, placed);
}

TextBatch::TextBatch(const std::vector<std::vector<int64_t>>& ids,
                     const BatchLayout& layout,
                     const std::optional<TextDropout>& dropout)
    : ids_(placed_ids(ids, layout)), texts_(ids.size()) {
  const int64_t length = ids_.dim(1);
  int64_t tokens = 0;
  for (int64_t row = 0; row < ids_.size(); ++row) {
    if (ids_.data<int64_t>()[row] == Vocabulary::kPad) continue;
    const bool is_packed = layout.padding == Padding::none;
    texts_[static_cast<size_t>(row / length)].push_back(is_packed ? tokens++
                                                                  : row);
  }
  if (layout.padding == Padding::none) {
    packing_.emplace(ids_, Vocabulary::kPad);
    ids_ = packing_->ids();
  }
  rows_ = packing_ ? packing_->rows() : token_rows(ids_, Vocabulary::kPad);
  if (!dropout) return;
  for (int64_t& sentence : rows_.sentences) {
    sentence = dropout->numbers[static_cast<size_t>(sentence)];
  }
  rows_.dropout = dropout->seed;
}

Tensor TextBatch::presence() const {
  Tensor present = ids_.clone();
  auto* each = present.mutable_data<int64_t>();
  for (int64_t i = 0; i < present.size(); ++i) {
    each[i] = each[i] == Vocabulary::kPad ? -1 : 0;
  }
  return present;
}

TokenBatch TextBatch::batch(std::optional<int64_t> filler) const {
  if (!filler) return {ids_, rows_};
  Tensor filled = ids_.clone();
  auto* ids = filled.mutable_data<int64_t>();
  TokenRows rows = rows_;
  for (int64_t i = 0; i < filled.size(); ++i) {
    if (ids[i] != Vocabulary::kPad) continue;
    ids[i] = *filler;
    // Where it stands nobody sees, but it must be a position of the model.
    rows.positions[static_cast<size_t>(i)] = 0;
  }
  return {filled, rows};
}

Tensor TextBatch::rows_of(const TensorView& x, size_t i) const {
  const int64_t features = x.dim(x.rank() - 1);
  Tensor rows = Tensor::unfilled(DType::f32, {std::ssize(texts_[i]), features});
  auto* to = rows.mutable_data<float>();
  for (const int64_t row : texts_[i]) {
    to = std::copy_n(x.data<float>() + row * features, features, to);
  }
  return rows;
}

std::vector<LossSum> TextBatch::loss_sums(const Tensor& losses) const {
  std::vector<LossSum> sums;
  for (const auto& rows : texts_) {
    LossSum sum = {.targets = std::ssize(rows)};
    for (const int64_t row : rows) sum.sum += losses.data<float>()[row];
    sums.push_back(sum);
  }
  return sums;
}

std::vector<std::vector<int64_t>> sources_of(
    const std::vector<TextExample>& examples) {
  std::vector<std::vector<int64_t>> sources;
  for (const TextExample& one : examples) sources.push_back(one.source);
  return sources;
}

std::optional<TextDropout> dropout_of(const std::vector<TextExample>& examples,
                                      std::optional<uint64_t> seed) {
  if (!seed) return std::nullopt;
  TextDropout dropout = {.numbers = {}, .seed = *seed};
  for (const TextExample& one : examples) dropout.numbers.push_back(one.number);
  return dropout;
}

}  // namespace maskwise::nn::detail
