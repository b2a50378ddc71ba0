// Sequences that become what others were: select() against caches that were
// filled directly, and which pages that takes.
#include "attention/cache_pages.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "maskwise/kv_cache.h"
#include "tests/base/thrown_error.h"
#include "tests/support/attention_bits.h"
#include "tests/support/attention_case.h"
#include "tests/support/attention_random.h"

namespace maskwise::testing {
namespace {

constexpr uint32_t kSeed = 12;
constexpr int64_t kBatch = 4;
constexpr int64_t kKvHeads = 2;
constexpr int64_t kHeads = 4;
constexpr int64_t kDim = 6;
constexpr int64_t kValueDim = 5;
constexpr int64_t kLongest = 60;
constexpr int64_t kTokens = 200;

// A sequence as the tokens that it holds, the last `newest` of them new.
struct History {
  std::vector<int64_t> tokens;
  int64_t newest = 0;
};

// Rows of different tokens: what caches are filled with.
class Tokens {
 public:
  explicit Tokens(Rng& rng)
      : k_(normal(rng, {kTokens, kKvHeads, kDim})),
        v_(normal(rng, {kTokens, kKvHeads, kValueDim})) {}

  // Appends the tokens at [begins[b], ends[b]) of every history.
  void append(KvCache& cache, const std::vector<History>& histories,
              const std::vector<int64_t>& begins,
              const std::vector<int64_t>& ends) const {
    std::vector<int64_t> counts;
    for (size_t b = 0; b < begins.size(); ++b) {
      counts.push_back(ends[b] - begins[b]);
    }
    const int64_t n = *std::ranges::max_element(counts);
    Tensor k(DType::f32, {kBatch, kKvHeads, n, kDim});
    Tensor v(DType::f32, {kBatch, kKvHeads, n, kValueDim});
    for (size_t b = 0; b < begins.size(); ++b) {
      for (int64_t i = 0; i < counts[b]; ++i) {
        const auto at = static_cast<size_t>(begins[b] + i);
        const int64_t token = histories[b].tokens[at];
        put(k_, token, k, static_cast<int64_t>(b), i);
        put(v_, token, v, static_cast<int64_t>(b), i);
      }
    }
    cache.append(k, v, counts);
  }

 private:
  static void put(const Tensor& from, int64_t token, Tensor& to, int64_t batch,
                  int64_t at) {
    const int64_t width = to.dim(3);
    for (int64_t h = 0; h < kKvHeads; ++h) {
      std::copy_n(from.data<float>() + (token * kKvHeads + h) * width, width,
                  to.mutable_data<float>() +
                      ((batch * kKvHeads + h) * to.dim(2) + at) * width);
    }
  }

  Tensor k_;
  Tensor v_;
};

KvCache cache_of(int64_t page_size, int64_t pages = 0,
                 DType dtype = DType::f32) {
  return KvCache({.batch = kBatch,
                  .kv_heads = kKvHeads,
                  .head_dim = kDim,
                  .value_dim = kValueDim,
                  .max_length = kLongest,
                  .page_size = page_size,
                  .pages = pages,
                  .dtype = dtype});
}

// A cache, of f16 where the seed is odd, and beside it what its sequences hold.
class Tracked {
 public:
  Tracked(int64_t page_size, uint32_t seed)
      : page_size_(page_size),
        dtype_(seed % 2 == 0 ? DType::f32 : DType::f16),
        rng_(seed),
        tokens_(rng_),
        cache_(cache_of(page_size, 0, dtype_)) {}

  void append(const std::vector<int64_t>& counts) {
    std::vector<int64_t> begins;
    std::vector<int64_t> ends;
    for (size_t b = 0; b < counts.size(); ++b) {
      History& history = histories_[b];
      begins.push_back(std::ssize(history.tokens));
      for (int64_t i = 0; i < counts[b]; ++i) {
        history.tokens.push_back(uniform(rng_, 0, kTokens - 1));
      }
      history.newest = counts[b];
      ends.push_back(std::ssize(history.tokens));
    }
    tokens_.append(cache_, histories_, begins, ends);
  }

  void select(const std::vector<int64_t>& from) {
    const std::vector<History> old = histories_;
    for (size_t b = 0; b < from.size(); ++b) {
      histories_[b] = old[static_cast<size_t>(from[b])];
    }
    cache_.select(from);
  }

  void truncate(int64_t batch, int64_t length) {
    History& history = histories_[static_cast<size_t>(batch)];
    const int64_t gone = std::ssize(history.tokens) - length;
    history.newest = std::max<int64_t>(0, history.newest - gone);
    history.tokens.resize(static_cast<size_t>(length));
    cache_.truncate(batch, length);
  }

  // Anything that there is room for.
  void change() {
    std::vector<int64_t> numbers;
    const int64_t kind = uniform(rng_, 0, 4);
    for (int64_t b = 0; b < kBatch; ++b) {
      const int64_t room = kLongest - cache_.length(b);
      numbers.push_back(
          kind < 3 ? std::min(room, uniform(rng_, 0, kind == 0 ? 9 : 2))
                   : uniform(rng_, 0, kBatch - 1));
    }
    if (kind < 3) return append(numbers);
    select(numbers);
    if (kind == 4) {
      const int64_t batch = numbers.front();
      truncate(batch, uniform(rng_, 0, cache_.length(batch)));
    }
  }

  // The cache answers as one does to which each sequence was appended: what is
  // not new, then what is.
  ::testing::AssertionResult is_as_if_direct() {
    KvCache direct = cache_of(page_size_, 0, dtype_);
    std::vector<int64_t> zeros(kBatch);
    std::vector<int64_t> begins;
    std::vector<int64_t> ends;
    for (const History& history : histories_) {
      ends.push_back(std::ssize(history.tokens));
      begins.push_back(ends.back() - history.newest);
    }
    tokens_.append(direct, histories_, zeros, begins);
    tokens_.append(direct, histories_, begins, ends);
    int64_t rows = 0;
    for (size_t b = 0; b < begins.size(); ++b) {
      const auto batch = static_cast<int64_t>(b);
      rows = std::max(rows, histories_[b].newest);
      if (cache_.length(batch) != ends[b] ||
          cache_.newest(batch) != histories_[b].newest) {
        return ::testing::AssertionFailure()
               << "sequence " << b << " holds " << cache_.length(batch)
               << " keys, " << cache_.newest(batch) << " of them new";
      }
    }
    const Tensor q = normal(rng_, {kBatch, kHeads, rows, kDim});
    return same_bits(attention(q, cache_, plan_), attention(q, direct, plan_));
  }

  KvCache& cache() { return cache_; }

 private:
  int64_t page_size_;
  DType dtype_;
  Rng rng_;
  Tokens tokens_;
  KvCache cache_;
  std::vector<History> histories_{kBatch};
  MaskPlan plan_ = compile(causal().bind({kBatch, kHeads, kLongest, kLongest}));
};

const int64_t kPageSizes[] = {0, 1, 12, 16};

TEST(CachePagesTest, SelectedSequencesAreAsIfFilledDirectly) {
  const std::vector<int64_t> choices[] = {
      {0, 1, 2, 3},   // all stay
      {1, 2, 3, 0},   // a cycle
      {2, 3, 0, 1},   // two
      {0, 3, 2, 1},   // some stay
      {1, 1, 1, 1},   // one becomes all
      {3, 3, 0, 0}};  // two go on twice, the others not
  for (const int64_t page_size : kPageSizes) {
    for (const std::vector<int64_t>& from : choices) {
      SCOPED_TRACE("pages of " + std::to_string(page_size) + ", from " +
                   std::to_string(from[0]) + std::to_string(from[1]));
      Tracked tracked(page_size, kSeed);
      tracked.append({20, 17, 0, 32});
      tracked.append({1, 3, 0, 2});
      tracked.select(from);
      EXPECT_TRUE(tracked.is_as_if_direct());
      // Who shared a page goes on alone.
      tracked.append({1, 1, 2, 1});
      EXPECT_TRUE(tracked.is_as_if_direct());
      tracked.append({9, 0, 1, 7});
      EXPECT_TRUE(tracked.is_as_if_direct());
    }
  }
}

TEST(CachePagesTest, WhatIsAppendedBehindTakenBackKeysIsNotSeenByOthers) {
  for (const int64_t page_size : kPageSizes) {
    SCOPED_TRACE(page_size);
    Tracked tracked(page_size, kSeed);
    tracked.append({40, 3, 3, 3});
    tracked.select({0, 0, 0, 3});
    tracked.truncate(1, 20);
    tracked.truncate(2, 39);
    tracked.append({1, 5, 1, 1});
    EXPECT_TRUE(tracked.is_as_if_direct());
    tracked.truncate(0, 30);
    tracked.append({1, 1, 1, 1});
    EXPECT_TRUE(tracked.is_as_if_direct());
  }
}

TEST(CachePagesTest, AnyChangesGiveTheBitsOfDirectlyFilledCaches) {
  for (const int64_t page_size : kPageSizes) {
    for (uint32_t seed = kSeed; seed < kSeed + cases(20); ++seed) {
      SCOPED_TRACE("pages of " + std::to_string(page_size) + ", seed " +
                   std::to_string(seed));
      Tracked tracked(page_size, seed);
      const int64_t pages = tracked.cache().free_pages();
      for (int i = 0; i < 30; ++i) {
        tracked.change();
        ASSERT_TRUE(tracked.is_as_if_direct()) << "change " << i;
      }
      for (int64_t b = 0; b < kBatch; ++b) tracked.truncate(b, 0);
      EXPECT_EQ(tracked.cache().free_pages(), pages);
    }
  }
}

TEST(CachePagesTest, SelectTakesNoPageAndAppendOnesThatAreWritten) {
  Rng rng(kSeed);
  KvCache cache = cache_of(16, 8);
  const Tensor k = normal(rng, {kBatch, kKvHeads, 40, kDim});
  const Tensor v = normal(rng, {kBatch, kKvHeads, 40, kValueDim});
  const auto add = [&](const std::vector<int64_t>& counts) {
    cache.append(k, v, counts);
    return cache.free_pages();
  };
  EXPECT_EQ(add({40, 16, 0, 0}), 4);
  cache.select({0, 0, 0, 0});
  EXPECT_EQ(cache.free_pages(), 5);  // the pages of one sequence
  EXPECT_EQ(add({1, 0, 1, 0}), 3);   // two go on, two have the page as it was
  EXPECT_EQ(add({0, 1, 0, 1}), 2);   // a copy; the last writes in place
  EXPECT_EQ(cache.length(3), 41);
  EXPECT_EQ(add({1, 1, 1, 1}), 2);
}

TEST(CachePagesTest, TooFewPagesForCopiesAreAnErrorThatAppendsNothing) {
  Rng rng(kSeed);
  KvCache cache = cache_of(16, 4);
  const Tensor k = normal(rng, {kBatch, kKvHeads, 20, kDim});
  const Tensor v = normal(rng, {kBatch, kKvHeads, 20, kValueDim});
  cache.append(k, v, {20, 0, 0, 0});
  cache.select({0, 0, 0, 0});
  EXPECT_TRUE(throws_error(ErrorCode::limit,
                           "3 more pages of 16 keys are wanted and 2 are free",
                           [&] {
                             cache.append(k, v, {1, 1, 1, 1});
                           }));
  EXPECT_EQ(cache.length(0), 20);
  EXPECT_EQ(cache.free_pages(), 2);
  cache.append(k, v, {0, 1, 1, 0});
  EXPECT_EQ(cache.free_pages(), 0);
  // The page that sequences 0 and 3 have still.
  EXPECT_TRUE(throws_error(ErrorCode::limit, "1 more pages", [&] {
    cache.append(k, v, {1, 0, 0, 1});
  }));
  cache.truncate(3, 0);
  cache.append(k, v, {1, 0, 0, 0});
  EXPECT_EQ(cache.length(0), 21);
}

}  // namespace
}  // namespace maskwise::testing
