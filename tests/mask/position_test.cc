#include "mask/position.h"

#include <gtest/gtest.h>

#include "tests/base/thrown_error.h"

namespace maskwise::detail {
namespace {

using testing::throws_error;

using Offsets = std::vector<int64_t>;

BindContext context_of(int64_t q_len, int64_t kv_len,
                       const Position* inherited = nullptr) {
  return {{2, 1, q_len, kv_len}, inherited, false};
}

Offsets resolved(const Position& own, const BindContext& context,
                 Unsaid unsaid = Unsaid::refuse) {
  return resolve_offsets("causal", own, context, unsaid);
}

TEST(Position, ResolvesToAnOffsetForEachItem) {
  EXPECT_EQ(resolved({.align = Align::top_left}, context_of(3, 5)),
            (Offsets{0, 0}));
  EXPECT_EQ(resolved({.align = Align::bottom_right}, context_of(3, 5)),
            (Offsets{2, 2}));
  EXPECT_EQ(resolved({.align = Align::bottom_right}, context_of(5, 3)),
            (Offsets{-2, -2}));
  EXPECT_EQ(resolved({.offset = 7}, context_of(3, 5)), (Offsets{7, 7}));
  EXPECT_EQ(resolved({.offset = PerBatch({1, -1})}, context_of(3, 5)),
            (Offsets{1, -1}));
}

TEST(Position, UnsaidIsZeroOnASquareOrForWordsThatMay) {
  EXPECT_EQ(resolved({}, context_of(4, 4)), (Offsets{0, 0}));
  EXPECT_EQ(resolved({}, context_of(3, 5), Unsaid::zero), (Offsets{0, 0}));
  EXPECT_TRUE(throws_error(ErrorCode::shape_mismatch, "causal on a rectangle",
                           [] { (void)resolved({}, context_of(3, 5)); }));
}

TEST(Position, TheWordsAroundComeSecond) {
  const Position around = {.offset = 3};
  EXPECT_EQ(resolved({}, context_of(3, 5, &around)), (Offsets{3, 3}));
  EXPECT_EQ(resolved({}, context_of(3, 5, &around), Unsaid::zero),
            (Offsets{3, 3}));
  EXPECT_EQ(resolved({.offset = 1}, context_of(3, 5, &around)),
            (Offsets{1, 1}));
}

TEST(Position, AConflictAroundIsAnErrorForSilentWordsOnly) {
  BindContext conflict = context_of(4, 4);
  conflict.inherited_conflict = true;
  EXPECT_EQ(resolved({.offset = 1}, conflict), (Offsets{1, 1}));
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument,
                           "expected one of its own",
                           [&] { (void)resolved({}, conflict); }));
}

TEST(Position, SayingBothIsAnError) {
  check_position("causal", {.offset = 1});
  EXPECT_TRUE(throws_error(
      ErrorCode::invalid_argument, "chunked says both align and offset", [] {
        check_position("chunked", {.align = Align::top_left, .offset = 0});
      }));
}

TEST(Position, EqualityIsOfWhatWasSaid) {
  EXPECT_TRUE(same_position({}, {}));
  EXPECT_FALSE(says_something({}));
  EXPECT_TRUE(says_something({.offset = 0}));
  EXPECT_TRUE(says_something({.align = Align::top_left}));
  EXPECT_FALSE(same_position({.offset = 0}, {.align = Align::top_left}));
  EXPECT_FALSE(same_position({.offset = 0}, {}));
  EXPECT_TRUE(
      same_position({.offset = PerBatch({1})}, {.offset = PerBatch({1})}));
  EXPECT_FALSE(same_position({.offset = 1}, {.offset = PerBatch({1})}));
  EXPECT_FALSE(same_position({.align = Align::top_left},
                             {.align = Align::bottom_right}));
}

TEST(Position, PerBatchNumbersMustBeAsManyAsItems) {
  EXPECT_EQ(resolve_per_batch("prefix", "count", 4, 3), (Offsets{4, 4, 4}));
  EXPECT_EQ(resolve_per_batch("prefix", "count", 4, 0), Offsets{});
  EXPECT_TRUE(throws_error(
      ErrorCode::shape_mismatch,
      "prefix: expected one count for each of the 3 batch items, got 2", [] {
        (void)resolve_per_batch("prefix", "count", PerBatch({1, 2}), 3);
      }));
}

}  // namespace
}  // namespace maskwise::detail
