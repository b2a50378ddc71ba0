// What a word that holds token ids tells those who look for padding.
#ifndef MASKWISE_MASK_TOKEN_IDS_H_
#define MASKWISE_MASK_TOKEN_IDS_H_

#include <cstdint>

#include "maskwise/tensor.h"

namespace maskwise::detail {

class TokenIds {
 public:
  virtual ~TokenIds() = default;
  virtual const Tensor& token_ids() const = 0;  // [B, Lk] i64
  virtual int64_t pad_id() const = 0;
};

}  // namespace maskwise::detail

#endif  // MASKWISE_MASK_TOKEN_IDS_H_
