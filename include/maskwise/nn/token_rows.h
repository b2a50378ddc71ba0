// Which tokens the rows of a batch are, and batches without their padding.
#ifndef MASKWISE_NN_TOKEN_ROWS_H_
#define MASKWISE_NN_TOKEN_ROWS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "maskwise/tensor.h"
#include "maskwise/tensor_view.h"

namespace maskwise::nn {

// The tokens that the rows of x, [B, L, E], are. What depends on a token's
// place (positions, dropout) depends on this and not on where its row lies, so
// that padding, packing or splitting a batch changes nothing.
struct TokenRows {
  // Of each row, [B * L]: its sentence, any number that is the sentence's own,
  // and its position there, from 0 on. Empty: the batch item, and the index in
  // it.
  std::vector<int64_t> sentences = {};
  std::vector<int64_t> positions = {};
  // Seed of what is dropped, another one in each update; none: nothing is.
  std::optional<uint64_t> dropout = {};
};

// The rows of token ids [B, L], i32 or i64: sentence b of batch item b, and
// positions that count the tokens before it that are not padding: padding at
// the left moves no sentence. Throws Error when the ids have another shape or
// type.
TokenRows token_rows(const TensorView& ids, int64_t pad = 0);

// A batch without its padding: its T tokens one after the other, as one row of
// a batch of 1, so that no layer computes what nobody sees. The masks for it
// are documents(documents()), causal() & documents(documents()), and, from the
// tokens of one batch to those of another,
// documents(target.documents(), source.documents()).
class Packing {
 public:
  // ids: [B, L], i32 or i64. Throws Error as token_rows() does.
  explicit Packing(const TensorView& ids, int64_t pad = 0);

  int64_t tokens() const { return static_cast<int64_t>(slots_.size()); }
  const Tensor& ids() const { return ids_; }              // [1, T], i64
  const Tensor& documents() const { return documents_; }  // [1, T], i64
  const TokenRows& rows() const { return rows_; }
  // Where token t lies in the batch, as b * L + i.
  const std::vector<int64_t>& slots() const { return slots_; }

  // [B, L, E] -> [1, T, E] and back, f32; padding is left out, and zero.
  // Throws Error when x has another shape.
  Tensor pack(const TensorView& x) const;
  Tensor unpack(const TensorView& x) const;

 private:
  int64_t batch_ = 0;
  int64_t length_ = 0;
  Tensor ids_;
  Tensor documents_;
  TokenRows rows_;
  std::vector<int64_t> slots_;
};

}  // namespace maskwise::nn

#endif  // MASKWISE_NN_TOKEN_ROWS_H_
