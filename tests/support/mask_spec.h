// Masks beside an oracle of their own: each word with its formula, written
// from the definition of the word and not from the library.
#ifndef MASKWISE_TESTS_SUPPORT_MASK_SPEC_H_
#define MASKWISE_TESTS_SUPPORT_MASK_SPEC_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "maskwise/mask.h"

namespace maskwise::testing {

// The offset of each batch item.
using Offsets = std::vector<int64_t>;

// A mask and what it should allow. `around` are the offsets that the words
// around this one say, null if they say none.
struct MaskSpec {
  using Allows = std::function<bool(const PairIndex&, const Offsets* around)>;

  Mask mask;
  Allows allows;
  std::optional<Offsets> says;  // what a word says itself
  std::vector<MaskSpec> chain;  // the operands of an `&`
};

// A position as it is said, and what it means at the shape at hand.
struct Saying {
  Position position;
  Offsets offsets;
};

// Sums of a few 64-bit numbers.
__extension__ using wide_number = __int128;

inline wide_number wide_mod(wide_number value, wide_number divisor) {
  return (value % divisor + divisor) % divisor;
}

// A tensor's elements as the formulas read them: 1 to 4 axes, aligned at the
// right with [b, h, q, k], of size 1 or full.
struct Grid {
  Shape dims;
  std::vector<int64_t> values;

  int64_t at(const PairIndex& pair) const {
    const int64_t index[4] = {pair.batch, pair.head, pair.q, pair.k};
    int64_t element = 0;
    for (size_t axis = 0; axis < dims.size(); ++axis) {
      const int64_t i = index[axis + 4 - dims.size()];
      element = element * dims[axis] + (dims[axis] == 1 ? 0 : i);
    }
    return values[static_cast<size_t>(element)];
  }
};

// A word that takes no position.
inline MaskSpec word(Mask mask, std::function<bool(const PairIndex&)> allows) {
  return {std::move(mask),
          [allows = std::move(allows)](const PairIndex& pair, const Offsets*) {
            return allows(pair);
          },
          std::nullopt,
          {}};
}

// A word whose queries stand at q + offset; `allows(distance, position, k)`
// gets k - position and the position.
template <typename Allows>
MaskSpec position_word(Mask mask, const std::optional<Saying>& said,
                       Allows allows) {
  std::optional<Offsets> says;
  if (said) says = said->offsets;
  const auto formula = [says, allows](const PairIndex& pair,
                                      const Offsets* around) {
    const Offsets* offsets = says ? &*says : around;
    const auto item = static_cast<size_t>(pair.batch);
    const wide_number at =
        wide_number{pair.q} + (offsets == nullptr ? 0 : (*offsets)[item]);
    return allows(wide_number{pair.k} - at, at, pair.k);
  };
  return {std::move(mask), formula, says, {}};
}

inline Position position_of(const std::optional<Saying>& said) {
  return said ? said->position : Position{};
}

inline MaskSpec causal_spec(const std::optional<Saying>& said) {
  return position_word(
      causal(position_of(said)), said,
      [](wide_number distance, wide_number, int64_t) { return distance <= 0; });
}

inline MaskSpec window_spec(std::optional<int64_t> left,
                            std::optional<int64_t> right,
                            const std::optional<Saying>& said) {
  const Position at = position_of(said);
  return position_word(sliding_window({left, right, at.align, at.offset}), said,
                       [=](wide_number distance, wide_number, int64_t) {
                         return (!left || distance >= -wide_number{*left}) &&
                                (!right || distance <= *right);
                       });
}

inline MaskSpec dilated_spec(int64_t stride,
                             const std::optional<Saying>& said) {
  return position_word(dilated(stride, position_of(said)), said,
                       [=](wide_number distance, wide_number, int64_t) {
                         return wide_mod(-distance, stride) == 0;
                       });
}

inline MaskSpec chunked_spec(int64_t size, const std::optional<Saying>& said) {
  return position_word(chunked(size, position_of(said)), said,
                       [=](wide_number, wide_number at, int64_t k) {
                         // Equal chunks have equal first positions.
                         return at - wide_mod(at, size) ==
                                k - wide_mod(k, size);
                       });
}

inline MaskSpec operator~(const MaskSpec& a) {
  return {~a.mask,
          [a](const PairIndex& pair, const Offsets* around) {
            return !a.allows(pair, around);
          },
          std::nullopt,
          {}};
}

inline MaskSpec operator|(const MaskSpec& a, const MaskSpec& b) {
  return {a.mask | b.mask,
          [a, b](const PairIndex& pair, const Offsets* around) {
            return a.allows(pair, around) || b.allows(pair, around);
          },
          std::nullopt,
          {}};
}

// A chain of `&` is one node: what one of its words says holds for all.
inline MaskSpec operator&(const MaskSpec& a, const MaskSpec& b) {
  std::vector<MaskSpec> chain;
  for (const MaskSpec* operand : {&a, &b}) {
    if (operand->chain.empty()) {
      chain.push_back(*operand);
    } else {
      chain.insert(chain.end(), operand->chain.begin(), operand->chain.end());
    }
  }
  const auto allows = [chain](const PairIndex& pair, const Offsets* around) {
    for (const MaskSpec& operand : chain) {
      if (operand.says) around = &*operand.says;
    }
    for (const MaskSpec& operand : chain) {
      if (!operand.allows(pair, around)) return false;
    }
    return true;
  };
  return {a.mask & b.mask, allows, std::nullopt, chain};
}

inline std::vector<Mask> masks_of(const std::vector<MaskSpec>& specs) {
  std::vector<Mask> masks;
  for (const MaskSpec& spec : specs) masks.push_back(spec.mask);
  return masks;
}

inline MaskSpec per_head_spec(const std::vector<MaskSpec>& each) {
  return {per_head(masks_of(each)),
          [each](const PairIndex& pair, const Offsets* around) {
            return each[static_cast<size_t>(pair.head)].allows(pair, around);
          },
          std::nullopt,
          {}};
}

inline MaskSpec per_batch_spec(const std::vector<MaskSpec>& each) {
  return {per_batch(masks_of(each)),
          [each](const PairIndex& pair, const Offsets* around) {
            return each[static_cast<size_t>(pair.batch)].allows(pair, around);
          },
          std::nullopt,
          {}};
}

}  // namespace maskwise::testing

#endif  // MASKWISE_TESTS_SUPPORT_MASK_SPEC_H_
