// The kernel against the float64 oracle: no error above the gate that
// docs/numerics.md derives.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "tests/support/attention_oracle.h"
#include "tests/support/attention_random.h"

namespace maskwise::testing {
namespace {

using detail::OracleResult;

constexpr uint32_t kSeed = 500;
constexpr double kUnit = 0x1p-24;

// lse = fma(log2 l, ln2, m): log2 is off by up to 3.1 ulp, which is 6.2 u of
// its size, and ln2 by u.
constexpr double kLogError = 7.2;

// Errors as parts of what is allowed.
class Ratios {
 public:
  void add(double error, double allowed) {
    const double ratio = error == 0 ? 0 : error / allowed;
    worst_ = std::max(worst_, std::fabs(ratio));
    sum_ += ratio;
    squares_ += ratio * ratio;
    ++count_;
  }

  void expect_within_gate(const char* name) const {
    const auto n = static_cast<double>(count_);
    std::printf(
        "%s: %lld elements, |error| / gate: worst %.4f, rms %.5f, mean "
        "signed %+.6f\n",
        name, static_cast<long long>(count_), worst_, std::sqrt(squares_ / n),
        sum_ / n);
    EXPECT_LE(worst_, 1) << name;
    EXPECT_GT(worst_, 0) << name;  // f32 cannot be that good
  }

 private:
  double worst_ = 0;
  double sum_ = 0;
  double squares_ = 0;
  int64_t count_ = 0;
};

// For each row u [4 (1 + S) + min(n, 1024) + ceil(n / 1024) + 1] + n 2^-126:
// the gate of a value that is 1 for every key. It allows for what is off in
// the scores, in exp2 and in the sums, relative to l: so it bounds what is off
// in log l, absolutely.
std::vector<double> gates_of_sums(AttentionCase call) {
  const Tensor one = Tensor::from<float>({1}, {1});
  call.v =
      one.view().broadcast_to({call.k.dim(0), call.k.dim(1), call.k.dim(2), 1});
  return oracle_of(call).gate;
}

struct Errors {
  Ratios o;
  Ratios lse;

  void add(const AttentionCase& call) {
    const AttentionResult result = call.run();
    const OracleResult exact = oracle_of(call);
    for (int64_t i = 0; i < result.o.size(); ++i) {
      const auto at = static_cast<size_t>(i);
      o.add(static_cast<double>(result.o.data<float>()[i]) - exact.o[at],
            exact.gate[at]);
    }
    const std::vector<double> gates = gates_of_sums(call);
    for (int64_t i = 0; i < result.lse.size(); ++i) {
      const auto at = static_cast<size_t>(i);
      const auto computed = static_cast<double>(result.lse.data<float>()[i]);
      if (computed == exact.lse[at]) continue;  // -inf among them
      const double log_l =
          exact.lse[at] - static_cast<double>(result.m.data<float>()[i]);
      lse.add(computed - exact.lse[at],
              gates[at] + kUnit * (kLogError * std::fabs(log_l) +
                                   std::fabs(exact.lse[at])));
    }
  }
};

// A size in [1, most], small ones as often as large ones.
int64_t log_uniform(Rng& rng, int64_t most) {
  const double top = std::log(static_cast<double>(most) + 1);
  const double x = std::uniform_real_distribution<double>(0, top)(rng);
  return std::min(most, static_cast<int64_t>(std::exp(x)));
}

Mask accuracy_mask(Rng& rng, const AttentionShape& shape) {
  switch (uniform(rng, 0, 3)) {
    case 0:
      return causal(Align::bottom_right);
    case 1:
      return sliding_window({.left = log_uniform(rng, 3000),
                             .right = 2,
                             .align = Align::bottom_right});
    case 2:
      return allow(random_bools(rng, {shape.q_len, shape.kv_len}, 0.6));
    default:
      return all();
  }
}

// Rows of 1 to 5,000 keys; q and k of standard deviation 0.3 to 6; GQA,
// softcap, bias and ALiBi mixed.
AttentionCase accuracy_case(Rng& rng) {
  const int64_t kv_heads = uniform(rng, 1, 2);
  const AttentionShape shape{.batch = 1,
                             .heads = kv_heads * uniform(rng, 1, 3),
                             .q_len = uniform(rng, 1, 3),
                             .kv_len = log_uniform(rng, 5000)};
  AttentionCase call = make_case(rng, shape, accuracy_mask(rng, shape),
                                 {.kv_heads = kv_heads,
                                  .head_dim = log_uniform(rng, 64),
                                  .value_dim = uniform(rng, 1, 6)});
  const auto deviation = [&] {
    return std::uniform_real_distribution<float>(0.3F, 6)(rng);
  };
  call.q = call.own(normal(rng, call.q.shape(), deviation()));
  call.k = call.own(normal(rng, call.k.shape(), deviation()));
  if (one_in(rng, 3)) call.options.softcap = one_in(rng, 2) ? 5.0F : 30.0F;
  if (one_in(rng, 3)) add_bias(rng, call, {shape.heads, 1, shape.kv_len});
  if (one_in(rng, 3)) add_alibi(call);
  call.options.weights = Weights::none;
  call.options.scores = Scores::none;
  return call;
}

TEST(AccuracyTest, RandomCasesStayWithinTheGate) {
  Errors errors;
  for (int64_t i = 0; i < cases(600); ++i) {
    Rng rng(kSeed + static_cast<uint32_t>(i));
    errors.add(accuracy_case(rng));
  }
  errors.o.expect_within_gate("o of random cases");
  errors.lse.expect_within_gate("lse of random cases");
}

// The first key is heavier than each other by `lead`; the others are many, and
// about equal. In one chain their sum would stall: that is why there are folds.
AttentionCase sink_case(Rng& rng, int64_t keys, double lead) {
  AttentionCase call = make_case(rng, {1, 1, 1, keys}, all(), {.value_dim = 3});
  Tensor q(DType::f32, {1, 1, 1, 4});
  q.mutable_data<float>()[0] = 2;  // scale 1/2
  Tensor k = normal(rng, {1, 1, keys, 4}, 0.01F);
  k.mutable_data<float>()[0] = static_cast<float>(lead);
  Tensor v = normal(rng, {1, 1, keys, 3}, 0.05F);
  for (int64_t i = 0; i < v.size(); ++i) v.mutable_data<float>()[i] += 1;
  std::fill_n(v.mutable_data<float>(), 3, -1.0F);
  call.q = call.own(q);
  call.k = call.own(k);
  call.v = call.own(v);
  call.options.weights = Weights::none;
  call.options.scores = Scores::none;
  return call;
}

TEST(AccuracyTest, SinkRowsStayWithinTheGate) {
  for (const int64_t keys : {4096, 65536}) {
    Errors errors;
    for (int64_t i = 0; i < cases(10); ++i) {
      Rng rng(kSeed + static_cast<uint32_t>(i));
      for (const double below : {-3.0, 0.0, 3.0}) {
        errors.add(
            sink_case(rng, keys, std::log(static_cast<double>(keys)) + below));
      }
    }
    const std::string name = "sink rows of " + std::to_string(keys) + " keys";
    errors.o.expect_within_gate(("o of " + name).c_str());
    errors.lse.expect_within_gate(("lse of " + name).c_str());
  }
}

}  // namespace
}  // namespace maskwise::testing
