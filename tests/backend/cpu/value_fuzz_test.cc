// Odd values everywhere: every kernel equals the contract bit for bit when q,
// k, v and bias hold NaN of both kinds, infinities, huge numbers, denormals,
// zeros of both signs, finfo.min and -inf.
#include <gtest/gtest.h>

#include <bit>
#include <cstdint>
#include <cstdio>
#include <iterator>

#include "tests/support/attention_backends.h"
#include "tests/support/attention_random.h"

namespace maskwise::testing {
namespace {

constexpr uint32_t kSeed = 31337;

// qNaN, sNaN (each also negative, with a payload), +-Inf, +-1e30, denormals.
constexpr uint32_t kOddBits[] = {0x7FC00000, 0xFFC01234, 0x7F800001, 0xFF812345,
                                 0x7F800000, 0xFF800000, 0x7149F2CA, 0xF149F2CA,
                                 0x00000001, 0x80000001, 0x00400000};

// What most values of a case are.
enum class Ordinary { normal, tiny, many_zeros, large };

float ordinary_value(Rng& rng, Ordinary kind) {
  const float x = std::normal_distribution<float>()(rng);
  switch (kind) {
    case Ordinary::tiny:
      return x * 1e-22F;  // products are denormal
    case Ordinary::many_zeros:
      return one_in(rng, 3) ? (one_in(rng, 2) ? 0.0F : -0.0F) : x;
    case Ordinary::large:
      return x * 6;
    default:
      return x;
  }
}

// Puts odd values into a few elements of q, k, v and bias.
void put_odd_values(Rng& rng, AttentionCase& call, int64_t most) {
  for (int64_t left = uniform(rng, 0, most); left > 0; --left) {
    Tensor& tensor = call.owned[static_cast<size_t>(
        uniform(rng, 0, std::ssize(call.owned) - 1))];
    const uint32_t bits = kOddBits[uniform(rng, 0, std::ssize(kOddBits) - 1)];
    tensor.mutable_data<float>()[uniform(rng, 0, tensor.size() - 1)] =
        std::bit_cast<float>(bits);
  }
}

// Makes biases -inf or finfo.min here and there, or finfo.min everywhere.
void put_lowest_biases(Rng& rng, Tensor& bias) {
  const bool everywhere = one_in(rng, 4);
  for (int64_t i = 0; i < bias.size(); ++i) {
    float& each = bias.mutable_data<float>()[i];
    const int64_t kind = uniform(rng, 0, 5);
    if (everywhere || kind == 0) each = kFinfoMin;
    if (!everywhere && kind == 1) each = kMinusInf;
  }
}

AttentionCase odd_case(Rng& rng, const Limits& limits, int64_t most_odd) {
  const auto kind = static_cast<Ordinary>(uniform(rng, 0, 3));
  AttentionCase call = random_case(
      rng, limits, [&rng, kind] { return ordinary_value(rng, kind); });
  if (call.bias.defined() && one_in(rng, 2)) put_lowest_biases(rng, call.bias);
  put_odd_values(rng, call, most_odd);
  return call;
}

// How many rows of each kind a fuzz has met: one without them proves nothing.
struct Met {
  int64_t rows = 0;
  int64_t nan = 0;
  int64_t empty = 0;
  int64_t lowest = 0;  // finfo.min is the row's largest score

  void count(const AttentionResult& result) {
    for (int64_t i = 0; i < result.lse.size(); ++i) {
      const float lse = result.lse.data<float>()[i];
      ++rows;
      nan += lse != lse ? 1 : 0;
      empty += lse == kMinusInf ? 1 : 0;
      lowest += result.m.data<float>()[i] == kFinfoMin && lse != kMinusInf;
    }
  }

  void report() const {
    std::printf("%lld rows: %lld NaN, %lld empty, %lld of finfo.min\n",
                static_cast<long long>(rows), static_cast<long long>(nan),
                static_cast<long long>(empty), static_cast<long long>(lowest));
    EXPECT_GT(nan, 0);
    EXPECT_GT(empty, 0);
    EXPECT_GT(lowest, 0);
    EXPECT_LT(nan + empty, rows / 2);
  }
};

// Runs cases seed, seed + 1, ...: each can be run again by itself.
void fuzz(uint32_t first_seed, int64_t count, const Limits& limits,
          int64_t most_odd) {
  Met met;
  for (int64_t i = 0; i < count; ++i) {
    const auto seed = first_seed + static_cast<uint32_t>(i);
    SCOPED_TRACE(seed);
    Rng rng(seed);
    const AttentionCase call = odd_case(rng, limits, most_odd);
    const AttentionResult result = call.run(Backend::reference);
    ASSERT_TRUE(every_isa_gives(call, result));
    met.count(result);
  }
  met.report();
}

TEST(ValueFuzzTest, OddValuesGiveTheBitsOfTheContractInSmallCases) {
  fuzz(kSeed, cases(8000), {}, 3);
}

TEST(ValueFuzzTest, OddValuesGiveTheBitsOfTheContractOverSeveralFolds) {
  fuzz(kSeed, cases(600),
       {.batch = 1,
        .kv_heads = 1,
        .group = 2,
        .q_len = 4,
        .kv_len = 3000,
        .dim = 3},
       8);
}

}  // namespace
}  // namespace maskwise::testing
