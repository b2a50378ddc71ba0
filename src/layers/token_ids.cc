#include "layers/token_ids.h"

#include <algorithm>

#include "base/fail.h"
#include "maskwise/tensor.h"

namespace maskwise::nn::detail {
namespace {

using maskwise::detail::fail;

void check_count(std::string_view operation, std::string_view name,
                 const std::vector<int64_t>& found, int64_t expected) {
  if (std::ssize(found) == expected) return;
  fail(ErrorCode::shape_mismatch, operation,
       "expected {} of {} rows, one for each of x, got {}", name, expected,
       found.size());
}

}  // namespace

void check_token_ids(std::string_view operation, const TensorView& ids) {
  if (!ids.defined() || ids.rank() != 2) {
    fail(ErrorCode::shape_mismatch, operation,
         "expected token ids of shape [B, L], got {}",
         ids.defined() ? to_string(ids.shape()) : "nothing");
  }
  if (ids.dtype() != DType::i32 && ids.dtype() != DType::i64) {
    fail(ErrorCode::invalid_argument, operation,
         "expected token ids of type i32 or i64, got {}; convert them",
         name_of(ids.dtype()));
  }
}

TokenIds::TokenIds(std::string_view operation, const TensorView& ids) {
  check_token_ids(operation, ids);
  batch_ = ids.dim(0);
  length_ = ids.dim(1);
  if (ids.dtype() == DType::i64 && ids.is_contiguous()) {
    each_ = {ids.data<int64_t>(), static_cast<size_t>(ids.size())};
  } else {
    copy_ = to_int64(ids);
    each_ = copy_;
  }
}

TokenRows rows_for(std::string_view operation, const TokenRows& rows,
                   int64_t batch, int64_t length) {
  TokenRows filled = rows;
  const int64_t count = batch * length;
  if (rows.sentences.empty()) {
    for (int64_t i = 0; i < count; ++i) filled.sentences.push_back(i / length);
  }
  if (rows.positions.empty()) {
    for (int64_t i = 0; i < count; ++i) filled.positions.push_back(i % length);
  }
  check_count(operation, "sentences", filled.sentences, count);
  check_count(operation, "positions", filled.positions, count);
  const auto least = std::ranges::min_element(filled.positions);
  if (least != filled.positions.end() && *least < 0) {
    fail(ErrorCode::invalid_argument, operation,
         "position {} of row {}; expected positions from 0 on", *least,
         least - filled.positions.begin());
  }
  return filled;
}

}  // namespace maskwise::nn::detail
