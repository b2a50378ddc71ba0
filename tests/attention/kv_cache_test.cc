#include "maskwise/kv_cache.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tests/base/thrown_error.h"
#include "tests/support/attention_case.h"

namespace maskwise::testing {
namespace {

constexpr uint32_t kSeed = 12;

TEST(KvCacheTest, PagesComeBackAndCanBeGivenToOthers) {
  KvCache cache({.batch = 2,
                 .head_dim = 4,
                 .max_length = 64,
                 .page_size = 16,
                 .pages = 4});
  Rng rng(kSeed);
  const Tensor k = normal(rng, {2, 1, 32, 4});
  cache.append(k, k, {32, 17});
  EXPECT_EQ(cache.free_pages(), 0);
  EXPECT_TRUE(throws_error(ErrorCode::limit, "1 more pages of 16 keys", [&] {
    cache.append(k, k, {1, 0});
  }));
  EXPECT_EQ(cache.length(0), 32);
  cache.truncate(1, 16);
  EXPECT_EQ(cache.free_pages(), 1);
  cache.append(k, k, {16, 0});
  EXPECT_EQ(cache.length(0), 48);
  EXPECT_EQ(cache.newest(0), 16);
  EXPECT_EQ(cache.newest(1), 0);
  EXPECT_EQ(cache.free_pages(), 0);
}

TEST(KvCacheTest, HalvesTakeHalfTheMemory) {
  const auto bytes_of = [](DType dtype) {
    return KvCache({.head_dim = 8, .max_length = 64, .dtype = dtype}).bytes();
  };
  EXPECT_EQ(bytes_of(DType::f32), 64 * (8 + 16) * 4);  // V in whole vectors
  EXPECT_EQ(bytes_of(DType::f16), bytes_of(DType::f32) / 2);
  EXPECT_EQ(bytes_of(DType::bf16), bytes_of(DType::f32) / 2);
}

TEST(KvCacheTest, WrongSelectionsAreErrorsThatChangeNothing) {
  Rng rng(kSeed);
  KvCache cache({.batch = 2, .head_dim = 4, .max_length = 8});
  const Tensor k = normal(rng, {2, 1, 3, 4});
  cache.append(k, k, {3, 1});
  EXPECT_TRUE(
      throws_error(ErrorCode::shape_mismatch,
                   "expected 2 sequences to select, one for each, got 3", [&] {
                     cache.select({1, 1, 1});
                   }));
  for (const int64_t wrong : {-1, 2}) {
    EXPECT_TRUE(throws_error(
        ErrorCode::invalid_argument,
        "sequence " + std::to_string(wrong) + "; expected 0 to 1", [&] {
          cache.select({1, wrong});
        }));
  }
  EXPECT_EQ(cache.length(0), 3);
  EXPECT_EQ(cache.length(1), 1);
  cache.select({1, 0});
  EXPECT_EQ(cache.length(0), 1);
  EXPECT_EQ(cache.newest(1), 3);
}

TEST(KvCacheTest, WrongArgumentsAreErrorsThatAppendNothing) {
  const auto refused = [](const KvCacheOptions& options,
                          const std::string& fragment) {
    return throws_error(ErrorCode::invalid_argument, fragment,
                        [&] { KvCache cache(options); });
  };
  EXPECT_TRUE(refused({.head_dim = 0, .max_length = 4}, "head_dim is 0"));
  EXPECT_TRUE(refused({.head_dim = 4}, "max_length is 0; expected 1 to"));
  EXPECT_TRUE(refused({.head_dim = 4, .max_length = 4, .pages = 2},
                      "expected a page size"));
  EXPECT_TRUE(refused({.head_dim = 4, .max_length = 4, .dtype = DType::i8},
                      "would hold i8; expected f32, f16 or bf16"));
  EXPECT_TRUE(throws_error(ErrorCode::limit, "more bytes than 63 bits", [] {
    KvCache cache({.batch = 1 << 30,
                   .kv_heads = 1 << 30,
                   .head_dim = 1 << 30,
                   .max_length = 1 << 30,
                   .page_size = 1 << 30,
                   .pages = 9});
  }));

  Rng rng(kSeed);
  KvCache cache({.batch = 2, .kv_heads = 2, .head_dim = 4, .max_length = 8});
  const Tensor k = normal(rng, {2, 2, 3, 4});
  const auto append_fails = [&](ErrorCode code, const std::string& fragment,
                                const TensorView& keys,
                                const std::vector<int64_t>& counts) {
    const auto failed =
        throws_error(code, fragment, [&] { cache.append(keys, k, counts); });
    EXPECT_EQ(cache.length(0) + cache.length(1), 0);
    return failed;
  };
  using enum ErrorCode;
  EXPECT_TRUE(append_fails(shape_mismatch, "expected k with 4 axes", {}, {}));
  EXPECT_TRUE(append_fails(shape_mismatch,
                           "expected k of shape [2, 2, 3, 4], got [2, 3, 3, 4]",
                           normal(rng, {2, 3, 3, 4}), {}));
  EXPECT_TRUE(append_fails(invalid_argument,
                           "expected k of type f32, f16 or bf16, got i64",
                           Tensor(DType::i64, {2, 2, 3, 4}), {}));
  EXPECT_TRUE(append_fails(shape_mismatch, "expected 2 counts", k, {1}));
  EXPECT_TRUE(append_fails(invalid_argument,
                           "the count of sequence 1 is 4; expected 0 to 3", k,
                           {1, 4}));
  EXPECT_TRUE(throws_error(invalid_argument, "sequence 2; expected 0 to 1",
                           [&] { cache.truncate(2, 0); }));
  EXPECT_TRUE(throws_error(invalid_argument, "truncated to 1 keys",
                           [&] { cache.truncate(0, 1); }));
}

}  // namespace
}  // namespace maskwise::testing
