#include "layers/growing_sequences.h"

#include <algorithm>
#include <utility>

#include "base/fail.h"
#include "layers/rows.h"
#include "layers/token_ids.h"

namespace maskwise::nn::detail {

using maskwise::detail::fail;

GrowingSequences::GrowingSequences(std::string_view operation, int64_t count,
                                   int64_t max_length, int64_t model_length)
    : operation_(operation), max_length_(max_length) {
  if (count < 1) {
    fail(ErrorCode::invalid_argument, operation,
         "{} sequences; expected at least 1", count);
  }
  if (max_length < 1 || max_length > model_length) {
    fail(ErrorCode::limit, operation,
         "a max_length of {} tokens; expected from 1 to {}, the model's "
         "max_length",
         max_length, model_length);
  }
  lengths_.assign(static_cast<size_t>(count), 0);
}

int64_t GrowingSequences::length(int64_t sequence) const {
  if (sequence < 0 || sequence >= count()) {
    fail(ErrorCode::invalid_argument, operation_,
         "sequence {}; expected one from 0 to {}", sequence, count() - 1);
  }
  return lengths_[static_cast<size_t>(sequence)];
}

NewTokens GrowingSequences::tokens_of(const TensorView& ids,
                                      int64_t pad) const {
  const TokenIds each(operation_, ids);
  if (ids.dim(0) != count()) {
    fail(ErrorCode::shape_mismatch, operation_,
         "expected token ids of shape [{}, n], one row for each sequence, got "
         "{}",
         count(), to_string(ids.shape()));
  }
  NewTokens found;
  for (size_t i = 0; i < each.size(); ++i) {
    if (each[i] == pad) continue;
    const auto slot = static_cast<int64_t>(i);
    found.sequences.push_back(slot / ids.dim(1));
    found.tokens.push_back(each[i]);
    found.slots.push_back(slot);
  }
  return found;
}

StepRows GrowingSequences::checked(const std::vector<int64_t>& sequences,
                                   const std::vector<int64_t>& tokens) const {
  if (sequences.size() != tokens.size()) {
    fail(ErrorCode::shape_mismatch, operation_,
         "{} sequences and {} tokens; expected one token for each",
         sequences.size(), tokens.size());
  }
  for (const int64_t sequence : sequences) length(sequence);
  StepRows rows = step_rows(sequences, lengths_);
  for (size_t i = 0; i < lengths_.size(); ++i) {
    if (lengths_[i] + rows.counts[i] <= max_length_) continue;
    fail(ErrorCode::limit, operation_,
         "sequence {} would have {} tokens; expected at most {}, its "
         "max_length",
         i, lengths_[i] + rows.counts[i], max_length_);
  }
  return rows;
}

void GrowingSequences::grow(const StepRows& rows) {
  for (size_t i = 0; i < lengths_.size(); ++i) lengths_[i] += rows.counts[i];
}

void GrowingSequences::select(const std::vector<int64_t>& from) {
  if (std::ssize(from) != count()) {
    fail(ErrorCode::shape_mismatch, operation_,
         "{} sequences to select; expected {}, one for each", from.size(),
         count());
  }
  std::vector<int64_t> lengths;
  for (const int64_t each : from) lengths.push_back(length(each));
  lengths_ = std::move(lengths);
}

MaskPlan growing_plan(std::string_view operation, const Mask& mask,
                      const AttentionShape& shape) {
  const MaskPlan later = compile((mask & ~causal()).bind(shape));
  if (later.stats().visible_pairs > 0) {
    fail(ErrorCode::invalid_argument, operation,
         "the mask lets a token see later ones, which are not there when it is "
         "read; expected a mask such as causal() & sliding_window(...)");
  }
  return compile(mask.bind(shape));
}

Tensor embedded(const TokenEmbedding& embedding,
                const std::vector<int64_t>& tokens, const StepRows& rows) {
  const int64_t count = std::ssize(tokens);
  const int64_t pad = embedding.options().pad;
  if (std::ranges::find(tokens, pad) != tokens.end()) {
    fail(ErrorCode::invalid_argument, "append",
         "token {} is padding; expected tokens that are there", pad);
  }
  const TensorView ids(tokens.data(), DType::i64, {1, count});
  const Tensor x = embedding.forward(
      ids, {.sentences = rows.sequences, .positions = rows.positions});
  return Tensor::copy_of(
      TensorView(x.data<float>(), DType::f32, {count, x.dim(2)}));
}

Tensor unpacked_logits(const Tensor& logits, const NewTokens& tokens,
                       const TensorView& ids) {
  return scattered_rows(dense_rows(logits), tokens.slots,
                        {ids.dim(0), ids.dim(1), logits.dim(1)});
}

}  // namespace maskwise::nn::detail
