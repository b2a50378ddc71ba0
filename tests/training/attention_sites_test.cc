#include "training/attention_sites.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "maskwise/attention.h"
#include "maskwise/mask_text.h"
#include "tests/base/thrown_error.h"
#include "tests/training/tiny_text_models.h"

namespace maskwise::testing {
namespace {

using nn::AttentionSite;
using nn::Task;
using Symbols = std::vector<std::vector<std::string>>;

std::vector<nn::TextExample> examples_of(
    const nn::TextModel& model, const std::vector<nn::TextPair>& pairs) {
  std::vector<nn::TextExample> examples;
  for (const nn::TextPair& pair : pairs) {
    examples.push_back(model.encode(pair));
  }
  return examples;
}

std::vector<AttentionSite> seq2seq_sites() {
  const auto model = tiny_model(Task::seq2seq);
  return model->attention_sites(
      examples_of(*model, {{"abc", "cba"}, {"d", "d"}}), 0);
}

TEST(AttentionSites, OfATransformerAreThree) {
  const std::vector<AttentionSite> sites = seq2seq_sites();
  const Symbols source = {{"a", "b", "c"}, {"d", "<pad>", "<pad>"}};
  const Symbols target = {{"<begin>", "c", "b", "a"},
                          {"<begin>", "d", "<pad>", "<pad>"}};
  ASSERT_EQ(sites.size(), 3U);
  EXPECT_EQ(sites[0].name, "encoder");
  EXPECT_EQ(sites[0].q_symbols, source);
  EXPECT_EQ(sites[0].k_symbols, source);
  EXPECT_EQ(sites[1].name, "decoder");
  EXPECT_EQ(sites[1].q_symbols, target);
  EXPECT_EQ(sites[1].k_symbols, target);
  EXPECT_EQ(sites[2].name, "cross");
  EXPECT_EQ(sites[2].q_symbols, target);
  EXPECT_EQ(sites[2].k_symbols, source);
  EXPECT_EQ(to_string(sites[1].mask.mask()).text,
            "causal & padding(target, pad=0)");
  for (const AttentionSite& site : sites) {
    EXPECT_EQ(site.k_ids.shape(),
              (Shape{2, std::ssize(site.k_symbols.front())}));
  }
}

// Weights are of a masked softmax of q and k as they are given.
TEST(AttentionSites, WeightsAreThoseOfTheHeads) {
  for (const AttentionSite& site : seq2seq_sites()) {
    const Tensor v(DType::f32, site.k.shape());
    const Tensor expected = attention(site.q, site.k, v, compile(site.mask),
                                      {.weights = maskwise::Weights::all})
                                .weights;
    EXPECT_TRUE(same_bits(site.weights, expected)) << site.name;
    const int64_t keys = site.weights.dim(3);
    for (int64_t row = 0; row < site.weights.size() / keys; ++row) {
      double sum = 0;
      for (int64_t k = 0; k < keys; ++k) {
        sum += site.weights.data<float>()[row * keys + k];
      }
      EXPECT_NEAR(sum, 1, 1e-6);
    }
  }
}

TEST(AttentionSites, OfAClassifierIsOne) {
  const auto model = tiny_model(Task::classify);
  const auto sites = model->attention_sites(
      examples_of(*model, {{"abc", "yes"}, {"d", "no"}}), 0);
  ASSERT_EQ(sites.size(), 1U);
  EXPECT_EQ(sites[0].weights.shape(), (Shape{2, 2, 3, 3}));
  EXPECT_EQ(sites[0].mask.visible_pairs(), 2 * 3 * (3 + 1));
}

TEST(AttentionSites, LayersThatAreNotThereAndNoTextAreRefused) {
  for (const Task task : kBothTasks) {
    const auto model = tiny_model(task);
    const auto examples = examples_for(*model);
    for (const int64_t layer : {-1, 1}) {
      EXPECT_TRUE(throws_error(
          ErrorCode::invalid_argument,
          "layer " + std::to_string(layer) + "; expected one from 0 to 0",
          [&] { model->attention_sites(examples, layer); }));
    }
    EXPECT_TRUE(throws_error(ErrorCode::invalid_argument,
                             "no text to attend to; expected at least 1",
                             [&] { model->attention_sites({}, 0); }));
  }
}

}  // namespace
}  // namespace maskwise::testing
