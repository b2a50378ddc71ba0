#include "maskwise/nn/dropout.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <string>
#include <string_view>

#include "base/fail.h"
#include "base/fp_environment.h"
#include "layers/random_bits.h"
#include "layers/token_ids.h"

namespace maskwise::nn {
namespace {

using maskwise::detail::fail;

constexpr std::string_view kOperation = "dropout";
constexpr double kDraws = 65536;  // 2^16: what a draw is one of
constexpr int64_t kDrawsPerHash = 4;

double checked(double p) {
  if (p >= 0 && p < 1) return p;
  fail(ErrorCode::invalid_argument, kOperation,
       "p is {}; expected a probability from 0 on and below 1", p);
}

// x * factor, or 0 whatever x is: by bits, since a branch on chance is guessed
// wrong as often as it is taken.
float kept_or_zero(float x, float factor, bool is_kept) {
  const uint32_t mask = 0U - static_cast<uint32_t>(is_kept);
  return std::bit_cast<float>(std::bit_cast<uint32_t>(x * factor) & mask);
}

// One row: a hash of its counter gives four draws.
void drop_row(uint64_t row_key, uint32_t kept, float factor, int64_t width,
              float* x) {
  for (int64_t i = 0; i < width; i += kDrawsPerHash) {
    uint64_t bits = detail::hashed(row_key, static_cast<uint64_t>(i));
    const int64_t last = std::min(width, i + kDrawsPerHash);
    for (int64_t j = i; j < last; ++j, bits >>= 16U) {
      x[j] = kept_or_zero(x[j], factor, (bits & 0xFFFFU) < kept);
    }
  }
}

}  // namespace

Dropout::Dropout(double p, uint64_t site)
    : p_(checked(p)),
      site_(site),
      kept_(static_cast<uint32_t>(std::lround((1 - p) * kDraws))) {
  if (kept_ == 0) kept_ = 1;
}

Tensor Dropout::apply(const TensorView& x, const TokenRows& rows) const {
  if (!x.defined() || x.rank() < 2 || x.dtype() != DType::f32) {
    fail(ErrorCode::shape_mismatch, kOperation,
         "expected x as f32 of shape [B, L, ...], got {}",
         x.defined()
             ? to_string(x.shape()) + " of " + std::string(name_of(x.dtype()))
             : "nothing");
  }
  Tensor result = Tensor::copy_of(x);
  if (!is_active(rows)) return result;
  const maskwise::detail::FpEnvironment environment;
  const TokenRows each = detail::rows_for(kOperation, rows, x.dim(0), x.dim(1));
  const auto count = std::ssize(each.sentences);
  const int64_t width = count == 0 ? 0 : x.size() / count;
  const auto factor = static_cast<float>(kDraws / kept_);
  const uint64_t site_key = detail::hashed(*rows.dropout, site_);
  for (int64_t i = 0; i < count; ++i) {
    const auto row = static_cast<size_t>(i);
    const uint64_t sentence_key =
        detail::hashed(site_key, static_cast<uint64_t>(each.sentences[row]));
    const uint64_t row_key = detail::hashed(
        sentence_key, static_cast<uint64_t>(each.positions[row]));
    drop_row(row_key, kept_, factor, width,
             result.mutable_data<float>() + i * width);
  }
  return result;
}

}  // namespace maskwise::nn
