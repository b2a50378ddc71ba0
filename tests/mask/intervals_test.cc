#include "mask/intervals.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "tests/support/mask_property.h"

namespace maskwise::detail {
namespace {

using testing::check_property;

constexpr int64_t kCount = 30;
const KeyInterval kAll{0, kCount};

std::vector<bool> bits_of(const KeyIntervals& list) {
  std::vector<bool> bits(static_cast<size_t>(kCount));
  for (const KeyInterval& interval : list) {
    for (int64_t k = interval.begin; k < interval.end; ++k) {
      bits[static_cast<size_t>(k)] = true;
    }
  }
  return bits;
}

// Where the bits are: what every operation should return for them.
KeyIntervals intervals_of(const std::vector<bool>& bits) {
  return intervals_where(
      kCount, [&](int64_t k) { return bits[static_cast<size_t>(k)]; });
}

rc::Gen<std::vector<bool>> bits() {
  return rc::gen::container<std::vector<bool>>(static_cast<size_t>(kCount),
                                               rc::gen::arbitrary<bool>());
}

// Applies `op` to every bit of a and b.
template <typename Op>
std::vector<bool> each(const std::vector<bool>& a, const std::vector<bool>& b,
                       Op op) {
  std::vector<bool> result(a.size());
  for (size_t i = 0; i < a.size(); ++i) result[i] = op(a[i], b[i]);
  return result;
}

TEST(Intervals, AppendJoinsWhatTouchesAndDropsWhatIsEmpty) {
  KeyIntervals list;
  append_interval(list, {2, 2});
  append_interval(list, {3, 5});
  append_interval(list, {5, 6});
  append_interval(list, {8, 7});
  append_interval(list, {8, 9});
  EXPECT_EQ(list, (KeyIntervals{{3, 6}, {8, 9}}));
}

TEST(Intervals, ClipGivesAnEmptyPartForWhatLiesOutside) {
  EXPECT_EQ(clip({2, 8}, {4, 6}), (KeyInterval{4, 6}));
  EXPECT_EQ(clip({2, 8}, {0, 5}), (KeyInterval{2, 5}));
  for (const KeyInterval& outside :
       {clip({2, 4}, {6, 9}), clip({6, 9}, {2, 4}), clip({2, 4}, {4, 6})}) {
    EXPECT_EQ(outside.begin, outside.end);
  }
}

TEST(Intervals, AppendClippedTakesTheRange) {
  KeyIntervals out = {{0, 2}};
  append_clipped({{1, 4}, {6, 7}, {9, 12}}, {2, 10}, out);
  EXPECT_EQ(out, (KeyIntervals{{0, 4}, {6, 7}, {9, 10}}));
}

TEST(Intervals, CountKeys) {
  EXPECT_EQ(count_keys({}), 0);
  EXPECT_EQ(count_keys({{0, 3}, {5, 6}}), 4);
}

TEST(IntervalsFuzz, MergesAreTheOperationsOnBits) {
  check_property([] {
    const std::vector<bool> a = *bits();
    const std::vector<bool> b = *bits();
    const KeyIntervals in_a = intervals_of(a);
    const KeyIntervals in_b = intervals_of(b);
    RC_ASSERT(bits_of(in_a) == a);
    RC_ASSERT(intersection(in_a, in_b) ==
              intervals_of(each(a, b, [](bool x, bool y) { return x && y; })));
    RC_ASSERT(union_of(in_a, in_b) ==
              intervals_of(each(a, b, [](bool x, bool y) { return x || y; })));
    RC_ASSERT(complement(in_a, kAll) ==
              intervals_of(each(a, b, [](bool x, bool) { return !x; })));
  });
}

}  // namespace
}  // namespace maskwise::detail
