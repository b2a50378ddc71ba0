// Random expressions over all words: the readings of a mask agree with each
// other and with formulas of the test's own.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "maskwise/mask.h"
#include "maskwise/mask_text.h"
#include "tests/support/mask_generators.h"
#include "tests/support/mask_property.h"

namespace maskwise {
namespace {

using testing::check_property;
using testing::expected_keys;
using testing::for_each_row;
using testing::mask_cases;
using testing::MaskCase;
using testing::pick;

std::vector<int64_t> listed(const KeyIntervals& intervals) {
  std::vector<int64_t> keys;
  for (const KeyInterval& interval : intervals) {
    for (int64_t k = interval.begin; k < interval.end; ++k) keys.push_back(k);
  }
  return keys;
}

// Ascending, disjoint, not touching, none empty, all in `range`.
bool well_formed(const KeyIntervals& intervals, KeyInterval range) {
  int64_t free_from = range.begin;
  for (const KeyInterval& interval : intervals) {
    if (interval.begin < free_from || interval.begin >= interval.end ||
        interval.end > range.end) {
      return false;
    }
    free_from = interval.end + 1;
  }
  return true;
}

bool same_tensor(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && a.dtype() == b.dtype() &&
         std::memcmp(a.bytes(), b.bytes(),
                     static_cast<size_t>(a.byte_size())) == 0;
}

TEST(MaskFuzz, AllowedPairsFollowTheFormulas) {
  check_property([] {
    const MaskCase mask_case = *mask_cases();
    const BoundMask bound = mask_case.bound();
    for_each_row(mask_case.shape, [&](int64_t b, int64_t h, int64_t q) {
      for (int64_t k = 0; k < mask_case.shape.kv_len; ++k) {
        if (bound.allowed(b, h, q, k) != mask_case.expects(b, h, q, k)) {
          RC_FAIL(to_string(AttentionShape{b, h, q, k}));
        }
      }
    });
  });
}

TEST(MaskFuzz, RowKeysAreTheAllowedKeys) {
  check_property([] {
    const MaskCase mask_case = *mask_cases();
    const BoundMask bound = mask_case.bound();
    const KeyInterval all_keys{0, mask_case.shape.kv_len};
    for_each_row(mask_case.shape, [&](int64_t b, int64_t h, int64_t q) {
      const KeyIntervals keys = bound.row_keys(b, h, q);
      const std::vector<int64_t> expected = expected_keys(mask_case, b, h, q);
      RC_ASSERT(well_formed(keys, all_keys));
      RC_ASSERT(listed(keys) == expected);
      RC_ASSERT(bound.visible_keys(b, h, q) == expected);
    });
  });
}

// Also ranges that reach beyond the keys.
TEST(MaskFuzz, RowKeysOfARangeAreTheAllowedKeysInIt) {
  check_property([] {
    const MaskCase mask_case = *mask_cases();
    const BoundMask bound = mask_case.bound();
    const int64_t kv_len = mask_case.shape.kv_len;
    const int64_t begin = pick(-3, kv_len + 3);
    const KeyInterval range{begin, pick(begin - 2, kv_len + 5)};
    KeyIntervals keys = {{-7, -5}};  // must be cleared
    for_each_row(mask_case.shape, [&](int64_t b, int64_t h, int64_t q) {
      std::vector<int64_t> expected = expected_keys(mask_case, b, h, q);
      std::erase_if(expected, [&](int64_t k) {
        return k < range.begin || k >= range.end;
      });
      bound.row_keys(b, h, q, range, keys);
      RC_ASSERT(well_formed(keys, {0, kv_len}));
      RC_ASSERT(listed(keys) == expected);
    });
  });
}

TEST(MaskFuzz, BlockKeysBoundWhatTheRowsOfABlockSee) {
  check_property([] {
    const MaskCase mask_case = *mask_cases();
    const AttentionShape& shape = mask_case.shape;
    RC_PRE(shape.q_len > 0);
    const BoundMask bound = mask_case.bound();
    const int64_t q_begin = pick(0, shape.q_len - 1);
    const int64_t q_end = pick(q_begin + 1, shape.q_len);
    for (int64_t slice = 0; slice < shape.batch * shape.heads; ++slice) {
      const int64_t b = slice / shape.heads;
      const int64_t h = slice % shape.heads;
      const BlockKeys keys = bound.block_keys(b, h, q_begin, q_end);
      RC_ASSERT(well_formed(keys.some, {0, shape.kv_len}));
      RC_ASSERT(well_formed(keys.every, {0, shape.kv_len}));
      const std::vector<int64_t> some = listed(keys.some);
      const std::vector<int64_t> every = listed(keys.every);
      RC_ASSERT(std::ranges::includes(some, every));
      for (int64_t q = q_begin; q < q_end; ++q) {
        const std::vector<int64_t> row = expected_keys(mask_case, b, h, q);
        RC_ASSERT(std::ranges::includes(some, row));
        RC_ASSERT(std::ranges::includes(row, every));
      }
    }
  });
}

TEST(MaskFuzz, EqualSliceIdsMeanEqualMasks) {
  check_property([] {
    const MaskCase mask_case = *mask_cases();
    const AttentionShape& shape = mask_case.shape;
    const BoundMask bound = mask_case.bound();
    const std::vector<int32_t> ids = bound.slice_ids();
    RC_ASSERT(static_cast<int64_t>(ids.size()) == shape.batch * shape.heads);
    std::map<int32_t, std::vector<std::vector<int64_t>>> rows_of_id;
    for (size_t i = 0; i < ids.size(); ++i) {
      const auto slice = static_cast<int64_t>(i);
      std::vector<std::vector<int64_t>> rows;
      for (int64_t q = 0; q < shape.q_len; ++q) {
        rows.push_back(expected_keys(mask_case, slice / shape.heads,
                                     slice % shape.heads, q));
      }
      const auto known = static_cast<int32_t>(rows_of_id.size());
      RC_ASSERT(ids[i] >= 0);
      RC_ASSERT(ids[i] <= known);  // counted from 0 as they appear
      const auto [found, added] = rows_of_id.emplace(ids[i], rows);
      RC_ASSERT(added == (ids[i] == known));
      RC_ASSERT(found->second == rows);
    }
  });
}

TEST(MaskFuzz, TextParsesBackToAnEqualMask) {
  check_property([] {
    const MaskCase mask_case = *mask_cases();
    const MaskText text = to_string(mask_case.spec.mask);
    const Mask parsed = parse_mask(text.text, text.tensors);
    RC_ASSERT(parsed == mask_case.spec.mask);
    RC_ASSERT(to_string(parsed).text == text.text);
    RC_ASSERT(same_tensor(parsed.bind(mask_case.shape).to_dense(),
                          mask_case.bound().to_dense()));
  });
}

TEST(MaskFuzz, CountsAndTheDenseMaskFollowTheFormulas) {
  check_property([] {
    const MaskCase mask_case = *mask_cases();
    const BoundMask bound = mask_case.bound();
    const Tensor dense = bound.to_dense();
    const bool* next = dense.data<bool>();
    int64_t pairs = 0;
    RowsWithoutKeys expected;
    for_each_row(mask_case.shape, [&](int64_t b, int64_t h, int64_t q) {
      const int64_t before = pairs;
      for (int64_t k = 0; k < mask_case.shape.kv_len; ++k, ++next) {
        const bool allowed = mask_case.expects(b, h, q, k);
        pairs += allowed ? 1 : 0;
        if (*next != allowed) RC_FAIL("to_dense differs");
      }
      if (pairs != before) return;
      ++expected.count;
      if (!expected.first) expected.first = PairIndex{b, h, q, 0};
    });
    RC_ASSERT(bound.visible_pairs() == pairs);
    const RowsWithoutKeys rows = bound.rows_without_keys();
    RC_ASSERT(rows.count == expected.count);
    RC_ASSERT(rows.first == expected.first);
  });
}

TEST(MaskFuzz, DiffCountsThePairsThatDiffer) {
  check_property([] {
    const MaskCase a = *mask_cases(3);
    testing::Place place;
    place.shape = a.shape;
    const auto make_other = [&] { return testing::random_mask(place, 2); };
    const MaskCase b{a.shape, *rc::gen::noShrink(rc::gen::exec(make_other))};
    MaskDiff expected;
    for_each_row(a.shape, [&](int64_t i, int64_t h, int64_t q) {
      for (int64_t k = 0; k < a.shape.kv_len; ++k) {
        const bool by_a = a.expects(i, h, q, k);
        if (by_a == b.expects(i, h, q, k)) continue;
        if (expected.count++ > 0) continue;
        expected.first = PairIndex{i, h, q, k};
        expected.first_allowed_by_a = by_a;
      }
    });
    const MaskDiff found = diff(a.spec.mask, b.spec.mask, a.shape);
    RC_ASSERT(found.count == expected.count);
    RC_ASSERT(found.first == expected.first);
    RC_ASSERT(found.first_allowed_by_a == expected.first_allowed_by_a);
  });
}

TEST(MaskFuzz, RestrictingIsAnAndWithTheTensor) {
  check_property([] {
    const MaskCase mask_case = *mask_cases();
    const AttentionShape& shape = mask_case.shape;
    const std::vector<int64_t> bits =
        *rc::gen::exec([&] { return testing::noise_bits(shape.q_len); });
    const Tensor rows = testing::tensor_of<bool>({shape.q_len, 1}, bits);
    const BoundMask both = mask_case.bound().restricted_to(rows);
    for_each_row(shape, [&](int64_t b, int64_t h, int64_t q) {
      const bool kept = bits[static_cast<size_t>(q)] == 1;
      RC_ASSERT(
          both.visible_keys(b, h, q) ==
          (kept ? expected_keys(mask_case, b, h, q) : std::vector<int64_t>()));
    });
  });
}

// Every clause of the tree says what its text means.
void check_clause(const Clause& clause) {
  RC_ASSERT(!clause.text.empty());
  RC_ASSERT(!clause.reason.empty());
  const auto allowed = [](const Clause& part) { return part.allowed; };
  if (!clause.children.empty()) {
    const bool every = std::ranges::all_of(clause.children, allowed);
    const bool some = std::ranges::any_of(clause.children, allowed);
    const bool inverted = clause.children.size() == 1 && clause.text[0] == '~';
    RC_ASSERT(clause.allowed == every || clause.allowed == some || inverted);
    if (inverted) RC_ASSERT(clause.allowed != every);
  }
  for (const Clause& part : clause.children) check_clause(part);
}

TEST(MaskFuzz, ClausesExplainEveryPair) {
  check_property([] {
    const MaskCase mask_case = *mask_cases();
    const AttentionShape& shape = mask_case.shape;
    RC_PRE(shape.q_len > 0 && shape.kv_len > 0);
    const BoundMask bound = mask_case.bound();
    for (int64_t i = 0; i < 20; ++i) {
      const PairIndex pair{i % shape.batch, i % shape.heads, i % shape.q_len,
                           i * 7 % shape.kv_len};
      const Clause clause = bound.clause(pair);
      RC_ASSERT(clause.allowed ==
                mask_case.expects(pair.batch, pair.head, pair.q, pair.k));
      check_clause(clause);
    }
  });
}

}  // namespace
}  // namespace maskwise
