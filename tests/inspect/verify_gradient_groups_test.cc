#include "inspect/verify_gradient_groups.h"

#include <gtest/gtest.h>

#include <numeric>

#include "tests/support/gradient_case.h"

namespace maskwise::detail {
namespace {

using testing::GradientCase;
using testing::make_case;
using testing::Rng;

using Numbers = std::vector<int64_t>;

// The bits of what a call was given, and how much of it.
struct Seen {
  Shape q;
  Shape k;
  Shape o;
  Numbers visible_pairs;  // of each batch item
};

// A whole call, and a note of every small one.
class Whole {
 public:
  explicit Whole(GradientCase gradient)
      : gradient_(std::move(gradient)),
        options_(gradient_.call.options_for(Backend::cpu)),
        inputs_(check_attention(gradient_.call.q, gradient_.call.k,
                                gradient_.call.v, gradient_.call.shape,
                                options_)),
        loss_({inputs_.problem, input_of(gradient_.d_o),
               input_of(gradient_.d_lse)}),
        plan_(compile(gradient_.call.mask.bind(gradient_.call.shape))) {
    call_.result = gradient_.call.run();
    call_.gradients = gradient_.run();
  }

  const WholeCall& call() const { return call_; }
  WholeCall& call() { return call_; }
  const std::vector<Seen>& calls() const { return calls_; }
  const Input& bias() const { return inputs_.problem.bias; }
  const BoundMask& mask() const { return plan_.mask(); }
  RowFindings rows_of(const RowGroup& group) {
    PoisonedKeys poisoned(inputs_.problem);
    return check_row_gradients(call_, group, poisoned);
  }

 private:
  AttentionGradients note(const BackwardCall& call) {
    const AttentionShape& shape = call.plan.shape();
    Seen seen = {call.q.shape(), call.k.shape(), call.forward.o.shape(), {}};
    for (int64_t b = 0; b < shape.batch; ++b) {
      int64_t pairs = 0;
      for (int64_t h = 0; h < shape.heads; ++h) {
        for (int64_t q = 0; q < shape.q_len; ++q) {
          pairs += std::ssize(call.plan.mask().visible_keys(b, h, q));
        }
      }
      seen.visible_pairs.push_back(pairs);
    }
    calls_.push_back(seen);
    return attention_backward(call.q, call.k, call.v, call.plan, call.forward,
                              call.d_o, call.options, call.gradients);
  }

  GradientCase gradient_;
  AttentionOptions options_;
  AttentionInputs inputs_;
  LossProblem loss_;
  MaskPlan plan_;
  std::vector<Seen> calls_;
  const Attend attend_ = attention;
  const Differentiate differentiate_ = [this](const BackwardCall& call) {
    return note(call);
  };
  WholeCall call_ = {attend_, differentiate_, loss_, plan_};
};

GradientCase causal_case() {
  Rng rng(1);
  testing::AttentionCase call = make_case(rng, {2, 2, 5, 5}, causal());
  testing::add_bias(rng, call, {5, 5});
  return testing::with_gradients(rng, call, true);
}

TEST(RowGradients, AreTriedWithoutTheOtherKeysAndWithPoisonInThem) {
  Whole whole(causal_case());
  const RowFindings found = whole.rows_of({1, 1, {2}});
  EXPECT_EQ(found.bits, Numbers{0});
  EXPECT_EQ(found.keys, (Numbers{0, 1, 2}));
  EXPECT_EQ(found.masked, 2);
  EXPECT_EQ(found.d_scores.shape(), (Shape{1, 1, 1, 3}));
  ASSERT_EQ(whole.calls().size(), 2U);
  EXPECT_EQ(whole.calls()[0].k, (Shape{1, 1, 3, 4}));
  EXPECT_EQ(whole.calls()[0].visible_pairs, Numbers{3});
  EXPECT_EQ(whole.calls()[1].k, (Shape{6, 1, 5, 4}));
  // The row, and one more that sees the other two keys.
  EXPECT_EQ(whole.calls()[1].visible_pairs, Numbers(6, 5));
}

TEST(RowGradients, ARowThatSeesAllIsTriedOnce) {
  Whole whole(causal_case());
  EXPECT_EQ(whole.rows_of({0, 0, {4}}).masked, 0);
  EXPECT_EQ(whole.calls().size(), 1U);
}

TEST(RowGradients, DifferencesAreThoseOfTheRowThatHasThem) {
  Whole whole(causal_case());
  // Element 0 of dq of batch 0, head 1, query 3.
  whole.call().gradients.dq.mutable_data<float>()[(5 + 3) * 4] += 1;
  EXPECT_EQ(whole.rows_of({0, 1, {2}}).bits, Numbers{0});
  const int64_t bits = whole.rows_of({0, 1, {3}}).bits.front();
  EXPECT_GT(bits, 0);
  EXPECT_EQ(bits % 7, 0);  // found without the others, and in six poisons
}

TEST(KeyGradients, AreTriedWithoutTheOtherRowsAndWithPoisonInThem) {
  Whole whole(causal_case());
  const std::vector<KeyGroup> groups =
      group_keys(whole.mask(), whole.bias(), 1, 64);
  ASSERT_EQ(groups.size(), 10U);
  EXPECT_EQ(check_key_gradients(whole.call(), groups[5 + 3]), Numbers{0});
  ASSERT_EQ(whole.calls().size(), 2U);
  // Key 3, and queries 3 and 4 in two heads.
  EXPECT_EQ(whole.calls()[0].q, (Shape{1, 2, 2, 4}));
  EXPECT_EQ(whole.calls()[0].o, (Shape{1, 2, 2, 4}));
  EXPECT_EQ(whole.calls()[0].k, (Shape{1, 1, 1, 4}));
  EXPECT_EQ(whole.calls()[0].visible_pairs, Numbers{4});
  EXPECT_EQ(whole.calls()[1].q, (Shape{6, 2, 5, 4}));
  // Each of the other six rows sees the key that makes it walked.
  EXPECT_EQ(whole.calls()[1].k, (Shape{6, 1, 2, 4}));
  EXPECT_EQ(whole.calls()[1].visible_pairs, Numbers(6, 4 + 6));
}

TEST(KeyGradients, DifferencesAreThoseOfTheKeyThatHasThem) {
  Rng rng(2);
  Whole whole(testing::with_gradients(
      rng, make_case(rng, {1, 2, 3, 4}, prefix(3), {.kv_heads = 2})));
  // Element 2 of dv of kv head 1, key 1.
  whole.call().gradients.dv.mutable_data<float>()[(4 + 1) * 4 + 2] += 1;
  const std::vector<KeyGroup> groups = group_keys(whole.mask(), {}, 2, 64);
  ASSERT_EQ(groups.size(), 4U);
  EXPECT_EQ(check_key_gradients(whole.call(), groups[0]), (Numbers{0, 0, 0}));
  const Numbers bits = check_key_gradients(whole.call(), groups[2]);
  EXPECT_EQ(bits[0] + bits[2], 0);
  EXPECT_GT(bits[1], 0);
}

TEST(KeyGradients, KeysThatNoRowSeesHaveNone) {
  Rng rng(3);
  Whole whole(
      testing::with_gradients(rng, make_case(rng, {1, 1, 3, 4}, prefix(3))));
  const std::vector<KeyGroup> groups = group_keys(whole.mask(), {}, 1, 64);
  EXPECT_EQ(check_key_gradients(whole.call(), groups[1]), Numbers{0});
  whole.call().gradients.dk.mutable_data<float>()[3 * 4] = -0.0F;
  EXPECT_EQ(check_key_gradients(whole.call(), groups[1]), Numbers{7});
}

}  // namespace
}  // namespace maskwise::detail
