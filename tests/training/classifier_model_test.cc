#include "training/classifier_model.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "tests/base/thrown_error.h"
#include "tests/training/tiny_text_models.h"

namespace maskwise::testing {
namespace {

using nn::TextExample;
using nn::Vocabulary;
using nn::detail::ClassifierModel;
using Texts = std::vector<std::string>;

// Its parameters are zeros and ones: all labels are equally likely.
ClassifierModel undecided(const Texts& labels = {"no", "perhaps", "yes"}) {
  return ClassifierModel(tiny_options(nn::Task::classify),
                         Vocabulary(nn::Split::characters, {"a", "b"}), labels);
}

TEST(ClassifierModel, ALabelIsItsNumber) {
  const ClassifierModel model = undecided();
  EXPECT_EQ(model.encode({"ba", "no"}).target, std::vector<int64_t>{0});
  EXPECT_EQ(model.encode({"ba", "yes"}).target, std::vector<int64_t>{2});
  EXPECT_EQ(model.encode({"ba", "yes"}).source, (std::vector<int64_t>{5, 4}));
}

TEST(ClassifierModel, RefusesToPoisonPadding) {
  ClassifierModel model = undecided();
  EXPECT_TRUE(throws_error(
      ErrorCode::invalid_argument, "[classify] poisoned padding; expected none",
      [&] {
        model.gradients({model.encode({"ba", "no"})}, {.poisoned = true}, {});
      }));
}

TEST(ClassifierModel, RefusesOtherLabelsAndTextsThatDoNotFit) {
  const ClassifierModel model = undecided();
  for (const std::string label : {"", "maybe", "zz"}) {
    EXPECT_TRUE(throws_error(ErrorCode::invalid_argument,
                             "[classify] the label '" + label +
                                 "' is none of the model's 3, the first 'no'",
                             [&] {
                               model.encode({"a", label});
                             }));
  }
  EXPECT_TRUE(
      throws_error(ErrorCode::invalid_argument, "'' has 0 symbols", [&] {
        model.encode({"", "no"});
      }));
  EXPECT_TRUE(throws_error(ErrorCode::limit, "has 13 symbols", [&] {
    model.encode({std::string(13, 'a'), "no"});
  }));
}

TEST(ClassifierModel, ATextIsReadAsItIsAnswered) {
  const ClassifierModel model = undecided();
  EXPECT_EQ(model.encode_source("b?", nn::UnknownSymbols::read),
            (std::vector<int64_t>{5, Vocabulary::kUnknown}));
  EXPECT_TRUE(throws_error(
      ErrorCode::invalid_argument, "[classify] 'b?' holds '?', which is none",
      [&] { model.encode_source("b?", nn::UnknownSymbols::refuse); }));
}

TEST(ClassifierModel, KnowsWhatItDoesNotKnow) {
  const ClassifierModel model = undecided();
  EXPECT_TRUE(model.unknown_in({"ab", "perhaps"}).target.empty());
  const nn::UnknownParts some = model.unknown_in({"cab", "maybe so"});
  EXPECT_EQ(some.source, Texts{"c"});
  EXPECT_EQ(some.target, Texts{"maybe so"});
}

TEST(ClassifierModel, LabelsMustBeSomeInOrderEachOnceAndUtf8) {
  const std::pair<Texts, std::string> cases[] = {
      {{}, "[classify] no label; expected at least 1"},
      {{"b", "a"}, "the label 'a' comes after 'b'"},
      {{"a", "a"}, "the label 'a' comes after 'a'"},
      {{"a", "\xC3"}, "the label '\\xc3' is not UTF-8"}};
  for (const auto& [labels, fragment] : cases) {
    EXPECT_TRUE(throws_error(ErrorCode::invalid_argument, fragment,
                             [&] { undecided(labels); }));
  }
  EXPECT_EQ(undecided({"only"}).predict({"a"}, {}, {}), Texts{"only"});
}

TEST(ClassifierModel, TheLossIsOfOneTargetEach) {
  ClassifierModel model = undecided();
  const auto sums = model.losses(
      {model.encode({"ab", "yes"}), model.encode({"b", "no"})}, {});
  ASSERT_EQ(sums.size(), 2U);
  for (const nn::LossSum& one : sums) {
    EXPECT_EQ(one.targets, 1);
    EXPECT_NEAR(one.sum, std::log(3.0), 1e-6);
  }
}

TEST(ClassifierModel, AnswersTheLabelOfTheLargestLogit) {
  ClassifierModel model = undecided();
  Tensor bias = model.module().parameters().at("output.bias");
  bias.mutable_data<float>()[1] = 0.5F;
  EXPECT_EQ(model.predict({"ab", "b"}, {}, {}), (Texts{"perhaps", "perhaps"}));
  bias.mutable_data<float>()[2] = 0.75F;
  EXPECT_EQ(model.predict({"ab", "b"}, {}, {}), (Texts{"yes", "yes"}));
  // ln(1 + e^0.5 + e^0.75) - 0.5
  const double loss = model.losses({model.encode({"a", "perhaps"})}, {})[0].sum;
  EXPECT_NEAR(loss, std::log(1 + std::exp(0.5) + std::exp(0.75)) - 0.5, 1e-6);
}

}  // namespace
}  // namespace maskwise::testing
