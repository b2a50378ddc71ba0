// Attention over a cache gives the bits of whole sequences: prefill, chunks,
// single tokens, pages of any size, ragged batches, windows, left padding and
// groups of heads.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "maskwise/kv_cache.h"
#include "tests/base/thrown_error.h"
#include "tests/support/attention_bits.h"
#include "tests/support/attention_case.h"
#include "tests/support/attention_rows.h"

namespace maskwise::testing {
namespace {

constexpr uint32_t kSeed = 12;

struct Model {
  int64_t batch = 2;
  int64_t heads = 4;
  int64_t kv_heads = 2;
  int64_t head_dim = 20;
  int64_t value_dim = 12;
  int64_t length = 150;
  DType dtype = DType::f32;  // of what the cache holds
};

// A whole sequence for each batch item, and what attention says of it.
struct Sequences {
  Sequences(const Model& m, const Mask& mask, const AttentionOptions& how = {})
      : model(m), options(how) {
    Rng rng(kSeed);
    q = normal(rng, {m.batch, m.heads, m.length, m.head_dim});
    k = normal(rng, {m.batch, m.kv_heads, m.length, m.head_dim});
    v = normal(rng, {m.batch, m.kv_heads, m.length, m.value_dim});
    plan = std::make_unique<MaskPlan>(
        compile(mask.bind({m.batch, m.heads, m.length, m.length})));
    whole = attention(q, held(k), held(v), *plan, options);
  }

  KvCache cache(int64_t page_size) const {
    return KvCache({.batch = model.batch,
                    .kv_heads = model.kv_heads,
                    .head_dim = model.head_dim,
                    .value_dim = model.value_dim,
                    .max_length = model.length,
                    .page_size = page_size,
                    .dtype = model.dtype});
  }

  // What the cache makes of f32.
  Tensor held(const Tensor& tensor) const {
    return model.dtype == DType::f32 ? tensor : from_f32(tensor, model.dtype);
  }

  Model model;
  AttentionOptions options;
  Tensor q;
  Tensor k;
  Tensor v;
  std::unique_ptr<MaskPlan> plan;
  AttentionResult whole;
};

// Tokens [begin, begin + n) of each item, where item b begins at begins[b].
Tensor tokens_of(const Tensor& tensor, const std::vector<int64_t>& begins,
                 int64_t n) {
  Tensor out(DType::f32, {tensor.dim(0), tensor.dim(1), n, tensor.dim(3)});
  const int64_t row = tensor.dim(3);
  for (int64_t b = 0; b < tensor.dim(0); ++b) {
    for (int64_t h = 0; h < tensor.dim(1); ++h) {
      for (int64_t i = 0; i < n; ++i) {
        const int64_t from =
            std::min(begins[static_cast<size_t>(b)] + i, tensor.dim(2) - 1);
        const int64_t slice = b * tensor.dim(1) + h;
        std::copy_n(tensor.data<float>() + (slice * tensor.dim(2) + from) * row,
                    row, out.mutable_data<float>() + (slice * n + i) * row);
      }
    }
  }
  return out;
}

// Feeds the sequences to a cache, item b counts[step][b] tokens at a time, and
// expects of every step the rows of the whole.
void expect_steps(const Sequences& s, KvCache cache,
                  const std::vector<std::vector<int64_t>>& steps) {
  std::vector<int64_t> at(static_cast<size_t>(s.model.batch));
  for (const std::vector<int64_t>& counts : steps) {
    const int64_t n = *std::ranges::max_element(counts);
    cache.append(tokens_of(s.k, at, n), tokens_of(s.v, at, n), counts);
    const AttentionResult found =
        attention(tokens_of(s.q, at, n), cache, *s.plan, s.options);
    for (int64_t b = 0; b < s.model.batch; ++b) {
      const int64_t begin = at[static_cast<size_t>(b)];
      const int64_t count = counts[static_cast<size_t>(b)];
      for (int64_t h = 0; h < s.model.heads && count > 0; ++h) {
        ASSERT_TRUE(
            same_bits(rows_of(found, Layout::bhld, {b, h, 0}, count),
                      rows_of(s.whole, Layout::bhld, {b, h, begin}, count)))
            << "item " << b << " head " << h << " tokens " << begin << " to "
            << begin + count;
      }
      at[static_cast<size_t>(b)] += count;
    }
  }
}

std::vector<std::vector<int64_t>> equal_steps(const Model& m, int64_t size) {
  std::vector<std::vector<int64_t>> steps;
  for (int64_t done = 0; done < m.length; done += size) {
    steps.emplace_back(static_cast<size_t>(m.batch),
                       std::min(size, m.length - done));
  }
  return steps;
}

const int64_t kPageSizes[] = {0, 1, 16, 24, 128};

TEST(CachedAttentionTest, PrefillChunksAndSingleTokensGiveTheSameBits) {
  const Sequences s({}, causal());
  for (const int64_t page_size : kPageSizes) {
    for (const int64_t size : {150, 64, 37, 1}) {
      SCOPED_TRACE("pages of " + std::to_string(page_size) + ", steps of " +
                   std::to_string(size));
      expect_steps(s, s.cache(page_size), equal_steps(s.model, size));
    }
  }
}

TEST(CachedAttentionTest, WindowsAndLeftPaddingGiveTheSameBits) {
  const Mask masks[] = {
      causal() & sliding_window({.left = 20}),
      causal() & (sliding_window({.left = 33}) | prefix(4)),
      causal() & ~prefix(PerBatch{7, 0}),
      causal() & ~prefix(PerBatch{0, 70}) & sliding_window({.left = 40}),
      per_head({causal(), causal() & sliding_window({.left = 9}), causal(),
                causal() & dilated(3)}),
      causal() & chunked(32)};
  for (const Mask& mask : masks) {
    const Sequences s({}, mask);
    for (const int64_t page_size : kPageSizes) {
      SCOPED_TRACE(page_size);
      expect_steps(s, s.cache(page_size), equal_steps(s.model, 50));
      expect_steps(s, s.cache(page_size), equal_steps(s.model, 1));
    }
  }
}

TEST(CachedAttentionTest, RaggedBatchesGiveTheSameBits) {
  const Model model{.batch = 3, .length = 40};
  const Sequences s(model, causal());
  for (const int64_t page_size : kPageSizes) {
    SCOPED_TRACE(page_size);
    expect_steps(s, s.cache(page_size),
                 {{5, 17, 1}, {1, 1, 1}, {0, 3, 9}, {1, 0, 1}, {20, 1, 20}});
  }
}

TEST(CachedAttentionTest, EveryInstructionSetGroupAndOptionGivesTheSameBits) {
  const Tensor slopes = Tensor::from<float>(
      {8}, {.5F, .25F, .125F, .0625F, .5F, .25F, .125F, .0625F});
  for (const int64_t kv_heads : {1, 2, 8}) {
    for (const IsaInfo& info : devices().isas()) {
      if (!info.available) continue;
      SCOPED_TRACE(std::string(info.name) + " kv heads " +
                   std::to_string(kv_heads));
      AttentionOptions options;
      options.isa = info.isa;
      options.softcap = 5;
      options.alibi.slopes = slopes;
      const Sequences s({.heads = 8, .kv_heads = kv_heads, .length = 70},
                        causal(), options);
      expect_steps(s, s.cache(16), equal_steps(s.model, 1));
      expect_steps(s, s.cache(0), equal_steps(s.model, 3));
    }
  }
}

TEST(CachedAttentionTest, HalvesAreHeldRoundedAndGiveTheSameBits) {
  const Mask masks[] = {causal(), causal() & sliding_window({.left = 21}),
                        causal() & dilated(3)};
  for (const IsaInfo& info : devices().isas()) {
    if (!info.available) continue;
    AttentionOptions options;
    options.isa = info.isa;
    for (const Mask& mask : masks) {
      const Sequences models[] = {
          Sequences({.length = 90, .dtype = DType::f16}, mask, options),
          Sequences({.heads = 8,
                     .kv_heads = 2,
                     .head_dim = 64,
                     .value_dim = 32,
                     .length = 90,
                     .dtype = DType::bf16},
                    mask, options)};
      for (const Sequences& s : models) {
        for (const int64_t page_size : kPageSizes) {
          SCOPED_TRACE(std::string(info.name) + ", pages of " +
                       std::to_string(page_size));
          expect_steps(s, s.cache(page_size), equal_steps(s.model, 90));
          expect_steps(s, s.cache(page_size), equal_steps(s.model, 37));
          expect_steps(s, s.cache(page_size), equal_steps(s.model, 1));
        }
      }
    }
  }
}

// The sequences' cache, empty, but its pages come in any order.
KvCache shuffled_cache(const Sequences& s, int64_t page_size, Rng& rng) {
  KvCache cache = s.cache(page_size);
  const Model& m = s.model;
  const Tensor k = normal(rng, {m.batch, m.kv_heads, m.length, m.head_dim});
  const Tensor v = normal(rng, {m.batch, m.kv_heads, m.length, m.value_dim});
  cache.append(k, v);
  for (int64_t pages = m.batch * m.length; pages > 0; --pages) {
    const int64_t batch = uniform(rng, 0, m.batch - 1);
    cache.truncate(batch,
                   std::max<int64_t>(0, cache.length(batch) - page_size));
  }
  for (int64_t b = 0; b < m.batch; ++b) cache.truncate(b, 0);
  return cache;
}

// Keys of small heads lie so near each other that those of other pages may lie
// where the next ones of a page would.
TEST(CachedAttentionTest, SmallHeadsInPagesOfAnyOrderGiveTheSameBits) {
  Rng rng(kSeed);
  for (const IsaInfo& info : devices().isas()) {
    if (!info.available) continue;
    for (const Mask& mask : {causal(), causal() & dilated(3)}) {
      for (const int64_t head_dim : {1, 2, 3}) {
        for (const DType dtype : {DType::f32, DType::f16}) {
          const Sequences s({.batch = 3,
                             .heads = 10,
                             .head_dim = head_dim,
                             .value_dim = head_dim,
                             .length = 60,
                             .dtype = dtype},
                            mask, {.isa = info.isa});
          for (const int64_t page_size : {2, 4, 8, 16}) {
            SCOPED_TRACE(std::string(info.name) + ", pages of " +
                         std::to_string(page_size));
            expect_steps(s, shuffled_cache(s, page_size, rng),
                         {{30, 30, 30}, {27, 20, 9}, {1, 1, 1}, {1, 1, 1}});
          }
        }
      }
    }
  }
}

TEST(CachedAttentionTest, RowsOfSeveralFoldsGiveTheSameBits) {
  const Model model{
      .batch = 1, .heads = 2, .kv_heads = 1, .head_dim = 3, .length = 2500};
  const Sequences s(model, causal());
  expect_steps(s, s.cache(16), {{1000}, {23}, {1}, {1}, {1}, {1000}, {474}});
  const Sequences window(model, causal() & sliding_window({.left = 1500}));
  expect_steps(window, window.cache(128), {{2499}, {1}});
}

TEST(CachedAttentionTest, RowsBeyondTheNewestTokensSeeNothing) {
  const Sequences s({.length = 20}, causal());
  KvCache cache = s.cache(16);
  cache.append(tokens_of(s.k, {0, 0}, 3), tokens_of(s.v, {0, 0}, 3), {3, 1});
  const AttentionResult found =
      attention(tokens_of(s.q, {0, 0}, 3), cache, *s.plan);
  for (int64_t h = 0; h < 4; ++h) {
    const AttentionResult rest = rows_of(found, Layout::bhld, {1, h, 1}, 2);
    for (int64_t i = 0; i < 2; ++i) {
      EXPECT_EQ(rest.lse.data<float>()[i], kMinusInf);
    }
    for (int64_t i = 0; i < rest.o.size(); ++i) {
      EXPECT_EQ(rest.o.data<float>()[i], 0.0F);
    }
  }
}

TEST(CachedAttentionTest, WrongCallsAreErrors) {
  const Sequences s({.length = 20}, causal());
  KvCache cache = s.cache(0);
  cache.append(tokens_of(s.k, {0, 0}, 3), tokens_of(s.v, {0, 0}, 3));
  const auto refused = [&](const std::string& fragment, const TensorView& q,
                           const MaskPlan& plan,
                           const AttentionOptions& options = {}) {
    const auto error = thrown_by([&] { attention(q, cache, plan, options); });
    if (!error) return ::testing::AssertionFailure() << "no error";
    return std::string(error->what()).find(fragment) != std::string::npos
               ? ::testing::AssertionSuccess()
               : ::testing::AssertionFailure() << error->what();
  };
  const Tensor q = tokens_of(s.q, {0, 0}, 3);
  EXPECT_TRUE(refused("expected q with 4 axes", {}, *s.plan));
  EXPECT_TRUE(refused("q has 2 rows; expected one for each of the 3 tokens",
                      tokens_of(s.q, {0, 0}, 2), *s.plan));
  EXPECT_TRUE(refused("expected a plan for the longest sequences", q,
                      compile(causal().bind({2, 4, 2, 2}))));
  EXPECT_TRUE(refused("q has 4 heads, the plan 8", q,
                      compile(causal().bind({2, 8, 20, 20}))));
  EXPECT_TRUE(refused("the cache holds 2 sequences", q,
                      compile(causal().bind({1, 4, 20, 20}))));
  AttentionOptions with_bias;
  with_bias.bias = q;
  EXPECT_TRUE(refused("a bias over a cache", q, *s.plan, with_bias));
  AttentionOptions with_weights;
  with_weights.weights = Weights::all;
  EXPECT_TRUE(refused("weights are asked for", q, *s.plan, with_weights));
  AttentionOptions with_rows;
  with_rows.pair_rows = {0};
  EXPECT_TRUE(
      refused("rows of weights and scores are chosen", q, *s.plan, with_rows));
}

}  // namespace
}  // namespace maskwise::testing
