// What a model reads: token ids and which tokens they are.
#ifndef MASKWISE_NN_TOKEN_BATCH_H_
#define MASKWISE_NN_TOKEN_BATCH_H_

#include "maskwise/nn/token_rows.h"
#include "maskwise/tensor.h"

namespace maskwise::nn {

// Ids [B, L], i32 or i64; kept alive here (of a view, Tensor::copy_of()). Rows
// that say no sentences or positions are those of token_rows(ids, pad).
struct TokenBatch {
  Tensor ids;
  TokenRows rows = {};
};

}  // namespace maskwise::nn

#endif  // MASKWISE_NN_TOKEN_BATCH_H_
