// The backward kernels against the float64 oracle: no error above the gate that
// docs/numerics.md derives.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <utility>

#include "tests/support/accuracy_case.h"
#include "tests/support/error_ratios.h"
#include "tests/support/gradient_oracle.h"

namespace maskwise::testing {
namespace {

using detail::OracleGradient;
using detail::OracleGradients;

constexpr uint32_t kSeed = 700;

struct Errors {
  Ratios dq;
  Ratios dk;
  Ratios dv;
  Ratios dbias;

  void add(const GradientCase& gradient) {
    const AttentionGradients result = gradient.run();
    const OracleGradients exact = oracle_of(gradient);
    add(dq, result.dq, exact.dq);
    add(dk, result.dk, exact.dk);
    add(dv, result.dv, exact.dv);
    if (result.dbias.defined()) add(dbias, result.dbias, exact.dbias);
  }

  static void add(Ratios& ratios, const Tensor& computed,
                  const OracleGradient& exact) {
    ASSERT_EQ(std::ssize(exact.value), computed.size());
    for (int64_t i = 0; i < computed.size(); ++i) {
      const auto at = static_cast<size_t>(i);
      ratios.add(
          static_cast<double>(computed.data<float>()[i]) - exact.value[at],
          exact.gate[at]);
    }
  }

  void expect_within_gate(const std::string& name) const {
    dq.expect_within_gate(("dq of " + name).c_str());
    dk.expect_within_gate(("dk of " + name).c_str());
    dv.expect_within_gate(("dv of " + name).c_str());
  }
};

// accuracy_case() with up to as many queries as make chains of them long, a
// bias of any form, and a gradient of lse.
GradientCase gradient_case(Rng& rng) {
  AttentionCase call = accuracy_case(rng);
  if (call.shape.kv_len < 100 && one_in(rng, 2)) {
    call.shape.q_len = log_uniform(rng, 400);
    call.q = call.own(
        normal(rng, {1, call.shape.heads, call.shape.q_len, call.q.dim(3)}));
    call.mask = accuracy_mask(rng, call.shape);
  }
  if (call.bias.defined()) {
    add_bias(rng, call, random_bias_shape(rng, call.shape));
  }
  return with_gradients(rng, call, one_in(rng, 2));
}

TEST(BackwardAccuracyTest, RandomCasesStayWithinTheGate) {
  Errors errors;
  for (int64_t i = 0; i < cases(600); ++i) {
    Rng rng(kSeed + static_cast<uint32_t>(i));
    errors.add(gradient_case(rng));
  }
  errors.expect_within_gate("random cases");
  errors.dbias.expect_within_gate("dbias of random cases");
}

TEST(BackwardAccuracyTest, SinkRowsStayWithinTheGate) {
  for (const int64_t keys : {4096, 65536}) {
    Errors errors;
    for (int64_t i = 0; i < cases(10); ++i) {
      Rng rng(kSeed + static_cast<uint32_t>(i));
      for (const double below : {-3.0, 0.0, 3.0}) {
        errors.add(with_gradients(
            rng,
            sink_case(rng, keys, std::log(static_cast<double>(keys)) + below),
            true));
      }
    }
    errors.expect_within_gate("sink rows of " + std::to_string(keys) + " keys");
  }
}

}  // namespace
}  // namespace maskwise::testing
