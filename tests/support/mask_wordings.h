// One mask in every wording that there is for it.
#ifndef MASKWISE_TESTS_SUPPORT_MASK_WORDINGS_H_
#define MASKWISE_TESTS_SUPPORT_MASK_WORDINGS_H_

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <string>
#include <vector>

#include "maskwise/mask_import.h"
#include "maskwise/mask_text.h"
#include "tests/support/attention_case.h"

namespace maskwise::testing {

// A mask in one of its wordings, and what else the wording needs.
struct Wording {
  std::string name;
  Mask mask;
  Tensor bias = Tensor();
};

// bool to what another framework says.
inline Tensor mapped(const Tensor& allowed, float if_allowed, float if_masked) {
  Tensor result(DType::f32, allowed.shape());
  for (int64_t i = 0; i < allowed.size(); ++i) {
    result.mutable_data<float>()[i] =
        allowed.data<bool>()[i] ? if_allowed : if_masked;
  }
  return result;
}

inline Tensor inverted(const Tensor& allowed) {
  Tensor result(DType::boolean, allowed.shape());
  for (int64_t i = 0; i < allowed.size(); ++i) {
    result.mutable_data<bool>()[i] = !allowed.data<bool>()[i];
  }
  return result;
}

// Causal from `offset` on, and two items of these lengths.
struct Meaning {
  AttentionShape shape;
  int64_t offset = 0;
  std::vector<int64_t> lengths_of_items;

  Position position() const { return {.offset = offset}; }

  // 1 before the length of the item, else `end`.
  Tensor tokens(int64_t end) const {
    Tensor ids(DType::i64, {2, shape.kv_len});
    std::fill_n(ids.mutable_data<int64_t>(), ids.size(), end);
    for (int64_t b = 0; b < 2; ++b) {
      std::fill_n(ids.mutable_data<int64_t>() + b * shape.kv_len,
                  lengths_of_items[static_cast<size_t>(b)], 1);
    }
    return ids;
  }
};

inline std::vector<Wording> wordings_in_words(const Meaning& meaning) {
  const Position position = meaning.position();
  const Mask look_ahead = causal(position);
  const Mask short_items = lengths(meaning.lengths_of_items);
  const Mask plain = look_ahead & short_items;
  Tensor q_ids(DType::i64, {2, meaning.shape.q_len});
  std::fill_n(q_ids.mutable_data<int64_t>(), q_ids.size(), 1);
  const auto item = [&](size_t b) {
    return look_ahead & prefix(meaning.lengths_of_items[b]);
  };
  return {
      {"predicate", plain},
      {"other order", short_items & look_ahead},
      {"token ids", look_ahead & padding(meaning.tokens(0))},
      {"other pad", look_ahead & padding(meaning.tokens(9), {.pad = 9})},
      {"documents", look_ahead & documents(q_ids, meaning.tokens(-1))},
      {"window",
       sliding_window({.right = 0, .offset = meaning.offset}) & short_items},
      {"double negation", ~(~look_ahead | ~short_items)},
      {"neutral words", (plain & all()) | none()},
      {"per item", per_batch({item(0), item(1)})},
      {"per head", per_head({plain, short_items & look_ahead})},
  };
}

inline std::vector<Wording> wordings_in_tensors(const Meaning& meaning) {
  const Mask plain =
      causal(meaning.position()) & lengths(meaning.lengths_of_items);
  const Tensor allowed = plain.bind(meaning.shape).to_dense();
  const Tensor zeros_and_minus_inf = mapped(allowed, 0, kMinusInf);
  const std::string offset = std::to_string(meaning.offset);
  const TensorMap tensors = {{"token_ids", meaning.tokens(0)}};
  const MaskText text = to_string(plain);
  return {
      {"allow", allow(allowed)},
      {"forbid", forbid(inverted(allowed))},
      {"additive mask", from_additive(zeros_and_minus_inf)},
      {"bias of -inf", all(), zeros_and_minus_inf},
      {"some by bias", causal(meaning.position()), zeros_and_minus_inf},
      {"scaled dot product mask", from_torch_sdpa_mask(allowed)},
      {"tutorial mask", from_tf_tutorial(mapped(allowed, 0, 1))},
      {"ONNX mask", from_onnx(allowed)},
      {"text", parse_mask("causal(offset=" + offset + ") & padding(token_ids)",
                          tensors)},
      {"printed text", parse_mask(text.text, text.tensors)},
  };
}

// The first is the plain one.
inline std::vector<Wording> every_wording(const Meaning& meaning) {
  std::vector<Wording> wordings = wordings_in_words(meaning);
  std::ranges::move(wordings_in_tensors(meaning), std::back_inserter(wordings));
  return wordings;
}

}  // namespace maskwise::testing

#endif  // MASKWISE_TESTS_SUPPORT_MASK_WORDINGS_H_
