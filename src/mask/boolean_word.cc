#include "mask/boolean_word.h"

#include <algorithm>

#include "base/format.h"
#include "mask/tensor_checks.h"

namespace maskwise::detail {
namespace {

// The words of one polarity and framework: for pairs and for keys.
struct WordPair {
  std::string_view pairs;
  std::string_view keys;
};

constexpr WordPair kWordPairs[] = {
    {"allow", "allow_keys"},
    {"forbid", "forbid_keys"},
    {"from_torch_attn_mask", "from_torch_key_padding"},
};

std::string keys_hint(std::string_view word, const AttentionShape& shape) {
  const auto* const known =
      std::ranges::find(kWordPairs, word, &WordPair::pairs);
  const bool has_keys = known != std::ranges::end(kWordPairs);
  if (has_keys && word == "from_torch_attn_mask") {
    return formatted("; a mask of keys [B, Lk] is read by {}", known->keys);
  }
  return formatted("; a mask of keys [B, Lk] {}the shape [B, 1, 1, Lk] = {}",
                   has_keys
                       ? formatted("is read by {}, or give it ", known->keys)
                       : "needs ",
                   to_string(Shape{shape.batch, 1, 1, shape.kv_len}));
}

std::string items_hint(std::string_view word, const AttentionShape& shape) {
  if (word == "from_torch_attn_mask") {
    return "; a mask for each item is repeated for its heads there";
  }
  return formatted("; a mask for each item needs the shape [B, 1, Lq, Lk] = {}",
                   to_string(Shape{shape.batch, 1, shape.q_len, shape.kv_len}));
}

}  // namespace

WrittenClause written(std::string_view word, const MaskTensor& tensor,
                      Polarity polarity) {
  const std::string_view meaning =
      is_floating(tensor.view.dtype()) ? "-inf means masked"
      : polarity == Polarity::allow    ? "true means may attend"
                                       : "true means masked";
  return {word, said_as(word, tensor), meaning};
}

std::string shape_hint(std::string_view word, const Shape& found,
                       const AttentionShape& shape) {
  const auto* const of_keys =
      std::ranges::find(kWordPairs, word, &WordPair::keys);
  if (of_keys != std::ranges::end(kWordPairs)) {
    const bool pairs = found == Shape{shape.q_len, shape.kv_len};
    const bool keys = found == Shape{shape.batch, 1, 1, shape.kv_len};
    if (pairs) {
      return formatted("; a mask of pairs [Lq, Lk] is read by {}",
                       of_keys->pairs);
    }
    return keys ? formatted("; [B, 1, 1, Lk] is read by {}",
                            word == "allow_keys" ? "allow" : "forbid")
                : "";
  }
  if (found == Shape{shape.batch, shape.kv_len}) return keys_hint(word, shape);
  if (found == Shape{shape.batch, shape.q_len, shape.kv_len}) {
    return items_hint(word, shape);
  }
  return "";
}

}  // namespace maskwise::detail
