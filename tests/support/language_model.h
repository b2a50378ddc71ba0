// A random language, and a model of it that a search can drive.
#ifndef MASKWISE_TESTS_SUPPORT_LANGUAGE_MODEL_H_
#define MASKWISE_TESTS_SUPPORT_LANGUAGE_MODEL_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <random>
#include <utility>
#include <vector>

#include "layers/search.h"
#include "tests/support/attention_case.h"

namespace maskwise::testing {

using Tokens = std::vector<int64_t>;

inline constexpr int64_t kBegin = 1;
inline constexpr int64_t kEnd = 2;

// What comes next is a function of a key and of the tokens so far.
struct Language {
  int64_t vocabulary = 4;
  float end_bias = 0;  // added to the logit of kEnd

  std::vector<float> logits(uint32_t key, const Tokens& so_far) const {
    std::seed_seq seed(so_far.begin(), so_far.end());
    std::vector<uint32_t> mixed(1);
    seed.generate(mixed.begin(), mixed.end());
    Rng rng(mixed[0] ^ key);
    const Tensor row = normal(rng, {vocabulary});
    std::vector<float> result(row.data<float>(),
                              row.data<float>() + vocabulary);
    for (float& x : result) x *= 2;
    result[kEnd] += end_bias;
    return result;
  }

  std::vector<double> log_probabilities(uint32_t key,
                                        const Tokens& so_far) const {
    std::vector<double> result;
    double sum = 0;
    for (const float x : logits(key, so_far)) {
      result.push_back(static_cast<double>(x));
      sum += std::exp(result.back());
    }
    for (double& x : result) x -= std::log(sum);
    return result;
  }
};

// Rows of a language, with a key for each sentence; holds a search to what it
// may ask.
class LanguageModel : public nn::detail::StepModel {
 public:
  LanguageModel(Language language, std::vector<uint32_t> keys, int64_t beam)
      : language_(language),
        keys_(std::move(keys)),
        beam_(beam),
        rows_(keys_.size() * static_cast<size_t>(beam)) {}

  Tensor step(const std::vector<int64_t>& rows,
              const std::vector<int64_t>& tokens) override {
    EXPECT_EQ(rows.size(), tokens.size());
    EXPECT_FALSE(rows.empty());
    EXPECT_TRUE(std::ranges::is_sorted(rows, std::less_equal<>()));
    steps.push_back(rows);
    Tensor logits(DType::f32, {std::ssize(rows), language_.vocabulary});
    for (size_t i = 0; i < rows.size(); ++i) {
      Tokens& so_far = rows_.at(static_cast<size_t>(rows[i]));
      so_far.push_back(tokens[i]);
      const std::vector<float> row = language_.logits(key_of(rows[i]), so_far);
      std::ranges::copy(row,
                        logits.mutable_data<float>() +
                            static_cast<int64_t>(i) * language_.vocabulary);
    }
    return logits;
  }

  void select(const std::vector<int64_t>& from) override {
    ++selections;
    EXPECT_EQ(from.size(), rows_.size());
    const std::vector<Tokens> old = rows_;
    for (size_t i = 0; i < from.size(); ++i) {
      EXPECT_EQ(key_of(from[i]), key_of(static_cast<int64_t>(i)));
      rows_[i] = old.at(static_cast<size_t>(from[i]));
    }
  }

  std::vector<std::vector<int64_t>> steps;  // rows of each
  int selections = 0;

 private:
  uint32_t key_of(int64_t row) const {
    return keys_.at(static_cast<size_t>(row / beam_));
  }

  Language language_;
  std::vector<uint32_t> keys_;
  int64_t beam_;
  std::vector<Tokens> rows_;
};

}  // namespace maskwise::testing

#endif  // MASKWISE_TESTS_SUPPORT_LANGUAGE_MODEL_H_
