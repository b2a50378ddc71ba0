// Token ids as layers read them.
#ifndef MASKWISE_LAYERS_TOKEN_IDS_H_
#define MASKWISE_LAYERS_TOKEN_IDS_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "maskwise/nn/token_rows.h"
#include "maskwise/tensor_view.h"

namespace maskwise::nn::detail {

// Throws Error "[operation] expected token ids ..." when they are not of shape
// [B, L], or no i32 or i64.
void check_token_ids(std::string_view operation, const TensorView& ids);

// The ids of [B, L], row-major: read where they lie where they are dense i64,
// else copied. The view's memory outlives it.
class TokenIds {
 public:
  // Throws Error as check_token_ids() does.
  TokenIds(std::string_view operation, const TensorView& ids);
  TokenIds(const TokenIds&) = delete;
  TokenIds& operator=(const TokenIds&) = delete;

  int64_t batch() const { return batch_; }
  int64_t length() const { return length_; }
  std::span<const int64_t> each() const { return each_; }

  size_t size() const { return each_.size(); }
  int64_t operator[](size_t i) const { return each_[i]; }

 private:
  int64_t batch_ = 0;
  int64_t length_ = 0;
  std::vector<int64_t> copy_;
  std::span<const int64_t> each_;
};

// `rows` for x of shape [batch, length, ...], with what it leaves out filled
// in. Throws Error when it is of another number of rows, or a position is
// negative.
TokenRows rows_for(std::string_view operation, const TokenRows& rows,
                   int64_t batch, int64_t length);

}  // namespace maskwise::nn::detail

#endif  // MASKWISE_LAYERS_TOKEN_IDS_H_
