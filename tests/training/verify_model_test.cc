#include "maskwise/nn/verify_model.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/base/thrown_error.h"
#include "tests/training/tiny_text_models.h"

namespace maskwise::testing {
namespace {

using nn::BatchChange;
using nn::ModelReport;
using nn::Task;

int64_t parameters_of(nn::TextModel& model) {
  int64_t count = 0;
  for (const auto& [name, one] : model.module().parameters()) {
    count += one.size();
  }
  return count;
}

TEST(VerifyModel, NoBitOfAModelChanges) {
  for (const Task task : kBothTasks) {
    const auto model = tiny_model(task);
    const TensorMap before = copied(model->module().parameters());
    const ModelReport report = nn::verify_model(*model, pairs_for(task));
    EXPECT_EQ(report.bits_changed(), 0);
    EXPECT_EQ(report.texts, std::ssize(pairs_for(task)));
    EXPECT_EQ(report.changes.size(), task == Task::seq2seq ? 7U : 6U);
    EXPECT_TRUE(same_tensors(model->module().parameters(), before));
    for (const auto& [name, one] : model->module().gradients()) {
      EXPECT_TRUE(same_bits(one, Tensor(DType::f32, one.shape()))) << name;
    }
  }
}

TEST(VerifyModel, CountsWhatItCompares) {
  for (const Task task : kBothTasks) {
    const auto model = tiny_model(task);
    const auto pairs = pairs_for(task);
    int64_t symbols = 0;
    for (const nn::TextPair& pair : pairs) {
      symbols += std::ssize(pair.source);
      if (task == Task::seq2seq) symbols += std::ssize(pair.target) + 1;
    }
    const ModelReport report = nn::verify_model(*model, pairs);
    EXPECT_EQ(report.symbols, symbols);
    const int64_t features = model->options().layer.features;
    for (const BatchChange& one : report.changes) {
      const int64_t times = one.name == "threads" ? 2 : 1;
      ASSERT_TRUE(one.losses && one.symbols);
      EXPECT_EQ(one.losses->compared, times * report.texts);
      EXPECT_EQ(one.symbols->compared, times * symbols * features);
      const bool is_whole = one.name != "alone" && one.name != "reversed";
      ASSERT_EQ(one.parameters.has_value(), is_whole) << one.name;
      if (is_whole) {
        EXPECT_EQ(one.parameters->compared, times * parameters_of(*model));
      }
      EXPECT_EQ(one.answers.has_value(), one.name != "padding_poisoned");
    }
  }
}

// A model whose every answer is the wrong one for the order it is asked in.
class Leaky : public nn::TextModel {
 public:
  explicit Leaky(nn::TextModel& honest) : honest_(honest) {}

  const nn::TextModelOptions& options() const override {
    return honest_.options();
  }
  nn::Module& module() override { return honest_.module(); }
  nn::Split target_split() const override { return honest_.target_split(); }
  nn::TextExample encode(const nn::TextPair& pair) const override {
    return honest_.encode(pair);
  }
  std::vector<int64_t> encode_source(
      const std::string& text, nn::UnknownSymbols unknown) const override {
    return honest_.encode_source(text, unknown);
  }
  nn::UnknownParts unknown_in(const nn::TextPair& pair) const override {
    return honest_.unknown_in(pair);
  }
  std::vector<nn::LossSum> losses(const std::vector<nn::TextExample>& examples,
                                  const nn::Compute& compute) override {
    return honest_.losses(examples, compute);
  }
  nn::LossSum add_gradients(const std::vector<nn::TextExample>& examples,
                            const nn::LossOptions& options,
                            const nn::Compute& compute) override {
    return honest_.add_gradients(examples, options, compute);
  }
  // One bit of the last gradient of each kind depends on the padding.
  nn::TextGradients gradients(const std::vector<nn::TextExample>& examples,
                              const nn::TextGradientOptions& options,
                              const nn::Compute& compute) override {
    nn::TextGradients found = honest_.gradients(examples, options, compute);
    if (options.layout.padding == nn::Padding::left) {
      flip(found.source.back());
      flip(found.parameters.begin()->second);
    }
    if (options.poisoned) found.losses.front().sum *= -1;
    return found;
  }
  std::vector<nn::AttentionSite> attention_sites(
      const std::vector<nn::TextExample>& examples, int64_t layer,
      const nn::Compute& compute) override {
    return honest_.attention_sites(examples, layer, compute);
  }
  // A batch mate's symbol is heard.
  std::vector<std::string> predict(const std::vector<std::string>& texts,
                                   const nn::PredictOptions& options,
                                   const nn::Compute& compute) override {
    auto answers = honest_.predict(texts, options, compute);
    if (options.most_texts == 1) answers.back() += "@";
    return answers;
  }
  std::unique_ptr<nn::TextModel> twin() const override {
    return honest_.twin();
  }
  void save(const std::string& folder) override { honest_.save(folder); }

 private:
  static void flip(Tensor& x) {
    auto* bytes = static_cast<unsigned char*>(x.mutable_bytes());
    bytes[x.byte_size() - 4] ^= 1U;
  }

  nn::TextModel& honest_;
};

TEST(VerifyModel, FindsALeak) {
  const auto honest = tiny_model(Task::seq2seq);
  Leaky model(*honest);
  const ModelReport report = nn::verify_model(model, pairs_for(Task::seq2seq));
  for (const BatchChange& one : report.changes) {
    const bool is_left = one.name == "padding_left";
    EXPECT_EQ(one.symbols->changed, is_left ? 1 : 0);
    if (one.parameters) {
      EXPECT_EQ(one.parameters->changed, is_left ? 1 : 0);
    }
    EXPECT_EQ(one.losses->changed, one.name == "padding_poisoned" ? 1 : 0);
    if (one.answers) {
      EXPECT_EQ(one.answers->changed, one.name == "alone" ? 8 : 0);
    }
  }
  EXPECT_EQ(report.bits_changed(), 11);
}

TEST(VerifyModel, ReadsTextsOfFullLength) {
  for (const Task task : kBothTasks) {
    const auto model = tiny_model(task);
    const std::string longest(12, 'a');
    const std::string target =
        task == Task::seq2seq ? longest.substr(1) : "yes";
    EXPECT_EQ(nn::verify_model(*model, {{longest, target}, {"a", target}})
                  .bits_changed(),
              0);
  }
}

TEST(VerifyModel, NothingToVerifyWithIsRefused) {
  const auto model = tiny_model(Task::seq2seq);
  EXPECT_TRUE(
      throws_error(ErrorCode::invalid_argument,
                   "[verify_model] no pair to verify with; expected at least 1",
                   [&] { nn::verify_model(*model, {}); }));
}

}  // namespace
}  // namespace maskwise::testing
