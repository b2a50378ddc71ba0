// Random words of masks that fit a shape, each with its formula. Call only
// while rapidcheck generates.
#ifndef MASKWISE_TESTS_SUPPORT_MASK_RANDOM_WORDS_H_
#define MASKWISE_TESTS_SUPPORT_MASK_RANDOM_WORDS_H_

#include <rapidcheck.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "maskwise/mask.h"
#include "maskwise/mask_import.h"
#include "tests/support/mask_spec.h"

namespace maskwise::testing {

// low <= number <= high, all equally likely.
inline int64_t pick(int64_t low, int64_t high) {
  return *rc::gen::resize(rc::kNominalSize,
                          rc::gen::inRange<int64_t>(low, high + 1));
}

inline bool one_in(int64_t count) { return pick(0, count - 1) == count - 1; }

// Mostly a small number of keys, sometimes an enormous one.
inline int64_t pick_count(int64_t low) {
  if (one_in(12)) return std::numeric_limits<int64_t>::max() - pick(0, 1);
  return pick(low, 12);
}

// `count` numbers in [low, high] from a seed: cheap, and it shrinks as one.
inline std::vector<int64_t> noise(int64_t count, int64_t low, int64_t high) {
  std::mt19937_64 engine(static_cast<uint64_t>(pick(0, 1 << 20)));
  std::uniform_int_distribution<int64_t> number(low, high);
  std::vector<int64_t> values(static_cast<size_t>(count));
  for (int64_t& value : values) value = number(engine);
  return values;
}

// Booleans that are few, many, or come in stretches.
inline std::vector<int64_t> noise_bits(int64_t count) {
  const int64_t level = pick(0, 8);
  std::vector<int64_t> values = noise(count, 0, 7);
  for (int64_t& value : values) value = value < level ? 1 : 0;
  if (one_in(3)) std::ranges::sort(values);
  return values;
}

inline std::string pick_name() {
  static const std::vector<std::string> kNames = {
      "", "", "", "m", "m", "ids", "t0", "t1", "a.b", "9 lives", "causal"};
  return *rc::gen::elementOf(kNames);
}

template <typename Element>
Tensor tensor_of(const Shape& dims, const std::vector<int64_t>& values) {
  Tensor tensor(dtype_of<Element>(), dims);
  for (size_t i = 0; i < values.size(); ++i) {
    tensor.mutable_data<Element>()[i] = static_cast<Element>(values[i]);
  }
  return tensor;
}

// Integers as i32 or i64, booleans as bool or u8.
inline Tensor integers(const Shape& dims, const std::vector<int64_t>& values) {
  return one_in(2) ? tensor_of<int32_t>(dims, values)
                   : tensor_of<int64_t>(dims, values);
}
inline Tensor booleans(const Shape& dims, const std::vector<int64_t>& values) {
  return one_in(2) ? tensor_of<bool>(dims, values)
                   : tensor_of<uint8_t>(dims, values);
}

// An additive mask: -inf where `masked` is 1, else a zero of either sign.
template <typename Float>
Tensor additive(const Shape& dims, const std::vector<int64_t>& masked) {
  Tensor tensor(dtype_of<Float>(), dims);
  for (size_t i = 0; i < masked.size(); ++i) {
    tensor.mutable_data<Float>()[i] =
        masked[i] == 1 ? -std::numeric_limits<Float>::infinity()
                       : static_cast<Float>(i % 2 == 0 ? 0.0 : -0.0);
  }
  return tensor;
}

// One number for each batch item as a list or a tensor, or one for all.
struct ManyNumbers {
  PerBatch said;
  Offsets each;
};

inline ManyNumbers many_numbers(const Offsets& each) {
  if (one_in(2)) return {PerBatch(each), each};
  const Shape dims = {static_cast<int64_t>(each.size())};
  return {PerBatch(MaskTensor(pick_name(), integers(dims, each))), each};
}

inline ManyNumbers one_number(int64_t number, int64_t batch) {
  return {PerBatch(number), Offsets(static_cast<size_t>(batch), number)};
}

inline int64_t pick_offset() {
  constexpr int64_t kFarthest = std::numeric_limits<int64_t>::max();
  if (one_in(12)) {
    return *rc::gen::element<int64_t>(-kFarthest - 1, kFarthest,
                                      int64_t{1} << 40, -(int64_t{1} << 40));
  }
  return pick(-45, 45);
}

inline Saying pick_saying(const AttentionShape& shape) {
  const auto fixed = [&](Align align, int64_t offset) {
    return Saying{{align, std::nullopt},
                  Offsets(static_cast<size_t>(shape.batch), offset)};
  };
  switch (pick(0, 3)) {
    case 0:
      return fixed(Align::top_left, 0);
    case 1:
      return fixed(Align::bottom_right, shape.kv_len - shape.q_len);
    case 2: {
      const ManyNumbers one = one_number(pick_offset(), shape.batch);
      return {{std::nullopt, one.said}, one.each};
    }
    default: {
      const ManyNumbers many = many_numbers(noise(shape.batch, -40, 40));
      return {{std::nullopt, many.said}, many.each};
    }
  }
}

inline MaskSpec random_prefix(const AttentionShape& shape) {
  const ManyNumbers n = one_in(2) ? one_number(pick_count(0), shape.batch)
                                  : many_numbers(noise(shape.batch, 0, 45));
  return word(prefix(n.said), [each = n.each](const PairIndex& pair) {
    return pair.k < each[static_cast<size_t>(pair.batch)];
  });
}

inline MaskSpec random_lengths(const AttentionShape& shape) {
  const ManyNumbers n = many_numbers(noise(shape.batch, 0, shape.kv_len));
  return word(lengths(n.said), [each = n.each](const PairIndex& pair) {
    return pair.k < each[static_cast<size_t>(pair.batch)];
  });
}

inline MaskSpec random_q_lengths(const AttentionShape& shape) {
  const ManyNumbers n = many_numbers(noise(shape.batch, 0, shape.q_len));
  return word(q_lengths(n.said), [each = n.each](const PairIndex& pair) {
    return pair.q < each[static_cast<size_t>(pair.batch)];
  });
}

// [B, Lk] as the formulas read it.
inline Grid key_grid(const AttentionShape& shape, std::vector<int64_t> values) {
  return {{shape.batch, 1, 1, shape.kv_len}, std::move(values)};
}

inline MaskSpec random_padding(const AttentionShape& shape) {
  const Shape dims = {shape.batch, shape.kv_len};
  const Grid ids = key_grid(shape, noise(shape.batch * shape.kv_len, -1, 3));
  const int64_t pad = pick(-1, 3);
  const MaskTensor tensor(pick_name(), integers(dims, ids.values));
  return word(padding(tensor, {.pad = pad}),
              [=](const PairIndex& pair) { return ids.at(pair) != pad; });
}

// Ids of packed documents, sometimes shuffled, some in no document.
inline std::vector<int64_t> document_ids(int64_t batch, int64_t length) {
  std::vector<int64_t> ids = noise(batch * length, -1, pick(0, 5));
  if (one_in(3)) return ids;
  for (int64_t b = 0; b < batch; ++b) {
    std::sort(ids.begin() + b * length, ids.begin() + (b + 1) * length);
  }
  return ids;
}

inline MaskSpec random_documents(const AttentionShape& shape) {
  const bool one = shape.q_len == shape.kv_len && one_in(2);
  const Shape q_dims = {shape.batch, shape.q_len};
  const Shape k_dims = {shape.batch, shape.kv_len};
  const Grid q_ids = {{shape.batch, 1, shape.q_len, 1},
                      document_ids(shape.batch, shape.q_len)};
  const Grid k_ids = key_grid(
      shape, one ? q_ids.values : document_ids(shape.batch, shape.kv_len));
  const MaskTensor q(pick_name(), integers(q_dims, q_ids.values));
  const MaskTensor k(pick_name(), integers(k_dims, k_ids.values));
  return word(one ? documents(q) : documents(q, k), [=](const PairIndex& pair) {
    return q_ids.at(pair) >= 0 && q_ids.at(pair) == k_ids.at(pair);
  });
}

// `full` aligned at the right: 1 to 4 axes, each of them broadcast or not.
inline Shape broadcast_dims(const Shape& full) {
  Shape dims(full.end() - pick(1, 4), full.end());
  for (int64_t& size : dims) size = one_in(4) ? 1 : size;
  return dims;
}

inline MaskSpec random_allow(const AttentionShape& shape) {
  const Shape dims =
      broadcast_dims({shape.batch, shape.heads, shape.q_len, shape.kv_len});
  const Grid grid = {dims, noise_bits(element_count(dims))};
  const MaskTensor tensor(pick_name(), booleans(dims, grid.values));
  const int64_t allowing = pick(0, 1);
  return word(allowing == 1 ? allow(tensor) : forbid(tensor),
              [=](const PairIndex& pair) { return grid.at(pair) == allowing; });
}

inline MaskSpec random_key_table(const AttentionShape& shape) {
  const Shape dims = {shape.batch, shape.kv_len};
  const Grid keys = key_grid(shape, noise_bits(element_count(dims)));
  const MaskTensor tensor(pick_name(), booleans(dims, keys.values));
  const int64_t allowing = pick(0, 1);
  return word(allowing == 1 ? allow_keys(tensor) : forbid_keys(tensor),
              [=](const PairIndex& pair) { return keys.at(pair) == allowing; });
}

inline MaskSpec random_blocks(const AttentionShape& shape) {
  const int64_t size = one_in(2) ? pick(1, 9) : pick(10, 200);
  const auto cells = [size](int64_t length) {
    return (length + size - 1) / size;
  };
  const Shape dims = broadcast_dims(
      {shape.batch, shape.heads, cells(shape.q_len), cells(shape.kv_len)});
  const Grid grid = {dims, noise_bits(element_count(dims))};
  const MaskTensor tensor(pick_name(), booleans(dims, grid.values));
  return word(blocks(tensor, {.size = size}), [=](const PairIndex& pair) {
    return grid.at({pair.batch, pair.head, pair.q / size, pair.k / size}) == 1;
  });
}

}  // namespace maskwise::testing

#endif  // MASKWISE_TESTS_SUPPORT_MASK_RANDOM_WORDS_H_
