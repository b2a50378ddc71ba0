// Small text models and what they learn from, for tests.
#ifndef MASKWISE_TESTS_TRAINING_TINY_TEXT_MODELS_H_
#define MASKWISE_TESTS_TRAINING_TINY_TEXT_MODELS_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "maskwise/nn/text_model.h"
#include "tests/support/attention_bits.h"

namespace maskwise::testing {

// Words and their letters reversed.
inline std::vector<nn::TextPair> reversed_words() {
  std::vector<nn::TextPair> pairs;
  for (const std::string word :
       {"a", "ab", "abc", "cab", "bca", "dab", "add", "bcdd", "dcba"}) {
    pairs.push_back({word, {word.rbegin(), word.rend()}});
  }
  return pairs;
}

// Words and whether there is an "a" in them.
inline std::vector<nn::TextPair> labelled_words() {
  return {{"abc", "yes"}, {"bcd", "no"},  {"bda", "yes"}, {"d", "no"},
          {"cbb", "no"},  {"da", "yes"},  {"ddcb", "no"}, {"dadb", "yes"},
          {"a", "yes"},   {"bbdd", "no"}, {"cacc", "yes"}};
}

inline std::vector<nn::TextPair> pairs_for(nn::Task task) {
  return task == nn::Task::seq2seq ? reversed_words() : labelled_words();
}

inline nn::TextModelOptions tiny_options(nn::Task task, int64_t features = 16) {
  return {.task = task,
          .layers = 1,
          .layer = {.features = features,
                    .heads = 2,
                    .hidden = 2 * features,
                    .norm_order = nn::NormOrder::pre,
                    .dropout = 0.1},
          .max_length = 12};
}

inline std::unique_ptr<nn::TextModel> tiny_model(nn::Task task,
                                                 uint64_t seed = 1) {
  return nn::make_text_model(tiny_options(task), pairs_for(task), seed);
}

// Numbered by place.
inline std::vector<nn::TextExample> examples_for(const nn::TextModel& model) {
  std::vector<nn::TextExample> examples;
  for (const nn::TextPair& pair : pairs_for(model.options().task)) {
    examples.push_back(model.encode(pair));
    examples.back().number = std::ssize(examples) - 1;
  }
  return examples;
}

inline std::vector<std::string> sources_for(nn::Task task) {
  std::vector<std::string> texts;
  for (const nn::TextPair& pair : pairs_for(task)) texts.push_back(pair.source);
  return texts;
}

// With memory of its own.
inline TensorMap copied(const TensorMap& tensors) {
  TensorMap copies;
  for (const auto& [name, one] : tensors) {
    const auto* at = one.data<float>();
    copies[name] = Tensor::from<float>(one.shape(), {at, at + one.size()});
  }
  return copies;
}

inline ::testing::AssertionResult same_tensors(const TensorMap& a,
                                               const TensorMap& b) {
  if (a.size() != b.size() || a.empty()) {
    return ::testing::AssertionFailure()
           << a.size() << " and " << b.size() << " tensors";
  }
  for (const auto& [name, one] : a) {
    auto same = same_bits(one, b.at(name));
    if (!same) return same << " in " << name;
  }
  return ::testing::AssertionSuccess();
}

inline constexpr nn::Task kBothTasks[] = {nn::Task::seq2seq,
                                          nn::Task::classify};

}  // namespace maskwise::testing

#endif  // MASKWISE_TESTS_TRAINING_TINY_TEXT_MODELS_H_
