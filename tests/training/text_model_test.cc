#include "maskwise/nn/text_model.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/base/thrown_error.h"
#include "tests/io/temporary_directory.h"
#include "tests/support/machines.h"
#include "tests/training/tiny_text_models.h"

namespace maskwise::testing {
namespace {

using nn::LossSum;
using nn::Task;
using nn::TextExample;
using nn::TextModelOptions;
using nn::TextPair;
using nn::UnknownSymbols;
using Texts = std::vector<std::string>;

class TextModels : public ::testing::TestWithParam<Task> {
 protected:
  std::unique_ptr<nn::TextModel> model(uint64_t seed = 1) const {
    return tiny_model(GetParam(), seed);
  }
  Texts sources() const { return sources_for(GetParam()); }

  // Not trained, but its answers differ.
  std::unique_ptr<nn::TextModel> varied() const {
    uint64_t seed = 1;
    auto one = model(seed);
    const auto answers = [&](int64_t beam) {
      const Texts each = one->predict(sources(), {.beam = beam});
      return std::set<std::string>(each.begin(), each.end()).size();
    };
    for (; seed < 50 && (answers(1) < 2 || answers(5) < 2); ++seed) {
      one = model(seed);
    }
    return one;
  }
};

INSTANTIATE_TEST_SUITE_P(Task, TextModels, ::testing::ValuesIn(kBothTasks),
                         [](const auto& task) {
                           return task.param == Task::seq2seq ? "seq2seq"
                                                              : "classify";
                         });

TEST_P(TextModels, ALossHasTheSameBitsAloneInAnyBatchAndOrder) {
  const auto one = model();
  std::vector<TextExample> examples = examples_for(*one);
  std::vector<double> alone;
  for (const TextExample& each : examples) {
    alone.push_back(one->losses({each})[0].sum);
  }
  EXPECT_EQ(std::set<double>(alone.begin(), alone.end()).size(), alone.size());
  on_every_machine({1, 2, 7}, [&](const nn::Compute& compute) {
    for (int turn = 0; turn < 3; ++turn) {
      std::ranges::rotate(examples, examples.begin() + 2);
      const std::vector<LossSum> sums = one->losses(examples, compute);
      ASSERT_EQ(sums.size(), alone.size());
      for (size_t i = 0; i < sums.size(); ++i) {
        EXPECT_EQ(sums[i].sum, alone[static_cast<size_t>(examples[i].number)]);
      }
    }
  });
}

TEST_P(TextModels, ALossDoesNotDependOnTheExamplesNumber) {
  const auto one = model();
  std::vector<TextExample> examples = examples_for(*one);
  const std::vector<LossSum> expected = one->losses(examples);
  for (TextExample& each : examples) each.number = 0;
  const std::vector<LossSum> sums = one->losses(examples);
  ASSERT_EQ(sums.size(), expected.size());
  for (size_t i = 0; i < sums.size(); ++i) {
    EXPECT_EQ(sums[i].sum, expected[i].sum);
  }
}

TEST_P(TextModels, GradientsComeWithTheSumOfTheLosses) {
  const auto one = model();
  const std::vector<TextExample> examples = examples_for(*one);
  LossSum expected;
  for (const LossSum& each : one->losses(examples)) {
    expected.sum += each.sum;
    expected.targets += each.targets;
  }
  const LossSum plain = one->add_gradients(examples, {});
  EXPECT_EQ(plain.targets, expected.targets);
  EXPECT_NEAR(plain.sum, expected.sum, 1e-9 * expected.sum);
  const LossSum smoothed = one->add_gradients(examples, {.smoothing = 0.3F});
  EXPECT_NE(smoothed.sum, plain.sum);
}

TEST_P(TextModels, WhatIsDroppedFollowsTheSeedAndTheExamplesNumber) {
  const auto one = model();
  const std::vector<TextExample> examples = examples_for(*one);
  const auto loss = [&](TextExample example, int64_t number, uint64_t seed) {
    example.number = number;
    return one->add_gradients({example}, {.dropout = seed}).sum;
  };
  double together = 0;
  for (const TextExample& each : examples) {
    together += loss(each, each.number, 5);
  }
  EXPECT_NEAR(one->add_gradients(examples, {.dropout = 5}).sum, together,
              1e-9 * together);
  EXPECT_EQ(loss(examples[3], 3, 5), loss(examples[3], 3, 5));
  EXPECT_NE(loss(examples[3], 3, 5), loss(examples[3], 3, 6));
  EXPECT_NE(loss(examples[3], 3, 5), loss(examples[3], 4, 5));
}

TEST_P(TextModels, GradientsAreAddedByTheFactor) {
  const auto one = model();
  const std::vector<TextExample> examples = examples_for(*one);
  one->add_gradients(examples, {.factor = 1});
  const TensorMap once = copied(one->module().gradients());
  one->add_gradients(examples, {.factor = 1});
  for (const auto& [name, twice] : one->module().gradients()) {
    for (int64_t i = 0; i < twice.size(); ++i) {
      ASSERT_EQ(twice.data<float>()[i], 2 * once.at(name).data<float>()[i]);
    }
  }
  one->module().zero_gradients();
  // A power of 2 changes exponents alone.
  one->add_gradients(examples, {.factor = 0.25F});
  for (const auto& [name, part] : one->module().gradients()) {
    for (int64_t i = 0; i < part.size(); ++i) {
      ASSERT_EQ(4 * part.data<float>()[i], once.at(name).data<float>()[i]);
    }
  }
}

TEST_P(TextModels, ATwinSharesValuesAndNotGradients) {
  const auto one = model();
  const auto twin = one->twin();
  const std::vector<TextExample> examples = examples_for(*one);
  TensorMap values = one->module().parameters();
  values.begin()->second.mutable_data<float>()[0] += 1;
  EXPECT_TRUE(same_tensors(twin->module().parameters(), values));
  twin->add_gradients(examples, {});
  for (const auto& [name, each] : one->module().gradients()) {
    for (int64_t i = 0; i < each.size(); ++i) {
      ASSERT_EQ(each.data<float>()[i], 0) << name;
    }
  }
  one->add_gradients(examples, {});
  EXPECT_TRUE(
      same_tensors(one->module().gradients(), twin->module().gradients()));
  EXPECT_EQ(twin->predict(sources()), one->predict(sources()));
}

TEST_P(TextModels, AnAnswerDoesNotDependOnNeighbours) {
  const auto one = varied();
  const Texts texts = sources();
  for (const int64_t beam : {1, 5}) {
    Texts alone;
    for (const std::string& text : texts) {
      alone.push_back(one->predict({text}, {.beam = beam}).at(0));
    }
    EXPECT_GT(std::set<std::string>(alone.begin(), alone.end()).size(), 1U);
    for (const int64_t most : {1, 2, 64}) {
      EXPECT_EQ(one->predict(texts, {.beam = beam, .most_texts = most}), alone);
    }
    Texts turned(texts.rbegin(), texts.rend());
    Texts answers = one->predict(turned, {.beam = beam});
    std::ranges::reverse(answers);
    EXPECT_EQ(answers, alone);
  }
  EXPECT_TRUE(one->predict({}).empty());
}

TEST_P(TextModels, AnswersAreTheSameOnEveryMachine) {
  const auto one = varied();
  const Texts expected = one->predict(sources());
  on_every_machine({1, 7}, [&](const nn::Compute& compute) {
    EXPECT_EQ(one->predict(sources(), {}, compute), expected);
  });
}

TEST_P(TextModels, UnknownSymbolsAreReadOrRefusedByName) {
  const auto one = model();
  const std::string name =
      GetParam() == Task::seq2seq ? "[seq2seq]" : "[classify]";
  EXPECT_EQ(one->predict({"aäb"}), one->predict({"aöb"}));
  EXPECT_EQ(one->predict({"ab"}, {.unknown = UnknownSymbols::refuse}),
            one->predict({"ab"}));
  EXPECT_TRUE(throws_error(
      ErrorCode::invalid_argument, name + " 'aöb' holds 'ö', which", [&] {
        one->predict({"ab", "aöb"}, {.unknown = UnknownSymbols::refuse});
      }));
}

TEST_P(TextModels, TextsThatCannotBeReadAreNamed) {
  const auto one = model();
  const std::string twelve(12, 'a');
  EXPECT_EQ(one->predict({twelve}).size(), 1U);
  EXPECT_TRUE(throws_error(ErrorCode::limit, twelve + "a' has 13 symbols", [&] {
    one->predict({"a", twelve + "a"});
  }));
  EXPECT_TRUE(
      throws_error(ErrorCode::invalid_argument, "'' has 0 symbols", [&] {
        one->predict({"a", ""});
      }));
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument, "is not UTF-8",
                           [&] { one->predict({"a\xC3"}); }));
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument, "0 texts at a time",
                           [&] { one->predict({"a"}, {.most_texts = 0}); }));
}

TEST_P(TextModels, ASeedGivesTheParameters) {
  EXPECT_TRUE(same_tensors(model(1)->module().parameters(),
                           model(1)->module().parameters()));
  EXPECT_FALSE(same_tensors(model(1)->module().parameters(),
                            model(2)->module().parameters()));
}

TEST_P(TextModels, ASavedModelIsTheSame) {
  const TemporaryDirectory directory;
  const auto one = varied();
  one->save(directory.path());
  const auto loaded = nn::load_text_model(directory.path());
  EXPECT_TRUE(
      same_tensors(loaded->module().parameters(), one->module().parameters()));
  EXPECT_EQ(loaded->predict(sources()), one->predict(sources()));
  EXPECT_EQ(loaded->options().longest_answer, one->options().longest_answer);
  EXPECT_EQ(loaded->options().layer.dropout, one->options().layer.dropout);
  const std::vector<TextExample> examples = examples_for(*one);
  EXPECT_EQ(examples_for(*loaded)[2].target, examples[2].target);
  // And is written as it was.
  const TemporaryDirectory again;
  loaded->save(again.path());
  EXPECT_EQ(again.names(), directory.names());
  for (const std::string& name : directory.names()) {
    EXPECT_EQ(bytes_of(again.path(name)), bytes_of(directory.path(name)));
  }
}

TEST_P(TextModels, OptionsThatCannotBeAreRefused) {
  const auto refuses = [&](const std::string& fragment, auto spoil) {
    TextModelOptions options = tiny_options(GetParam());
    spoil(options);
    EXPECT_TRUE(throws_error(ErrorCode::invalid_argument, fragment, [&] {
      nn::make_text_model(options, pairs_for(GetParam()), 1);
    }));
  };
  using Options = TextModelOptions&;
  refuses("a max_length of 0", [](Options o) { o.max_length = 0; });
  refuses("a max_length of 16777217; expected from 1 to 16777216 with 16",
          [](Options o) { o.max_length = 16777217; });
  refuses("a longest_answer of -1", [](Options o) { o.longest_answer = -1; });
  refuses("a longest_answer of 13", [](Options o) { o.longest_answer = 13; });
  refuses("0 layers", [](Options o) { o.layers = 0; });
  refuses("heads that divide", [](Options o) { o.layer.heads = 3; });
  refuses("p is 1", [](Options o) { o.layer.dropout = 1; });
  EXPECT_TRUE(throws_error(
      ErrorCode::invalid_argument, "[text_model] no pair",
      [&] { nn::make_text_model(tiny_options(GetParam()), {}, 1); }));
}

TEST(TextModelPreset, KnowsTwoNames) {
  const TextModelOptions tiny = nn::text_model_preset(Task::classify, "tiny");
  EXPECT_EQ(tiny.task, Task::classify);
  EXPECT_EQ(tiny.layers, 2);
  EXPECT_EQ(tiny.layer.features, 64);
  EXPECT_EQ(tiny.layer.hidden, 256);
  const TextModelOptions small = nn::text_model_preset(Task::seq2seq, "small");
  EXPECT_EQ(small.layers, 4);
  EXPECT_EQ(small.layer.features, 128);
  EXPECT_EQ(small.layer.hidden, 512);
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument,
                           "unknown preset 'hu\\nge'; expected tiny or small",
                           [] { nn::text_model_preset({}, "hu\nge"); }));
}

TEST_P(TextModels, GradientsAreThoseOfTraining) {
  const auto one = model();
  const std::vector<TextExample> examples = examples_for(*one);
  const nn::TextGradients found = one->gradients(examples);
  for (const auto& [name, gradient] : one->module().gradients()) {
    EXPECT_TRUE(same_bits(gradient, Tensor(DType::f32, gradient.shape())));
  }
  one->add_gradients(examples, {});
  EXPECT_TRUE(same_tensors(found.parameters, one->module().gradients()));
  const std::vector<LossSum> losses = one->losses(examples);
  for (size_t i = 0; i < examples.size(); ++i) {
    EXPECT_EQ(found.losses[i].sum, losses[i].sum);
    EXPECT_EQ(found.losses[i].targets, losses[i].targets);
  }
}

// The gradient of an embedding is that of its symbols, each times sqrt(E).
TEST_P(TextModels, GradientsOfSymbolsAddUpToThoseOfTheEmbedding) {
  const auto one = model();
  const std::vector<TextExample> examples = examples_for(*one);
  const nn::TextGradients found = one->gradients(examples);
  const int64_t features = one->options().layer.features;
  const Tensor embedding = found.parameters.at(GetParam() == Task::seq2seq
                                                   ? "source_embedding.weight"
                                                   : "embedding.weight");
  std::vector<double> sums(static_cast<size_t>(embedding.size()));
  for (size_t i = 0; i < examples.size(); ++i) {
    ASSERT_EQ(found.source[i].shape(),
              (Shape{std::ssize(examples[i].source), features}));
    for (int64_t j = 0; j < found.source[i].size(); ++j) {
      const int64_t id = examples[i].source[static_cast<size_t>(j / features)];
      sums[static_cast<size_t>(id * features + j % features)] +=
          found.source[i].data<float>()[j] *
          std::sqrt(static_cast<double>(features));
    }
  }
  double largest = 0;
  for (int64_t i = 0; i < embedding.size(); ++i) {
    EXPECT_NEAR(embedding.data<float>()[i], sums[static_cast<size_t>(i)], 1e-5);
    largest = std::max(largest, std::fabs(sums[static_cast<size_t>(i)]));
  }
  EXPECT_GT(largest, 1e-3);
}

}  // namespace
}  // namespace maskwise::testing
