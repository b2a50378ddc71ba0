// The kernel against the float64 oracle: no error above the gate that
// docs/numerics.md derives.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/accuracy_case.h"
#include "tests/support/attention_oracle.h"
#include "tests/support/error_ratios.h"

namespace maskwise::testing {
namespace {

using detail::OracleResult;

constexpr uint32_t kSeed = 500;
constexpr double kUnit = 0x1p-24;

// lse = fma(log2 l, ln2, m): log2 is off by up to 3.1 ulp, which is 6.2 u of
// its size, and ln2 by u.
constexpr double kLogError = 7.2;

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

TEST(AccuracyTest, RandomCasesStayWithinTheGate) {
  Errors errors;
  for (int64_t i = 0; i < cases(600); ++i) {
    Rng rng(kSeed + static_cast<uint32_t>(i));
    errors.add(accuracy_case(rng));
  }
  errors.o.expect_within_gate("o of random cases");
  errors.lse.expect_within_gate("lse of random cases");
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
