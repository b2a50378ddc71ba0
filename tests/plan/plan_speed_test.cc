// What a plan may cost in time and bytes.
#include <gtest/gtest.h>
#include <time.h>

#include <algorithm>
#include <iostream>
#include <string>
#include <vector>

#include "maskwise/mask.h"
#include "maskwise/mask_plan.h"
#include "tests/base/thrown_error.h"

namespace maskwise {
namespace {

// Time is asked of optimised builds only; those with a sanitizer, any of them,
// set MASKWISE_UNTIMED.
#if defined(NDEBUG) && !defined(MASKWISE_UNTIMED)
constexpr bool kTimed = true;
#else
constexpr bool kTimed = false;
#endif

// Time that this thread had, so that others on its processor do not count.
double now_ms() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 +
         static_cast<double>(now.tv_nsec) * 1e-6;
}

template <typename Call>
double milliseconds(Call call) {
  const double start = now_ms();
  call();
  return now_ms() - start;
}

// The fastest of many compilations: others share the caches, so that a busy
// machine may need a while to show what one costs. Stops at the first that is
// fast enough.
double best_compile_ms(const BoundMask& mask, double wanted) {
  constexpr double kMostMs = 3000;
  const double start = now_ms();
  double best = 1e9;
  while (best > wanted && now_ms() - start < kMostMs) {
    best = std::min(best, milliseconds([&] { (void)compile(mask); }));
  }
  return best;
}

struct Budget {
  double compile_ms;
  int64_t bytes;
};

void expect_within(const std::string& name, const BoundMask& mask,
                   const Budget& budget) {
  const int64_t bytes = compile(mask).stats().plan_bytes;
  EXPECT_LE(bytes, budget.bytes) << name;
  if (!kTimed) return;
  const double best = best_compile_ms(mask, budget.compile_ms);
  std::cout << name << ": " << best << " ms, " << bytes / 1024 << " KiB\n";
  EXPECT_LE(best, budget.compile_ms) << name;
}

// 16 documents of 64 to 1,984 tokens, 16,384 together.
Tensor uneven_documents() {
  std::vector<int64_t> ids;
  for (int64_t i = 0; i < 16; ++i) ids.insert(ids.end(), 64 + 128 * i, i);
  return Tensor::from<int64_t>({1, static_cast<int64_t>(ids.size())}, ids);
}

constexpr Budget kSmall = {2, 200 * 1024};
const AttentionShape kLong{1, 8, 16384, 16384};

void skip_line() {
  if (!kTimed) std::cout << "time is not checked in this build\n";
}

TEST(PlanSpeed, CausalAndWindowsAt16384Keys) {
  skip_line();
  expect_within("causal", causal().bind(kLong), kSmall);
  for (const int64_t left : {0, 15, 64, 127, 1000, 1023, 1024, 4096}) {
    const Mask window = sliding_window({.left = left, .right = 0});
    expect_within("window of " + std::to_string(left), window.bind(kLong),
                  kSmall);
    const Mask both = sliding_window({.left = left, .right = left});
    expect_within("both sides " + std::to_string(left), both.bind(kLong),
                  kSmall);
  }
  const Mask sink = causal() & (sliding_window({.left = 1023}) | prefix(4));
  expect_within("window and prefix", sink.bind(kLong), {4, kSmall.bytes});
}

TEST(PlanSpeed, SixteenUnevenDocumentsOf16384Keys) {
  skip_line();
  const Tensor ids = uneven_documents();
  ASSERT_EQ(ids.dim(1), 16384);
  expect_within("documents", documents(ids).bind(kLong), kSmall);
  expect_within("causal documents", (causal() & documents(ids)).bind(kLong),
                kSmall);
}

TEST(PlanSpeed, CausalAtAMillionKeys) {
  skip_line();
  const AttentionShape million{1, 1, 1 << 20, 1 << 20};
  constexpr Budget kLarge = {150, 16 << 20};
  expect_within("causal at a million", causal().bind(million), kLarge);
  const Mask window = sliding_window({.left = 4095, .right = 0});
  expect_within("window at a million", window.bind(million), {1000, 64 << 20});
}

TEST(PlanSpeed, WhatIsTooLargeIsRefusedAtOnce) {
  const int64_t most = INT32_MAX - 1;
  const std::vector<std::pair<Mask, AttentionShape>> refused = {
      {dilated(2), {1, 1, 1 << 20, 1 << 20}},
      {dilated(100), {1, 1, 1 << 20, 1 << 20}},
      {dilated(2), {1, 1, most, most}},
      {dilated(3), {1, 1, 2, most}},
      {causal(), {1, 1, most, most}},
      {all(), {1, 1 << 20, most, 1}}};
  for (const auto& [mask, shape] : refused) {
    const BoundMask bound = mask.bind(shape);
    const double taken = milliseconds([&, &m = bound] {
      EXPECT_TRUE(testing::throws_error(ErrorCode::limit, "would take about",
                                        [&] { (void)compile(m); }));
    });
    std::cout << to_string(shape) << " refused in " << taken << " ms\n";
    EXPECT_TRUE(!kTimed || taken < 1000) << to_string(shape);
  }
}

// As many heads as there may be, all alike: one slice.
TEST(PlanSpeed, ManyEqualHeadsAreCheap) {
  const BoundMask mask = causal().bind({1 << 10, 1 << 14, 3, 3});
  const double taken =
      milliseconds([&] { EXPECT_EQ(compile(mask).stats().slices, 1); });
  std::cout << "2^24 equal heads in " << taken << " ms\n";
}

}  // namespace
}  // namespace maskwise
