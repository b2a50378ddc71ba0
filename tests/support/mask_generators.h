// rapidcheck generators of shapes and of mask expressions over all words that
// bind to them.
#ifndef MASKWISE_TESTS_SUPPORT_MASK_GENERATORS_H_
#define MASKWISE_TESTS_SUPPORT_MASK_GENERATORS_H_

#include <rapidcheck.h>

#include <cstdint>
#include <optional>
#include <ostream>
#include <vector>

#include "maskwise/mask.h"
#include "maskwise/mask_import.h"
#include "maskwise/mask_text.h"
#include "tests/support/mask_random_words.h"
#include "tests/support/mask_spec.h"

namespace maskwise::testing {

inline AttentionShape random_shape() {
  AttentionShape shape{pick(1, 3), pick(1, 3), pick(0, 40), pick(0, 40)};
  if (one_in(2)) shape.q_len = shape.kv_len;
  // The edges of a row block of 64 rows.
  if (one_in(8)) shape.q_len = *rc::gen::element<int64_t>(64, 65, 130);
  if (one_in(8)) shape.kv_len = *rc::gen::element<int64_t>(64, 65, 130);
  return shape;
}

// Floats of the importers: -inf where masked, or booleans where true = masked
// (`polarity` 1) or may attend (0).
inline Tensor imported(const Shape& dims, const std::vector<int64_t>& masked,
                       int64_t polarity) {
  if (one_in(3)) return additive<float>(dims, masked);
  if (one_in(2)) return additive<double>(dims, masked);
  std::vector<int64_t> said = masked;
  for (int64_t& value : said) value = value == polarity ? 1 : 0;
  return booleans(dims, said);
}

inline MaskSpec random_torch_key_padding(const AttentionShape& shape) {
  const Shape dims = {shape.batch, shape.kv_len};
  const Grid masked = key_grid(shape, noise_bits(element_count(dims)));
  const Tensor tensor = imported(dims, masked.values, 1);
  return word(from_torch_key_padding({pick_name(), tensor}),
              [=](const PairIndex& pair) { return masked.at(pair) == 0; });
}

inline MaskSpec random_torch_attn_mask(const AttentionShape& shape) {
  const bool each_head = one_in(2);
  Grid masked = {{shape.q_len, shape.kv_len}, {}};
  Shape dims = masked.dims;
  if (each_head) {
    masked.dims = {shape.batch, shape.heads, shape.q_len, shape.kv_len};
    dims = {shape.batch * shape.heads, shape.q_len, shape.kv_len};
  }
  masked.values = noise_bits(element_count(dims));
  const Tensor tensor = imported(dims, masked.values, 1);
  return word(from_torch_attn_mask({pick_name(), tensor}),
              [=](const PairIndex& pair) { return masked.at(pair) == 0; });
}

// sdpa, additive and the tutorial's: broadcast to [B, H, Lq, Lk].
inline MaskSpec random_broadcast_import(const AttentionShape& shape) {
  const Shape dims =
      broadcast_dims({shape.batch, shape.heads, shape.q_len, shape.kv_len});
  const Grid masked = {dims, noise_bits(element_count(dims))};
  const auto allows = [=](const PairIndex& pair) {
    return masked.at(pair) == 0;
  };
  switch (pick(0, 2)) {
    case 0: {
      const Tensor tensor = imported(dims, masked.values, 0);
      return word(from_torch_sdpa_mask({pick_name(), tensor}), allows);
    }
    case 1: {
      const Tensor tensor = additive<float>(dims, masked.values);
      return word(from_additive({pick_name(), tensor}), allows);
    }
    default: {
      const Tensor tensor = tensor_of<float>(dims, masked.values);
      return word(from_tf_tutorial({pick_name(), tensor}), allows);
    }
  }
}

inline MaskSpec random_onnx(const AttentionShape& shape) {
  Shape dims =
      broadcast_dims({shape.batch, shape.heads, shape.q_len, shape.kv_len});
  // ONNX pads a shorter last axis and never broadcasts it.
  dims.back() = one_in(2) ? pick(0, shape.kv_len) : shape.kv_len;
  const int64_t keys = dims.back();
  const Grid masked = {dims, noise_bits(element_count(dims))};
  const Tensor tensor = imported(dims, masked.values, 0);
  return word(from_onnx({pick_name(), tensor}), [=](const PairIndex& pair) {
    return pair.k < keys && masked.at(pair) == 0;
  });
}

// What the words around a place say about positions.
struct Place {
  AttentionShape shape;
  bool around = false;    // they say one, which holds here
  bool conflict = false;  // they say different ones: none may be silent
  bool silent = false;    // words here say none
  bool in_chain = false;  // operand of an `&`
  // Words of this `&` that say one say this.
  std::optional<Saying> chain = std::nullopt;
};

inline Place outside_chain(Place place) {
  place.in_chain = false;
  place.silent = false;
  place.chain.reset();
  return place;
}

// `needs_one`: the word refuses a rectangle about which nothing is said.
inline std::optional<Saying> random_saying(const Place& place, bool needs_one) {
  const bool square = place.shape.q_len == place.shape.kv_len;
  const bool may_be_silent =
      !place.conflict && (place.around || square || !needs_one);
  if (place.silent || (may_be_silent && one_in(2))) return std::nullopt;
  return place.chain ? *place.chain : pick_saying(place.shape);
}

inline std::optional<int64_t> random_side() {
  if (one_in(4)) return std::nullopt;
  return pick_count(0);
}

inline MaskSpec position_spec(int64_t which,
                              const std::optional<Saying>& said) {
  switch (which) {
    case 0:
      return causal_spec(said);
    case 1:
      return window_spec(random_side(), random_side(), said);
    case 2:
      return dilated_spec(pick_count(1), said);
    default:
      return chunked_spec(pick_count(1), said);
  }
}

inline MaskSpec random_word(const Place& place) {
  const AttentionShape& shape = place.shape;
  const int64_t which = pick(0, 18);
  if (which < 6) {  // twice as often: causal and windows
    return position_spec(which % 4, random_saying(place, which % 4 < 2));
  }
  switch (which) {
    case 6:
      return word(all(), [](const PairIndex&) { return true; });
    case 7:
      return word(none(), [](const PairIndex&) { return false; });
    case 8:
      return random_prefix(shape);
    case 9:
      return random_lengths(shape);
    case 10:
      return random_q_lengths(shape);
    case 11:
      return random_padding(shape);
    case 12:
      return random_documents(shape);
    case 13:
      return random_allow(shape);
    case 14:
      return random_key_table(shape);
    case 15:
      return random_blocks(shape);
    case 16:
      return one_in(2) ? random_torch_key_padding(shape)
                       : random_torch_attn_mask(shape);
    case 17:
      return random_broadcast_import(shape);
    default:
      return random_onnx(shape);
  }
}

inline MaskSpec random_mask(const Place& place, int depth);

// An `&`: its words are silent, or those that speak agree, or all speak.
inline MaskSpec random_both(Place place, int depth) {
  if (place.in_chain) {
    return random_mask(place, depth - 1) & random_mask(place, depth - 1);
  }
  place.in_chain = true;
  const bool square = place.shape.q_len == place.shape.kv_len;
  const bool may_be_silent = !place.conflict && (place.around || square);
  const int64_t mode = pick(may_be_silent ? 0 : 1, 2);
  place.silent = mode == 0;
  if (mode == 1) {
    place.chain = pick_saying(place.shape);
    place.around = true;
    place.conflict = false;
    const MaskSpec speaker = position_spec(pick(0, 3), place.chain);
    return speaker & random_mask(place, depth - 1);
  }
  if (mode == 2) place.conflict = true;
  return random_mask(place, depth - 1) & random_mask(place, depth - 1);
}

inline MaskSpec random_mask(const Place& place, int depth) {
  const int64_t which = depth <= 1 ? 0 : pick(0, 9);
  const Place outside = outside_chain(place);
  const auto some = [&](int64_t count) {
    std::vector<MaskSpec> specs;
    while (static_cast<int64_t>(specs.size()) < count) {
      specs.push_back(random_mask(outside, depth - 1));
    }
    return specs;
  };
  if (which == 0) return random_word(place);
  if (which <= 3) return random_both(place, depth);
  if (which <= 6) {
    return random_mask(outside, depth - 1) | random_mask(outside, depth - 1);
  }
  if (which == 7) return ~random_mask(outside, depth - 1);
  return which == 8 ? per_head_spec(some(place.shape.heads))
                    : per_batch_spec(some(place.shape.batch));
}

// A mask with its oracle at a shape.
struct MaskCase {
  AttentionShape shape;
  MaskSpec spec;

  BoundMask bound() const { return spec.mask.bind(shape); }
  bool expects(int64_t b, int64_t h, int64_t q, int64_t k) const {
    return spec.allows({b, h, q, k}, nullptr);
  }
};

inline void showValue(const MaskCase& mask_case, std::ostream& out) {
  const MaskText text = to_string(mask_case.spec.mask);
  out << text.text << " at " << to_string(mask_case.shape);
  for (const auto& [name, tensor] : text.tensors) {
    out << "; " << name << " = " << to_string(tensor.shape()) << ":";
    for (const int64_t value : to_int64(tensor)) out << ' ' << value;
  }
}

// An expression of at most `depth` levels.
inline rc::Gen<MaskCase> mask_cases(int depth = 4) {
  return rc::gen::exec([depth] {
    const AttentionShape shape = random_shape();
    return MaskCase{shape, random_mask(Place{.shape = shape}, depth)};
  });
}

// Calls visit(b, h, q) for every row of the shape.
template <typename Visit>
void for_each_row(const AttentionShape& shape, Visit visit) {
  for (int64_t b = 0; b < shape.batch; ++b) {
    for (int64_t h = 0; h < shape.heads; ++h) {
      for (int64_t q = 0; q < shape.q_len; ++q) visit(b, h, q);
    }
  }
}

// The keys that the formulas allow the row.
inline std::vector<int64_t> expected_keys(const MaskCase& mask_case, int64_t b,
                                          int64_t h, int64_t q) {
  std::vector<int64_t> keys;
  for (int64_t k = 0; k < mask_case.shape.kv_len; ++k) {
    if (mask_case.expects(b, h, q, k)) keys.push_back(k);
  }
  return keys;
}

}  // namespace maskwise::testing

#endif  // MASKWISE_TESTS_SUPPORT_MASK_GENERATORS_H_
