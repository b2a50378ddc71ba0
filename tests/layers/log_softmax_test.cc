#include "layers/log_softmax.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

#include "backend/activation.h"
#include "base/fp_environment.h"
#include "tests/support/attention_case.h"

namespace maskwise::testing {
namespace {

constexpr uint32_t kSeed = 5;

using nn::detail::LogSoftmax;
using nn::detail::NanIs;

LogSoftmax log_softmax_of(const Tensor& row, NanIs nan_is = NanIs::contagious,
                          Isa isa = Isa::scalar) {
  const detail::FpEnvironment environment;
  return nn::detail::log_softmax_of(row.data<float>(), row.size(), nan_is,
                                    detail::kernels_of(isa));
}

Tensor random_row(int64_t size, float scale) {
  Rng rng(kSeed);
  Tensor row = normal(rng, {size});
  for (int64_t i = 0; i < size; ++i) row.mutable_data<float>()[i] *= scale;
  return row;
}

// x - largest is rounded, and so are the logarithm and the difference: a few
// half ulps of the largest of them.
TEST(LogSoftmax, IsAsTheFormulaSays) {
  for (const int64_t size : {1, 3, 16, 17, 1000}) {
    for (const float scale : {0.1F, 1.0F, 30.0F}) {
      const Tensor row = random_row(size, scale);
      const float* x = row.data<float>();
      double sum = 0;
      for (int64_t i = 0; i < size; ++i) {
        sum += std::exp(static_cast<double>(x[i]));
      }
      const LogSoftmax found = log_softmax_of(row);
      for (int64_t i = 0; i < size; ++i) {
        const double expected = static_cast<double>(x[i]) - std::log(sum);
        const auto off = static_cast<double>(found.of(x[i])) - expected;
        EXPECT_LT(std::fabs(off), 4e-7 * (1 + std::fabs(expected)))
            << size << " numbers, number " << i;
        EXPECT_LE(found.of(x[i]), 0);
      }
    }
  }
}

// The chains of the header, in plain loops.
TEST(LogSoftmax, GivesTheBitsOfPlainLoopsOnEveryIsa) {
  const detail::FpEnvironment environment;
  const Tensor row = random_row(3003, 1);
  const float* x = row.data<float>();
  const float largest = *std::max_element(x, x + row.size());
  double chains[16] = {};
  for (int64_t i = 0; i < row.size(); ++i) {
    chains[i % 16] += static_cast<double>(
        detail::activation(detail::ActivationKind::exp, x[i] - largest));
  }
  double sum = 0;
  for (const double chain : chains) sum += chain;
  const float log_sum =
      detail::log2_contract(static_cast<float>(sum)) * detail::kLn2;
  for (const IsaInfo& info : devices().isas()) {
    if (!info.available) continue;
    for (const NanIs nan_is : {NanIs::contagious, NanIs::absent}) {
      const LogSoftmax found = log_softmax_of(row, nan_is, info.isa);
      EXPECT_EQ(found.largest, largest);
      EXPECT_EQ(std::bit_cast<uint32_t>(found.log_sum),
                std::bit_cast<uint32_t>(log_sum));
    }
  }
}

// In place, too; more numbers than are taken at a time.
TEST(LogSoftmax, ExponentialsAreThoseThatTheSumIsMadeOf) {
  const detail::FpEnvironment environment;
  const Tensor row = random_row(3003, 2);
  const float* x = row.data<float>();
  const LogSoftmax expected = log_softmax_of(row);
  for (const IsaInfo& info : devices().isas()) {
    if (!info.available) continue;
    std::vector<float> e(x, x + row.size());
    const double sum = nn::detail::write_exponentials(
        e.data(), row.size(), e.data(), detail::kernels_of(info.isa));
    const float log2 = detail::log2_contract(static_cast<float>(sum));
    EXPECT_EQ(log2 * detail::kLn2, expected.log_sum);
    for (size_t i = 0; i < e.size(); ++i) {
      ASSERT_EQ(e[i], detail::activation(detail::ActivationKind::exp,
                                         x[i] - expected.largest));
    }
  }
}

TEST(LogSoftmax, WhatIsMinusInfinityAddsNothing) {
  const LogSoftmax found =
      log_softmax_of(Tensor::from<float>({4}, {1, kMinusInf, 1, kMinusInf}));
  EXPECT_NEAR(found.of(1), -std::log(2.0), 1e-7);
  EXPECT_EQ(found.of(kMinusInf), kMinusInf);
}

TEST(LogSoftmax, NanIsContagiousOrAbsent) {
  Tensor row = random_row(40, 1);
  auto* x = row.mutable_data<float>();
  x[2] = 9;
  x[18] = kMinusInf;
  const LogSoftmax without = log_softmax_of(row);
  x[18] = kNan;
  EXPECT_TRUE(std::isnan(log_softmax_of(row).of(9)));
  const LogSoftmax found = log_softmax_of(row, NanIs::absent);
  EXPECT_EQ(found.largest, 9);
  EXPECT_EQ(found.log_sum, without.log_sum);
}

TEST(LogSoftmax, RowsWithoutOneAreNan) {
  const std::vector<float> rows[] = {
      {1, kInf, 2}, {kMinusInf, kMinusInf, kMinusInf}, {kNan, kMinusInf, kNan}};
  for (const std::vector<float>& row : rows) {
    const LogSoftmax found =
        log_softmax_of(Tensor::from<float>({3}, row), NanIs::absent);
    for (const float x : row) EXPECT_TRUE(std::isnan(found.of(x)));
  }
}

}  // namespace
}  // namespace maskwise::testing
