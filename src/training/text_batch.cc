#include "training/text_batch.h"

namespace maskwise::nn::detail {

PackedTexts::PackedTexts(const std::vector<std::vector<int64_t>>& ids,
                         const std::vector<int64_t>& numbers,
                         std::optional<uint64_t> dropout)
    : packing_(padded_ids(ids), Vocabulary::kPad), rows_(packing_.rows()) {
  if (!dropout) return;
  for (int64_t& sentence : rows_.sentences) {
    sentence = numbers[static_cast<size_t>(sentence)];
  }
  rows_.dropout = dropout;
}

std::vector<std::vector<int64_t>> sources_of(
    const std::vector<TextExample>& examples) {
  std::vector<std::vector<int64_t>> sources;
  for (const TextExample& one : examples) sources.push_back(one.source);
  return sources;
}

std::vector<int64_t> numbers_of(const std::vector<TextExample>& examples) {
  std::vector<int64_t> numbers;
  for (const TextExample& one : examples) numbers.push_back(one.number);
  return numbers;
}

}  // namespace maskwise::nn::detail
