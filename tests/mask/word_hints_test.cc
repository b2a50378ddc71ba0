#include "mask/word_hints.h"

#include <gtest/gtest.h>

#include "mask/word_table.h"
#include "maskwise/error.h"
#include "maskwise/mask_text.h"

namespace maskwise::detail {
namespace {

std::vector<std::string_view> words() {
  std::vector<std::string_view> names;
  for (const WordRule& rule : word_rules()) names.push_back(rule.name);
  return names;
}

TEST(WordHints, WhatOtherFrameworksSayIsAnsweredWithOurWord) {
  const std::vector<std::pair<std::string_view, std::string>> meant = {
      {"window", "sliding_window"},
      {"pad", "padding"},
      {"pad_mask", "padding"},
      {"padding_mask", "padding"},
      {"look_ahead", "causal"},
      {"lookahead", "causal"},
      {"subsequent", "causal"},
      {"tril", "causal"},
      {"key_padding_mask", "from_torch_key_padding"},
      {"attn_mask", "from_torch_attn_mask"},
      {"from_tensorflow", "from_tf_tutorial"},
      {"block_diagonal", "documents"},
      {"segments", "documents"},
      {"CAUSAL", "causal"},
      {"Pad_Mask", "padding"}};
  for (const auto& [written, word] : meant) {
    EXPECT_EQ(word_hint(written, words()), "; did you mean '" + word + "'?");
  }
  // Keras has the polarity of allow(), not that of the tutorial.
  EXPECT_EQ(word_hint("from_keras", words()), "; did you mean 'allow'?");
  EXPECT_EQ(word_hint("transformer", words()), "");
}

// A hint that names no word of ours would send people in a circle.
TEST(WordHints, WhatIsMeantIsAWord) {
  const std::vector<std::string_view> known = words();
  for (const char* written : {"additive", "attention_mask", "chunk", "dilation",
                              "false", "full", "seqlens", "prefix_lm"}) {
    const std::string hint = word_hint(written, {});
    const size_t begin = hint.find('\'') + 1;
    EXPECT_EQ(
        std::ranges::count(known, hint.substr(begin, hint.rfind('\'') - begin)),
        1)
        << written;
  }
}

TEST(WordHints, Alignments) {
  EXPECT_EQ(align_hint("left"), "; did you mean 'top_left'?");
  EXPECT_EQ(align_hint("lower_right"), "; did you mean 'bottom_right'?");
  EXPECT_EQ(align_hint("topleft"), "; did you mean 'top_left'?");
  EXPECT_EQ(align_hint("diagonal"), "");
}

TEST(WordHints, OperatorsOfOtherLanguages) {
  for (const char* written : {"and", "&&", "AND", "*"}) {
    EXPECT_EQ(operator_hint(written), "; write & for and");
  }
  EXPECT_EQ(operator_hint("||"), "; write | for or");
  EXPECT_EQ(operator_hint("not"), "; write ~ for not");
  EXPECT_EQ(operator_hint("&"), "");
}

TEST(WordHints, TheWordsForATensorReadItsType) {
  EXPECT_EQ(tensor_words("m", DType::boolean),
            "allow(m) (true = may attend) or forbid(m) (true = masked)");
  EXPECT_EQ(tensor_words("t", DType::i64).substr(0, 10), "padding(t)");
  EXPECT_EQ(tensor_words("f", DType::f32).substr(0, 16), "from_additive(f)");
}

}  // namespace
}  // namespace maskwise::detail
